"""Takes away what has been kept long enough: one job over the one table of rules.

Theory of operation. The job is a timer row. Each time it fires it looks at no more than a batch of
one table, in the timer's own transaction, and sets itself again a second later with how far it has
come; after the last table it writes down what it took and sleeps until the next night. So a crash
loses nothing, no transaction is long, and an escalation never waits behind it. The command runs the
same steps one after another.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from protocols.uplink import epoch_ms, instant
from telehealth import timers
from telehealth.errors import IllegalTransitionError, NotFoundError, RefusedError
from telehealth.retention_rules import BY_SUBJECT, RULES, Rule, Taken
from telehealth.store.database import Database, Reader, Transaction
from telehealth.timers import Due

KIND: Final = "retention"
SUBJECT: Final = "server"
BATCH_ROWS: Final = 1_000
"""Most rows that one transaction looks at, and so takes."""
COUNT_UP_TO: Final = 100_000
"""The page counts no further where counting would read a whole table."""
ZONE: Final = ZoneInfo("Asia/Ho_Chi_Minh")
AT_NIGHT: Final = time(3)
_PAUSE_MS: Final = 1_000
_DAY_MS: Final = 86_400_000
_LONGEST: Final = 200


class Progress(Struct, frozen=True):
    """How far a run has come; kept in the timer between two batches."""

    position: int = 0
    """Which rule of `RULES`."""
    after: int = 0
    """In a table read as it arrived: the last row looked at."""
    removed: dict[str, int] = {}

    @property
    def is_over(self) -> bool:
        """Whether every rule has had its turn."""
        return self.position >= len(RULES)


@dataclass(frozen=True, slots=True)
class Override:
    """An operator's own number of days."""

    days: int
    reason: str
    changed_by: str
    changed_ms: int


@dataclass(frozen=True, slots=True)
class Standing:
    """One rule as the page shows it."""

    rule: Rule
    override: Override | None
    rows: int
    """How many have a day from which to count; `COUNT_UP_TO` + 1 means more than that."""
    oldest_ms: int | None
    removed: int | None
    """In the last run; None: there was none."""

    @property
    def days(self) -> int:
        """How long it is kept here."""
        return self.override.days if self.override else self.rule.days


@dataclass(frozen=True, slots=True)
class Run:
    """The last run."""

    at_ms: int
    removed: dict[str, int]


def step(tx: Transaction, progress: Progress) -> Progress:
    """Look at one batch and take what is too old; after the last rule, write the run down."""
    rule = RULES[progress.position]
    cutoff_ms = tx.now_ms - days_of(tx, rule) * _DAY_MS
    keys, after = _batch(tx, rule, cutoff_ms, progress.after)
    if keys:
        tx.rows_in(
            f"DELETE FROM {rule.table} WHERE {rule.key} IN (…) RETURNING {rule.key}",  # noqa: S608
            keys,
        )
    removed = dict(progress.removed)
    if keys:
        removed[rule.subject] = removed.get(rule.subject, 0) + len(keys)
    if after is not None:
        return Progress(progress.position, after, removed)
    following = Progress(progress.position + 1, 0, removed)
    if following.is_over:
        _write_down(tx, removed)
    return following


def _batch(
    reader: Reader, rule: Rule, cutoff_ms: int, after: int
) -> tuple[list[object], int | None]:
    """Return the keys to take, and after which row to go on; None: this rule is done."""
    if rule.taken is Taken.NEVER:
        return [], None
    kept = f"({rule.keep_if})" if rule.keep_if else "1 = 0"
    if rule.taken is Taken.TIME:
        rows = reader.rows(
            f"SELECT {rule.key} FROM {rule.table} x WHERE {rule.at} < ? AND NOT {kept}"  # noqa: S608
            f" LIMIT {BATCH_ROWS}",
            (cutoff_ms,),
        )
        return [row[0] for row in rows], 0 if len(rows) == BATCH_ROWS else None
    rows = reader.rows(
        f"SELECT {rule.key}, {rule.at}, CASE WHEN {kept} THEN 1 ELSE 0 END FROM {rule.table} x"  # noqa: S608
        f" WHERE {rule.key} > ? ORDER BY {rule.key} LIMIT {BATCH_ROWS}",
        (after,),
    )
    keys = [key for key, at_ms, is_kept in rows if not is_kept and _is_old(at_ms, cutoff_ms)]
    reached = any(at_ms is not None and at_ms >= cutoff_ms for _, at_ms, _ in rows)
    is_done = reached or len(rows) < BATCH_ROWS
    return keys, None if is_done else int(rows[-1][0])


def _is_old(at_ms: int | None, cutoff_ms: int) -> bool:
    return at_ms is not None and at_ms < cutoff_ms


def _write_down(tx: Transaction, removed: dict[str, int]) -> None:
    run_id = f"rr-{secrets.token_hex(8)}"
    blob = msgspec.json.encode(removed, order="sorted")
    tx.insert("retention_run", ("run_id", "at_ms", "removed"), [(run_id, tx.now_ms, blob)])


def on_due(tx: Transaction, due: Due) -> list[str]:
    """Timer: take the next batch, and set the clock for the one after it."""
    progress = msgspec.json.decode(due.payload, type=Progress) if due.payload else Progress()
    if progress.is_over:
        progress = Progress()
    after = step(tx, progress)
    if after.is_over:
        timers.set_timer(tx, KIND, SUBJECT, epoch_ms(next_night(tx.now)))
    else:
        timers.set_timer(tx, KIND, SUBJECT, tx.now_ms + _PAUSE_MS, msgspec.json.encode(after))
    return []


HANDLERS: Final = {KIND: on_due}


def begin(tx: Transaction) -> None:
    """Set the clock for the coming night unless it runs: at each start of a server."""
    timers.start_timer(tx, KIND, SUBJECT, epoch_ms(next_night(tx.now)))


def next_night(now: datetime) -> datetime:
    """Return the next three o'clock at night of the place."""
    local = now.astimezone(ZONE)
    tonight = datetime.combine(local.date(), AT_NIGHT, ZONE)
    return tonight if tonight > local else tonight + timedelta(days=1)


async def run(database: Database) -> dict[str, int]:
    """Take away everything that is too old now; returns how many rows of each kind went."""
    progress = Progress()
    while not progress.is_over:
        before = progress
        progress = await database.write(lambda tx, at=before: step(tx, at))  # type: ignore[misc]
    return progress.removed


def days_of(reader: Reader, rule: Rule) -> int:
    """Return how long a kind is kept here."""
    rows = reader.rows("SELECT days FROM retention_rule WHERE subject = ?", (rule.subject,))
    return int(rows[0][0]) if rows else rule.days


def change(tx: Transaction, subject: str, days: int, *, reason: str, by: str) -> None:
    """Keep a kind longer or shorter than the product's table says, within its limits.

    Raises:
        NotFoundError: no such kind.
        IllegalTransitionError: the job takes nothing of this kind.
        RefusedError: outside the limits, or no reason.
    """
    rule = _rule(subject)
    if rule.taken is Taken.NEVER:
        raise IllegalTransitionError("by_command", "change")
    if not rule.least <= days <= rule.most:
        raise RefusedError("days", f"{rule.least} to {rule.most}", days)
    if not 0 < len(reason.strip()) <= _LONGEST:
        raise RefusedError("reason", f"1 to {_LONGEST} characters", len(reason))
    tx.execute(
        "INSERT INTO retention_rule (subject, days, reason, changed_by, changed_ms)"
        " VALUES (?, ?, ?, ?, ?) ON CONFLICT (subject) DO UPDATE SET days = excluded.days,"
        " reason = excluded.reason, changed_by = excluded.changed_by,"
        " changed_ms = excluded.changed_ms",
        (subject, days, reason.strip(), by, tx.now_ms),
    )


def reset(tx: Transaction, subject: str) -> None:
    """Keep a kind as long as the product's table says.

    Raises:
        NotFoundError: no such kind, or nobody changed it.
    """
    if not tx.execute("DELETE FROM retention_rule WHERE subject = ?", (_rule(subject).subject,)):
        raise NotFoundError(f"no rule of the operator for {subject}")


def _rule(subject: str) -> Rule:
    if subject not in BY_SUBJECT:
        raise NotFoundError(f"no retention rule {subject[:40]}")
    return BY_SUBJECT[subject]


def last_run(reader: Reader) -> Run | None:
    """Return the last run, if there was one."""
    rows = reader.rows("SELECT at_ms, removed FROM retention_run ORDER BY at_ms DESC LIMIT 1")
    if not rows:
        return None
    return Run(rows[0][0], msgspec.json.decode(bytes(rows[0][1]), type=dict[str, int]))


def next_run(reader: Reader) -> datetime | None:
    """Return when the job runs next, or goes on; None: no server has set its clock."""
    rows = reader.rows("SELECT due_ms FROM timer WHERE kind = ?", (KIND,))
    return instant(rows[0][0]) if rows else None


def standing(reader: Reader) -> list[Standing]:
    """Return every rule with what there is of its kind now."""
    own = {
        row[0]: Override(*row[1:])
        for row in reader.rows(
            "SELECT subject, days, reason, changed_by, changed_ms FROM retention_rule"
        )
    }
    last = last_run(reader)
    return [
        Standing(
            rule,
            own.get(rule.subject),
            *_present(reader, rule),
            last.removed.get(rule.subject, 0) if last else None,
        )
        for rule in RULES
    ]


def _present(reader: Reader, rule: Rule) -> tuple[int, int | None]:
    """Return how many rows there are and from when the oldest is, without reading them all."""
    if rule.taken is Taken.ARRIVAL:
        ends = reader.rows(
            f"SELECT min({rule.key}), max({rule.key}) FROM {rule.table}"  # noqa: S608 - ours
        )[0]
        if ends[0] is None:
            return 0, None
        first = reader.rows(
            f"SELECT {rule.at} FROM {rule.table} x WHERE {rule.key} = ?",  # noqa: S608 - ours
            (ends[0],),
        )
        return ends[1] - ends[0] + 1, first[0][0]
    counted = reader.rows(
        f"SELECT count(*) FROM (SELECT 1 FROM {rule.table} x"  # noqa: S608 - ours
        f" WHERE {rule.at} IS NOT NULL LIMIT {COUNT_UP_TO + 1}) AS found"
    )
    oldest = reader.rows(f"SELECT min({rule.at}) FROM {rule.table} x")  # noqa: S608 - ours
    return int(counted[0][0]), oldest[0][0]
