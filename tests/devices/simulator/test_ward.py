"""Virtual oximeters read by the real bleak over the real Bumble stack, all in this process."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from bleak import BleakClient, BleakScanner
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakError, BleakGATTProtocolError, BleakGATTProtocolErrorCode
from bleak_retry_connector import BleakClientWithServiceCache, establish_connection

from devices.simulator.episodes import GOES_SILENT, PROBE_FALLS_OFF
from devices.simulator.physiology import Pace, VirtualPatient
from devices.simulator.profiles.plx import PlxProfile
from devices.simulator.ward import VirtualWard
from devices.simulator.wearing import FEATURES, Wearing, continuous
from protocols.gatt import battery, plx
from protocols.gatt.battery import BatteryLevel
from protocols.gatt.device_information import FIELDS, DeviceInformation
from protocols.gatt.plx import PlxContinuous, PlxFeatures, PlxSpotCheck
from protocols.gatt.plx_status import MeasurementStatus
from protocols.reading import NOT_A_PATIENTS, Quality

SOON_S = 10.0
QUICK = timedelta(milliseconds=10)
FIRST = "SimPLX-001"


@dataclass
class Clock:
    """The ward's clock, moved by the test."""

    now: timedelta = timedelta(0)

    def __call__(self) -> timedelta:
        return self.now


@dataclass
class Heard:
    """What a client's callbacks were told."""

    frames: "asyncio.Queue[bytes]" = field(default_factory=asyncio.Queue)
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    def frame(self, _characteristic: BleakGATTCharacteristic, value: bytearray) -> None:
        self.frames.put_nowait(bytes(value))

    def disconnected(self, _client: BleakClient) -> None:
        self.gone.set()

    async def next(self) -> bytes:
        return await asyncio.wait_for(self.frames.get(), SOON_S)

    async def next_that(self, fits: Callable[[PlxContinuous], bool]) -> PlxContinuous:
        async with asyncio.timeout(SOON_S):
            while True:
                measured = PlxContinuous.from_bytes(await self.frames.get())
                if fits(measured):
                    return measured


def _wearings(count: int) -> list[Wearing]:
    return [Wearing(number=n, patient=VirtualPatient(seed=n)) for n in range(1, count + 1)]


def _ward(wearings: list[Wearing], clock: Clock, pace: Pace | None = None) -> VirtualWard:
    return VirtualWard(
        wearings, elapsed=clock, pace=pace or Pace(), period=QUICK, advertising_interval=QUICK
    )


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def ward(clock: Clock) -> AsyncIterator[VirtualWard]:
    async with _ward(_wearings(1), clock) as opened:
        yield opened


async def _find(ward: VirtualWard, name: str = FIRST, timeout_s: float = SOON_S) -> BLEDevice:
    device = await BleakScanner.find_device_by_name(
        name, timeout_s, backend=ward.scanner_backend, **ward.backend_arguments
    )
    assert device is not None, f"{name} was not heard"
    return device


@asynccontextmanager
async def _connected(
    ward: VirtualWard, device: BLEDevice, heard: Heard
) -> AsyncIterator[BleakClient]:
    async with BleakClient(
        device,
        disconnected_callback=heard.disconnected,
        timeout=SOON_S,
        backend=ward.client_backend,
        **ward.backend_arguments,
    ) as client:
        yield client


async def _read(client: BleakClient, uuid: str) -> bytes:
    return bytes(await client.read_gatt_char(uuid))


async def _until(fact: Callable[[], bool]) -> None:
    async with asyncio.timeout(SOON_S):
        while not fact():  # noqa: ASYNC110 - the simulator reports facts, not events
            await asyncio.sleep(0.001)


async def test_a_scan_finds_every_oximeter_by_name_and_service(clock: Clock) -> None:
    found: dict[str, list[str]] = {}
    all_found = asyncio.Event()

    async with _ward(_wearings(12), clock) as ward:

        def heard(device: BLEDevice, advertisement: AdvertisementData) -> None:
            found[device.name or ""] = advertisement.service_uuids
            if len(found) == 12:
                all_found.set()

        async with BleakScanner(
            heard,
            service_uuids=[plx.SERVICE_UUID],
            backend=ward.scanner_backend,
            **ward.backend_arguments,
        ):
            await asyncio.wait_for(all_found.wait(), SOON_S)
    assert set(found) == {f"SimPLX-{n:03d}" for n in range(1, 13)}
    assert set(map(tuple, found.values())) == {(plx.SERVICE_UUID,)}


async def test_a_scan_for_another_service_finds_nothing(ward: VirtualWard) -> None:
    heard: list[BLEDevice] = []
    async with BleakScanner(
        lambda device, _said: heard.append(device),
        service_uuids=[battery.SERVICE_UUID],
        backend=ward.scanner_backend,
        **ward.backend_arguments,
    ):
        await _find(ward)
    assert heard == []


async def test_battery_device_information_and_features_are_read(ward: VirtualWard) -> None:
    oximeter = ward[FIRST]
    async with _connected(ward, await _find(ward), Heard()) as client:
        level = BatteryLevel.from_bytes(await _read(client, battery.LEVEL_UUID))
        strings = {uuid: await _read(client, uuid) for uuid in FIELDS}
        features = PlxFeatures.from_bytes(await _read(client, plx.FEATURES_UUID))
        oximeter.profile.battery_percent = 12
        later = BatteryLevel.from_bytes(await _read(client, battery.LEVEL_UUID))
    assert level == BatteryLevel(87)
    assert later == BatteryLevel(12)
    assert DeviceInformation.from_characteristics(strings) == oximeter.wearing.information
    assert features == FEATURES


async def test_notifications_say_what_the_physiology_says(ward: VirtualWard, clock: Clock) -> None:
    heard = Heard()
    patient = ward[FIRST].wearing.patient
    async with _connected(ward, await _find(ward), heard) as client:
        await client.start_notify(plx.CONTINUOUS_UUID, heard.frame)
        for minutes in (0, 90, 600):
            clock.now = timedelta(minutes=minutes)
            expected = continuous(patient.at(clock.now))
            assert await heard.next_that(expected.__eq__) == expected


async def test_a_pace_speeds_up_the_physiology_and_never_the_clock() -> None:
    clock = Clock(timedelta(seconds=30))
    wearing = Wearing(number=1, patient=VirtualPatient(1, scenario=PROBE_FALLS_OFF))
    async with _ward([wearing], clock, Pace(60)) as ward:
        assert not ward[FIRST].vitals.probe_on
        assert ward[FIRST].vitals == wearing.patient.at(timedelta(minutes=30))


async def test_a_probe_that_fell_off_is_said_in_the_status_bits(clock: Clock) -> None:
    heard = Heard()
    wearing = Wearing(number=1, patient=VirtualPatient(1, scenario=PROBE_FALLS_OFF))
    async with (
        _ward([wearing], clock) as ward,
        _connected(ward, await _find(ward), heard) as client,
    ):
        await client.start_notify(plx.CONTINUOUS_UUID, heard.frame)
        on = await heard.next_that(lambda measured: measured.spo2_percent is not None)
        clock.now = timedelta(minutes=25)
        off = await heard.next_that(lambda measured: measured.spo2_percent is None)
    assert on.quality == Quality.GOOD
    assert off.quality & Quality.FINGER_OFF


async def test_marked_data_arrive_marked(clock: Clock) -> None:
    heard = Heard()
    demo = MeasurementStatus.DATA_FOR_DEMONSTRATION
    wearing = Wearing(number=1, patient=VirtualPatient(1), marks=demo)
    async with (
        _ward([wearing], clock) as ward,
        _connected(ward, await _find(ward), heard) as client,
    ):
        await client.start_notify(plx.CONTINUOUS_UUID, heard.frame)
        assert PlxContinuous.from_bytes(await heard.next()).quality & NOT_A_PATIENTS


async def test_a_spot_check_is_indicated_with_the_devices_own_time(ward: VirtualWard) -> None:
    heard = Heard()
    at = datetime(2026, 11, 23, 8, 0, 0)  # noqa: DTZ001 - a device's own time has no zone
    async with _connected(ward, await _find(ward), heard) as client:
        await client.start_notify(plx.SPOT_CHECK_UUID, heard.frame)
        profile = ward[FIRST].profile
        assert isinstance(profile, PlxProfile)
        await ward[FIRST].speak([profile.finished(ward[FIRST].vitals, at)])
        measured = PlxSpotCheck.from_bytes(await heard.next())
    assert measured.record == "2026-11-23T08:00:00"
    assert measured.quality == Quality.GOOD


async def test_nothing_is_notified_after_unsubscribing(ward: VirtualWard) -> None:
    heard = Heard()
    async with _connected(ward, await _find(ward), heard) as client:
        await client.start_notify(plx.CONTINUOUS_UUID, heard.frame)
        with pytest.raises(BleakError, match="already started"):
            await client.start_notify(plx.CONTINUOUS_UUID, heard.frame)
        await heard.next()
        await client.stop_notify(plx.CONTINUOUS_UUID)
        while not heard.frames.empty():
            heard.frames.get_nowait()
        measured = ward[FIRST].measured
        await _until(lambda: ward[FIRST].measured > measured + 3)
        assert heard.frames.empty()
        await client.start_notify(plx.CONTINUOUS_UUID, heard.frame)
        await heard.next()


async def test_what_the_device_refuses_is_a_gatt_error(ward: VirtualWard) -> None:
    async with _connected(ward, await _find(ward), Heard()) as client:
        with pytest.raises(BleakGATTProtocolError) as refused:
            await client.write_gatt_char(battery.LEVEL_UUID, b"\x01", response=True)
        assert refused.value.code is BleakGATTProtocolErrorCode.WRITE_NOT_PERMITTED
        with pytest.raises(BleakGATTProtocolError) as refused:
            await client.read_gatt_char(plx.CONTINUOUS_UUID)
        assert refused.value.code is BleakGATTProtocolErrorCode.READ_NOT_PERMITTED
        assert client.is_connected
        assert client.mtu_size == 247


async def test_a_link_dropped_by_the_device_is_told_and_can_be_made_again(
    ward: VirtualWard,
) -> None:
    heard, again = Heard(), Heard()
    device = await _find(ward)
    async with _connected(ward, device, heard) as client:
        await ward[FIRST].drop_link()
        await asyncio.wait_for(heard.gone.wait(), SOON_S)
        assert not client.is_connected
        with pytest.raises(BleakError):
            await client.read_gatt_char(battery.LEVEL_UUID)
    async with _connected(ward, device, again) as client:
        await client.start_notify(plx.CONTINUOUS_UUID, again.frame)
        await again.next()
    assert again.gone.is_set()


async def test_a_request_in_flight_fails_at_once_when_the_link_goes(ward: VirtualWard) -> None:
    async with _connected(ward, await _find(ward), Heard()) as client:
        reads = [asyncio.create_task(client.read_gatt_char(battery.LEVEL_UUID)) for _ in range(20)]
        await asyncio.sleep(0)
        await ward[FIRST].drop_link()
        ends = await asyncio.wait_for(asyncio.gather(*reads, return_exceptions=True), SOON_S)
    assert isinstance(ends[-1], BleakError)
    assert all(isinstance(end, BleakError | bytearray) for end in ends)


async def test_a_stale_link_stays_connected_and_says_nothing(ward: VirtualWard) -> None:
    heard = Heard()
    async with _connected(ward, await _find(ward), heard) as client:
        await client.start_notify(plx.CONTINUOUS_UUID, heard.frame)
        await heard.next()
        ward[FIRST].go_stale()
        while not heard.frames.empty():
            heard.frames.get_nowait()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(heard.frames.get(), 20 * QUICK.total_seconds())
        assert client.is_connected
        assert not heard.gone.is_set()
        ward[FIRST].recover()
        await heard.next()


async def test_a_device_switched_off_vanishes_and_comes_back(ward: VirtualWard) -> None:
    heard = Heard()
    device = await _find(ward)
    async with _connected(ward, device, heard):
        await ward[FIRST].power_off()
        await asyncio.wait_for(heard.gone.wait(), SOON_S)
    silence_s = 10 * QUICK.total_seconds()
    assert not await BleakScanner.discover(
        timeout=silence_s, backend=ward.scanner_backend, **ward.backend_arguments
    )
    await ward[FIRST].power_on()
    assert (await _find(ward)).address == device.address


async def test_a_scenario_can_silence_a_device(clock: Clock) -> None:
    heard = Heard()
    wearing = Wearing(number=1, patient=VirtualPatient(1, scenario=GOES_SILENT))
    async with _ward([wearing], clock) as ward:
        async with _connected(ward, await _find(ward), heard):
            assert ward[FIRST].powered
            clock.now = timedelta(minutes=15)
            await asyncio.wait_for(heard.gone.wait(), SOON_S)
        assert not ward[FIRST].powered
        await ward[FIRST].power_on()
        assert not ward[FIRST].powered


async def test_giving_up_on_an_absent_device_leaves_the_adapter_usable(clock: Clock) -> None:
    async with _ward(_wearings(2), clock) as ward:
        absent, present = await _find(ward, FIRST), await _find(ward, "SimPLX-002")
        await ward[FIRST].power_off()
        lost = BleakClient(
            absent, timeout=0.05, backend=ward.client_backend, **ward.backend_arguments
        )
        with pytest.raises(TimeoutError):
            await lost.connect()
        assert not lost.is_connected
        await ward[FIRST].power_on()
        async with _connected(ward, present, Heard()) as client:
            assert client.is_connected
            assert not ward[FIRST].connected


async def test_a_cancelled_connect_leaves_nothing_behind(ward: VirtualWard) -> None:
    device = await _find(ward)
    await ward[FIRST].power_off()
    client = BleakClient(device, backend=ward.client_backend, **ward.backend_arguments)
    connecting = asyncio.create_task(client.connect())
    await asyncio.sleep(5 * QUICK.total_seconds())
    connecting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await connecting
    await ward[FIRST].power_on()
    async with _connected(ward, await _find(ward), Heard()) as again:
        assert again.is_connected


async def test_twelve_oximeters_are_connected_at_once_and_read_together(clock: Clock) -> None:
    async with _ward(_wearings(12), clock) as ward:
        heard = {name: Heard() for name in ward.oximeters}
        devices = await BleakScanner.discover(
            timeout=0.1, backend=ward.scanner_backend, **ward.backend_arguments
        )
        clients = {
            device.name or "": BleakClient(
                device, backend=ward.client_backend, **ward.backend_arguments
            )
            for device in devices
        }
        await asyncio.gather(*(client.connect() for client in clients.values()))
        for name, client in clients.items():
            await client.start_notify(plx.CONTINUOUS_UUID, heard[name].frame)
        for name, each in heard.items():
            expected = continuous(ward[name].wearing.patient.at(clock.now))
            assert PlxContinuous.from_bytes(await each.next()) == expected
        await asyncio.gather(*(client.disconnect() for client in clients.values()))
        await _until(lambda: not any(each.connected for each in ward.oximeters.values()))


async def test_bleak_retry_connector_connects_and_reconnects(ward: VirtualWard) -> None:
    heard = Heard()
    device = await _find(ward)
    for _ in range(2):
        client = await establish_connection(
            BleakClientWithServiceCache,
            device,
            FIRST,
            disconnected_callback=heard.disconnected,
            backend=ward.client_backend,
            **ward.backend_arguments,
        )
        assert await client.read_gatt_char(battery.LEVEL_UUID) == bytes((87,))
        heard.gone.clear()
        await ward[FIRST].drop_link()
        await asyncio.wait_for(heard.gone.wait(), SOON_S)


async def test_a_closed_ward_leaves_no_task_and_disconnects_its_clients(clock: Clock) -> None:
    before = asyncio.all_tasks()
    heard = Heard()
    async with _ward(_wearings(3), clock) as ward:
        client = BleakClient(
            await _find(ward),
            disconnected_callback=heard.disconnected,
            backend=ward.client_backend,
            **ward.backend_arguments,
        )
        await client.connect()
    await asyncio.wait_for(heard.gone.wait(), SOON_S)
    assert not client.is_connected
    assert asyncio.all_tasks() == before
    with pytest.raises(RuntimeError, match="not open"):
        _ = ward.backend_arguments


def test_two_oximeters_with_one_number_are_refused() -> None:
    with pytest.raises(ValueError, match="same number"):
        VirtualWard([*_wearings(2), *_wearings(1)])


def test_the_physiology_needs_no_bluetooth() -> None:
    """Bumble is slow to import and only in the demo's requirements."""
    code = (
        "import sys, devices.simulator.physiology, devices.simulator.wearing;"
        "sys.exit(any(name.split('.')[0] in ('bumble', 'bleak') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603


async def test_a_bond_can_be_made_and_forgotten(ward: VirtualWard) -> None:
    async with _connected(ward, await _find(ward), Heard()) as client:
        await client.pair()
        assert await _read(client, battery.LEVEL_UUID) == bytes((87,))
        await client.unpair()
        assert not client.is_connected


async def test_a_client_may_bond_while_it_connects(ward: VirtualWard) -> None:
    client = BleakClient(
        await _find(ward),
        pair=True,
        timeout=SOON_S,
        backend=ward.client_backend,
        **ward.backend_arguments,
    )
    async with client:
        assert await _read(client, battery.LEVEL_UUID) == bytes((87,))


async def test_a_bare_address_connects_too(ward: VirtualWard) -> None:
    address = ward[FIRST].wearing.address
    client = BleakClient(
        address, timeout=SOON_S, backend=ward.client_backend, **ward.backend_arguments
    )
    assert client.name == address.replace(":", "-")
    assert client.mtu_size == 23
    async with client:
        assert client.address == address
        with pytest.raises(BleakError, match="already connected"):
            await client.connect()


async def test_subscriptions_are_seen_in_the_descriptor(ward: VirtualWard) -> None:
    heard = Heard()
    async with _connected(ward, await _find(ward), heard) as client:
        characteristic = client.services.get_characteristic(plx.CONTINUOUS_UUID)
        assert characteristic is not None
        assert characteristic.properties == ["notify"]
        (configuration,) = characteristic.descriptors
        assert await client.read_gatt_descriptor(configuration) == b"\x00\x00"
        await client.start_notify(characteristic, heard.frame)
        assert await client.read_gatt_descriptor(configuration) == b"\x01\x00"
        await client.stop_notify(characteristic)
        assert await client.read_gatt_descriptor(configuration) == b"\x00\x00"
