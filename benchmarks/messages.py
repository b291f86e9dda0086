"""What the gateways of a benchmark say: virtual patients' samples, minutes and spot checks. Pure.

Every device sends ten samples a message; messages of one connection go round its devices, and each
device closes a minute with every sixth of its own, at a phase of its own, so at any moment one
message in six does. Of 256 virtual patients eight have been ill for an hour (from yellow to red),
three sink while the round runs, and the others are steady.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from statistics import median
from typing import Final

from devices.simulator.episodes import STEADY, Episode, Kind, Scenario
from devices.simulator.physiology import HEALTHY, OLDER, VirtualPatient, VirtualVitals
from protocols.reading import Quality
from protocols.uplink import Batch, Sample, WireReading

DEVICES: Final = 20_000
"""Worn in every round; at one sample a second they make 20,000 samples a second."""
SAMPLES: Final = 10
CLOSES_EVERY: Final = 6
MESSAGE_MS: Final = 10_000
SPOT_MS: Final = 20_000
HISTORY_MS: Final = 8 * 60_000
"""How long before the present a round's readings may begin: recent enough to be scored in turn."""
PATIENTS: Final = 256
_TURN_MS: Final = {"samples": MESSAGE_MS, "spots": SPOT_MS, "first": HISTORY_MS}
"""How far apart in a device's own time its messages lie."""

_ILL: Final = {5: -2.0, 37: -3.5, 69: -2.0, 101: -5.5, 133: -3.5, 165: -2.0, 197: -3.5, 229: -5.5}
"""Patients whose oxygen is low before the round begins, and by how much."""
_SINKING: Final = {20: -2.0, 110: -3.5, 200: -5.5}
"""Patients whose oxygen falls during the round: about to yellow, orange and red."""
_BEFORE: Final = -18
"""The cycle of everybody's first minute: before anything sinks."""
_HOUR: Final = timedelta(hours=1)
_ELDERLY: Final = replace(OLDER, spo2_percent=97.0)


def device_id(number: int) -> str:
    """Return the id of a device, as the population and the load both know it."""
    return f"d{number:06d}"


def gateway_id(connection: int) -> str:
    """Return the id of the gateway of a connection."""
    return f"bench-{connection:04d}"


def most_messages(kind: str) -> int:
    """Return how many messages a round can hold without dating one in the future."""
    return DEVICES * (HISTORY_MS // _TURN_MS[kind] - 1)


def patient(number: int) -> VirtualPatient:
    """Return one of the virtual patients; one in sixteen is older, the rest are healthy."""
    if number in _ILL:
        scenario = _low(_ILL[number], since=_HOUR)
    elif number in _SINKING:
        scenario = _low(_SINKING[number], since=timedelta(seconds=10))
    else:
        scenario = STEADY
    baseline = _ELDERLY if number % 16 == 15 else HEALTHY
    return VirtualPatient(seed=number, baseline=baseline, scenario=scenario)


def _low(spo2_change_percent: float, *, since: timedelta) -> Scenario:
    episode = Episode(
        kind=Kind.DESATURATION,
        starts=-since,
        onset=timedelta(seconds=40),
        lasts=2 * _HOUR,
        spo2_change_percent=spo2_change_percent,
        pulse_change_per_min=8,
    )
    return Scenario("low", (episode,))


@dataclass(frozen=True, slots=True)
class Worn:
    """A patient's timeline as a device on the finger reports it, each moment made once."""

    patient: VirtualPatient
    blocks: dict[int, list[Sample]]
    spots: dict[int, VirtualVitals]

    def block(self, cycle: int) -> list[Sample]:
        """Return the ten samples of a stretch of ten seconds."""
        found = self.blocks.get(cycle)
        if found is None:
            found = self.blocks[cycle] = [self._sample(cycle, i) for i in range(SAMPLES)]
        return found

    def _sample(self, cycle: int, second: int) -> Sample:
        seen = self.patient.at(timedelta(seconds=cycle * SAMPLES + second))
        return Sample(
            second * 1_000,
            float(round(seen.spo2_percent)),
            float(round(seen.pulse_per_min)),
            round(seen.perfusion_index_percent, 1),
            int(_quality(seen)),
        )

    def minute(self, cycle: int, at_ms: int) -> WireReading:
        """Return the minute that closes with this cycle's last sample."""
        samples = [s for n in range(cycle - CLOSES_EVERY + 1, cycle + 1) for s in self.block(n)]
        good = [s for s in samples if not s.quality] or samples
        spo2 = [s.spo2_percent or 0.0 for s in good]
        return WireReading(
            kind="minute",
            at=at_ms,
            spo2_percent=round(median(spo2), 2),
            pulse_per_min=round(median(s.pulse_per_min or 0.0 for s in good), 2),
            perfusion_index_percent=round(
                median(s.perfusion_index_percent or 0.0 for s in good), 2
            ),
            spo2_min_percent=min(spo2),
            quality_share=round(len([s for s in samples if not s.quality]) / len(samples), 3),
        )

    def spot(self, turn: int, at_ms: int) -> WireReading:
        """Return a finished spot check."""
        seen = self.spots.get(turn)
        if seen is None:
            seen = self.spots[turn] = self.patient.at(timedelta(milliseconds=turn * SPOT_MS))
        return WireReading(
            kind="spot",
            at=at_ms,
            spo2_percent=float(round(seen.spo2_percent)),
            pulse_per_min=float(round(seen.pulse_per_min)),
            perfusion_index_percent=round(seen.perfusion_index_percent, 1),
            quality=int(_quality(seen)),
        )


def _quality(seen: VirtualVitals) -> Quality:
    return Quality.MOTION if seen.moving else Quality.GOOD


class Ward:
    """The devices of all connections, and what each says up to the present.

    Args:
        connections: how many there are.
        kind: `samples` (ten a message, every sixth closes a minute), `spots` (one spot check a
            message), or `first` (one minute of each device, so that everybody has a state).
        count: how many messages each connection will send.
        now_ms: the present; the last turn of every device ends there.
    """

    def __init__(self, connections: int, kind: str, count: int, *, now_ms: int) -> None:
        self.per_connection = DEVICES // connections
        turns = -(-count // self.per_connection)
        self.start_ms = now_ms - turns * _TURN_MS[kind] - MESSAGE_MS
        self._say = {"samples": self._samples, "spots": self._spot, "first": self._first}[kind]

    @cached_property
    def worn(self) -> list[Worn]:
        """The virtual patients, shared by many devices."""
        return [Worn(patient(n), {}, {}) for n in range(PATIENTS)]

    def messages(self, connection: int, first: int, count: int) -> Iterator[Batch]:
        """Yield `count` messages of a connection after the `first` ones."""
        for number in range(first, first + count):
            turn, place = divmod(number, self.per_connection)
            yield self._say(number + 1, connection * self.per_connection + place, turn)

    def _samples(self, seq: int, device: int, turn: int) -> Batch:
        at_ms = self.start_ms + turn * MESSAGE_MS + _jitter(device)
        worn = self.worn[device % PATIENTS]
        closes = (turn + device) % CLOSES_EVERY == CLOSES_EVERY - 1
        readings = [worn.minute(turn, at_ms + MESSAGE_MS - 1_000)] if closes else []
        return Batch("live", seq, device_id(device), at_ms, worn.block(turn), readings)

    def _spot(self, seq: int, device: int, turn: int) -> Batch:
        at_ms = self.start_ms + turn * SPOT_MS + _jitter(device)
        reading = self.worn[device % PATIENTS].spot(turn, at_ms)
        return Batch("live", seq, device_id(device), at_ms, [], [reading])

    def _first(self, seq: int, device: int, turn: int) -> Batch:
        at_ms = self.start_ms - MESSAGE_MS + _jitter(device) - turn
        minute = self.worn[device % PATIENTS].minute(_BEFORE, at_ms)
        return Batch("live", seq, device_id(device), at_ms, [], [minute])


def _jitter(device: int) -> int:
    """Devices do not speak in step."""
    return device * 7_919 % MESSAGE_MS
