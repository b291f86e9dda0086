"""Power loss in a home: what `append` had returned for is on the disk, and nothing is doubled."""

import shutil
import socket
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from devices.clock import Moment
from devices.spool import Spool
from protocols.uplink import Batch, decode_from_gateway
from tests.devices.given import NOON_MS, spool_path
from tests.faults.power import SYNCS, Disk, acks
from tests.faults.spool_on_a_disk import APPENDS
from tests.faults.trace import STRACE, Call, calls

pytestmark = pytest.mark.faults
LATER = Moment("boot-2", 10_000, NOON_MS + 86_400_000, synchronised=True)


@pytest.fixture
def trace(tmp_path: Path) -> list[Call]:
    """Return what a spool at work asked of the kernel."""
    home = tmp_path / "home"
    home.mkdir()
    log = tmp_path / "trace"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        worker = subprocess.Popen(  # noqa: S603 - of this test
            [
                *STRACE, "-o", str(log), sys.executable, "-m", "tests.faults.spool_on_a_disk",
                str(home), str(listener.getsockname()[1]),
            ]
        )  # fmt: skip
        said, _ = listener.accept()
        with said:
            while said.recv(65_536):
                pass
        assert worker.wait(timeout=30) == 0
    with log.open() as lines:
        return list(calls(lines))


def test_what_was_appended_survives_a_power_cut_at_any_moment(
    tmp_path: Path, trace: list[Call], capsys: pytest.CaptureFixture[str]
) -> None:
    database = str(spool_path(tmp_path / "home"))
    promised = [(ack.began, ack.seq) for ack in acks(trace)]
    assert [seq for _, seq in promised] == list(range(1, APPENDS + 1))
    disk = Disk({}, [database, f"{database}-wal"])
    end = max(call.ended for call in trace) + 1
    cuts = 0
    held = (Counter[float](), 0.0)
    for place in (*disk.after(trace), end):
        due = max((seq for began, seq in promised if began < place), default=0)
        assert_whole(held, due)
        held = held_after(disk, tmp_path / "cut")
        cuts += 1
    assert_whole(held, APPENDS)
    assert held[1] > 0, "something was given up on the way"
    syncs = [c for c in trace if c.name in SYNCS and c.target == f"{database}-wal"]
    assert len(syncs) >= APPENDS
    with capsys.disabled():
        sys.stderr.write(f"\npower cut {cuts} times: {APPENDS} appends, lost 0, doubled 0\n")


def assert_whole(held: tuple[Counter[float], float], due: int) -> None:
    """All that was promised is there once, or said to have been given up."""
    marks, lost = held
    assert all(count == 1 for count in marks.values()), "nothing is doubled"
    missing = sum(1 for number in range(1, due + 1) if number / 10 not in marks)
    assert missing <= lost, f"{missing} of {due} are gone, {lost} were said to be"


def held_after(disk: Disk, folder: Path) -> tuple[Counter[float], float]:
    """Open what a cut leaves; returns the readings it will send, and how many it says are lost."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    contents = disk.contents()
    for path, data in contents.items():
        (folder / Path(path).name).write_bytes(data)
    if not any(path.endswith(".db") for path in contents):
        return Counter(), 0.0
    marks: Counter[float] = Counter()
    lost = 0.0
    with Spool(spool_path(folder)) as spool:
        frames = spool.next_frames(
            {"live": 0, "backlog": 0}, room=10_000, backlog_room=10_000, now=LATER
        )
        for frame in frames:
            message = decode_from_gateway(frame.data)
            if not isinstance(message, Batch):
                continue
            marks.update(reading.spo2_percent or 0.0 for reading in message.readings)
            lost += sum(e.value or 0 for e in message.events if e.kind == "spool_loss_spots")
    return marks, lost
