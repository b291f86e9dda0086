"""Reads the little-endian fields of a GATT value one after another; too few octets: DecodeError."""

from protocols.errors import DecodeError
from protocols.medfloat import decode_float, decode_sfloat


class Octets:
    """A cursor over one value; `what` names the characteristic in every error."""

    __slots__ = ("_at", "_data", "_what")

    def __init__(self, data: bytes, what: str) -> None:
        self._data = bytes(data)
        self._what = what
        self._at = 0

    def unsigned(self, octets: int, field: str) -> int:
        """Return the next field as an unsigned number.

        Raises:
            DecodeError: the value ends inside the field.
        """
        start, end = self._at, self._at + octets
        if end > len(self._data):
            raise DecodeError(
                f"{self._what}: {field} needs octets {start} to {end - 1}, got {len(self._data)}"
            )
        self._at = end
        return int.from_bytes(self._data[start:end], "little")

    @property
    def left(self) -> int:
        """How many octets have not been read."""
        return len(self._data) - self._at

    def float_(self, field: str) -> float | None:
        """Return the next field as a FLOAT; `None` where the device does not know."""
        return decode_float(self.unsigned(4, field))

    def sfloat(self, field: str) -> float | None:
        """Return the next field as an SFLOAT; `None` where the device does not know."""
        return decode_sfloat(self.unsigned(2, field))
