"""Tests of consent, requests and copies."""
