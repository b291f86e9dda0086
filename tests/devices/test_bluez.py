"""What the gateway asks BlueZ itself: adapters by MAC, links left over, who owns the name."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from dbus_fast import Message, MessageType
from dbus_fast.aio import MessageBus

from devices import bluez_bus
from devices.bluez import (
    AdapterFound,
    LeftOver,
    NoSuchAdapterError,
    OwnerWatch,
    adapter_named,
    adapters,
    choose_adapter,
    drop_left_over,
    switch_off_and_on,
)
from devices.bluez_bus import BluezUnavailableError
from devices.simulator.bluez.bus import PrivateBus
from devices.simulator.bluez.here import VARIABLE, system_bus
from devices.simulator.bluez.stand_in import StandInBluez
from devices.simulator.hub import ADAPTER_ADDRESS, Hub
from devices.simulator.physiology import VirtualPatient
from devices.simulator.ward import VirtualWard
from devices.simulator.wearing import Wearing
from protocols.gatt import plx
from tests.devices.given import Heard

SECOND_ADAPTER = "F0:00:00:00:00:02"
FIRST, SECOND = "F0:F0:00:00:00:01", "F0:F0:00:00:00:02"
SOON_S = 10.0


@dataclass
class Bench:
    """A ward of two, and its BlueZ as this process's."""

    ward: VirtualWard
    bluez: StandInBluez


@asynccontextmanager
async def bench_of(**bluez: Any) -> AsyncIterator[Bench]:
    ward = VirtualWard(
        [Wearing(number=n, patient=VirtualPatient(seed=n)) for n in (1, 2)],
        advertising_interval=timedelta(milliseconds=20),
    )
    async with (
        ward,
        StandInBluez(**ward.backend_arguments, **bluez) as stand_in,
        system_bus(stand_in.address),
    ):
        yield Bench(ward, stand_in)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with bench_of() as opened:
        yield opened


@pytest.fixture
async def two_adapters(bench: Bench) -> AsyncIterator[Bench]:
    hub = await Hub.open(await bench.ward.serve_hci(), SECOND_ADAPTER)
    await bench.bluez.add_adapter(hub, SECOND_ADAPTER)
    yield bench
    await hub.close()


async def test_every_adapter_is_found_with_its_address_and_its_switch(two_adapters: Bench) -> None:
    await two_adapters.bluez.switch("hci1", on=False)
    assert await adapters() == [
        AdapterFound("hci0", ADAPTER_ADDRESS, powered=True),
        AdapterFound("hci1", SECOND_ADAPTER, powered=False),
    ]


async def test_an_adapter_is_chosen_by_its_address_whatever_its_name(two_adapters: Bench) -> None:
    assert (await adapter_named(SECOND_ADAPTER)).name == "hci1"
    assert (await adapter_named(ADAPTER_ADDRESS)).name == "hci0"
    await two_adapters.bluez.renumber("hci0")
    assert (await adapter_named(ADAPTER_ADDRESS)).name == "hci2"
    assert (await adapter_named(SECOND_ADAPTER)).name == "hci1"


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ("hci1", "hci1"),
        ("F0:00:00:00:00:02", "hci1"),
        ("f0:00:00:00:00:02", "hci1"),
        ("F0-00-00-00-00-01", "hci0"),
    ],
)
def test_an_adapter_has_a_name_and_an_address(wanted: str, name: str) -> None:
    assert choose_adapter(TWO, wanted).name == name


@pytest.mark.parametrize("wanted", ["", "hci", "hci2", "F0:00:00:00:00:0", "F0:00:00:00:00:03"])
def test_an_adapter_that_is_not_there_is_missed_by_name(wanted: str) -> None:
    with pytest.raises(NoSuchAdapterError) as missed:
        choose_adapter(TWO, wanted)
    assert str(missed.value) == (
        f"no Bluetooth adapter {wanted}:"
        " there is hci0 (F0:00:00:00:00:01), hci1 (F0:00:00:00:00:02)"
    )


def test_a_machine_without_any_adapter_says_so() -> None:
    with pytest.raises(NoSuchAdapterError, match="there is none at all"):
        choose_adapter([], "hci0")


TWO = [
    AdapterFound("hci0", "F0:00:00:00:00:01", powered=True),
    AdapterFound("hci1", "F0:00:00:00:00:02", powered=True),
]


async def test_an_adapter_that_is_switched_off_and_on_drops_its_devices(bench: Bench) -> None:
    await bench.bluez.hold(FIRST)
    await switch_off_and_on("hci0")
    assert not bench.ward["SimPLX-001"].connected
    assert (await adapter_named("hci0")).powered


async def test_an_adapter_that_is_not_there_cannot_be_switched(bench: Bench) -> None:
    with pytest.raises(BluezUnavailableError, match="hci7"):
        await switch_off_and_on("hci7")


async def test_our_own_links_from_before_are_ended_and_others_are_not(bench: Bench) -> None:
    await bench.bluez.hold(FIRST)
    await bench.bluez.hold(SECOND)
    asked: list[LeftOver] = []

    def is_ours(left: LeftOver) -> bool:
        asked.append(left)
        return left.address == FIRST

    assert await drop_left_over(is_ours) == [FIRST]
    assert not bench.ward["SimPLX-001"].connected
    assert bench.ward["SimPLX-002"].connected
    assert {left.address for left in asked} == {FIRST, SECOND}
    assert all(plx.SERVICE_UUID in left.services for left in asked)


async def test_a_device_that_only_says_it_is_connected_is_ended_too() -> None:
    async with bench_of(says_connected={FIRST: "SimPLX-001"}) as bench:
        assert await drop_left_over(lambda left: left.name == "SimPLX-001") == [FIRST]
        assert not bench.bluez.connected(FIRST)
        assert await drop_left_over(lambda _: True) == []


async def test_another_adapters_links_are_left_alone(two_adapters: Bench) -> None:
    await two_adapters.bluez.hold(FIRST)
    assert await drop_left_over(lambda _: True, adapter="hci1") == []
    assert await drop_left_over(lambda _: True, adapter="hci0") == [FIRST]


async def test_the_end_of_bluetoothd_is_heard_at_once_and_its_return_too(bench: Bench) -> None:
    async with OwnerWatch() as watch:
        life = await watch.present()
        with Heard("bluetoothd is gone") as told:
            await bench.bluez.die()
            await soon(watch.ended(life))
            assert watch.life is None
            assert (await told.once()).__dict__["life"] == life
        await bench.bluez.come_back()
        assert await soon(watch.present()) == life + 1
        await soon(watch.ended(life))


async def test_a_bluetoothd_that_lives_is_waited_for(bench: Bench) -> None:
    async with OwnerWatch() as watch:
        ended = asyncio.create_task(watch.ended(await watch.present()))
        assert len(await adapters()) == 1, "some traffic on the bus"
        assert not ended.done()
        await bench.bluez.die()
        await soon(ended)


async def test_a_restart_between_two_looks_is_a_new_life(bench: Bench) -> None:
    async with OwnerWatch() as watch:
        life = await watch.present()
        await bench.bluez.die()
        await bench.bluez.come_back()
        await soon(watch.ended(life))


async def test_a_watch_may_begin_before_bluetoothd_does(bench: Bench) -> None:
    await bench.bluez.die()
    async with OwnerWatch() as watch:
        assert watch.life is None
        waiting = asyncio.create_task(watch.present())
        await bench.bluez.come_back()
        assert await soon(waiting) == 1


async def test_the_end_of_the_bus_is_the_end_of_bluetoothd_and_a_new_bus_is_found(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with AsyncExitStack() as first:
        ends = await first.enter_async_context(StandInBluez(**bench.ward.backend_arguments))
        monkeypatch.setenv(VARIABLE, ends.address)
        async with OwnerWatch(retry_s=0.02) as watch:
            life = await watch.present()
            monkeypatch.setenv(VARIABLE, bench.bluez.address)
            with Heard("system bus is gone") as told:
                await first.aclose()
                await soon(watch.ended(life))
                await told.once()
            assert await soon(watch.present()) == life + 1


async def test_a_watch_leaves_no_task_and_no_connection_behind(bench: Bench) -> None:
    before = asyncio.all_tasks()
    async with OwnerWatch() as watch:
        await watch.present()
    assert asyncio.all_tasks() == before


ASKING: list[Callable[[], Awaitable[Any]]] = [
    adapters,
    lambda: adapter_named("hci0"),
    lambda: switch_off_and_on("hci0"),
    lambda: drop_left_over(lambda _: True),
]


@pytest.mark.parametrize("ask", ASKING)
@pytest.mark.parametrize("address", ["unix:path=/nowhere/at/all", "nonsense", "unix:path=/"])
async def test_a_machine_without_a_bus_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, ask: Callable[[], Awaitable[Any]], address: str
) -> None:
    monkeypatch.setenv(VARIABLE, address)
    with pytest.raises(BluezUnavailableError, match="install the packages dbus and bluez"):
        await ask()
    with pytest.raises(BluezUnavailableError, match="install the packages dbus and bluez"):
        async with OwnerWatch():
            pass


@pytest.mark.parametrize("ask", ASKING)
async def test_a_machine_without_bluetoothd_says_what_to_start(
    ask: Callable[[], Awaitable[Any]],
) -> None:
    async with PrivateBus() as bus, system_bus(bus.address):
        with pytest.raises(BluezUnavailableError, match="systemctl enable --now bluetooth"):
            await ask()


@asynccontextmanager
async def impostor(answer: Callable[[Message], Message | bool]) -> AsyncIterator[None]:
    """Own the name of BlueZ and answer as told; `True`: never."""
    async with PrivateBus() as bus, system_bus(bus.address):
        owner = await MessageBus(bus_address=bus.address).connect()
        owner.add_message_handler(
            lambda message: message.message_type is MessageType.METHOD_CALL and answer(message)
        )
        await owner.request_name("org.bluez")
        yield
        owner.disconnect()
        await owner.wait_for_disconnect()  # type: ignore[no-untyped-call]  # dbus-fast's


async def test_a_bluetoothd_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    async with impostor(lambda _: True):
        monkeypatch.setattr(bluez_bus, "_ANSWER_S", 0.2)
        with pytest.raises(BluezUnavailableError, match="systemctl restart bluetooth"):
            await adapters()


async def test_a_user_who_may_not_use_bluetooth_is_told_how_to() -> None:
    denied = "org.freedesktop.DBus.Error.AccessDenied"
    async with impostor(lambda message: Message.new_error(message, denied, "Rejected")):
        with pytest.raises(BluezUnavailableError, match="add it to the group bluetooth"):
            await adapters()


async def test_a_user_whom_the_bus_does_not_let_in_is_told_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    over = asyncio.Event()

    async def reject(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"REJECTED EXTERNAL\r\n")
        await reader.read()
        writer.close()
        await writer.wait_closed()
        over.set()

    async with await asyncio.start_unix_server(reject, tmp_path / "bus"):
        monkeypatch.setenv(VARIABLE, f"unix:path={tmp_path}/bus")
        with pytest.raises(BluezUnavailableError, match="refuses this user"):
            await adapters()
        await soon(over.wait())


async def soon(waiting: Awaitable[Any]) -> Any:
    return await asyncio.wait_for(waiting, SOON_S)
