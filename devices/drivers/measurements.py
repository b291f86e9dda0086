"""Devices of the standard that indicate finished measurements: thermometers, blood pressure."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bleak import BleakClient
from bleak.exc import BleakError

from devices.drivers import gatt
from devices.drivers.driver import NOW_AND_THEN_S, DeviceFacts, Heard, Sink, Talk
from devices.measurement import Measurement
from devices.use import Use
from protocols.gatt import blood_pressure, thermometer


def _temperature(data: bytes) -> Measurement:
    value = thermometer.TemperatureMeasurement.from_bytes(data)
    return Measurement(
        temperature_celsius=value.temperature_celsius,
        quality=value.quality,
        device_time=value.timestamp,
    )


def _pressure(data: bytes) -> Measurement:
    value = blood_pressure.BloodPressureMeasurement.from_bytes(data)
    return Measurement(
        systolic_mmhg=value.systolic_mmhg,
        diastolic_mmhg=value.diastolic_mmhg,
        pulse_per_min=value.pulse_per_min,
        quality=value.quality,
        device_time=value.timestamp,
    )


@dataclass(frozen=True, slots=True)
class MeasurementDriver:
    """One service whose one characteristic holds a finished measurement."""

    name: str
    service: str
    characteristic: str
    decode: Callable[[bytes], Measurement]
    use: Use = Use.SPOT

    def recognises(self, heard: Heard) -> bool:
        return self.service in heard.services

    async def start(self, client: BleakClient, sink: Sink) -> Talk:
        """Look at the device's clock first: what it has kept comes with the subscription."""
        await gatt.read_clock(client, sink)
        if not await gatt.subscribe(
            client, self.characteristic, sink, lambda data: sink.finished(self.decode(data))
        ):
            raise BleakError(f"the device lacks characteristic {self.characteristic}")

        async def tend() -> bool:
            await gatt.read_battery(client, sink)
            return True

        await tend()
        return Talk(
            facts=DeviceFacts(streams=False, information=await gatt.read_information(client, sink)),
            tend_every_s=NOW_AND_THEN_S,
            tend=tend,
        )


THERMOMETER: Final = MeasurementDriver(
    "thermometer", thermometer.SERVICE_UUID, thermometer.MEASUREMENT_UUID, _temperature
)
BLOOD_PRESSURE: Final = MeasurementDriver(
    "blood_pressure", blood_pressure.SERVICE_UUID, blood_pressure.MEASUREMENT_UUID, _pressure
)
