"""Virtual devices of the standard beside oximeters: strap, thermometer, blood pressure."""

from collections.abc import Sequence
from datetime import datetime

from bumble import core
from bumble.gatt import Service

from devices.simulator.physiology import VirtualVitals
from devices.simulator.profiles.profile import (
    Profile,
    Properties,
    Saying,
    battery_service,
    characteristic,
    information_service,
)
from devices.simulator.wearing import Wearing
from protocols.gatt import blood_pressure, heart_rate, thermometer
from protocols.gatt.blood_pressure import BloodPressureMeasurement, BloodPressureStatus
from protocols.gatt.heart_rate import HeartRateMeasurement
from protocols.gatt.thermometer import TemperatureMeasurement, TemperatureType


class _OneService(Profile):
    """A service with one characteristic."""

    def __init__(self, wearing: Wearing, service: str, uuid: str, properties: Properties) -> None:
        super().__init__(wearing)
        self._service = service
        self._said = characteristic(uuid, properties)

    def service_uuid(self) -> str:
        return self._service

    def services(self) -> list[Service]:
        return [
            Service(core.UUID(self._service), [self._said]),
            battery_service(lambda: self.battery_percent),
            information_service(self.wearing),
        ]

    def measure(self, vitals: VirtualVitals) -> Sequence[Saying]:
        return ()

    def raw(self, value: bytes) -> Saying:
        """Return any bytes, as a broken device sends them."""
        return Saying(self._said, value)


class HeartRateProfile(_OneService):
    """A chest strap; it is off the chest when the probe is off."""

    def __init__(self, wearing: Wearing) -> None:
        super().__init__(
            wearing, heart_rate.SERVICE_UUID, heart_rate.MEASUREMENT_UUID, Properties.NOTIFY
        )

    def measure(self, vitals: VirtualVitals) -> Sequence[Saying]:
        value = HeartRateMeasurement(
            heart_rate_per_min=round(vitals.pulse_per_min) if vitals.probe_on else None,
            contact=vitals.probe_on,
        )
        return (Saying(self._said, value.to_bytes()),)


class ThermometerProfile(_OneService):
    """An ear thermometer: it says something when it has measured."""

    def __init__(self, wearing: Wearing) -> None:
        super().__init__(
            wearing, thermometer.SERVICE_UUID, thermometer.MEASUREMENT_UUID, Properties.INDICATE
        )

    def measured(self, celsius: float | None, at: datetime | None = None) -> Saying:
        """Return a finished measurement."""
        value = TemperatureMeasurement(
            temperature_celsius=celsius, timestamp=at, site=TemperatureType.EAR
        )
        return Saying(self._said, value.to_bytes(), indicated=True)


class BloodPressureProfile(_OneService):
    """A cuff on the upper arm: it says something when it has measured."""

    def __init__(self, wearing: Wearing) -> None:
        super().__init__(
            wearing,
            blood_pressure.SERVICE_UUID,
            blood_pressure.MEASUREMENT_UUID,
            Properties.INDICATE,
        )

    def measured(
        self, systolic_mmhg: float, diastolic_mmhg: float, *, moved: bool = False
    ) -> Saying:
        """Return a finished measurement."""
        value = BloodPressureMeasurement(
            systolic_mmhg=systolic_mmhg,
            diastolic_mmhg=diastolic_mmhg,
            pulse_per_min=80.0,
            status=BloodPressureStatus.BODY_MOVEMENT if moved else BloodPressureStatus(0),
        )
        return Saying(self._said, value.to_bytes(), indicated=True)
