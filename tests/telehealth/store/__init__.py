"""Tests of `telehealth/store`."""
