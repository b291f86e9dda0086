"""Heart Rate Service (0x180D): straps and wristbands that notify about once a second."""

from typing import Final

from bleak import BleakClient
from bleak.exc import BleakError

from devices.drivers import gatt
from devices.drivers.driver import SELDOM_S, DeviceFacts, Heard, Sink, Talk
from devices.measurement import Measurement
from devices.use import Use
from protocols.gatt import heart_rate


class HeartRateDriver:
    """Any sensor that offers the standard service and no oximetry."""

    name = "heart_rate"
    use = Use.WORN

    def recognises(self, heard: Heard) -> bool:
        return heart_rate.SERVICE_UUID in heard.services

    async def start(self, client: BleakClient, sink: Sink) -> Talk:
        """Subscribe, then ask the rest."""

        def take(data: bytes) -> None:
            value = heart_rate.HeartRateMeasurement.from_bytes(data)
            rate = value.heart_rate_per_min
            pulse = None if rate is None else float(rate)
            sink.sample(Measurement(pulse_per_min=pulse, quality=value.quality, oximetry=False))

        if not await gatt.subscribe(client, heart_rate.MEASUREMENT_UUID, sink, take):
            raise BleakError("the device lacks the Heart Rate Measurement")

        async def tend() -> bool:
            await gatt.read_battery(client, sink)
            return True

        await tend()
        return Talk(
            facts=DeviceFacts(streams=True, information=await gatt.read_information(client, sink)),
            tend_every_s=SELDOM_S,
            tend=tend,
        )


DRIVER: Final = HeartRateDriver()
