"""Characteristics of the Bluetooth SIG services we read, one service a module."""
