"""Who wears which virtual oximeter, and what that oximeter says about them. Pure, no Bluetooth.

A cheap fingertip device shows whole percent and whole beats; so does this one.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from devices.simulator.physiology import VirtualPatient, VirtualVitals
from protocols.gatt.device_information import DeviceInformation
from protocols.gatt.plx import PlxContinuous, PlxFeature, PlxFeatures, PlxSpotCheck
from protocols.gatt.plx_status import MeasurementStatus, SensorStatus

LOW_PERFUSION_PERCENT: Final = 0.4
POOR_SIGNAL_PERCENT: Final = 0.2
NO_MARKS: Final = MeasurementStatus(0)

_ONGOING: Final = MeasurementStatus.MEASUREMENT_ONGOING
_FINISHED: Final = MeasurementStatus.VALIDATED_DATA | MeasurementStatus.FULLY_QUALIFIED_DATA
_NONE: Final = MeasurementStatus.MEASUREMENT_UNAVAILABLE

FEATURES: Final = PlxFeatures(
    PlxFeature.MEASUREMENT_STATUS
    | PlxFeature.SENSOR_STATUS
    | PlxFeature.SPOT_CHECK_TIMESTAMP
    | PlxFeature.PULSE_AMPLITUDE_INDEX,
    measurement_status_support=_ONGOING
    | _FINISHED
    | _NONE
    | MeasurementStatus.DATA_FOR_DEMONSTRATION
    | MeasurementStatus.DATA_FOR_TESTING
    | MeasurementStatus.QUESTIONABLE_MEASUREMENT_DETECTED,
    sensor_status_support=SensorStatus.POOR_SIGNAL_DETECTED
    | SensorStatus.LOW_PERFUSION_DETECTED
    | SensorStatus.ERRATIC_SIGNAL_DETECTED
    | SensorStatus.SENSOR_UNCONNECTED_TO_USER,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wearing:
    """One person and the oximeter on their finger; `number` tells the devices of a ward apart.

    `marks` are added to every measurement: demonstration or testing data are never a patient's
    (PLXS 1.0.1, Measurement Status bits 10 and 11), so a ward that must count has none.
    """

    number: int
    patient: VirtualPatient
    battery_percent: int = 87
    model: str = "SimPLX"
    """The beginning of the name that it advertises; by it a gateway tells some families apart."""
    marks: MeasurementStatus = NO_MARKS

    def __post_init__(self) -> None:
        if not 0 <= self.number <= 0xFFFF:
            raise ValueError(f"a virtual oximeter's number is 0 to 65535, got {self.number}")

    @property
    def name(self) -> str:
        """The name it advertises."""
        return f"{self.model}-{self.number:03d}"

    @property
    def address(self) -> str:
        """Its Bluetooth address: static random, made of the number (Core Vol 6 B, 1.3.2.1)."""
        return f"F0:F0:00:00:{self.number >> 8:02X}:{self.number & 0xFF:02X}"

    @property
    def information(self) -> DeviceInformation:
        """What its Device Information Service says."""
        return DeviceInformation(
            manufacturer_name="Virtual Devices",
            model_number=self.model,
            serial_number=f"{self.number:06d}",
            firmware_revision="1.0",
        )


def continuous(vitals: VirtualVitals, marks: MeasurementStatus = NO_MARKS) -> PlxContinuous:
    """Return the continuous measurement that the device makes of one moment."""
    if not vitals.probe_on:
        return PlxContinuous(
            spo2_percent=None,
            pulse_per_min=None,
            measurement_status=_ONGOING | _NONE | marks,
            sensor_status=SensorStatus.SENSOR_UNCONNECTED_TO_USER,
        )
    sensor = sensor_status(vitals)
    return PlxContinuous(
        spo2_percent=float(round(vitals.spo2_percent)),
        pulse_per_min=float(round(vitals.pulse_per_min)),
        measurement_status=_ONGOING | _doubt(sensor) | marks,
        sensor_status=sensor,
        pulse_amplitude_index_percent=round(vitals.perfusion_index_percent, 1),
    )


def spot_check(
    vitals: VirtualVitals, *, timestamp: datetime | None, marks: MeasurementStatus = NO_MARKS
) -> PlxSpotCheck:
    """Return the finished measurement of one moment; `None`: the device's clock was never set."""
    live = continuous(vitals, marks)
    status = (live.measurement_status or NO_MARKS) & ~_ONGOING
    return PlxSpotCheck(
        spo2_percent=live.spo2_percent,
        pulse_per_min=live.pulse_per_min,
        timestamp=timestamp,
        measurement_status=status | (_FINISHED if vitals.probe_on else NO_MARKS),
        sensor_status=live.sensor_status,
        pulse_amplitude_index_percent=live.pulse_amplitude_index_percent,
        device_clock_unset=timestamp is None,
    )


def sensor_status(vitals: VirtualVitals) -> SensorStatus:
    """Return the bits of Device and Sensor Status that a device on a finger would set."""
    status = SensorStatus(0)
    if vitals.moving:
        status |= SensorStatus.ERRATIC_SIGNAL_DETECTED
    if vitals.perfusion_index_percent < LOW_PERFUSION_PERCENT:
        status |= SensorStatus.LOW_PERFUSION_DETECTED
    if vitals.perfusion_index_percent < POOR_SIGNAL_PERCENT:
        status |= SensorStatus.POOR_SIGNAL_DETECTED
    return status


def _doubt(sensor: SensorStatus) -> MeasurementStatus:
    if sensor & (SensorStatus.ERRATIC_SIGNAL_DETECTED | SensorStatus.POOR_SIGNAL_DETECTED):
        return MeasurementStatus.QUESTIONABLE_MEASUREMENT_DETECTED
    return NO_MARKS
