"""Writes docs/evaluation.md from the cohorts that `telehealth bench trend` has played."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from benchmarks import trend
from benchmarks.evaluation import measures, seeds_held_out
from benchmarks.evaluation.courses import Traits
from benchmarks.evaluation.measures import FALSE_CAP, QUIET_H
from benchmarks.evaluation.play import REPEATS, Asked, Played

PEOPLE_A_DOCTOR: Final = 200
SHIFTS_A_DAY: Final = 3
_HEAD: Final = """# Evaluation of the trend

Written by `telehealth bench trend --report docs/evaluation.md`; do not edit.

**This is simulation, and no clinical evidence.** No open data set of SpO2 measured at home by
people who later deteriorated was found. What follows says how the rules behave on invented
people whose courses we made up; whether real people are like them is not known. Before the
trend is relied on, an operator must look at it on people of their own (`telehealth replay`).

## How it was done
- **Two generators.** *a* draws curves (a logistic fall from a resting value, Gaussian noise); *b*
  starts from causes: pneumonia as a shunt that grows by fits and starts, plugs and clots within
  hours, alveolar gas and the dissociation curve, then an oximeter on a finger. *b* also has
  pneumonias that stop at 94 to 95 % and heal, people who enrol past their worst, oxygen at home,
  places at altitude. Both have children, chronic lung disease, dark skin, a second oximeter, and
  people who deteriorate without fast breathing or pulse. *b* was written without a look at the
  score or at *a*'s courses.
- **Tuned on a alone**, on seeds of `seeds_tuning.py`; the figures are of the seeds of
  `seeds_held_out.py`, with the score and its orange line frozen. Of *b* only the spread of
  devices and the share of bad readings were set, by what a fixed threshold does on it (below), not
  by what the trend does.
- **The event**: true resting saturation below 93 % for two hours; with chronic lung disease,
  four points below the own resting value. A rule finds it when it alerts between the beginning
  of the decline and the event. Any other alert is false, also one at the harmless dip of
  somebody who gets well; alerts less than {quiet:g} h apart are one. The lead counts a miss as
  0 h.
- **Fair baselines**: each is given the most sensitive cut with at most {cap} false alerts a
  patient-day *on the very people it is measured on*; the trend has its one frozen line. People
  with chronic lung disease are measured against thresholds 8 points lower (as NEWS2's scales
  part).
- **Repeats**: where the rules wait for one, {repeats:.0%} of people measure again a minute
  later.
- A generator on which a fixed threshold does too well or too badly would show nothing: it must
  find 0.35 to 0.60 of the events under the cap. It finds {found}.
- Figures in brackets are 95 % intervals (bootstrap over people). {people} people a generator.
"""


def written(cohorts: dict[tuple[str, int], list[Played]], people: int) -> str:
    """Return the whole page."""
    fixed = {key: trend.FIXED.measured(played)[1] for key, played in cohorts.items()}
    found = ", ".join(
        f"{figures.sensitivity.value:.2f} (*{name}*, {per_day} a day)"
        for (name, per_day), figures in fixed.items()
    )
    parts = [
        _HEAD.format(
            quiet=QUIET_H, cap=FALSE_CAP, repeats=REPEATS, found=found,
            people=people * len(seeds_held_out.SEEDS),
        ),
        *(_compared(name, per_day, played) for (name, per_day), played in cohorts.items()),
        _burden(cohorts),
        _subgroups(cohorts),
        _circumstances(people),
    ]  # fmt: skip
    return "\n".join(parts)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(lines) + "\n"


_COLUMNS: Final = ("sensitivity", "median lead, h", "quartiles, h", "false alerts a patient-day")


def _columns(found: measures.Measures) -> tuple[str, ...]:
    low, high = found.lead_quartiles_h
    return (
        str(found.sensitivity), str(found.lead_h), f"{low:.1f}-{high:.1f}",
        str(found.false_per_patient_day),
    )  # fmt: skip


def _compared(name: str, per_day: int, played: list[Played]) -> str:
    rows = []
    for rule in (trend.TREND, *trend.BASELINES):
        cut, found = rule.measured(played)
        told = rule.name if len(rule.cuts) == 1 else f"{rule.name} (cut {_cut(rule.name, cut)})"
        rows.append((told, *_columns(found)))
    return f"\n## Generator {name}, {per_day} readings a day\n" + _table(("rule", *_COLUMNS), rows)


def _cut(name: str, cut: float) -> str:
    return f"≥ {cut:g}" if "NEWS2" in name else f"≤ {100 - cut:g}"


def _burden(cohorts: dict[tuple[str, int], list[Played]]) -> str:
    rows = []
    for (name, per_day), played in cohorts.items():
        grave = measures.alerts_per_patient_day(played, 2)
        red = measures.alerts_per_patient_day(played, 3)
        yellow = measures.alerts_per_patient_day(played, 1, 1)
        shift = grave.value * PEOPLE_A_DOCTOR / SHIFTS_A_DAY
        readings = sum(p.readings for p in played) / sum(p.watched_days for p in played)
        rows.append(
            (f"{name}, {per_day}", str(red), str(grave), f"{shift:.1f}", str(yellow),
             f"{readings:.2f}")
        )  # fmt: skip
    head = (
        "generator, readings a day", "high", "high and medium",
        f"the same a doctor-shift of {PEOPLE_A_DOCTOR} people", "low (a worklist)",
        "readings a day, with repeats",
    )  # fmt: skip
    return "\n## Alerts a patient-day, the whole level table running\n" + _table(head, rows)


_GROUPS: Final[dict[str, Callable[[Traits], bool]]] = {
    "deteriorates silently": lambda t: t.silent,
    "falls within hours": lambda t: t.step_fall,
    "chronic lung disease": lambda t: t.copd,
    "child": lambda t: t.child,
    "dark skin": lambda t: t.dark_skin,
    "a second oximeter": lambda t: t.device_swap,
    "oxygen at home": lambda t: t.oxygen_from_h is not None,
}


def _subgroups(cohorts: dict[tuple[str, int], list[Played]]) -> str:
    rows = []
    for (name, per_day), played in cohorts.items():
        if per_day != trend.CADENCES[0]:
            continue
        for group, belongs in _GROUPS.items():
            some = [p for p in played if belongs(p.course.traits)]
            if not some:
                continue
            _, found = trend.TREND.measured(some)
            rows.append((f"{name}: {group}", str(len(some)), str(found.events), *_columns(found)))
    head = ("who", "people", "events", *_COLUMNS)
    return "\n## The trend by subgroup, 2 readings a day\n" + _table(head, rows)


_CIRCUMSTANCES: Final = (
    ("1 reading a day", Asked(1)),
    ("2 readings a day, none missed", Asked(2, missing=0.0)),
    ("2 readings a day, 30 % missed", Asked(2, missing=0.3)),
    ("2 readings a day, 50 % missed", Asked(2, missing=0.5)),
    ("2 readings a day, no perfusion index", Asked(2, perfusion_index=False)),
    ("4 readings a day, no perfusion index", Asked(4, perfusion_index=False)),
)


def _circumstances(people: int) -> str:
    rows = []
    for name in trend.GENERATORS:
        for told, asked in _CIRCUMSTANCES:
            played = trend.cohort(name, asked, people)
            _, found = trend.TREND.measured(played)
            _, fixed = trend.FIXED.measured(played)
            best = f"{fixed.sensitivity.value:.2f}, {fixed.lead_h.value:.1f} h"
            rows.append((f"{name}: {told}", *_columns(found), best))
    head = ("circumstances", *_COLUMNS, "best fixed SpO2 under the cap")
    return "\n## The trend by circumstances\n" + _table(head, rows)
