"""What scoring costs: gate, NEWS2 with bounds, pack, trend and level of every reading; its state.

People of generator *a* (`benchmarks.evaluation`) measure for a fortnight, two spot checks a day;
others wear a device that sends a minute at a time. Readings of everybody come by the clock, mixed
as a server gets them. Only `advance` is timed; `stored` adds reading the state from its bytes and
writing it back. Held against vitalscore's NEWS2 alone, on the same vitals with nothing missing.
"""

import argparse
import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final

import typer
from vitalscore.scores.news2 import ACVPULevel, score_news2

from benchmarks import figures
from benchmarks.evaluation import generator_a, seeds_tuning
from benchmarks.evaluation.play import START
from benchmarks.figures import Baseline, Figure
from protocols.reading import Oxygen, Reading, ReadingKind, Vitals
from telehealth.subjects import DEFAULT_PACK, rules_of
from telehealth.vitals.levels import Context
from telehealth.vitals.packs import Mode
from telehealth.vitals.person_state import PersonState, decode_state, encode_state
from telehealth.vitals.state import advance

SPOT_H: Final = tuple(day * 24 + hour for day in range(14) for hour in (7, 19))
MINUTE_H: Final = tuple(48 + minute / 60 for minute in range(60))
Stream = Sequence[tuple[int, Reading]]


def stream(people: int, hours: Sequence[float], kind: ReadingKind) -> Stream:
    """Return everybody's readings in the order in which they come, each with whose it is."""
    found: list[tuple[int, Reading]] = []
    seed = seeds_tuning.SEEDS[0]
    for number in range(people):
        course = generator_a.course(seed, number)
        for hour in hours:
            measured = course.measure(hour)
            breaths = measured.respiration_per_min
            spot = kind is ReadingKind.SPOT
            reading = Reading(
                device_id=f"oximeter-{number}",
                kind=kind,
                measured_at=START + timedelta(hours=hour, seconds=number * 60 / people),
                vitals=Vitals(
                    spo2_percent=float(measured.spo2_percent),
                    pulse_per_min=float(measured.pulse_per_min),
                    perfusion_index_percent=measured.perfusion_index_percent,
                    respiration_per_min=float(breaths) if spot and breaths is not None else None,
                    oxygen=Oxygen.AIR if spot else None,
                ),
            )
            if not spot:
                reading = replace(reading, quality_share=1.0)
            found.append((number, reading))
    found.sort(key=lambda pair: pair[1].measured_at)
    return found


def contexts(people: int) -> list[Context]:
    """Return how everybody is monitored; ages are the generator's."""
    rules = rules_of(DEFAULT_PACK, Mode.EVALUATION.value, None, None)
    seed = seeds_tuning.SEEDS[0]
    return [
        Context(rules=rules, age_months=generator_a.course(seed, number).traits.age_months)
        for number in range(people)
    ]


def scored(readings: Stream, known: list[Context]) -> tuple[float, list[PersonState]]:
    """Score everything; returns seconds a reading, and everybody's last state."""
    states = [PersonState()] * len(known)

    def run() -> None:
        for person, reading in readings:
            states[person] = advance(
                states[person], reading, known[person], reading.measured_at
            ).state

    return _timed(run) / len(readings), states


def stored(readings: Stream, known: list[Context]) -> tuple[float, list[bytes]]:
    """Score everything from stored states; returns seconds a reading, and the last states."""
    blobs = [encode_state(PersonState())] * len(known)
    largest = [b""] * len(known)

    def run() -> None:
        for person, reading in readings:
            before = decode_state(blobs[person])
            after = advance(before, reading, known[person], reading.measured_at)
            blob = blobs[person] = encode_state(after.state)
            if len(blob) > len(largest[person]):
                largest[person] = blob

    return _timed(run) / len(readings), largest


def news2_alone(readings: Stream) -> float:
    """Return seconds that vitalscore needs for the same vitals, with nothing missing."""
    vitals = [reading.vitals for _, reading in readings]

    def run() -> None:
        for v in vitals:
            score_news2(
                respiratory_rate=16,
                spo2=round(v.spo2_percent or 0),
                on_oxygen=False,
                systolic_bp=120,
                heart_rate=round(v.pulse_per_min or 0),
                consciousness=ACVPULevel.ALERT,
                temperature=37.0,
            )

    return _timed(run) / len(vitals)


def _timed(run: Callable[[], None]) -> float:
    gc.collect()
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def measure(people: int, rounds: int) -> list[Figure]:
    """Return the figures, the median of the rounds."""
    known = contexts(people)
    found: list[Figure] = []
    for kind, hours in ((ReadingKind.SPOT, SPOT_H), (ReadingKind.MINUTE, MINUTE_H)):
        readings = stream(people, hours, kind)
        scored(readings, known)
        alone, kept, news2, largest = [], [], [], 0
        for _ in range(rounds):
            alone.append(scored(readings, known)[0] * 1e6)
            seconds, states = stored(readings, known)
            kept.append(seconds * 1e6)
            largest = max(largest, *map(len, states))
            news2.append(news2_alone(readings) * 1e6)
        beside = Baseline("vitalscore's NEWS2 alone", sorted(news2)[rounds // 2], "µs")
        name = kind.value
        found += [
            figures.plain(f"us_per_reading_{name}", alone, "µs", beside),
            figures.plain(f"us_per_reading_{name}_stored", kept, "µs", beside),
            figures.plain(f"state_bytes_{name}", [float(largest)], "bytes at most"),
        ]
    return found


def parser() -> argparse.ArgumentParser:
    """Return the options."""
    options = argparse.ArgumentParser(prog="telehealth bench score", description=__doc__)
    options.add_argument("--people", type=int, default=500)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--json", type=Path, help="write the figures there as well")
    return options


def main(args: list[str]) -> int:
    """Measure; returns 0."""
    given = parser().parse_args(args)
    found = measure(given.people, given.rounds)
    for figure in found:
        typer.echo(figure.line())
    if given.json:
        given.json.write_text(figures.to_json(found), encoding="utf-8")
    return 0
