"""Tests of `telehealth.people`."""
