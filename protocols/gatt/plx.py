"""Pulse Oximeter Service (0x1822), PLXS 1.0.1: continuous and spot-check measurements, features.

Every value opens with flags that say which optional fields follow, in a fixed order. Flags that
the edition reserves are ignored, and so are octets after the last known field: a later edition
may add fields at the end only.
Deviation: PLXS names no range. SpO2 outside 0 < x <= 100 %, a pulse outside 0 < x <= 350 /min and
a pulse amplitude index outside 0 <= x <= 100 % decode to `None`: devices say 0, 127, 255 or 511
for "none", and a refused frame would take with it the status bits that say why.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import IntFlag
from typing import Final, Self

from protocols.gatt.date_time import date_time_to_bytes, read_date_time
from protocols.gatt.octets import Octets
from protocols.gatt.plx_status import MeasurementStatus, SensorStatus, quality_of
from protocols.medfloat import encode_sfloat
from protocols.reading import Quality

SERVICE_UUID: Final = "00001822-0000-1000-8000-00805f9b34fb"
SPOT_CHECK_UUID: Final = "00002a5e-0000-1000-8000-00805f9b34fb"
CONTINUOUS_UUID: Final = "00002a5f-0000-1000-8000-00805f9b34fb"
FEATURES_UUID: Final = "00002a60-0000-1000-8000-00805f9b34fb"

SPO2_MAX_PERCENT: Final = 100.0
PULSE_MAX_PER_MIN: Final = 350.0
AMPLITUDE_MAX_PERCENT: Final = 100.0


class PlxFeature(IntFlag):
    """PLXS 1.0.1, PLX Features, Supported Features: 16 bits, 8 to 15 reserved."""

    MEASUREMENT_STATUS = 1 << 0
    SENSOR_STATUS = 1 << 1
    SPOT_CHECK_STORAGE = 1 << 2
    SPOT_CHECK_TIMESTAMP = 1 << 3
    SPO2PR_FAST = 1 << 4
    SPO2PR_SLOW = 1 << 5
    PULSE_AMPLITUDE_INDEX = 1 << 6
    MULTIPLE_BONDS = 1 << 7


@dataclass(frozen=True, slots=True)
class Spo2Pulse:
    """One pair of oxygen saturation and pulse rate; `None`: the device does not know."""

    spo2_percent: float | None
    pulse_per_min: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlxContinuous:
    """PLX Continuous Measurement (0x2A5F, notify): one value of a stream, usually each second.

    `spo2_percent` and `pulse_per_min` are SpO2PR-Normal. `None` in an optional field: not sent,
    or sent as "not known".
    """

    spo2_percent: float | None
    pulse_per_min: float | None
    fast: Spo2Pulse | None = None
    slow: Spo2Pulse | None = None
    measurement_status: MeasurementStatus | None = None
    sensor_status: SensorStatus | None = None
    pulse_amplitude_index_percent: float | None = None

    @property
    def quality(self) -> Quality:
        """Why this value deserves less trust, from both status words."""
        return quality_of(self.measurement_status, self.sensor_status)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Decode one notification (PLXS 1.0.1, PLX Continuous Measurement).

        Raises:
            DecodeError: the value ends before a field that its flags announce.
        """
        octets = Octets(data, "PLX Continuous Measurement")
        flags = octets.unsigned(1, "flags")
        normal = _read_pair(octets, "SpO2PR-Normal")
        return cls(
            spo2_percent=normal.spo2_percent,
            pulse_per_min=normal.pulse_per_min,
            fast=_read_pair(octets, "SpO2PR-Fast") if flags & 0x01 else None,
            slow=_read_pair(octets, "SpO2PR-Slow") if flags & 0x02 else None,
            measurement_status=_read_measurement_status(octets) if flags & 0x04 else None,
            sensor_status=_read_sensor_status(octets) if flags & 0x08 else None,
            pulse_amplitude_index_percent=_read_amplitude(octets) if flags & 0x10 else None,
        )

    def to_bytes(self) -> bytes:
        """Return the notification; an optional field that is `None` is left out.

        Raises:
            ValueError: a number that an SFLOAT cannot hold.
        """
        optional = (
            None if self.fast is None else _pair(self.fast),
            None if self.slow is None else _pair(self.slow),
            _measurement_status(self.measurement_status),
            _sensor_status(self.sensor_status),
            _amplitude(self.pulse_amplitude_index_percent),
        )
        return _joined(Spo2Pulse(self.spo2_percent, self.pulse_per_min), optional)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlxSpotCheck:
    """PLX Spot-check Measurement (0x2A5E, indicate): one finished measurement, live or stored.

    `timestamp` is the device's own clock, naive; `None`: not sent, or the device does not know.
    """

    spo2_percent: float | None
    pulse_per_min: float | None
    timestamp: datetime | None = None
    measurement_status: MeasurementStatus | None = None
    sensor_status: SensorStatus | None = None
    pulse_amplitude_index_percent: float | None = None
    device_clock_unset: bool = False

    @property
    def quality(self) -> Quality:
        """Why this value deserves less trust, from both status words and the clock flag."""
        quality = quality_of(self.measurement_status, self.sensor_status)
        return quality | Quality.DEVICE_CLOCK_UNSET if self.device_clock_unset else quality

    @property
    def record(self) -> str | None:
        """What the device itself calls this measurement: its timestamp, while its clock is set.

        `None`: the device gave nothing by which a second copy could be known.
        """
        if self.timestamp is None or self.device_clock_unset:
            return None
        return self.timestamp.isoformat()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Decode one indication (PLXS 1.0.1, PLX Spot-check Measurement).

        Raises:
            DecodeError: the value ends before a field that its flags announce, or its timestamp
                is no date.
        """
        octets = Octets(data, "PLX Spot-check Measurement")
        flags = octets.unsigned(1, "flags")
        pair = _read_pair(octets, "SpO2PR-Spot-check")
        return cls(
            spo2_percent=pair.spo2_percent,
            pulse_per_min=pair.pulse_per_min,
            timestamp=read_date_time(octets) if flags & 0x01 else None,
            measurement_status=_read_measurement_status(octets) if flags & 0x02 else None,
            sensor_status=_read_sensor_status(octets) if flags & 0x04 else None,
            pulse_amplitude_index_percent=_read_amplitude(octets) if flags & 0x08 else None,
            device_clock_unset=bool(flags & 0x10),
        )

    def to_bytes(self) -> bytes:
        """Return the indication; an optional field that is `None` is left out.

        Raises:
            ValueError: a number that an SFLOAT cannot hold, or a timestamp with a zone.
        """
        optional = (
            None if self.timestamp is None else date_time_to_bytes(self.timestamp),
            _measurement_status(self.measurement_status),
            _sensor_status(self.sensor_status),
            _amplitude(self.pulse_amplitude_index_percent),
            b"" if self.device_clock_unset else None,
        )
        return _joined(Spo2Pulse(self.spo2_percent, self.pulse_per_min), optional)


@dataclass(frozen=True, slots=True)
class PlxFeatures:
    """PLX Features (0x2A60, read): what the device can send; a support field is `None` if absent.

    `features` must agree with the support fields: their bits say whether the fields follow.
    """

    features: PlxFeature
    measurement_status_support: MeasurementStatus | None = None
    sensor_status_support: SensorStatus | None = None

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Decode the characteristic (PLXS 1.0.1, PLX Features).

        Raises:
            DecodeError: the value ends before a field that its features announce.
        """
        octets = Octets(data, "PLX Features")
        features = PlxFeature(octets.unsigned(2, "supported features"))
        has_measurement = PlxFeature.MEASUREMENT_STATUS in features
        has_sensor = PlxFeature.SENSOR_STATUS in features
        return cls(
            features=features,
            measurement_status_support=_read_measurement_status(octets)
            if has_measurement
            else None,
            sensor_status_support=_read_sensor_status(octets) if has_sensor else None,
        )

    def to_bytes(self) -> bytes:
        """Return the characteristic.

        Raises:
            ValueError: a feature bit says that a support field follows and it does not, or back.
        """
        said = (
            PlxFeature.MEASUREMENT_STATUS in self.features,
            (PlxFeature.SENSOR_STATUS in self.features),
        )
        have = self.measurement_status_support is not None, self.sensor_status_support is not None
        if said != have:
            raise ValueError(f"feature bits announce {said}, the support fields are {have}")
        return (
            self.features.to_bytes(2, "little")
            + (_measurement_status(self.measurement_status_support) or b"")
            + (_sensor_status(self.sensor_status_support) or b"")
        )


def _read_pair(octets: Octets, field: str) -> Spo2Pulse:
    spo2 = octets.sfloat(f"{field} SpO2")
    pulse = octets.sfloat(f"{field} PR")
    return Spo2Pulse(
        spo2 if spo2 is not None and 0 < spo2 <= SPO2_MAX_PERCENT else None,
        pulse if pulse is not None and 0 < pulse <= PULSE_MAX_PER_MIN else None,
    )


def _read_measurement_status(octets: Octets) -> MeasurementStatus:
    return MeasurementStatus(octets.unsigned(2, "Measurement Status"))


def _read_sensor_status(octets: Octets) -> SensorStatus:
    return SensorStatus(octets.unsigned(3, "Device and Sensor Status"))


def _read_amplitude(octets: Octets) -> float | None:
    index = octets.sfloat("Pulse Amplitude Index")
    return index if index is not None and 0 <= index <= AMPLITUDE_MAX_PERCENT else None


def _pair(pair: Spo2Pulse) -> bytes:
    return _sfloat(pair.spo2_percent) + _sfloat(pair.pulse_per_min)


def _sfloat(value: float | None) -> bytes:
    return encode_sfloat(value).to_bytes(2, "little")


def _measurement_status(status: MeasurementStatus | None) -> bytes | None:
    return None if status is None else status.to_bytes(2, "little")


def _sensor_status(status: SensorStatus | None) -> bytes | None:
    return None if status is None else status.to_bytes(3, "little")


def _amplitude(percent: float | None) -> bytes | None:
    return None if percent is None else _sfloat(percent)


def _joined(normal: Spo2Pulse, optional: tuple[bytes | None, ...]) -> bytes:
    """Set flag n when optional field n is there, and put the fields in that order."""
    flags = sum(1 << bit for bit, field in enumerate(optional) if field is not None)
    return bytes((flags,)) + _pair(normal) + b"".join(field or b"" for field in optional)
