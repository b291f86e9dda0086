"""Date Time (0x2A08), GATT Specification Supplement: a device's own idea of the time, no zone.

The value is a naive `datetime` on purpose: the device does not say where it is, so only the
gateway, which knows its own clock and the device's offset, may turn it into an instant.
"""

from datetime import datetime
from typing import Final

from protocols.errors import DecodeError
from protocols.gatt.octets import Octets

_FIRST_YEAR: Final = 1582


def read_date_time(octets: Octets) -> datetime | None:
    """Read seven octets: year u16, month, day, hours, minutes, seconds.

    Returns:
        The naive device time; `None` when year, month or day is 0, "not known".

    Raises:
        DecodeError: truncated, a year before 1582, or no such date or time.
    """
    year = octets.unsigned(2, "year")
    month, day, hour, minute, second = (
        octets.unsigned(1, field) for field in ("month", "day", "hours", "minutes", "seconds")
    )
    if not (year and month and day):
        return None
    if year < _FIRST_YEAR:
        raise DecodeError(f"Date Time: year needs {_FIRST_YEAR} to 9999, got {year}")
    try:
        return datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - see above
    except ValueError as error:
        raise DecodeError(
            f"Date Time: {year}-{month}-{day} {hour}:{minute}:{second}: {error}"
        ) from error


def date_time_to_bytes(at: datetime) -> bytes:
    """Return the seven octets of a naive device time.

    Raises:
        ValueError: the time carries a zone, which the field cannot say, or lies before 1582.
    """
    if at.tzinfo is not None or at.year < _FIRST_YEAR:
        raise ValueError(f"Date Time holds a naive time from {_FIRST_YEAR} on, got {at!r}")
    return at.year.to_bytes(2, "little") + bytes((at.month, at.day, at.hour, at.minute, at.second))
