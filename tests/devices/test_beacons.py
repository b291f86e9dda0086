"""Beacons over the air: a gateway hears them, never connects, and says what becomes of them."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from bumble.core import AdvertisingData

from devices.beacons import BeaconWatch, beacon_name, is_this
from devices.drivers.driver import Heard
from devices.gateway import Gateway
from devices.parcels import Parcel
from devices.settings import BeaconSettings, Settings, SettingsError, load_settings
from protocols.beacons import eddystone, minew
from protocols.beacons.eddystone import EddystoneUid
from protocols.beacons.ibeacon import COMPANY, IBeacon
from tests.devices.fake_server import FakeServer
from tests.devices.given import GivenClock, chance, identity
from tests.devices.test_gateway import ward_of

HOME = UUID("f7826da6-4fa2-4e98-8024-bc5b71e0893e")
BAND = BeaconSettings(device="band-1", ibeacon=f"{HOME}:7:41", tamper="ibeacon-major")
ADDRESS = "C0:00:00:00:00:41"


def frame(*, is_open: bool = False, minor: int = 41) -> bytes:
    return IBeacon(HOME, 7 | (0x8000 if is_open else 0), minor, -59).to_bytes()


def advertised(*, is_open: bool = False) -> bytes:
    data = COMPANY.to_bytes(2, "little") + frame(is_open=is_open)
    return bytes(AdvertisingData([(AdvertisingData.MANUFACTURER_SPECIFIC_DATA, data)]))


def heard(**more: Any) -> Heard:
    return Heard(**({"address": "C0:00:00:00:00:41"} | more))


async def test_a_band_is_heard_its_strap_is_cut_and_the_server_is_told(tmp_path: Path) -> None:
    who = identity()
    server = FakeServer(who.key.public_key())
    await server.start()
    settings = Settings(beacons=[BAND], retry_max_s=0.05, batch_seconds=0.2)
    async with ward_of(1) as ward:
        gateway = Gateway(
            replace(who, server=server.url), tmp_path, settings, rng=chance(1),
            backends=ward.backends,
        )  # fmt: skip
        running = asyncio.create_task(gateway.run())
        shouting = asyncio.create_task(_shout(ward))
        try:
            await server.until(lambda: {"seen", "tamper"} <= set(_said(server)))
            assert gateway.snapshot().beacons[0].is_open
        finally:
            for task in (running, shouting):
                task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(running, shouting)
            await server.stop()
    assert "band-1" not in gateway.connected_devices


async def _shout(ward: Any) -> None:
    """Advertise as a band does; after the first few with the strap open."""
    for number in range(10_000):
        ward.shout(ADDRESS, advertised(is_open=number > 5))
        await asyncio.sleep(0.02)


def _said(server: FakeServer) -> list[str]:
    return [e.kind for b in server.batches() if b.device == "band-1" for e in b.events]


@pytest.mark.parametrize(
    ("beacon", "advertisement", "is_it"),
    [
        (BAND, heard(manufacturer_data={COMPANY: frame()}), True),
        (BAND, heard(manufacturer_data={COMPANY: frame(is_open=True)}), True),
        (BAND, heard(manufacturer_data={COMPANY: frame(minor=42)}), False),
        (BAND, heard(manufacturer_data={COMPANY: b"\x02"}), False),
        (BAND, heard(), False),
        (BeaconSettings(device="b", address="c0:00:00:00:00:41"), heard(), True),
        (BeaconSettings(device="b", address="c0:00:00:00:00:42"), heard(), False),
        (BeaconSettings(device="b", name="Band 5"), heard(name="Band 5"), True),
        (BeaconSettings(device="b", name="Band 5"), heard(name="Band 55"), False),
        (
            BeaconSettings(device="b", eddystone="00" * 10 + ":" + "11" * 6),
            heard(
                service_data={
                    eddystone.SERVICE_UUID: EddystoneUid(b"\0" * 10, b"\x11" * 6, -3).to_bytes()
                }
            ),
            True,
        ),
        (
            BeaconSettings(device="b", address="AC:23:3F:A0:00:01"),
            heard(
                service_data={minew.SERVICE_UUID: bytes.fromhex("a10864 0100a03f23ac 42")}
            ),
            True,
        ),
    ],
)  # fmt: skip
def test_a_beacon_is_known_by_what_the_settings_name(
    beacon: BeaconSettings, advertisement: Heard, *, is_it: bool
) -> None:
    assert is_this(beacon, advertisement) is is_it


def test_only_what_is_watched_is_said() -> None:
    put: list[Parcel] = []
    watch = BeaconWatch([BAND], GivenClock(), put.extend)
    watch.heard(heard(manufacturer_data={COMPANY: frame(minor=1)}))
    assert put == []
    watch.heard(heard(manufacturer_data={COMPANY: frame()}, rssi_dbm=-64))
    [parcel] = put
    assert (parcel.device, parcel.content.events[0].value) == ("band-1", -64.0)


def test_a_radio_that_hears_nothing_says_nothing_of_one_band() -> None:
    put: list[Parcel] = []
    clock = GivenClock()
    watch = BeaconWatch([BAND], clock, put.extend)
    for second in range(0, 3_600, 10):
        clock.monotonic_ms = 1_000_000 + second * 1000
        watch.tick(clock.moment())
    assert put == []
    for second in range(3_600, 4_300, 10):
        clock.monotonic_ms = 1_000_000 + second * 1000
        watch.heard(heard(address="11:11:11:11:11:11"))
        watch.tick(clock.moment())
    assert [e.kind for p in put for e in p.content.events] == ["unseen"]


def test_a_battery_in_a_minew_frame_is_passed_on() -> None:
    put: list[Parcel] = []
    beacon = BeaconSettings(device="b", address="C0:00:00:00:00:41", tamper="minew-vibration")
    watch = BeaconWatch([beacon], GivenClock(), put.extend)
    shaken = {minew.SERVICE_UUID: bytes.fromhex("a1184001")}
    for _ in range(2):
        watch.heard(heard(service_data=shaken))
    kinds = [e.kind for p in put for e in p.content.events]
    assert kinds == ["seen", "battery", "tamper"]


@pytest.mark.parametrize(
    "text",
    [
        '[[beacons]]\ndevice = "b"',
        '[[beacons]]\ndevice = "b"\nname = "x"\naddress = "y"',
        '[[beacons]]\ndevice = "b"\nname = "x"\ntamper = "nothing"',
        '[[beacons]]\ndevice = "b"\nname = "x"\nunseen_after_s = 59',
        '[[beacons]]\ndevice = "b"\nname = "x"\ntamper_at = {offset = 1, open_value = 1}',
        '[[beacons]]\ndevice = "b"\nname = "x"\n'
        "tamper_at = {company = 76, offset = 1, mask = 1, open_value = 2}",
        '[[beacons]]\ndevice = "a b"\nname = "x"',
    ],
)  # fmt: skip
def test_a_wrong_table_is_refused_at_the_start(tmp_path: Path, text: str) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(text)
    with pytest.raises(SettingsError):
        load_settings(path)


def test_a_table_is_read(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(
        '[[beacons]]\ndevice = "b"\nname = "x"\nunseen_after_s = 60\n'
        'tamper_at = {company = 76, beginning = "0215", offset = 18, mask = 1, open_value = 1}'
    )
    [beacon] = load_settings(path).beacons
    assert beacon.tamper_rule is not None
    assert msgspec.structs.asdict(beacon)["unseen_after_s"] == 60


@pytest.mark.parametrize(
    ("advertisement", "named"),
    [
        (heard(manufacturer_data={COMPANY: frame(is_open=True)}), f'ibeacon = "{HOME}:7:41"'),
        (
            heard(
                service_data={
                    eddystone.SERVICE_UUID: EddystoneUid(b"\0" * 10, b"\x11" * 6, -3).to_bytes()
                }
            ),
            'eddystone = "00000000000000000000:111111111111"',
        ),
        (
            heard(service_data={minew.SERVICE_UUID: bytes.fromhex("a1184001")}),
            'address = "C0:00:00:00:00:41"',
        ),
        (heard(name="Lamp"), ""),
    ],
)
def test_a_scan_names_a_beacon_as_the_settings_write_it(advertisement: Heard, named: str) -> None:
    assert beacon_name(advertisement) == named
