"""A ward of virtual oximeters behind a stand-in BlueZ, for any program of this machine.

    $ python -m devices.simulator.bluez --oximeters 3
    unix:path=/tmp/bluez-x1y2z3/bus
    $ DBUS_SYSTEM_BUS_ADDRESS=unix:path=/tmp/bluez-x1y2z3/bus telehealth-gateway scan

It serves until SIGTERM or Ctrl-C, and, if its standard input is a pipe, until that closes: whoever
started it need not end it.
"""

import argparse
import asyncio
import os
import signal
import stat
import sys
from datetime import timedelta

from devices.simulator.bluez.stand_in import StandInBluez
from devices.simulator.physiology import VirtualPatient
from devices.simulator.ward import VirtualWard
from devices.simulator.wearing import Wearing


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(prog="python -m devices.simulator.bluez")
    parser.add_argument("--oximeters", type=int, default=3, help="how many, at most 250")
    parser.add_argument("--period-ms", type=int, default=1000, help="between two measurements")
    parser.add_argument("--advertise-ms", type=int, default=200, help="between two advertisements")
    given = parser.parse_args()
    if not 1 <= given.oximeters <= 250 or min(given.period_ms, given.advertise_ms) < 1:
        parser.error("1 to 250 oximeters, periods of 1 ms or more")
    ward = VirtualWard(
        [
            Wearing(number=number, patient=VirtualPatient(seed=number))
            for number in range(1, given.oximeters + 1)
        ],
        period=timedelta(milliseconds=given.period_ms),
        advertising_interval=timedelta(milliseconds=given.advertise_ms),
    )
    asyncio.run(_serve(ward))


async def _serve(ward: VirtualWard) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with ward, StandInBluez(**ward.backend_arguments) as bluez:
        print(bluez.address, flush=True)  # noqa: T201 - what the caller waits for
        watched = await _watch_input(stop)
        await stop.wait()
        if watched is not None:
            watched.close()


async def _watch_input(stop: asyncio.Event) -> asyncio.BaseTransport | None:
    """Stop when whoever holds the other end of the standard input is gone; only a pipe has one."""

    class Ended(asyncio.Protocol):
        def connection_lost(self, exc: Exception | None) -> None:
            stop.set()

    kind = os.fstat(sys.stdin.fileno()).st_mode
    if not stat.S_ISFIFO(kind) and not stat.S_ISSOCK(kind):
        return None
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(Ended, sys.stdin)
    return transport


if __name__ == "__main__":
    main()
