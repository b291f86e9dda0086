"""Tests of `protocols/gatt`."""
