"""Tests of `protocols.qr`."""
