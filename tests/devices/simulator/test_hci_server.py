"""Adapters lent over TCP: a gateway in another process reads the same ward."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from bleak import BleakClient, BleakScanner
from bleak.backends.device import BLEDevice

from devices.simulator.bleak_bumble import BumbleClient, BumbleScanner
from devices.simulator.hub import Hub
from devices.simulator.physiology import VirtualPatient
from devices.simulator.ward import VirtualWard
from devices.simulator.wearing import Wearing
from protocols.gatt import battery

SOON_S = 10.0
QUICK = timedelta(milliseconds=10)


@pytest.fixture
async def ward() -> AsyncIterator[VirtualWard]:
    wearings = [Wearing(number=n, patient=VirtualPatient(seed=n)) for n in (1, 2)]
    async with VirtualWard(wearings, period=QUICK, advertising_interval=QUICK) as opened:
        yield opened


async def _find(hub: Hub, name: str) -> BLEDevice:
    backend: dict[str, Any] = {"backend": BumbleScanner, "hub": hub}
    device = await BleakScanner.find_device_by_name(name, SOON_S, **backend)
    assert device is not None
    return device


async def _until_free(ward: VirtualWard, name: str) -> None:
    async with asyncio.timeout(SOON_S):
        while ward[name].connected:  # noqa: ASYNC110 - the simulator reports facts, not events
            await asyncio.sleep(0.001)


async def test_a_lent_adapter_reads_the_ward_beside_its_own(ward: VirtualWard) -> None:
    hub = await Hub.open(await ward.serve_hci(), address="F0:00:00:00:00:02")
    near = await BleakScanner.find_device_by_name(
        "SimPLX-002", SOON_S, backend=ward.scanner_backend, **ward.backend_arguments
    )
    assert near is not None
    async with (
        BleakClient(await _find(hub, "SimPLX-001"), backend=BumbleClient, hub=hub) as one,
        BleakClient(near, backend=ward.client_backend, **ward.backend_arguments) as two,
    ):
        assert await one.read_gatt_char(battery.LEVEL_UUID) == bytes((87,))
        assert await two.read_gatt_char(battery.LEVEL_UUID) == bytes((87,))
    await hub.close()


async def test_an_adapter_pulled_out_frees_its_devices_and_can_be_lent_again(
    ward: VirtualWard,
) -> None:
    transport = await ward.serve_hci()
    hub = await Hub.open(transport)
    gone = asyncio.Event()
    client = BleakClient(
        await _find(hub, "SimPLX-001"),
        disconnected_callback=lambda _client: gone.set(),
        backend=BumbleClient,
        hub=hub,
    )
    await client.connect()
    await hub.pull_out()
    await asyncio.wait_for(gone.wait(), SOON_S)
    assert not client.is_connected
    await _until_free(ward, "SimPLX-001")
    hub = await Hub.open(transport)
    async with BleakClient(await _find(hub, "SimPLX-001"), backend=BumbleClient, hub=hub) as again:
        assert again.is_connected
    await hub.close()


async def test_closing_the_ward_takes_lent_adapters_back() -> None:
    wearing = Wearing(number=1, patient=VirtualPatient(seed=1))
    gone = asyncio.Event()
    async with VirtualWard([wearing], period=QUICK, advertising_interval=QUICK) as ward:
        hub = await Hub.open(await ward.serve_hci())
        client = BleakClient(
            await _find(hub, "SimPLX-001"),
            disconnected_callback=lambda _client: gone.set(),
            backend=BumbleClient,
            hub=hub,
        )
        await client.connect()
    await asyncio.wait_for(gone.wait(), SOON_S)
    assert not client.is_connected
    await hub.close()
