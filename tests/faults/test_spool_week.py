"""A server that is away for seven days: the home loses nothing, and shows the present first."""

import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from devices.clock import Moment
from devices.parcels import Content, Frame, Parcel
from devices.spool import Spool
from protocols.uplink import Batch, Sample, StreamName, WireReading, decode_from_gateway
from tests.devices.given import NOON_MS, chance, spool_path

pytestmark = pytest.mark.faults
DAYS, MINUTE_MS = 7, 60_000
MINUTES = DAYS * 24 * 60
DEVICES = ("ox-1", "ox-2")
REBOOTS = 5
"""Power is cut now and then; the machine's clock is set only at the end."""


def moments() -> Iterator[tuple[int, Moment]]:
    """Yield each minute of the week on the gateway's own clock, over some reboots."""
    each = MINUTES // REBOOTS
    for minute in range(MINUTES):
        boot, within = divmod(minute, each)
        yield minute, Moment(f"boot-{boot}", within * MINUTE_MS, 0, synchronised=False)


def minute_of(device: str, at: Moment, number: int, spo2: float) -> Parcel:
    """One closed minute with six of its samples."""
    reading = WireReading(
        kind="minute", at=0, spo2_percent=spo2, record=f"{device}.{number}", quality_share=1.0
    )
    samples = [Sample(10_000 * i, spo2, 72.0, 3.1) for i in range(6)]
    return Parcel(device, at, Content(samples=samples, readings=[(59_000, reading)]))


def test_after_a_week_away_everything_arrives_once_and_the_present_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dice = chance(3)
    last = Moment("", 0, 0, synchronised=False)
    with Spool(spool_path(tmp_path)) as spool:
        waiting: list[Parcel] = []
        for number, at in moments():
            last = at
            waiting += [
                minute_of(device, at, number, 92 + dice.randrange(60) / 10) for device in DEVICES
            ]
            if number % 30 == 29:
                spool.append(waiting)
                waiting = []
                while spool.join_old(at):
                    pass
        octets = spool_path(tmp_path).stat().st_size
        now = replace(last, monotonic_ms=last.monotonic_ms + MINUTE_MS)
        spool.contact(now, NOON_MS)
        first = spool.next_frames({"live": 0, "backlog": 0}, room=8, backlog_room=6, now=now)
        assert first[0].stream == "live", "the present is not hidden behind the week"
        found = received(spool, now)
    wanted = {f"{device}.{number}" for device in DEVICES for number in range(MINUTES)}
    assert set(found) == wanted
    assert all(len(ats) == 1 for ats in found.values()), "nothing is doubled"
    newest = found[f"ox-1.{MINUTES - 1}"][0]
    assert abs(newest - NOON_MS) < 2 * MINUTE_MS
    own_boot = [found[f"ox-1.{n}"][0] for n in range(MINUTES - 100, MINUTES)]
    assert own_boot == sorted(own_boot)
    with capsys.disabled():
        megabytes = octets / 1e6
        sys.stderr.write(f"\na week away: {len(wanted)} minutes, lost 0, {megabytes:.1f} MB\n")


def received(spool: Spool, now: Moment) -> dict[str, list[int]]:
    """Send until nothing is left, as the uplink does; returns when each record was measured."""
    sent: dict[StreamName, int] = {"live": 0, "backlog": 0}
    found: dict[str, list[int]] = defaultdict(list)
    while frames := spool.next_frames(sent, room=256, backlog_room=256, now=now):
        for frame in frames:
            take(frame, found)
            sent[frame.stream] = frame.seq
        spool.acknowledge(dict(sent), now)
    return found


def take(frame: Frame, found: dict[str, list[int]]) -> None:
    message = decode_from_gateway(frame.data)
    assert isinstance(message, Batch)
    for reading in message.readings:
        found[str(reading.record)].append(reading.at)
