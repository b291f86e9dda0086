"""Appends to a spool for ever, and says each number only after the append has returned."""

import sys
from pathlib import Path

from devices.clock import Moment
from devices.parcels import Content, Parcel
from devices.spool import Spool
from protocols.uplink import WireReading
from tests.devices.given import NOON_MS


def main() -> None:
    """Continue after what the spool holds already; the number is the reading's `record`."""
    path, number = Path(sys.argv[1]), int(sys.argv[2])
    with Spool(path) as spool:
        while True:
            number += 1
            at = Moment("boot-1", number, NOON_MS + number, synchronised=True)
            reading = WireReading(kind="spot", at=0, spo2_percent=97, record=str(number))
            spool.append([Parcel("ox-1", at, Content(readings=[(0, reading)]))])
            sys.stdout.write(f"{number}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
