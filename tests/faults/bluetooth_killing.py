"""Kills a gateway while it reads a device's memory, again and again, and counts the records.

A record of a device's memory is the hardest thing not to lose: the device forgets it when told, and
may be told only when the server has it. The device says more while the gateway is dead.
"""

import asyncio
import random
import sys
from asyncio.subprocess import Process
from collections import Counter
from datetime import timedelta
from pathlib import Path

from devices import identity
from devices.simulator.physiology import VirtualPatient
from devices.simulator.profiles.plx import PlxProfile
from devices.simulator.ward import VirtualWard
from devices.simulator.wearing import Wearing
from protocols.gatt.plx import PlxSpotCheck
from protocols.gatt.plx_status import MeasurementStatus
from protocols.uplink import instant
from telehealth import gateways
from telehealth.clock import now_ms
from tests import databases, world
from tests.faults.load import Tally
from tests.faults.server_process import ROOT, ServerProcess, python_environment
from tests.keys import opened

_FIRST = 30
_MORE = 3
"""Records that the device makes during each absence."""


async def kill_while_reading(folder: Path, *, kills: int, seed: int) -> Tally:
    """Kill the gateway so often; returns how many records the device made and the server has."""
    rng = random.Random(seed)  # noqa: S311 - the moments of a test
    profile = PlxProfile(Wearing(number=1, patient=VirtualPatient(seed=1)), remembers=True)
    ward = VirtualWard(
        [profile],
        period=timedelta(milliseconds=100),
        advertising_interval=timedelta(milliseconds=20),
    )
    memory = _Memory(profile)
    memory.makes(_FIRST)
    async with databases.migrated_address("sqlite", folder) as url, ward:
        server = ServerProcess(url, folder)
        database = opened(url)
        try:
            await world.make(database)
            code = await database.write(lambda tx: gateways.new_enrolment(tx, "test"))
            await asyncio.to_thread(server.start)
            home = folder / "home"
            await identity.enrol(server.origin, code, "test", home)
            for _ in range(kills):
                victim = await _victim(home, await ward.serve_hci())
                await asyncio.sleep(rng.uniform(0.0, 1.5))
                await _kill(victim)
                memory.makes(_MORE)
            victim = await _victim(home, await ward.serve_hci())
            async with asyncio.timeout(120):
                while profile.memory:  # noqa: ASYNC110 - a device reports facts, not events
                    await asyncio.sleep(0.05)
            await _kill(victim)
            found = await database.read(
                lambda r: Counter(
                    row[0]
                    for row in r.rows("SELECT measured_ms FROM reading WHERE kind = 'stored'")
                )
            )
        finally:
            server.kill()
            await database.close()
    return Tally(acked=memory.made, found=len(found), doubled=sum(n > 1 for n in found.values()))


class _Memory:
    """A device that measures by itself, and remembers: one record a minute of its own time."""

    def __init__(self, profile: PlxProfile) -> None:
        self._profile = profile
        self._at = (instant(now_ms()) + timedelta(hours=7) - timedelta(days=1)).replace(
            microsecond=0, tzinfo=None
        )
        self.made = 0

    def makes(self, more: int) -> None:
        for _ in range(more):
            self.made += 1
            self._at += timedelta(minutes=1)
            self._profile.memory.append(
                PlxSpotCheck(
                    spo2_percent=90 + self.made % 10,
                    pulse_per_min=60 + self.made % 40,
                    timestamp=self._at,
                    measurement_status=MeasurementStatus.DATA_FROM_MEASUREMENT_STORAGE,
                )
            )


async def _victim(home: Path, transport: str) -> Process:
    """Start a gateway and wait until it has its adapter."""
    victim = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.faults.bluetooth_victim", str(home), transport,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        env=python_environment(), cwd=ROOT,
    )  # fmt: skip
    assert victim.stdout is not None
    async with asyncio.timeout(20):
        assert await victim.stdout.readline() == b"up\n"
    return victim


async def _kill(victim: Process) -> None:
    assert victim.returncode is None, "it lived until it was killed"
    victim.kill()
    await victim.wait()
