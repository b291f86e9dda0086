"""Tests in real Chromium against a whole server."""
