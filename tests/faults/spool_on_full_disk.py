"""A spool on a small disk that others fill, in a process of its own.

It runs in a mount namespace (`unshare`), where it makes the disk, and prints what it found as JSON:
the caller judges.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from devices.parcels import Content, Parcel
from devices.spool import Spool
from devices.spool_ballast import BALLAST_BYTES, DiskFullError
from protocols.uplink import Sample, WireReading
from tests.devices.given import GivenClock, batch_of, chance, spool_path

DISK_MB: Final = 6
ROUNDS: Final = 500
SAMPLES: Final = 600
FULL_AT: Final = 200


def main() -> None:
    """Fill the disk, go on appending, make room again."""
    folder = Path(sys.argv[1])
    subprocess.run(  # noqa: S603 - of this test
        ["/bin/mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(folder)], check=True
    )
    clock, dice = GivenClock(), chance(7)
    found: dict[str, Any] = {"refused": 0}
    path = spool_path(folder)
    ballast = path.with_name(path.name + ".ballast")
    with Spool(path) as spool:
        found["ballast"] = ballast.stat().st_size
        found["mode"] = oct(ballast.stat().st_mode & 0o777)
        for number in range(ROUNDS):
            if number == FULL_AT:
                _fill(folder / "others", keep=64 * 1024)
            samples = [Sample(1000 * i, 90 + dice.random() * 9, 72.0, 3.1) for i in range(SAMPLES)]
            reading = WireReading(kind="spot", at=0, spo2_percent=97.0, record=f"r{number}")
            clock.monotonic_ms += 1000
            try:
                spool.append([Parcel("ox-1", clock.moment(), Content(samples, [(0, reading)]))])
            except DiskFullError:
                found["refused"] += 1
        found["ballast_when_full"] = ballast.exists()
        (folder / "others").unlink()
        clock.monotonic_ms += 1000
        spool.append([Parcel("ox-1", clock.moment(), Content(readings=[(0, reading)]))])
        found["ballast_again"] = ballast.exists() and ballast.stat().st_size == BALLAST_BYTES
    with Spool(path) as spool:
        batches = [
            batch_of(frame.data)
            for frame in spool.next_frames(
                {"live": 0, "backlog": 0}, room=10_000, backlog_room=10_000, now=clock.moment()
            )
        ]
    found["records"] = [r.record for b in batches for r in b.readings]
    found["samples"] = sum(len(b.samples) for b in batches)
    found["lost"] = {
        kind: sum(e.value or 0 for b in batches for e in b.events if e.kind == kind)
        for kind in ("spool_loss", "spool_loss_spots")
    }
    sys.stdout.write(json.dumps(found))


def _fill(path: Path, *, keep: int) -> None:
    """Take the disk's room but for a little, as a log or a photograph would."""
    free = os.statvfs(path.parent)
    with path.open("wb") as file:
        file.write(bytes(free.f_bavail * free.f_frsize - keep))


if __name__ == "__main__":
    main()
