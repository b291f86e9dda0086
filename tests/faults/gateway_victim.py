"""A gateway without Bluetooth: appends numbered readings to its spool and sends them, for ever.

It says each number only after the append has returned: from then on it may not be lost.
"""

import asyncio
import random
import sys
from pathlib import Path
from typing import Final

from devices.clock import SystemClock
from devices.identity import load_identity
from devices.parcels import Content, Parcel
from devices.settings import Settings
from devices.spool import Spool
from devices.spool_file import SPOOL_FILE
from devices.spool_thread import SpoolThread
from devices.uplink import Uplink
from protocols.uplink import Sample, WireReading

DEVICE: Final = "ox-f0f000000001"
_SPOOL_BYTES: Final = 64 * 1024 * 1024


def numbered(number: int) -> WireReading:
    """Return the reading that stands for a number."""
    return WireReading(kind="spot", at=0, spo2_percent=97.0, record=str(number))


async def main(home: Path, first: int) -> None:
    """Spool and send from a number on, until killed."""
    clock = SystemClock()
    rng = random.Random(first)  # noqa: S311 - spreads reconnections, no secret

    async def configure(_line_percent: float) -> None:
        pass

    async with SpoolThread(home / SPOOL_FILE, max_bytes=_SPOOL_BYTES) as spool:
        settings = Settings(retry_max_s=0.2, ack_timeout_s=2.0)
        uplink = Uplink(load_identity(home), spool, settings, clock, configure=configure, rng=rng)
        sending = asyncio.create_task(uplink.run())
        number = first
        while not sending.done():
            content = Content(samples=[Sample(0, 97, 72, 3)], readings=[(0, numbered(number))])
            await spool.call(Spool.append, [Parcel(DEVICE, clock.moment(), content)])
            sys.stdout.write(f"{number}\n")
            sys.stdout.flush()
            uplink.wake()
            number += 1
        sending.result()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
