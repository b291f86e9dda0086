"""Tests of accounts, sessions, log-in and the policy."""
