"""The other process of `bench gateway`: virtual oximeters that lend an adapter over TCP.

It prints the adapter's address, then answers each line of standard input: `count` with how many
values went out to a subscriber, `quiet` with the same once nothing more goes out; it ends with its
input.
"""

import asyncio
import sys
from datetime import timedelta

from devices.simulator.physiology import VirtualPatient
from devices.simulator.ward import VirtualWard
from devices.simulator.wearing import Wearing

ADVERTISING_INTERVAL = timedelta(milliseconds=250)
_SETTLE_S = 0.5


async def main(devices: int, rate_hz: float) -> None:
    """Serve so many devices at so many values a second each."""
    wearings = [
        Wearing(number=number, patient=VirtualPatient(seed=number)) for number in range(devices)
    ]
    async with VirtualWard(
        wearings,
        period=timedelta(seconds=1 / rate_hz),
        advertising_interval=ADVERTISING_INTERVAL,
    ) as ward:
        print(await ward.serve_hci(), flush=True)  # noqa: T201 - what the other process waits for
        while line := await asyncio.to_thread(sys.stdin.readline):
            if line.strip() == "quiet":
                for device in ward.oximeters.values():
                    device.go_stale()
                await asyncio.sleep(_SETTLE_S)
            sent = sum(device.frames_sent for device in ward.oximeters.values())
            print(sent, flush=True)  # noqa: T201 - the answer


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2])))
