"""How long each kind of data is kept: one table with its sources. Pure.

A rule's `days` may be changed by the operator within `least` and `most` (`telehealth.retention`);
where the law sets the least, the table does too. Confidence is about the source, not the number.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_YEARS_10: Final = 3_650
_YEARS_30: Final = 10_950


class Taken(StrEnum):
    """How the rows of a rule are found and go."""

    ARRIVAL = "arrival"
    """By a number that grows as rows arrive: read from the oldest on, no index on the time."""
    TIME = "time"
    """By an instant that is asked for."""
    NEVER = "never"
    """Not by the job: the audit log goes by whole months, by command (docs/retention.md)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One kind of data."""

    subject: str
    table: str
    key: str
    """The primary key's column, or the one that says which row."""
    at: str
    """SQL over the row `x`: the epoch milliseconds UTC from which the days count; a row in which
    it is empty is kept."""
    days: int
    least: int
    most: int
    source: str
    confidence: str
    """high or medium; own: no law says so, this project decided."""
    taken: Taken = Taken.TIME
    keep_if: str = ""
    """SQL over the row `x` that keeps it, however old."""


_RECORD: Final = "15/2023/QH15 art. 69; 13/2025/TT-BYT"
"""Law on Medical Examination and Treatment; circular on electronic medical records."""
_OURS: Final = "docs/retention.md"
_REFUSED_TOO: Final = (
    "EXISTS (SELECT 1 FROM refused r WHERE r.stream_id = x.stream_id AND r.seq = x.seq)"
)
"""Part of the upload is not among the readings: it stays until its refusal has gone."""
_UNLOCKED: Final = (
    "CASE WHEN x.locked_until_ms > x.last_ms THEN x.locked_until_ms ELSE x.last_ms END"
)
_STILL_OPEN: Final = (
    "EXISTS (SELECT 1 FROM alert a WHERE a.alert_id = x.alert_id AND a.closed_ms IS NULL)"
)
_HAS_HISTORY: Final = "EXISTS (SELECT 1 FROM alert_event e WHERE e.alert_id = x.alert_id)"


def _record(
    subject: str, table: str, key: str, at: str, taken: Taken = Taken.TIME, keep_if: str = ""
) -> Rule:
    """Part of the medical record."""
    return Rule(
        subject=subject, table=table, key=key, at=at, days=_YEARS_10, least=_YEARS_10,
        most=_YEARS_30, source=_RECORD, confidence="medium", taken=taken, keep_if=keep_if,
    )  # fmt: skip


def _ours(
    subject: str, table: str, key: str, at: str, days: int, least: int, most: int,
    taken: Taken = Taken.TIME, keep_if: str = "",
) -> Rule:  # fmt: skip
    """Something that no law has a word on."""
    return Rule(
        subject=subject, table=table, key=key, at=at, days=days, least=least, most=most,
        source=_OURS, confidence="own", taken=taken, keep_if=keep_if,
    )  # fmt: skip


_A: Final = Taken.ARRIVAL
RULES: Final[tuple[Rule, ...]] = (
    _ours("uploads", "upload", "upload_id", "received_ms", 30, 8, 730, _A, _REFUSED_TOO),
    _ours("refused", "refused", "refused_id", "received_ms", 90, 30, 730, _A),
    _ours("copies", "reading_copy", "copy_id", "received_ms", 90, 30, 730, _A),
    _ours("gaps", "stream_gap", "gap_id", "noticed_ms", 365, 30, _YEARS_10, _A),
    _ours("device_events", "device_event", "event_id", "received_ms", 365, 30, _YEARS_10, _A),
    _ours("outbox", "outbox", "outbox_id", "sent_ms", 90, 7, 730, _A),
    _ours("login_failures", "login_failure", "login", _UNLOCKED, 1, 1, 30),
    _ours("attempts", "attempts", "key", "updated_ms", 1, 1, 30),
    _ours("login_steps", "login_step", "step_hash", "expires_ms", 1, 1, 7),
    _ours("sessions", "login_session", "token_hash", "expires_ms", 1, 1, 30),
    _ours("entry_codes", "entry_code", "code_hash", "expires_ms", 30, 1, 365),
    _ours("gateway_codes", "enrolment", "code_hash", "expires_ms", 30, 1, 365),
    _record("readings", "reading", "reading_id", "received_ms", _A),
    _record("attributions", "reading_attribution", "attribution_id", "received_ms"),
    _record("alert_events", "alert_event", "event_id", "at_ms", _A, _STILL_OPEN),
    _record("alerts", "alert", "alert_id", "closed_ms", keep_if=_HAS_HISTORY),
    _record("calls", "call", "room_id", "ended_ms"),
    _record("cases", "f0_case", "case_id", "closed_ms"),
    _record("loans", "device_loan", "loan_id", "to_ms"),
    Rule(
        subject="consents", table="consent", key="consent_id", at="withdrawn_ms", days=_YEARS_10,
        least=1_825, most=_YEARS_30, confidence="medium",
        source="91/2025/QH15 art. 9",
    ),
    _ours("requests", "subject_request", "request_id", "closed_ms", 1_825, 730, _YEARS_30),
    _ours("exports", "export", "export_id", "made_ms", _YEARS_10, 1_825, _YEARS_30),
    _ours(
        "break_glass", "break_glass", "break_glass_id", "reviewed_ms", _YEARS_10, 1_825, _YEARS_30
    ),
    _ours("retention_runs", "retention_run", "run_id", "at_ms", 730, 90, _YEARS_10),
    _ours(
        "audit", "audit", "seq", "at_ms", _YEARS_10, _YEARS_10, _YEARS_30, Taken.NEVER
    ),
)  # fmt: skip
BY_SUBJECT: Final = {rule.subject: rule for rule in RULES}
