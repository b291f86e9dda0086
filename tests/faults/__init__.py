"""Kills, power cuts, full disks, restored backups: what was acknowledged stays (docs/faults.md)."""
