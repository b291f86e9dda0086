"""How people use a device. No I/O."""

from enum import StrEnum


class Use(StrEnum):
    """How people use a device; it decides how long it may keep a slot, and what is a reading."""

    WORN = "worn"
    """For hours: it streams, keeps its slot, and its minutes are the readings."""
    SPOT = "spot"
    """For a minute: a reading is a value that has held still; then others may have the slot."""
    STORED = "stored"
    """It says nothing live; its memory is read out, and again after a while."""
