"""Health Thermometer Service (0x1809), HTS 1.0: a measured temperature, indicated once."""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Final, Self

from protocols.errors import DecodeError
from protocols.gatt.date_time import date_time_to_bytes, read_date_time
from protocols.gatt.octets import Octets
from protocols.medfloat import encode_float
from protocols.reading import Quality

SERVICE_UUID: Final = "00001809-0000-1000-8000-00805f9b34fb"
MEASUREMENT_UUID: Final = "00002a1c-0000-1000-8000-00805f9b34fb"
INTERMEDIATE_UUID: Final = "00002a1e-0000-1000-8000-00805f9b34fb"
"""Intermediate Temperature: the same octets while the thermometer still measures."""

LOWEST_CELSIUS: Final = 20.0
HIGHEST_CELSIUS: Final = 50.0
"""Outside of this no reading takes it (docs/uplink.md)."""
_FAHRENHEIT, _TIME, _TYPE = 0x01, 0x02, 0x04


class TemperatureType(IntEnum):
    """Where it was measured (0x2A1D)."""

    ARMPIT = 1
    BODY = 2
    EAR = 3
    FINGER = 4
    GASTRO_INTESTINAL = 5
    MOUTH = 6
    RECTUM = 7
    TOE = 8
    TYMPANUM = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class TemperatureMeasurement:
    """Temperature Measurement (0x2A1C, indicate); `None`: the device does not know."""

    temperature_celsius: float | None
    timestamp: datetime | None = None
    """The device's own time, which has no zone."""
    site: TemperatureType | None = None

    @property
    def quality(self) -> Quality:
        """Whether there is a value at all."""
        return Quality.INVALID if self.temperature_celsius is None else Quality.GOOD

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Decode one indication (HTS 1.0, 3.1); Fahrenheit becomes Celsius, to a hundredth.

        A site that is reserved is `None`.

        Raises:
            DecodeError: shorter than its flags say, no such date, or not between 20 and 50 °C.
        """
        octets = Octets(data, "Temperature Measurement")
        flags = octets.unsigned(1, "flags")
        value = octets.float_("temperature")
        at = read_date_time(octets) if flags & _TIME else None
        site = octets.unsigned(1, "temperature type") if flags & _TYPE else 0
        if value is not None and flags & _FAHRENHEIT:
            value = (value - 32) / 1.8
        if value is not None and not LOWEST_CELSIUS <= value <= HIGHEST_CELSIUS:
            raise DecodeError(
                f"Temperature Measurement needs {LOWEST_CELSIUS} to {HIGHEST_CELSIUS} °C,"
                f" got {value:.2f}"
            )
        return cls(
            temperature_celsius=None if value is None else round(value, 2),
            timestamp=at,
            site=TemperatureType(site) if site in set(TemperatureType) else None,
        )

    def to_bytes(self) -> bytes:
        """Return the indication, in Celsius."""
        flags = (_TIME if self.timestamp else 0) | (_TYPE if self.site else 0)
        return (
            bytes((flags,))
            + encode_float(self.temperature_celsius).to_bytes(4, "little")
            + (date_time_to_bytes(self.timestamp) if self.timestamp else b"")
            + (bytes((self.site,)) if self.site else b"")
        )
