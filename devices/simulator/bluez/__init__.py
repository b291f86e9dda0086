"""A stand-in for bluetoothd on a private D-Bus, over virtual devices; for the tests and the demo.

Whatever speaks to BlueZ speaks to it: bleak's own backend, Chromium's Web Bluetooth, `busctl`. The
radio behind it is a `Hub`, so the devices are those that every other way of the bench reaches.
"""
