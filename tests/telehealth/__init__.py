"""Tests of `telehealth`."""
