"""What beacons and wristbands broadcast."""
