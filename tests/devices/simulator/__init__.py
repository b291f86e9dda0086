"""Tests of `devices.simulator`."""
