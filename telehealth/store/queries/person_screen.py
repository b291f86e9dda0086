"""What one person's page shows beside the row: readings, and columns for the charts."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final
from zoneinfo import ZoneInfo

from protocols.phone import PHONE_KINDS
from protocols.uplink import instant
from telehealth.choices import SAME_MS
from telehealth.people.records import unseal
from telehealth.store.database import Reader, Row
from telehealth.vitals.packs import age_in_months
from telehealth.vitals.silence import GREY_AFTER

READINGS_SHOWN: Final = 60
_MINUTE_MS: Final = 60_000
_GAP_MS: Final = 10 * _MINUTE_MS
"""Where nothing was measured for so long, a chart's line is broken."""


@dataclass(frozen=True, slots=True)
class OnPhone:
    """Something a phone showed about a reading, or that was pressed there."""

    code: str
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingShown:
    """One reading of a person's table."""

    reading_id: int
    kind: str
    measured_ms: int
    received_ms: int
    spo2_percent: float | None
    spo2_min_percent: float | None
    pulse_per_min: float | None
    perfusion_index_percent: float | None
    respiration_per_min: float | None
    temperature_celsius: float | None
    level: int | None
    news2_lower: int | None
    news2_upper: int | None
    gate: str
    quality_reasons: tuple[str, ...]
    late: bool
    time_uncertain: bool
    on_phone: tuple[OnPhone, ...] = ()
    """What the phone showed of it, the first first."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened, for the charts."""

    at_ms: int
    kind: str
    level: int | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """Columns for the charts: epoch seconds, then values; None is a gap."""

    t: tuple[int, ...]
    spo2: tuple[float | None, ...]
    spo2_min: tuple[float | None, ...]
    pulse: tuple[float | None, ...]
    perfusion: tuple[float | None, ...]
    marks: tuple[Mark, ...]
    from_ms: int
    to_ms: int


@dataclass(frozen=True, slots=True)
class Household:
    """What a person's page says about the person's place."""

    time_zone: str
    rule_pack: str
    programme: str
    cadence_s: int
    age_months: int | None


def household(reader: Reader, person_id: str, now_ms: int) -> Household | None:
    """Return the programme of a person's open case; None: nobody's patient."""
    rows = reader.rows(
        "SELECT g.time_zone, g.rule_pack, g.name, g.cadence_s, p.personal FROM f0_case c"
        " JOIN programme g ON g.programme_id = c.programme_id"
        " JOIN person p ON p.person_id = c.person_id"
        " WHERE c.person_id = ? AND c.closed_ms IS NULL",
        (person_id,),
    )
    if not rows:
        return None
    zone, pack, programme, cadence_s, sealed = rows[0]
    today = instant(now_ms).astimezone(ZoneInfo(zone)).date()
    born = unseal(reader.vault, person_id, sealed).born
    months = age_in_months(born, today) if born else None
    return Household(zone, pack, programme, cadence_s, months)


_READINGS: Final = (
    "SELECT reading_id, kind, measured_ms, received_ms, spo2_percent, spo2_min_percent,"
    " pulse_per_min, perfusion_index_percent, level, news2_lower, news2_upper, gate, gate_reasons,"
    " late, time_uncertain, respiration_per_min, temperature_celsius FROM reading"
)


def readings(reader: Reader, person_id: str, *, limit: int = READINGS_SHOWN) -> list[ReadingShown]:
    """Return the person's latest readings, newest first, rejected ones included."""
    rows = reader.rows(
        f"{_READINGS} WHERE person_id = ? ORDER BY measured_ms DESC, reading_id DESC LIMIT ?",
        (person_id, limit),
    )
    return _with_phone(reader, person_id, [_reading(row) for row in rows])


def readings_since(reader: Reader, person_id: str, cursor: int, from_ms: int) -> list[ReadingShown]:
    """Return readings written after a cursor and measured after an instant, newest first."""
    rows = reader.rows(
        f"{_READINGS} WHERE person_id = ? AND measured_ms >= ? AND changed_in > ?"
        " ORDER BY measured_ms DESC, reading_id DESC LIMIT 500",
        (person_id, from_ms, cursor),
    )
    return _with_phone(reader, person_id, [_reading(row) for row in rows])


def _with_phone(
    reader: Reader, person_id: str, shown: Sequence[ReadingShown]
) -> list[ReadingShown]:
    """Put what the phone showed beside the reading it is about, the nearest in time."""
    phones = [one for one in shown if one.kind in PHONE_KINDS]
    if not phones:
        return list(shown)
    rows = reader.rows(
        "SELECT code, at_ms, measured_ms FROM phone_shown WHERE person_id = ?"
        " AND measured_ms BETWEEN ? AND ? ORDER BY at_ms, shown_id",
        (
            person_id,
            min(one.measured_ms for one in phones) - SAME_MS,
            max(one.measured_ms for one in phones) + SAME_MS,
        ),
    )
    told: defaultdict[int, list[OnPhone]] = defaultdict(list)
    for code, at_ms, measured_ms in rows:
        nearest = min(phones, key=lambda one: abs(one.measured_ms - measured_ms))
        if abs(nearest.measured_ms - measured_ms) <= SAME_MS:
            told[nearest.reading_id].append(OnPhone(code, at_ms))
    return [replace(one, on_phone=tuple(told.get(one.reading_id, ()))) for one in shown]


def _reading(row: Row) -> ReadingShown:
    return ReadingShown(
        reading_id=row[0],
        kind=row[1],
        measured_ms=row[2],
        received_ms=row[3],
        spo2_percent=row[4],
        spo2_min_percent=row[5],
        pulse_per_min=row[6],
        perfusion_index_percent=row[7],
        level=row[8],
        news2_lower=row[9],
        news2_upper=row[10],
        gate=row[11],
        quality_reasons=tuple(row[12].split(",")) if row[12] else (),
        late=bool(row[13]),
        time_uncertain=bool(row[14]),
        respiration_per_min=row[15],
        temperature_celsius=row[16],
    )


def series(
    reader: Reader,
    person_id: str,
    *,
    from_ms: int,
    to_ms: int,
    cadence_s: int = 0,
    points: int = 720,
) -> Series:
    """Return a window of a person's readings for the charts, at most about `points` of them.

    Each point is a stretch of equal length: the lowest SpO2 in it and the mean of the others.
    Where nothing came for 1.5 times the cadence the line is broken.
    """
    step_ms = max(60_000, (to_ms - from_ms) // points)
    rows = reader.rows(
        f"SELECT measured_ms / {step_ms:d} AS step, MAX(measured_ms), AVG(spo2_percent),"  # noqa: S608 - a number of ours
        " MIN(COALESCE(spo2_min_percent, spo2_percent)), AVG(pulse_per_min),"
        " AVG(perfusion_index_percent) FROM reading WHERE person_id = ? AND measured_ms >= ?"
        " AND measured_ms <= ? AND gate <> 'rejected' GROUP BY step ORDER BY step",
        (person_id, from_ms, to_ms),
    )
    gap_ms = max(_GAP_MS, 3 * step_ms, int(cadence_s * 1000 * GREY_AFTER))
    columns = _with_gaps(rows, gap_ms)
    return Series(
        t=tuple(int(t) for t in columns[0] if t is not None),
        spo2=columns[1],
        spo2_min=columns[2],
        pulse=columns[3],
        perfusion=columns[4],
        marks=tuple(_marks(reader, person_id, from_ms, to_ms)),
        from_ms=from_ms,
        to_ms=to_ms,
    )


def _with_gaps(rows: Sequence[Row], gap_ms: int) -> list[tuple[float | None, ...]]:
    """Turn rows into columns, with an empty point where nothing was measured for long."""
    points: list[tuple[float | None, ...]] = []
    before: int | None = None
    for _step, at_ms, spo2, spo2_min, pulse, perfusion in rows:
        if before is not None and at_ms - before > gap_ms:
            points.append(((before + at_ms) // 2000, None, None, None, None))
        points.append((at_ms // 1000, *map(_tenth, (spo2, spo2_min, pulse, perfusion))))
        before = at_ms
    return list(zip(*points, strict=True)) if points else [()] * 5


def _tenth(value: float | None) -> float | None:
    return None if value is None else round(float(value), 1)


def _marks(reader: Reader, person_id: str, from_ms: int, to_ms: int) -> list[Mark]:
    alerts = reader.rows(
        "SELECT raised_ms, cause, level FROM alert"
        " WHERE person_id = ? AND raised_ms >= ? AND raised_ms <= ?",
        (person_id, from_ms, to_ms),
    )
    events = reader.rows(
        "SELECT e.at_ms, e.kind FROM device_event e JOIN device_loan l"
        " ON l.device_id = e.device_id AND e.at_ms >= l.from_ms"
        " AND (l.to_ms IS NULL OR e.at_ms < l.to_ms)"
        " WHERE l.person_id = ? AND e.at_ms >= ? AND e.at_ms <= ?"
        " AND e.kind IN ('connected', 'disconnected', 'finger_off', 'finger_on')",
        (person_id, from_ms, to_ms),
    )
    marks = [Mark(at_ms, f"alert_{cause}", level) for at_ms, cause, level in alerts]
    marks += [Mark(at_ms, kind) for at_ms, kind in events]
    return sorted(marks, key=lambda mark: mark.at_ms)
