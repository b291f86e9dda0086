"""The root of the product's errors, and the one that a codec may raise."""


class TelehealthError(Exception):
    """Anything this product refuses or fails at, named with the limit and the value."""


class DecodeError(TelehealthError):
    """The peer's bytes are wrong: truncated, out of range, or not of the protocol at all."""
