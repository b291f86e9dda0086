"""Tests of `telehealth/vitals`."""
