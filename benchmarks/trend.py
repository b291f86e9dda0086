"""`telehealth bench trend`: what the trend score sees coming on held-out, invented people.

Plays cohorts of both generators at 2 and 4 readings a day through the product's rules, and measures
the trend at its orange line against fixed thresholds, two in a row, NEWS2 and each pack alone. With
`--report` it also plays the subgroups and writes docs/evaluation.md. Simulation is no clinical
evidence, and the report says so first.
"""

import argparse
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

import typer

from benchmarks import figures
from benchmarks.evaluation import generator_a, generator_b, measures, seeds_held_out
from benchmarks.evaluation.courses import Generator
from benchmarks.evaluation.measures import Measures, Score
from benchmarks.evaluation.play import Asked, Played, Step, play
from benchmarks.figures import Baseline, Figure
from telehealth.vitals.levels import RuleSet, rule_set
from telehealth.vitals.packs import Mode
from telehealth.vitals.rules import PACKS
from telehealth.vitals.rules.home_levels import HOME_LEVELS

GENERATORS: Final[dict[str, Generator]] = {"a": generator_a, "b": generator_b}
CADENCES: Final = (2, 4)
ORANGE_LINE: Final = 7.0
_PROCESSES: Final = 2


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that is compared: a score, and its cut or those to choose from under the cap."""

    name: str
    score: Score
    cuts: tuple[float, ...]

    def measured(self, cohort: Sequence[Played]) -> tuple[float, Measures]:
        """Return the cut and what it achieves."""
        cut = self.cuts[0]
        if len(self.cuts) > 1:
            cut = measures.best_cut(cohort, self.score, self.cuts)
        return cut, measures.measure(cohort, self.score, cut)


def _low(step: Step) -> float:
    return 100.0 - step.spo2_percent


def _two(step: Step) -> float:
    return 100.0 - max(step.spo2_percent, step.before_percent)


def _news2(step: Step) -> float:
    return 0.0 if step.news2_lower is None else step.news2_lower


def _trend(step: Step) -> float:
    return step.trend


def _pack(number: int, step: Step) -> float:
    return float(step.pack_fires[number])


TREND: Final = Rule("trend ≥ 7", _trend, (ORANGE_LINE,))
FIXED: Final = Rule("best fixed SpO2 under the cap", _low, tuple(map(float, range(4, 12))))
BASELINES: Final = (
    Rule("SpO2 ≤ 92", _low, (8.0,)),
    Rule("SpO2 ≤ 94", _low, (6.0,)),
    Rule("SpO2 ≤ 96", _low, (4.0,)),
    FIXED,
    Rule("best two in a row under the cap", _two, tuple(map(float, range(3, 12)))),
    Rule("NEWS2 ≥ 5", _news2, (5.0,)),
    Rule("best NEWS2 under the cap", _news2, tuple(map(float, range(1, 12)))),
    *(Rule(f"{name} alone", partial(_pack, n), (1.0,)) for n, name in enumerate(PACKS)),
)


def rules() -> RuleSet:
    """Return what decides: the default pack and the whole level table."""
    return rule_set(PACKS["moh-vn-261@2022-01-31"], HOME_LEVELS, Mode.EVALUATION)


def _packs_alone() -> tuple[RuleSet, ...]:
    bare = replace(HOME_LEVELS, rows=(), danger_signs=())
    return tuple(rule_set(pack, bare, Mode.EVALUATION) for pack in PACKS.values())


def _played(job: tuple[str, Asked, int, int]) -> list[Played]:
    """Play one seed's people; in a process of its own."""
    name, asked, seed, people = job
    generator, decides, packs = GENERATORS[name], rules(), _packs_alone()
    return [
        play(generator.course(seed, n), asked, decides, packs, f"play/{seed}/{n}")
        for n in range(people)
    ]


def cohort(name: str, asked: Asked, people: int) -> list[Played]:
    """Play the held-out people of a generator."""
    jobs = [(name, asked, seed, people) for seed in seeds_held_out.SEEDS]
    with ProcessPoolExecutor(_PROCESSES) as pool:
        return [played for found in pool.map(_played, jobs) for played in found]


def measure(people: int, keep: Callable[[str, int, list[Played]], None]) -> list[Figure]:
    """Measure every generator and cadence; `keep` gets each cohort for the report."""
    found: list[Figure] = []
    for name in GENERATORS:
        for cadence in CADENCES:
            played = cohort(name, Asked(cadence), people)
            keep(name, cadence, played)
            found += _figures(f"{name}_{cadence}", played)
    return found


def _figures(suffix: str, played: list[Played]) -> list[Figure]:
    _, trend = TREND.measured(played)
    _, fixed = FIXED.measured(played)

    def figure(name: str, unit: str, pick: Callable[[Measures], measures.Figure]) -> Figure:
        told = pick(trend)
        baseline = Baseline(FIXED.name, pick(fixed).value, unit)
        samples = (told.low, told.value, told.high)
        return figures.plain(f"{name}_{suffix}", samples, unit, baseline)

    grave = measures.alerts_per_patient_day(played, 2)
    yellow = measures.alerts_per_patient_day(played, 1, 1)
    return [
        figure("sensitivity", "of events", lambda m: m.sensitivity),
        figure("lead_h", "h", lambda m: m.lead_h),
        figure("false_per_patient_day", "alerts", lambda m: m.false_per_patient_day),
        figures.plain(
            f"alerts_per_patient_day_{suffix}",
            (grave.low, grave.value, grave.high),
            "high and medium",
            Baseline("yellow", yellow.value, "alerts"),
        ),
    ]


def parser() -> argparse.ArgumentParser:
    """Return the options."""
    options = argparse.ArgumentParser(prog="telehealth bench trend", description=__doc__)
    options.add_argument("--people", type=int, default=seeds_held_out.PEOPLE, help="of each seed")
    options.add_argument("--report", type=Path, help="write the whole evaluation there")
    options.add_argument("--json", type=Path, help="write the figures there as well")
    return options


def main(args: list[str]) -> int:
    """Measure; returns 0."""
    given = parser().parse_args(args)
    cohorts: dict[tuple[str, int], list[Played]] = {}
    found = measure(
        given.people, lambda name, per_day, all_: cohorts.update({(name, per_day): all_})
    )
    for figure in found:
        typer.echo(figure.line())
    if given.json:
        given.json.write_text(figures.to_json(found), encoding="utf-8")
    if given.report:
        from benchmarks.evaluation import report  # noqa: PLC0415

        given.report.write_text(report.written(cohorts, given.people), encoding="utf-8")
    return 0
