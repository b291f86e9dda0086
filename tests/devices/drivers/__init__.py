"""Drivers: how each family of devices is talked to."""
