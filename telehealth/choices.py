"""Readings whose person somebody named, and what their phone showed about them.

A phone's reading is not attributed by a loan: whoever holds the phone says whom it is about. Who
said so is stored like any other decision (`reading_attribution`), and so is the advice that was
shown before the server knew of the reading (docs/phone.md).
"""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from protocols.phone import Shown
from protocols.uplink import Batch, content_key, to_reading
from telehealth.store.database import Row, Transaction

REASON: Final = "own_choice"
"""Why a phone's reading is somebody's, in `reading_attribution.reason`."""
SAME_MS: Final = 5_000
"""A phone whose clock is wrong is corrected at each post anew, by what the way there takes."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Whose the readings of an upload are, who said so, and what was shown to them."""

    person_id: str
    account_id: str
    rules: str = ""
    """Those by which the phone chose its advice."""
    shown: tuple[Shown, ...] = ()


def by_content(uploads: Iterable[tuple[Choice | None, Batch]]) -> dict[bytes, Choice]:
    """Return the choice behind each reading that came with one."""
    return {
        content_key(to_reading(wire, batch.device)): choice
        for choice, batch in uploads
        if choice is not None
        for wire in batch.readings
    }


def keep_decisions(tx: Transaction, stored: Mapping[bytes, Choice]) -> None:
    """Write down who decided whose the readings are that have just been stored."""
    found = tx.rows_in(
        "SELECT reading_id, received_ms, content_key FROM reading WHERE content_key IN (…)",
        list(stored),
    )
    rows: list[Row] = []
    for reading_id, received_ms, key in found:
        choice = stored[bytes(key)]
        rows.append(
            (
                f"at-{secrets.token_hex(8)}", reading_id, received_ms, None, choice.person_id,
                REASON, choice.account_id, tx.now_ms,
            )
        )  # fmt: skip
    columns = (
        "attribution_id", "reading_id", "received_ms", "before", "after", "reason", "decided_by",
        "decided_ms",
    )  # fmt: skip
    tx.insert("reading_attribution", columns, rows)


def keep_shown(tx: Transaction, choices: Iterable[Choice]) -> set[str]:
    """Store what phones showed and what was pressed there; returns whose pages change by it.

    The reading it is about counts as changed, so that open pages show it.
    """
    found = [(choice, shown) for choice in choices for shown in choice.shown]
    columns = (
        "person_id", "account_id", "code", "at_ms", "measured_ms", "rules", "received_ms",
    )  # fmt: skip
    rows: list[Row] = [
        (c.person_id, c.account_id, s.code, s.at, s.reading_at, c.rules, tx.now_ms)
        for c, s in found
    ]
    tx.insert("phone_shown", columns, rows)
    for person_id, measured_ms in sorted({(c.person_id, s.reading_at) for c, s in found}):
        tx.execute(
            "UPDATE reading SET changed_in = ? WHERE person_id = ? AND measured_ms BETWEEN ? AND ?",
            (tx.number, person_id, measured_ms - SAME_MS, measured_ms + SAME_MS),
        )
    return {choice.person_id for choice, _ in found}
