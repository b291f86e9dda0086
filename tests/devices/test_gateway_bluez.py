"""A whole gateway over bleak's real BlueZ backend: what bluetoothd does to it in the field."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from devices.gateway import Gateway
from devices.scan import scan_for
from devices.settings import Settings
from devices.simulator.bluez.here import system_bus
from devices.simulator.bluez.stand_in import StandInBluez
from devices.simulator.hub import ADAPTER_ADDRESS, Hub
from tests.devices.given import Heard, chance
from tests.devices.test_gateway import QUICK, Scene, ox, scene, spot_check, ward_of

FIRST, SECOND_ADAPTER = "F0:F0:00:00:00:01", "F0:00:00:00:00:02"
ALERT = msgspec.structs.replace(QUICK, stale_after_s=1.0, scan_restart_s=0.5)


@dataclass
class BluezScene(Scene):
    """A gateway that believes to be on a machine with a Bluetooth adapter."""

    bluez: StandInBluez

    def gateway(self, settings: Settings = ALERT, **_: Any) -> Gateway:
        return Gateway(self.identity, self.folder, settings, rng=chance(1))

    async def reads(self, *numbers: int) -> None:
        """Wait until devices are read, and their links count as made."""
        for number in numbers:
            await self.hears(number)
            await self.server.until(lambda one=number: "connected" in self.events(one))  # type: ignore[misc]  # mypy infers no lambda with a default

    async def hears_more(self, number: int) -> None:
        await self.hears(number, more_than=len(self.samples(number)))


@asynccontextmanager
async def on_bluez(folder: Path, *numbers: int, **bluez: Any) -> AsyncIterator[BluezScene]:
    async with (
        scene(ward_of(*numbers), folder) as plain,
        StandInBluez(**plain.ward.backend_arguments, **bluez) as stand_in,
        system_bus(stand_in.address),
    ):
        yield BluezScene(plain.ward, plain.server, plain.identity, plain.folder, stand_in)


async def test_readings_arrive_over_bluez(tmp_path: Path) -> None:
    async with on_bluez(tmp_path, 1, 2, 3) as one, one.running(ALERT):
        for number in (1, 2, 3):
            await one.hears(number, more_than=10)
        await one.server.until(lambda: {"connected", "battery"} <= set(one.events(1)))
        await spot_check(one.ward["SimPLX-002"], None)
        await one.server.until(lambda: any(r.kind == "spot" for r in one.readings()))
    values = [value for number in (1, 2, 3) for value in one.samples(number)]
    assert all(value is not None and 80 <= value <= 100 for value in values)
    assert not any(oximeter.connected for oximeter in one.ward.oximeters.values())


async def test_a_scan_over_bluez_finds_what_can_be_read(tmp_path: Path) -> None:
    async with on_bluez(tmp_path, 1, 2):
        found = await scan_for(0.4)
    assert [(device.name, device.driver) for device in found if device.driver] == [
        ("SimPLX-002", "plx"),
        ("SimPLX-001", "plx"),
    ]


async def test_a_device_that_drops_the_link_is_connected_again(tmp_path: Path) -> None:
    async with on_bluez(tmp_path, 1) as one, one.running(ALERT):
        await one.reads(1)
        with Heard("disconnected") as ended:
            await one.ward["SimPLX-001"].drop_link()
            assert (await ended.once()).__dict__["why"] == "link lost"
        await one.hears_more(1)


async def test_a_bluetoothd_that_dies_takes_all_links_and_gives_them_back(tmp_path: Path) -> None:
    patient = msgspec.structs.replace(ALERT, stale_after_s=60.0)
    async with on_bluez(tmp_path, 1, 2) as one, one.running(patient):
        await one.reads(1, 2)
        with Heard("disconnected") as ended:
            await one.bluez.die()
            assert (await ended.once()).__dict__["why"] == "bluetoothd is gone"
            await one.server.until(lambda: "disconnected" in one.events(1))
            await one.server.until(lambda: "disconnected" in one.events(2))
        assert {record.__dict__["device_id"] for record in ended.records} == {ox(1), ox(2)}
        await one.bluez.come_back()
        await one.hears_more(1)
        await one.hears_more(2)


async def test_a_bluetoothd_that_is_restarted_at_once_is_noticed_too(tmp_path: Path) -> None:
    patient = msgspec.structs.replace(ALERT, stale_after_s=60.0)
    async with on_bluez(tmp_path, 1) as one, one.running(patient):
        await one.reads(1)
        await one.bluez.die()
        await one.bluez.come_back()
        await one.server.until(lambda: one.events(1).count("connected") >= 2)
        await one.hears_more(1)


async def test_eight_aborted_connects_in_a_row_are_survived(tmp_path: Path) -> None:
    async with on_bluez(tmp_path, 1) as one:
        one.bluez.abort_connects(FIRST, 8)
        async with one.running(ALERT):
            await one.hears(1)
            assert one.bluez.aborts_left(FIRST) == 0
            await one.server.until(lambda: "connected" in one.events(1))
            assert one.events(1).count("connected") == 1, "the ninth was not dropped for them"


async def test_a_link_that_a_crash_left_behind_is_ended_at_the_start(tmp_path: Path) -> None:
    async with on_bluez(tmp_path, 1) as one:
        await one.bluez.hold(FIRST)
        assert one.ward["SimPLX-001"].connected, "and so it does not advertise"
        async with one.running(ALERT):
            await one.hears(1)


async def test_a_device_that_only_says_it_is_connected_is_not_believed(tmp_path: Path) -> None:
    async with (
        on_bluez(tmp_path, 1, says_connected={FIRST: "SimPLX-001"}) as one,
        one.running(ALERT),
    ):
        await one.hears(1)


async def test_a_link_over_which_nothing_comes_is_given_up_and_made_anew(tmp_path: Path) -> None:
    async with on_bluez(tmp_path, 1) as one, one.running(ALERT):
        await one.reads(1)
        with Heard("disconnected") as ended:
            one.bluez.freeze(FIRST)
            assert (await ended.once()).__dict__["why"] == "stale"
        await one.hears_more(1)


async def test_an_adapter_chosen_by_its_address_may_change_its_name(tmp_path: Path) -> None:
    by_address = msgspec.structs.replace(ALERT, adapters=[ADAPTER_ADDRESS])
    async with on_bluez(tmp_path, 1) as one, one.running(by_address):
        await one.reads(1)
        assert await one.bluez.renumber() == "hci1"
        await one.server.until(lambda: "disconnected" in one.events(1))
        await one.hears_more(1)


async def test_an_adapter_that_is_missing_is_named_and_waited_for(tmp_path: Path) -> None:
    other = msgspec.structs.replace(ALERT, adapters=[SECOND_ADAPTER])
    async with on_bluez(tmp_path, 1) as one:
        with Heard("cannot scan") as missed:
            async with one.running(other):
                why = (await missed.once()).__dict__["why"]
                assert f"no Bluetooth adapter {SECOND_ADAPTER}" in why
                assert f"hci0 ({ADAPTER_ADDRESS})" in why
                hub = await Hub.open(await one.ward.serve_hci(), SECOND_ADAPTER)
                await one.bluez.add_adapter(hub, SECOND_ADAPTER)
                await one.hears(1)
        await hub.close()


async def test_stopping_leaves_neither_a_link_nor_a_scan_nor_a_task(tmp_path: Path) -> None:
    async with on_bluez(tmp_path, 1, 2) as one:
        async with one.running(ALERT):
            await one.hears(1)
        assert not one.bluez.connected(FIRST)
        assert not one.bluez.discovering()
        left = {task.get_name() for task in asyncio.all_tasks() if not task.done()}
        assert not left & {"radio", "bluez", "bluez owner", "time", "spool", "uplink", ox(1)}
