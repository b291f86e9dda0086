"""The stand-in BlueZ, met by bleak's own BlueZ backend and by bare D-Bus calls."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

import pytest
from bleak import BleakClient, BleakScanner
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakDBusError, BleakError, BleakGATTProtocolError
from bleak.exc import BleakGATTProtocolErrorCode as Att
from bleak_retry_connector import BleakClientWithServiceCache, establish_connection
from bumble.core import AdvertisingData
from dbus_fast import Message, MessageType, Variant
from dbus_fast.aio import MessageBus

from devices.simulator.bluez import errors
from devices.simulator.bluez.bus import BusError, PrivateBus
from devices.simulator.bluez.discovery import Filter
from devices.simulator.bluez.here import system_bus
from devices.simulator.bluez.stand_in import NoSuchDeviceError, StandInBluez
from devices.simulator.hub import Hub
from devices.simulator.physiology import VirtualPatient
from devices.simulator.profiles.plx import PlxProfile
from devices.simulator.profiles.profile import Profile
from devices.simulator.ward import VirtualWard
from devices.simulator.wearing import FEATURES, Wearing
from protocols.gatt import battery, plx
from protocols.gatt.plx import PlxContinuous, PlxSpotCheck
from protocols.gatt.racp import RACP_UUID

SOON_S = 10.0
FIRST, SECOND = "SimPLX-001", "SimPLX-002"
FIRST_ADDRESS, SECOND_ADDRESS = "F0:F0:00:00:00:01", "F0:F0:00:00:00:02"
FIRST_PATH = "/org/bluez/hci0/dev_F0_F0_00_00_00_01"
ADAPTER, DEVICE = "org.bluez.Adapter1", "org.bluez.Device1"
CHARACTERISTIC = "org.bluez.GattCharacteristic1"
PROPERTIES = "org.freedesktop.DBus.Properties"
CCCD = "00002902-0000-1000-8000-00805f9b34fb"
NAME_CHARACTERISTIC = "00002a00-0000-1000-8000-00805f9b34fb"
FEAA = "0000feaa-0000-1000-8000-00805f9b34fb"


class Shouting(PlxProfile):
    """An oximeter that tells more in its advertisements than it must."""

    def advertising(self) -> bytes:
        more = AdvertisingData(
            [
                (AdvertisingData.MANUFACTURER_SPECIFIC_DATA, b"\x4c\x00\x02\x15"),
                (AdvertisingData.SERVICE_DATA_16_BIT_UUID, b"\xaa\xfe\x20"),
            ]
        )
        return super().advertising() + bytes(more)


def wearing(number: int) -> Wearing:
    return Wearing(number=number, patient=VirtualPatient(seed=number))


def ward_of(*worn: Wearing | Profile) -> VirtualWard:
    return VirtualWard(
        worn,
        period=timedelta(milliseconds=20),
        advertising_interval=timedelta(milliseconds=20),
    )


@dataclass
class Bench:
    """A ward, the stand-in over it, and this process's bleak on its bus."""

    ward: VirtualWard
    bluez: StandInBluez

    async def find(self, name: str = FIRST) -> BLEDevice:
        device = await BleakScanner.find_device_by_name(name, SOON_S)
        assert device is not None, f"{name} was not heard"
        return device

    @asynccontextmanager
    async def connected(self, name: str = FIRST, **more: Any) -> AsyncIterator[BleakClient]:
        async with BleakClient(await self.find(name), timeout=SOON_S, **more) as client:
            yield client


@asynccontextmanager
async def bench_of(*worn: Wearing | Profile, **bluez: Any) -> AsyncIterator[Bench]:
    async with (
        ward_of(*worn) as ward,
        StandInBluez(**ward.backend_arguments, **bluez) as stand_in,
        system_bus(stand_in.address),
    ):
        yield Bench(ward, stand_in)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with bench_of(wearing(1)) as opened:
        yield opened


class BusClient:
    """A client of the bus that is not bleak."""

    def __init__(self, address: str) -> None:
        self._bus = MessageBus(bus_address=address)

    async def __aenter__(self) -> Self:
        await self._bus.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._bus.disconnect()
        await self._bus.wait_for_disconnect()  # type: ignore[no-untyped-call]  # dbus-fast's

    async def call(
        self, path: str, interface: str, member: str, signature: str = "", *body: Any
    ) -> list[Any]:
        """Call a method of the stand-in; an error reply is raised by its name and text."""
        message = Message(
            "org.bluez", path, interface, member, signature=signature, body=list(body)
        )
        async with asyncio.timeout(SOON_S):
            reply = await self._bus.call(message)
        assert reply is not None
        if reply.message_type is MessageType.ERROR:
            raise Refused(reply.error_name or "", str(reply.body[0]) if reply.body else "")
        return list(reply.body)

    async def get(self, path: str, interface: str, name: str) -> Any:
        (value,) = await self.call(path, PROPERTIES, "Get", "ss", interface, name)
        return value.value


class Refused(Exception):  # noqa: N818
    """An error reply."""


@pytest.fixture
async def caller(bench: Bench) -> AsyncIterator[BusClient]:
    async with BusClient(bench.bluez.address) as client:
        yield client


async def until(fact: Callable[[], bool]) -> None:
    async with asyncio.timeout(SOON_S):
        while not fact():  # noqa: ASYNC110 - the bench reports facts, not events
            await asyncio.sleep(0.002)


async def heard(names: set[str], **scanner: Any) -> dict[str, AdvertisementData]:
    """Scan until these names were heard; return everything that was."""
    found: dict[str, AdvertisementData] = {}
    all_of_them = asyncio.Event()

    def hear(device: BLEDevice, advertisement: AdvertisementData) -> None:
        found[device.name or device.address] = advertisement
        if names <= found.keys():
            all_of_them.set()

    async with BleakScanner(hear, **scanner):
        await asyncio.wait_for(all_of_them.wait(), SOON_S)
    return found


class Frames:
    """What a characteristic said."""

    def __init__(self) -> None:
        self._values: asyncio.Queue[bytes] = asyncio.Queue()

    def __call__(self, _characteristic: BleakGATTCharacteristic, value: bytearray) -> None:
        self._values.put_nowait(bytes(value))

    async def next(self) -> bytes:
        return await asyncio.wait_for(self._values.get(), SOON_S)

    @property
    def waiting(self) -> int:
        return self._values.qsize()


async def test_a_scan_tells_what_each_device_advertises() -> None:
    async with bench_of(wearing(1), Shouting(wearing(2))):
        found = await heard({FIRST, SECOND})
    quiet, loud = found[FIRST], found[SECOND]
    assert quiet.service_uuids == [plx.SERVICE_UUID]
    assert quiet.rssi == -50
    assert (quiet.manufacturer_data, quiet.service_data) == ({}, {})
    assert loud.manufacturer_data == {0x004C: b"\x02\x15"}
    assert loud.service_data == {FEAA: b"\x20"}


async def test_advertisements_go_on_while_somebody_scans(bench: Bench) -> None:
    times = asyncio.Queue[None]()
    async with BleakScanner(lambda _device, _said: times.put_nowait(None)):
        for _ in range(5):
            await asyncio.wait_for(times.get(), SOON_S)


async def test_a_scan_by_service_hears_only_those(bench: Bench, caller: BusClient) -> None:
    wanted = {"UUIDs": Variant("as", [plx.SERVICE_UUID]), "Transport": Variant("s", "le")}
    other = {"UUIDs": Variant("as", [FEAA])}
    await caller.call("/org/bluez/hci0", ADAPTER, "SetDiscoveryFilter", "a{sv}", other)
    await caller.call("/org/bluez/hci0", ADAPTER, "StartDiscovery")
    async with BusClient(bench.bluez.address) as second:
        assert not bench.bluez.knows(FIRST_ADDRESS)
        await second.call("/org/bluez/hci0", ADAPTER, "SetDiscoveryFilter", "a{sv}", wanted)
        await second.call("/org/bluez/hci0", ADAPTER, "StartDiscovery")
        await until(lambda: bench.bluez.knows(FIRST_ADDRESS))


async def test_a_connected_device_does_not_advertise() -> None:
    async with bench_of(wearing(1), wearing(2)) as bench, bench.connected():
        found: list[str] = []

        def hear(device: BLEDevice, _advertisement: AdvertisementData) -> None:
            found.append(device.address)

        async with BleakScanner(hear):
            await until(lambda: found.count(SECOND_ADDRESS) >= 4)
        assert FIRST_ADDRESS not in found


async def test_values_are_read_and_the_tree_is_the_devices(bench: Bench) -> None:
    async with bench.connected() as client:
        assert bytes(await client.read_gatt_char(plx.FEATURES_UUID)) == FEATURES.to_bytes()
        assert bytes(await client.read_gatt_char(battery.LEVEL_UUID)) == b"\x57"
        continuous = client.services.get_characteristic(plx.CONTINUOUS_UUID)
        assert continuous is not None
        assert continuous.properties == ["notify"]
        assert [one.uuid for one in continuous.descriptors] == [CCCD]
        assert client.services.get_characteristic(plx.SPOT_CHECK_UUID).properties == ["indicate"]  # type: ignore[union-attr]  # or the test fails
        assert bench.ward[FIRST].connected
    assert not bench.ward[FIRST].connected


async def test_notifications_arrive_until_they_are_stopped(bench: Bench) -> None:
    frames = Frames()
    async with bench.connected() as client:
        await client.start_notify(plx.CONTINUOUS_UUID, frames)
        for _ in range(3):
            measured = PlxContinuous.from_bytes(await frames.next())
            assert measured.spo2_percent is not None
        await client.stop_notify(plx.CONTINUOUS_UUID)
        descriptor = client.services.get_characteristic(plx.CONTINUOUS_UUID).descriptors[0]  # type: ignore[union-attr]  # or the test fails
        assert bytes(await client.read_gatt_descriptor(descriptor)) == b"\x00\x00"


async def test_an_indication_arrives(bench: Bench) -> None:
    frames = Frames()
    oximeter = bench.ward[FIRST]
    assert isinstance(oximeter.profile, PlxProfile)
    async with bench.connected() as client:
        await client.start_notify(plx.SPOT_CHECK_UUID, frames)
        finished = oximeter.profile.finished(oximeter.vitals, None)
        await oximeter.speak([finished])
        assert await frames.next() == finished.value
    assert PlxSpotCheck.from_bytes(finished.value).device_clock_unset


async def test_what_is_written_reaches_the_device_and_is_answered() -> None:
    frames = Frames()
    async with (
        bench_of(PlxProfile(wearing(1), remembers=True)) as bench,
        bench.connected() as client,
    ):
        await client.start_notify(RACP_UUID, frames)
        await client.write_gatt_char(RACP_UUID, b"\x04\x01", response=True)
        assert await frames.next() == b"\x05\x00\x00\x00"


async def test_what_the_device_forbids_is_forbidden_by_its_own_words(
    bench: Bench, caller: BusClient
) -> None:
    async with bench.connected() as client:
        with pytest.raises(BleakGATTProtocolError) as refused:
            await client.read_gatt_char(plx.CONTINUOUS_UUID)
        assert refused.value.code is Att.READ_NOT_PERMITTED
        with pytest.raises(BleakGATTProtocolError) as refused:
            await client.write_gatt_char(plx.FEATURES_UUID, b"\x00", response=True)
        assert refused.value.code is Att.WRITE_NOT_PERMITTED
        with pytest.raises(BleakDBusError, match="NotSupported"):
            await client.start_notify(plx.FEATURES_UUID, Frames())
        descriptor = client.services.get_characteristic(plx.CONTINUOUS_UUID).descriptors[0]  # type: ignore[union-attr]  # or the test fails
        with pytest.raises(Refused, match=r"NotPermitted.*Write not permitted"):
            await caller.call(
                descriptor.obj[0],
                "org.bluez.GattDescriptor1",
                "WriteValue",
                "aya{sv}",
                b"\x01\x00",
                {},
            )


async def test_a_bond_is_made_once_kept_and_forgotten(bench: Bench, caller: BusClient) -> None:
    async with bench.connected() as client:
        assert not await caller.get(FIRST_PATH, DEVICE, "Paired")
        await client.pair()
        assert await caller.get(FIRST_PATH, DEVICE, "Paired")
        assert await caller.get(FIRST_PATH, DEVICE, "Bonded")
        assert await caller.get(FIRST_PATH, DEVICE, "Trusted")
        with pytest.raises(Refused, match="AlreadyExists"):
            await caller.call(FIRST_PATH, DEVICE, "Pair")
        with pytest.raises(Refused, match="DoesNotExist"):
            await caller.call(FIRST_PATH, DEVICE, "CancelPairing")
    await bench.bluez.die()
    await bench.bluez.come_back()
    assert await caller.get(FIRST_PATH, DEVICE, "Paired")
    await caller.call("/org/bluez/hci0", ADAPTER, "RemoveDevice", "o", FIRST_PATH)
    assert not bench.bluez.knows(FIRST_ADDRESS)


async def test_a_client_hears_that_the_device_went_and_connects_again(bench: Bench) -> None:
    gone = asyncio.Event()
    async with bench.connected(disconnected_callback=lambda _: gone.set()) as client:
        await bench.ward[FIRST].drop_link()
        await asyncio.wait_for(gone.wait(), SOON_S)
        assert not client.is_connected
        with pytest.raises(BleakError, match=r"performed yet|Not connected"):
            await client.read_gatt_char(plx.FEATURES_UUID)
    async with bench.connected() as client:
        assert await client.read_gatt_char(plx.FEATURES_UUID)


async def test_eight_aborted_connects_are_tried_again_by_bleak(bench: Bench) -> None:
    device = await bench.find()
    bench.bluez.abort_connects(FIRST_ADDRESS, 8)
    client = await establish_connection(BleakClientWithServiceCache, device, FIRST)
    assert bench.bluez.aborts_left(FIRST_ADDRESS) == 0
    assert await client.read_gatt_char(plx.FEATURES_UUID)
    await client.disconnect()


async def test_an_aborted_connect_says_that_it_was_one(bench: Bench, caller: BusClient) -> None:
    await bench.find()
    bench.bluez.abort_connects(FIRST_ADDRESS, 1)
    with pytest.raises(Refused, match=r"Error.Failed.*le-connection-abort-by-local"):
        await caller.call(FIRST_PATH, DEVICE, "Connect")
    assert not bench.bluez.connected(FIRST_ADDRESS)
    await caller.call(FIRST_PATH, DEVICE, "Connect")
    assert bench.ward[FIRST].connected


async def test_two_connects_at_once_are_one_too_many(bench: Bench, caller: BusClient) -> None:
    await bench.find()
    await bench.ward[FIRST].power_off()
    first = asyncio.create_task(caller.call(FIRST_PATH, DEVICE, "Connect"))
    await asyncio.sleep(0)  # it is sent
    with pytest.raises(Refused, match="InProgress"):
        await caller.call(FIRST_PATH, DEVICE, "Connect")
    await caller.call(FIRST_PATH, DEVICE, "Disconnect")
    with pytest.raises(Refused, match="br-connection-canceled"):
        await first
    await bench.ward[FIRST].power_on()
    await caller.call(FIRST_PATH, DEVICE, "Connect")
    assert bench.ward[FIRST].connected


async def test_a_frozen_link_stays_up_and_says_nothing_until_it_is_made_anew(bench: Bench) -> None:
    frames = Frames()
    gone = asyncio.Event()
    async with bench.connected(disconnected_callback=lambda _: gone.set()) as client:
        await client.start_notify(plx.CONTINUOUS_UUID, frames)
        await frames.next()
        bench.bluez.freeze(FIRST_ADDRESS)
        sent, arrived = bench.ward[FIRST].frames_sent, frames.waiting
        await until(lambda: bench.ward[FIRST].frames_sent >= sent + 5)
        assert frames.waiting <= arrived + 1
        assert client.is_connected
        assert not gone.is_set()
        stuck = asyncio.create_task(client.read_gatt_char(plx.FEATURES_UUID))
        await client.disconnect()
        with pytest.raises(BleakError):
            await stuck
    async with bench.connected() as client:
        await client.start_notify(plx.CONTINUOUS_UUID, frames := Frames())
        await frames.next()


async def test_discovery_lasts_until_its_last_client_stops(bench: Bench, caller: BusClient) -> None:
    async with BusClient(bench.bluez.address) as other:
        await caller.call("/org/bluez/hci0", ADAPTER, "StartDiscovery")
        await other.call("/org/bluez/hci0", ADAPTER, "StartDiscovery")
        with pytest.raises(Refused, match="InProgress"):
            await other.call("/org/bluez/hci0", ADAPTER, "StartDiscovery")
        await caller.call("/org/bluez/hci0", ADAPTER, "StopDiscovery")
        assert await caller.get("/org/bluez/hci0", ADAPTER, "Discovering")
        await other.call("/org/bluez/hci0", ADAPTER, "StopDiscovery")
        assert not await caller.get("/org/bluez/hci0", ADAPTER, "Discovering")
        with pytest.raises(Refused, match=r"Failed.*No discovery started"):
            await other.call("/org/bluez/hci0", ADAPTER, "StopDiscovery")


async def test_a_client_that_leaves_the_bus_takes_its_discovery_along(
    bench: Bench, caller: BusClient
) -> None:
    async with BusClient(bench.bluez.address) as other:
        await other.call("/org/bluez/hci0", ADAPTER, "StartDiscovery")
        assert await caller.get("/org/bluez/hci0", ADAPTER, "Discovering")
    async with asyncio.timeout(SOON_S):
        while await caller.get("/org/bluez/hci0", ADAPTER, "Discovering"):
            pass


async def test_a_notify_session_belongs_to_its_client(bench: Bench, caller: BusClient) -> None:
    async with bench.connected() as client:
        characteristic = client.services.get_characteristic(plx.CONTINUOUS_UUID)
        assert characteristic is not None
        path = characteristic.obj[0]
        await caller.call(path, CHARACTERISTIC, "StartNotify")
        async with BusClient(bench.bluez.address) as other:
            await other.call(path, CHARACTERISTIC, "StartNotify")
            with pytest.raises(Refused, match=r"Failed.*Already notifying"):
                await other.call(path, CHARACTERISTIC, "StartNotify")
            await caller.call(path, CHARACTERISTIC, "StopNotify")
            assert await caller.get(path, CHARACTERISTIC, "Notifying")
        async with asyncio.timeout(SOON_S):
            while await caller.get(path, CHARACTERISTIC, "Notifying"):
                pass
        with pytest.raises(Refused, match="No notify session started"):
            await caller.call(path, CHARACTERISTIC, "StopNotify")
        for member in ("AcquireNotify", "AcquireWrite"):
            with pytest.raises(Refused, match="NotSupported"):
                await caller.call(path, CHARACTERISTIC, member, "a{sv}", {})


async def test_values_have_offsets_and_writes_have_types(bench: Bench, caller: BusClient) -> None:
    async with bench.connected() as client:
        features = client.services.get_characteristic(plx.FEATURES_UUID)
        assert features is not None
        path = features.obj[0]

        async def read(**options: Variant) -> bytes:
            (value,) = await caller.call(path, CHARACTERISTIC, "ReadValue", "a{sv}", options)
            return bytes(value)

        assert await read(offset=Variant("q", 2)) == FEATURES.to_bytes()[2:]
        with pytest.raises(Refused, match="InvalidArguments"):
            await read(offset=Variant("q", 99))
        for kind, refusal in (("shouted", "InvalidArguments"), ("reliable", "NotSupported")):
            with pytest.raises(Refused, match=refusal):
                await caller.call(
                    path, CHARACTERISTIC, "WriteValue", "aya{sv}", b"", {"type": Variant("s", kind)}
                )
        with pytest.raises(Refused, match="NotSupported"):
            await caller.call(path, CHARACTERISTIC, "WriteValue", "aya{sv}", b"", {})
    with pytest.raises(Refused, match=r"Failed.*Not connected"):
        await read()


async def test_an_adapter_that_is_switched_off_drops_everything(
    bench: Bench, caller: BusClient
) -> None:
    gone = asyncio.Event()
    async with bench.connected(disconnected_callback=lambda _: gone.set()):
        off = Variant("b", False)
        await caller.call("/org/bluez/hci0", PROPERTIES, "Set", "ssv", ADAPTER, "Powered", off)
        await asyncio.wait_for(gone.wait(), SOON_S)
    assert not bench.ward[FIRST].connected
    for path, interface, member in (
        ("/org/bluez/hci0", ADAPTER, "StartDiscovery"),
        (FIRST_PATH, DEVICE, "Connect"),
    ):
        with pytest.raises(Refused, match="NotReady"):
            await caller.call(path, interface, member)
    with pytest.raises(BleakError, match="powered"):
        await BleakScanner.discover(0.01)
    await bench.bluez.switch("hci0", on=True)
    assert await caller.get("/org/bluez/hci0", ADAPTER, "Powered"), "and bleak has heard of it"
    assert await bench.find()


@pytest.mark.parametrize(
    ("path", "interface", "member", "signature", "body", "refusal"),
    [
        ("/org/bluez/hci7", ADAPTER, "StartDiscovery", "", [], "UnknownObject"),
        ("/org/bluez/hci0", ADAPTER, "Explode", "", [], "UnknownMethod"),
        ("/org/bluez/hci0", ADAPTER, "StartDiscovery", "s", ["x"], "UnknownMethod"),
        ("/org/bluez/hci0", ADAPTER, "RemoveDevice", "o", ["/nobody"], "DoesNotExist"),
        ("/org/bluez/hci0", PROPERTIES, "Get", "ss", [ADAPTER, "Mood"], "UnknownProperty"),
        ("/org/bluez/hci0", PROPERTIES, "GetAll", "s", [DEVICE], "UnknownInterface"),
        (
            "/org/bluez/hci0", PROPERTIES, "Set", "ssv",
            [ADAPTER, "Address", Variant("s", "x")], "PropertyReadOnly",
        ),
        (
            "/org/bluez/hci0", PROPERTIES, "Set", "ssv",
            [ADAPTER, "Powered", Variant("s", "yes")], "InvalidArgs",
        ),
        (
            "/org/bluez/hci0", ADAPTER, "SetDiscoveryFilter", "a{sv}",
            [{"Mood": Variant("s", "good")}], "InvalidArguments",
        ),
    ],
)  # fmt: skip
async def test_what_is_not_there_is_refused_by_name(
    caller: BusClient,
    path: str,
    interface: str,
    member: str,
    signature: str,
    body: list[Any],
    refusal: str,
) -> None:
    with pytest.raises(Refused, match=refusal):
        await caller.call(path, interface, member, signature, *body)


async def test_a_device_that_nobody_used_is_forgotten_and_another_is_not() -> None:
    async with bench_of(wearing(1), wearing(2), forget_after_s=0.15) as bench:
        await heard({FIRST, SECOND})
        async with bench.connected(SECOND):
            pass
        await until(lambda: not bench.bluez.knows(FIRST_ADDRESS))
        assert bench.bluez.knows(SECOND_ADDRESS)
        with pytest.raises(NoSuchDeviceError, match=FIRST_ADDRESS):
            bench.bluez.freeze(FIRST_ADDRESS)


async def test_a_service_that_dies_takes_its_links_and_tells_nobody(bench: Bench) -> None:
    gone = asyncio.Event()
    async with bench.connected(disconnected_callback=lambda _: gone.set()) as client:
        await bench.bluez.die()
        assert not bench.ward[FIRST].connected
        assert client.is_connected, "this is what bleak believes"
        assert not gone.is_set()
        with pytest.raises(BleakDBusError, match="ServiceUnknown"):
            await client.read_gatt_char(plx.FEATURES_UUID)
        with pytest.raises(BleakDBusError, match="ServiceUnknown"):
            await client.disconnect()
    await bench.bluez.come_back()
    async with bench.connected() as again:
        assert await again.read_gatt_char(plx.FEATURES_UUID)


async def test_a_call_under_way_is_never_answered_when_the_service_dies(
    bench: Bench, caller: BusClient
) -> None:
    await bench.find()
    await bench.ward[FIRST].power_off()
    waiting = asyncio.create_task(caller.call(FIRST_PATH, DEVICE, "Connect"))
    await asyncio.sleep(0)  # it is sent
    with pytest.raises(Refused, match="InProgress"):  # so the first one is under way
        await caller.call(FIRST_PATH, DEVICE, "Connect")
    await bench.bluez.die()
    with pytest.raises(Refused, match="NoReply"):
        await waiting
    await bench.ward[FIRST].power_on()
    await bench.bluez.come_back()
    async with bench.connected():
        pass


async def test_a_service_that_comes_back_knows_whom_somebody_used(caller: BusClient) -> None:
    async with bench_of(wearing(1), wearing(2)) as bench:
        await heard({FIRST, SECOND})
        async with bench.connected():
            pass
        await bench.bluez.die()
        await bench.bluez.come_back()
        assert bench.bluez.knows(FIRST_ADDRESS)
        assert not bench.bluez.knows(SECOND_ADDRESS)
        assert not bench.bluez.connected(FIRST_ADDRESS)


async def test_an_adapter_that_is_plugged_in_again_has_another_name(
    bench: Bench, caller: BusClient
) -> None:
    gone = asyncio.Event()
    async with bench.connected(disconnected_callback=lambda _: gone.set()) as client:
        before = bench.bluez.adapters
        assert await bench.bluez.renumber() == "hci1"
        assert bench.bluez.adapters == {"hci1": before["hci0"]}
        await asyncio.wait_for(gone.wait(), SOON_S)
        assert not client.is_connected
    assert await caller.get("/org/bluez/hci1", ADAPTER, "Powered"), "and bleak has heard of it"
    device = await bench.find()
    assert device.details["path"].startswith("/org/bluez/hci1/")
    with pytest.raises(Refused, match="UnknownObject"):
        await caller.call(FIRST_PATH, DEVICE, "Connect")
    with pytest.raises(NoSuchDeviceError, match="hci1"):
        await bench.bluez.switch("hci0", on=False)


async def test_two_adapters_hear_the_same_device(bench: Bench, caller: BusClient) -> None:
    hub = await Hub.open(await bench.ward.serve_hci(), "F0:00:00:00:00:02")
    assert await bench.bluez.add_adapter(hub, "F0:00:00:00:00:02") == "hci1"
    for name in ("hci0", "hci1"):
        found = await heard({FIRST}, bluez={"adapter": name})
        assert found[FIRST].platform_data[0].startswith(f"/org/bluez/{name}/")
    await hub.close()


async def test_a_link_that_a_crash_left_behind_hides_the_device(bench: Bench) -> None:
    await bench.bluez.hold(FIRST_ADDRESS)
    assert bench.ward[FIRST].connected
    assert await BleakScanner.find_device_by_name(FIRST, 0.3) is None
    assert bench.bluez.connected(FIRST_ADDRESS)


async def test_a_device_may_say_from_the_start_that_it_is_connected() -> None:
    async with bench_of(wearing(1), says_connected={FIRST_ADDRESS: FIRST}) as bench:
        assert bench.bluez.connected(FIRST_ADDRESS)
        assert not bench.ward[FIRST].connected
        async with BusClient(bench.bluez.address) as caller:
            await caller.call(FIRST_PATH, DEVICE, "Disconnect")
        assert not bench.bluez.connected(FIRST_ADDRESS)
        async with bench.connected():
            assert bench.ward[FIRST].connected


async def test_the_objects_can_be_looked_at_by_any_tool(bench: Bench, caller: BusClient) -> None:
    async with bench.connected():
        (root,) = await caller.call("/", "org.freedesktop.DBus.Introspectable", "Introspect")
        (shown,) = await caller.call(
            FIRST_PATH, "org.freedesktop.DBus.Introspectable", "Introspect"
        )
    assert '<node name="org"' in root
    assert '<method name="Connect"' in shown
    assert '<property name="RSSI"' not in shown, "a connected device is not heard"
    assert '<node name="service000e"' in shown


@pytest.mark.parametrize(
    ("code", "name", "text"),
    [
        (0x02, "NotPermitted", "Read not permitted"),
        (0x03, "NotPermitted", "Write not permitted"),
        (0x05, "NotPermitted", "Not paired"),
        (0x06, "NotSupported", "Operation is not supported"),
        (0x07, "InvalidArguments", "Invalid offset"),
        (0x08, "NotAuthorized", "Operation Not Authorized"),
        (0x0C, "NotPermitted", "Not paired"),
        (0x0D, "InvalidArguments", "Invalid Length"),
        (0x0F, "NotPermitted", "Not paired"),
        (0x0E, "Failed", "Operation failed with ATT error: 0x0e"),
        (0x80, "Failed", "Operation failed with ATT error: 0x80"),
        (0xFD, "ImproperlyConfigured", "CCCD improperly configured"),
    ],
)
def test_an_att_error_has_the_name_that_bluez_gives_it(code: int, name: str, text: str) -> None:
    error = errors.of_att(code)
    assert (error.name, error.text) == (f"org.bluez.Error.{name}", text)


def said(**more: Any) -> AdvertisementData:
    plain: dict[str, Any] = {
        "local_name": FIRST,
        "manufacturer_data": {},
        "service_data": {},
        "service_uuids": [plx.SERVICE_UUID],
        "tx_power": None,
        "rssi": -60,
        "platform_data": (),
    }
    return AdvertisementData(**plain | more)


@pytest.mark.parametrize(
    ("wanted", "hears"),
    [
        ({}, True),
        ({"UUIDs": Variant("as", [plx.SERVICE_UUID.upper()])}, True),
        ({"UUIDs": Variant("as", [FEAA])}, False),
        ({"RSSI": Variant("n", -60)}, True),
        ({"RSSI": Variant("n", -59)}, False),
        ({"Pattern": Variant("s", "SimPLX")}, True),
        ({"Pattern": Variant("s", FIRST_ADDRESS)}, True),
        ({"Pattern": Variant("s", "PLX")}, False),
        ({"Transport": Variant("s", "le")}, True),
        ({"Transport": Variant("s", "bredr")}, False),
    ],
)
def test_a_filter_lets_through_what_it_names(wanted: dict[str, Variant], hears: bool) -> None:
    assert Filter.parse(wanted).wants(FIRST_ADDRESS, said()) is hears


@pytest.mark.parametrize(
    "wanted",
    [
        {"Mood": Variant("s", "good")},
        {"RSSI": Variant("s", "-60")},
        {"Transport": Variant("s", "smoke")},
        {"RSSI": Variant("n", -60), "Pathloss": Variant("q", 9)},
    ],
)
def test_a_filter_that_cannot_be_is_refused(wanted: dict[str, Variant]) -> None:
    with pytest.raises(errors.BluezError, match="Invalid arguments"):
        Filter.parse(wanted)


async def test_a_machine_without_dbus_is_told_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BusError, match="install the package dbus"):
        async with PrivateBus():
            pass
    with pytest.raises(BusError, match="not open"):
        _ = PrivateBus().address


COMMAND = [
    sys.executable,
    "-m",
    "devices.simulator.bluez",
    "--oximeters",
    "2",
    "--advertise-ms",
    "50",
]


@pytest.mark.parametrize("ending", ["input closed", "SIGTERM"])
async def test_a_ward_is_served_to_other_processes(ending: str) -> None:
    server = await asyncio.create_subprocess_exec(
        *COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert server.stdin is not None
    assert server.stdout is not None
    async with asyncio.timeout(SOON_S):
        address = (await server.stdout.readline()).decode().strip()
        async with system_bus(address):
            await heard({FIRST, SECOND})
        if ending == "SIGTERM":
            server.send_signal(signal.SIGTERM)
        else:
            server.stdin.close()
        await server.communicate()
    assert server.returncode == 0
    assert not Path(address.removeprefix("unix:path=")).parent.exists()
