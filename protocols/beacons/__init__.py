"""What beacons and wristbands broadcast: one kind of advertisement a module."""
