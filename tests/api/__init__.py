"""The interface for programs, tried against its own document by schemathesis."""
