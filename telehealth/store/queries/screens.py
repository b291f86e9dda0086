"""What the screens show, read in a handful of queries however many persons there are.

A query filters and gathers; levels, ages and order come from the rules (`telehealth.vitals`,
`telehealth.worklist`). Values are plain frozen dataclasses: `telehealth.live` encodes each once.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from protocols.uplink import instant
from telehealth.errors import NotFoundError
from telehealth.people.names import sort_key
from telehealth.people.records import unseal
from telehealth.store.database import Reader, Row
from telehealth.vitals.decisions import Priority
from telehealth.vitals.levels import Level
from telehealth.vitals.packs import age_in_months
from telehealth.vitals.silence import GREY_AFTER
from telehealth.vitals.state import PersonState, decode_state, level_at
from telehealth.worklist import fell, risk_rank

SPARK_STEP_MS: Final = 30 * 60_000
SPARK_POINTS: Final = 48
_HOUR_MS: Final = 3_600_000
YESTERDAY_MS: Final = (28 * _HOUR_MS, 20 * _HOUR_MS)
"""The change since yesterday compares with the mean of these hours ago: the same time of day."""
CLOSED_ALERTS_SHOWN_MS: Final = 14 * 24 * _HOUR_MS
_UNACCEPTED: Final = frozenset({"raised", "notified"})
_OPEN: Final = "status IN ('raised', 'notified', 'accepted', 'acting')"


@dataclass(frozen=True, slots=True)
class LastValue:
    """A last accepted value with its own time."""

    value: float
    at_ms: int


@dataclass(frozen=True, slots=True)
class ReasonShown:
    """Why: the text is in the catalogue under `reason.<code>`."""

    code: str
    value: float | None = None
    limit: float | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class StepShown:
    """One step of an alert's life."""

    at_ms: int
    action: str
    actor: str | None
    reason: str | None
    note: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertShown:
    """An alert with what is needed to act on it."""

    alert_id: str
    cause: str
    kind: str
    priority: str
    level: int
    status: str
    step: int
    awaiting_repeat: bool
    late: bool
    measured_ms: int
    raised_ms: int
    accepted_ms: int | None
    accepted_by_id: str | None
    accepted_by: str | None
    accept_reason: str | None
    review_ms: int | None
    closed_ms: int | None
    close_reason: str | None
    device_id: str | None
    reasons: tuple[ReasonShown, ...]
    steps: tuple[StepShown, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether somebody still has to close it."""
        return self.closed_ms is None


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRow:
    """One line of the doctor's list; also the head of a person's page."""

    person_id: str
    name: str
    age_months: int | None
    sex: str
    day_of_illness: int | None
    doctor_id: str | None
    doctor: str | None
    level: int
    """-1 grey, 0 green to 3 red, as shown at the time of reading."""
    grey_at_ms: int | None
    rank: tuple[int, int, float]
    last_reading_ms: int | None
    spo2: LastValue | None
    pulse: LastValue | None
    spark: tuple[float | None, ...]
    """Lowest SpO2 of each of the last 48 half hours, oldest first."""
    spark_from_ms: int
    change: float | None
    """SpO2 now less the mean of the same time yesterday."""
    fell: bool
    alerts: tuple[AlertShown, ...]
    device_id: str | None
    device_connected: bool | None
    device_seen_ms: int | None
    changed_in: int


@dataclass(slots=True)
class _Gathered:
    alerts: Mapping[str, list[AlertShown]]
    sparks: Mapping[str, dict[int, float]]
    yesterdays: Mapping[str, float]
    devices: Mapping[str, Row] = field(default_factory=dict)


_PERSONS: Final = (
    "SELECT p.person_id, p.personal, p.sex, c.onset_date, c.assigned_doctor_id,"
    " d.display_name, g.time_zone, g.cadence_s, s.state, s.last_reading_ms, s.changed_in"
    " FROM person p"
    " JOIN f0_case c ON c.person_id = p.person_id AND c.closed_ms IS NULL"
    " JOIN programme g ON g.programme_id = c.programme_id"
    " LEFT JOIN account d ON d.account_id = c.assigned_doctor_id"
    " LEFT JOIN person_state s ON s.person_id = p.person_id"
    " WHERE p.person_id IN (…)"
)


def person_rows(reader: Reader, person_ids: Sequence[str], now_ms: int) -> list[PersonRow]:
    """Return the rows of these persons, those with an open case, highest risk first: 5 queries."""
    keys = list(person_ids)
    gathered = _Gathered(
        _open_alerts(reader, keys),
        _sparks(reader, keys, now_ms),
        _yesterdays(reader, keys, now_ms),
        _devices(reader, keys, now_ms),
    )
    rows = [_person_row(reader, row, gathered, now_ms) for row in reader.rows_in(_PERSONS, keys)]
    rows.sort(key=lambda row: sort_key(row.name))
    rows.sort(key=lambda row: row.rank, reverse=True)
    return rows


def _person_row(reader: Reader, row: Row, gathered: _Gathered, now_ms: int) -> PersonRow:
    person_id, sealed, sex, onset, doctor_id, doctor, zone, cadence_s, *stored = row
    blob, last_ms, changed_in = stored
    personal = unseal(reader.vault, person_id, sealed)
    state = decode_state(bytes(blob)) if blob is not None else PersonState()
    cadence = timedelta(seconds=cadence_s)
    level = level_at(state, cadence, instant(now_ms))
    today = instant(now_ms).astimezone(ZoneInfo(zone)).date()
    alerts = tuple(gathered.alerts.get(person_id, ()))
    spo2 = LastValue(state.spo2.value, state.spo2.at_ms) if state.spo2 else None
    pulse = LastValue(state.pulse.value, state.pulse.at_ms) if state.pulse else None
    yesterday = gathered.yesterdays.get(person_id)
    first_step = now_ms // SPARK_STEP_MS - SPARK_POINTS + 1
    minima = gathered.sparks.get(person_id, {})
    device_id, connected, seen_ms = gathered.devices.get(person_id, (None, None, None))
    change = round(spo2.value - yesterday, 1) if spo2 and yesterday is not None else None
    grey_after_ms = int(cadence_s * 1000 * GREY_AFTER)
    return PersonRow(
        person_id=person_id,
        name=personal.name,
        age_months=age_in_months(personal.born, today) if personal.born else None,
        sex=sex,
        day_of_illness=None if onset is None else (today - date.fromisoformat(onset)).days + 1,
        doctor_id=doctor_id,
        doctor=doctor,
        level=int(level),
        grey_at_ms=state.newest_ms + grey_after_ms if state.newest_ms else None,
        rank=risk_rank(
            level,
            [Priority(a.priority) for a in alerts if a.status in _UNACCEPTED],
            spo2.value if spo2 else None,
        ),
        last_reading_ms=last_ms,
        spo2=spo2,
        pulse=pulse,
        spark=tuple(minima.get(first_step + i) for i in range(SPARK_POINTS)),
        spark_from_ms=first_step * SPARK_STEP_MS,
        change=change,
        fell=fell(change),
        alerts=alerts,
        device_id=device_id,
        device_connected=None if connected is None else bool(connected),
        device_seen_ms=seen_ms,
        changed_in=changed_in or 0,
    )


_ALERT_COLUMNS: Final = (
    "SELECT a.person_id, a.alert_id, a.cause, a.kind, a.priority, a.level, a.status, a.step,"
    " a.awaiting_repeat, a.late, a.measured_ms, a.raised_ms, a.accepted_ms, a.accepted_by,"
    " w.display_name, a.accept_reason, a.review_ms, a.closed_ms, a.close_reason, a.device_id,"
    " a.reasons"
    " FROM alert a LEFT JOIN account w ON w.account_id = a.accepted_by"
)


_OPEN_ALERTS: Final = f"{_ALERT_COLUMNS} WHERE a.{_OPEN} AND a.person_id IN (…)"
_NOBODYS: Final = f"{_ALERT_COLUMNS} WHERE a.person_id IS NULL AND a.{_OPEN}"


def _open_alerts(reader: Reader, person_ids: Sequence[str]) -> dict[str, list[AlertShown]]:
    rows = reader.rows_in(_OPEN_ALERTS, person_ids)
    found: defaultdict[str, list[AlertShown]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: (-row[5], row[11])):
        found[row[0]].append(_alert(row))
    return found


def _alert(row: Row, steps: tuple[StepShown, ...] = ()) -> AlertShown:
    return AlertShown(
        alert_id=row[1],
        cause=row[2],
        kind=row[3],
        priority=row[4],
        level=row[5],
        status=row[6],
        step=row[7],
        awaiting_repeat=bool(row[8]),
        late=bool(row[9]),
        measured_ms=row[10],
        raised_ms=row[11],
        accepted_ms=row[12],
        accepted_by_id=row[13],
        accepted_by=row[14],
        accept_reason=row[15],
        review_ms=row[16],
        closed_ms=row[17],
        close_reason=row[18],
        device_id=row[19],
        reasons=reasons_of(row[20]),
        steps=steps,
    )


def reasons_of(stored: bytes | None) -> tuple[ReasonShown, ...]:
    """Read the reasons stored with an alert; what has no code is not one."""
    found: list[Any] = json.loads(stored) if stored else []
    return tuple(
        ReasonShown(
            entry["code"], entry.get("value"), entry.get("limit"), entry.get("source") or ""
        )
        for entry in found
        if isinstance(entry, dict) and "code" in entry
    )


def _sparks(reader: Reader, person_ids: Sequence[str], now_ms: int) -> dict[str, dict[int, float]]:
    rows = reader.rows_in(
        f"SELECT person_id, measured_ms / {SPARK_STEP_MS} AS step, MIN(spo2_percent) FROM reading"  # noqa: S608 - a number of ours
        " WHERE measured_ms > ? AND gate = 'accepted' AND spo2_percent IS NOT NULL"
        " AND person_id IN (…) GROUP BY person_id, step",
        person_ids,
        (now_ms - SPARK_POINTS * SPARK_STEP_MS,),
    )
    found: defaultdict[str, dict[int, float]] = defaultdict(dict)
    for person_id, step, lowest in rows:
        found[person_id][int(step)] = lowest
    return found


def _yesterdays(reader: Reader, person_ids: Sequence[str], now_ms: int) -> dict[str, float]:
    rows = reader.rows_in(
        "SELECT person_id, AVG(spo2_percent) FROM reading"
        " WHERE measured_ms >= ? AND measured_ms < ? AND gate = 'accepted'"
        " AND spo2_percent IS NOT NULL AND person_id IN (…) GROUP BY person_id",
        person_ids,
        (now_ms - YESTERDAY_MS[0], now_ms - YESTERDAY_MS[1]),
    )
    return dict(rows)


def _devices(reader: Reader, person_ids: Sequence[str], now_ms: int) -> dict[str, Row]:
    rows = reader.rows_in(
        "SELECT l.person_id, d.device_id, d.connected, d.seen_ms FROM device_loan l"
        " JOIN device d ON d.device_id = l.device_id"
        " WHERE l.from_ms <= ? AND (l.to_ms IS NULL OR l.to_ms > ?) AND l.person_id IN (…)",
        person_ids,
        (now_ms, now_ms),
    )
    return {row[0]: row[1:] for row in sorted(rows, key=lambda row: row[3] or 0)}


def alerts_of(reader: Reader, person_id: str, now_ms: int) -> list[AlertShown]:
    """Return a person's open alerts, gravest first, then those closed lately, with their steps."""
    rows = reader.rows(
        f"{_ALERT_COLUMNS} WHERE a.person_id = ? AND (a.closed_ms IS NULL OR a.closed_ms > ?)",
        (person_id, now_ms - CLOSED_ALERTS_SHOWN_MS),
    )
    steps = _steps(reader, [row[1] for row in rows])
    shown = [_alert(row, tuple(steps.get(row[1], ()))) for row in rows]
    shown.sort(key=lambda alert: -(alert.closed_ms or alert.raised_ms))
    shown.sort(key=lambda alert: (not alert.is_open, -alert.level if alert.is_open else 0))
    return shown


def _steps(reader: Reader, alert_ids: Sequence[str]) -> dict[str, list[StepShown]]:
    rows = reader.rows_in(
        "SELECT e.alert_id, e.at_ms, e.action, w.display_name, e.reason, e.note, e.event_id"
        " FROM alert_event e LEFT JOIN account w ON w.account_id = e.actor_id"
        " WHERE e.alert_id IN (…)",
        alert_ids,
    )
    found: defaultdict[str, list[StepShown]] = defaultdict(list)
    for row in sorted(rows, key=lambda row: row[6]):
        found[row[0]].append(StepShown(*row[1:6]))
    return found


def nobodys_alerts(reader: Reader) -> list[AlertShown]:
    """Return open alerts about readings that are nobody's yet, gravest first."""
    rows = reader.rows(_NOBODYS)
    return [_alert(row) for row in sorted(rows, key=lambda row: (-row[5], row[11]))]


def alert_person(reader: Reader, alert_id: str) -> str | None:
    """Return whose alert this is; None: nobody's yet.

    Raises:
        NotFoundError: no such alert.
    """
    rows = reader.rows("SELECT person_id FROM alert WHERE alert_id = ?", (alert_id,))
    if not rows:
        raise NotFoundError(f"no alert {alert_id}")
    return None if rows[0][0] is None else str(rows[0][0])


def changed_since(reader: Reader, cursor: int, now_ms: int, before_ms: int) -> list[str]:
    """Return persons with something new after a cursor, or who turned grey since `before_ms`."""
    rows = reader.rows(
        "SELECT person_id FROM person_state WHERE changed_in > ?"
        " UNION SELECT person_id FROM alert WHERE changed_in > ? AND person_id IS NOT NULL"
        " UNION SELECT s.person_id FROM person_state s"
        " JOIN f0_case c ON c.person_id = s.person_id AND c.closed_ms IS NULL"
        " JOIN programme g ON g.programme_id = c.programme_id"
        " WHERE s.last_reading_ms + g.cadence_s * ? BETWEEN ? AND ?",
        (cursor, cursor, int(1000 * GREY_AFTER), before_ms, now_ms),
    )
    return [row[0] for row in rows]


def devices_lent_to(reader: Reader, person_ids: Sequence[str], now_ms: int) -> dict[str, str]:
    """Return the device that each of these persons has now, if any."""
    return {p: row[0] for p, row in _devices(reader, person_ids, now_ms).items()}


def level_name(level: int | None) -> str:
    """Return the name of a level in catalogue and style sheet; none is grey."""
    return Level(-1 if level is None else level).name.lower()
