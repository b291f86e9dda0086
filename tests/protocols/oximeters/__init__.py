"""Tests of `protocols/oximeters`."""
