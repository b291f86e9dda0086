"""What can go wrong with a spool."""

from protocols.errors import TelehealthError


class SpoolError(TelehealthError):
    """The spool cannot be opened or written: no space, no permission, in use."""
