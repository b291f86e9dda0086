"""Oximeters that send a stream of frames of their own: one driver, a row of facts a family."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from bleak import BleakClient
from bleak.exc import BleakError

from devices.drivers import gatt
from devices.drivers.driver import SELDOM_S, DeviceFacts, Heard, Sink, Talk
from devices.measurement import Measurement
from devices.use import Use
from protocols.oximeters.said import Battery, Garbage, Oximetry, Said, StoredOximetry
from protocols.oximeters.stream import StreamParser
from protocols.reading import Quality

ANY_NAME: Final = ("",)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamDriver:
    """One family of stream oximeters.

    `names` are the beginnings of the names that it advertises: where the service is a generic
    module's, the service alone says nothing. `hello` is written once, `every` again and again while
    connected, `farewell` before the link is let go.
    """

    name: str
    use: Use
    service: str
    notify: Sequence[str]
    parser: Callable[[], StreamParser]
    names: Sequence[str] = ANY_NAME
    write: str = ""
    hello: Sequence[bytes] = ()
    every: Sequence[bytes] = ()
    every_s: float = SELDOM_S
    streams: bool = True

    def recognises(self, heard: Heard) -> bool:
        return self.service in heard.services and heard.name.startswith(tuple(self.names))

    async def start(self, client: BleakClient, sink: Sink) -> Talk:
        """Subscribe to all that it notifies, and say what makes it speak."""
        parser = self.parser()
        for uuid in self.notify:
            if not await gatt.subscribe(client, uuid, sink, _taker(parser, sink, uuid)):
                raise BleakError(f"the device lacks characteristic {uuid}")
        await self._write(client, self.hello)
        await gatt.read_battery(client, sink)
        information = await gatt.read_information(client, sink)
        await self._write(client, self.every)

        async def tend() -> bool:
            await self._write(client, self.every)
            if not self.every:
                await gatt.read_battery(client, sink)
            return True

        def hang_up() -> None:
            put(parser.finish(), sink, self.notify[0])

        return Talk(
            facts=DeviceFacts(self.streams, information),
            tend_every_s=self.every_s,
            tend=tend,
            hang_up=hang_up,
        )

    async def _write(self, client: BleakClient, values: Sequence[bytes]) -> None:
        for value in values:
            await client.write_gatt_char(self.write, value)


def _taker(parser: StreamParser, sink: Sink, uuid: str) -> gatt.Take:
    def take(data: bytes) -> None:
        parser.receive_data(data)
        put(parser.events(), sink, uuid)

    return take


def put(said: Sequence[Said], sink: Sink, characteristic: str) -> None:
    """Put what a parser made of the stream where it belongs."""
    for one in said:
        match one:
            case Oximetry():
                sink.sample(
                    Measurement(
                        spo2_percent=one.spo2_percent,
                        pulse_per_min=one.pulse_per_min,
                        perfusion_index_percent=one.perfusion_index_percent,
                        quality=one.quality,
                    )
                )
            case StoredOximetry():
                sink.finished(
                    Measurement(
                        spo2_percent=one.spo2_percent,
                        pulse_per_min=one.pulse_per_min,
                        spo2_min_percent=one.spo2_min_percent,
                        quality=one.quality | Quality.FROM_STORAGE,
                        device_time=one.started_at,
                        stored=True,
                        record=one.record,
                    )
                )
            case Battery():
                sink.battery(one.percent, low=one.low)
            case Garbage():
                sink.rejected(characteristic, one.raw, one.reason)
