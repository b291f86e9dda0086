"""Consent, the person's requests about their data, copies, exports and what they rest on."""
