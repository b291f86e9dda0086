"""A spool at work under `strace`: `python -m tests.faults.spool_on_a_disk FOLDER`.

It appends, numbers, joins and gives up, and nobody acknowledges. Each append that has returned is
said on a socket, as `{"type":"ack","stream":"live","seq":N}`: the words that the checker of power
cuts knows.
"""

import socket
import sys
from pathlib import Path
from typing import Final

from devices.spool import Spool
from protocols.uplink import StreamName
from tests.devices.given import GivenClock, chance, parcel, spool_path

APPENDS: Final = 150
ROOM: Final = 20_000
"""Small enough that the oldest are given up on the way."""


def main() -> None:
    """Work until all is appended."""
    folder, port = Path(sys.argv[1]), int(sys.argv[2])
    clock, dice = GivenClock(), chance(11)
    sent: dict[StreamName, int] = {"live": 0, "backlog": 0}
    with (
        socket.create_connection(("127.0.0.1", port)) as said,
        Spool(spool_path(folder), max_bytes=ROOM) as spool,
    ):
        for number in range(1, APPENDS + 1):
            clock.monotonic_ms += 1000 + dice.randrange(20_000)
            spool.append([parcel(clock.moment(), float(number) / 10)])
            said.sendall(b'{"type":"ack","stream":"live","seq":%d}' % number)
            if number % 5 == 0:
                frames = spool.next_frames(sent, room=4, backlog_room=2, now=clock.moment())
                sent |= {frame.stream: frame.seq for frame in frames}
            if number % 7 == 0:
                spool.join_old(clock.moment())


if __name__ == "__main__":
    main()
