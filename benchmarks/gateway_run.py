"""The measured process of `bench gateway`: a whole gateway, or a bare bleak loop beside it.

Standard input is a line an order, each answered by a line of JSON: `ready` waits until every device
is connected, `mark` says how much CPU the process has used, `end` stops and says what was spooled.
"""

import asyncio
import json
import resource
import sqlite3
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from bleak import BleakClient, BleakScanner
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from devices.gateway import Gateway
from devices.identity import Identity
from devices.radio import Backends
from devices.settings import Settings
from devices.spool_file import SPOOL_FILE
from protocols.gatt import plx

_LOOK_S: Final = 0.005
_NOBODY: Final = "http://127.0.0.1:9"


class Bare:
    """The least that can be done with bleak: connect, subscribe, count."""

    def __init__(self, backends: Backends, devices: int) -> None:
        self.heard = 0
        self._backends = backends
        self._devices = devices
        self._clients: list[BleakClient] = []

    async def run(self) -> None:
        """Connect to every device and count what it says, until cancelled."""
        arguments = dict(self._backends.arguments or {})
        found: dict[str, BLEDevice] = {}

        def heard(device: BLEDevice, _: AdvertisementData) -> None:
            found[device.address] = device

        async with BleakScanner(heard, backend=self._backends.scanner, **arguments):
            while len(found) < self._devices:  # noqa: ASYNC110 - the scanner reports facts
                await asyncio.sleep(_LOOK_S)
        for device in found.values():
            client = BleakClient(device, backend=self._backends.client, **arguments)
            await client.connect()
            await client.start_notify(plx.CONTINUOUS_UUID, self._notified)
            self._clients.append(client)
        await asyncio.Event().wait()

    @property
    def connected(self) -> int:
        return len(self._clients)

    def _notified(self, _: BleakGATTCharacteristic, data: bytearray) -> None:
        self.heard += 1


class Whole:
    """The gateway, its spool on a real disk, its server away."""

    def __init__(self, backends: Backends, devices: int, folder: Path) -> None:
        self._path = folder / SPOOL_FILE
        identity = Identity(_NOBODY, "gw-bench", Ed25519PrivateKey.generate())
        settings = Settings(max_connections=max(1, devices))
        self._gateway = Gateway(identity, folder, settings, backends=backends)

    async def run(self) -> None:
        await self._gateway.run()

    @property
    def connected(self) -> int:
        return len(self._gateway.connected_devices)

    @property
    def heard(self) -> int:
        """Count the samples in the spool."""
        if not self._path.exists():
            return 0
        db = sqlite3.connect(f"file:{self._path}?mode=ro", uri=True)
        try:
            return int(db.execute("SELECT coalesce(sum(samples), 0) FROM entry").fetchone()[0])
        except sqlite3.OperationalError:  # being made
            return 0
        finally:
            db.close()


async def _first_value(one: Bare | Whole) -> float:
    """Return when the first value was heard, or in the spool."""
    while not one.heard:  # noqa: ASYNC110 - another thread writes the file
        await asyncio.sleep(_LOOK_S)
    return time.monotonic()


async def serve(kind: str, transport: str, devices: int, folder: Path, spawned_s: float) -> None:
    """Do what standard input orders."""
    radio_began_s = time.monotonic()
    from devices.simulator.bleak_bumble import BumbleClient, BumbleScanner  # noqa: PLC0415
    from devices.simulator.hub import Hub  # noqa: PLC0415 - the radio's stand-in is timed apart

    hub = await Hub.open(transport)
    radio_s = time.monotonic() - radio_began_s
    backends = Backends(scanner=BumbleScanner, client=BumbleClient, arguments={"hub": hub})
    one = Bare(backends, devices) if kind == "bare" else Whole(backends, devices, folder)
    running = asyncio.create_task(one.run())
    first = asyncio.create_task(_first_value(one))

    async def ready() -> dict[str, Any]:
        while one.connected < devices:
            if running.done():
                running.result()
            await asyncio.sleep(_LOOK_S)
        return {"first_value_s": await first - spawned_s - radio_s}

    async def mark() -> dict[str, Any]:
        return {"cpu_s": time.process_time(), "at_s": time.monotonic()}

    async def end() -> dict[str, Any]:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        rss_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return {"heard": one.heard, "rss_mb": rss_kib / 1024}

    orders: dict[str, Callable[[], Awaitable[dict[str, Any]]]] = {
        "ready": ready, "mark": mark, "end": end,
    }  # fmt: skip
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(await orders[line.strip()]()), flush=True)  # noqa: T201 - the answer
    await hub.close()


if __name__ == "__main__":
    kind, transport, devices, folder, spawned = sys.argv[1:]
    asyncio.run(serve(kind, transport, int(devices), Path(folder), float(spawned)))
