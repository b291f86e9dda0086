"""Tests of `telehealth/alerts`."""
