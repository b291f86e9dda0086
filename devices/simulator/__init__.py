"""Virtual patients and the Bluetooth oximeters on their fingers; for the demo and the tests."""
