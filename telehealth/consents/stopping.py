"""Ends collection at once when somebody withdraws monitoring: loans, expectations, what is kept.

What was measured before stays where it is; alerts that stand stay open for a human to close, for
nothing clinical ends in silence. Intake asks `withheld` and keeps nothing measured later.
"""

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from telehealth import outbox, subjects, timers
from telehealth.access import reach
from telehealth.store.database import Reader, Transaction
from telehealth.vitals.decisions import TimerKind
from telehealth.vitals.person_state import PersonState

NOTICE: Final = "consent_withdrawn"


def withheld(reader: Reader, device_ids: Sequence[str]) -> dict[str, int]:
    """Return since when nothing a device measures may be kept; devices without limit are missing.

    The instant is epoch milliseconds UTC and belongs to what is withheld itself.
    """
    rows = reader.rows_in(
        "SELECT device_id, withheld_from_ms FROM device"
        " WHERE withheld_from_ms IS NOT NULL AND device_id IN (…)",
        device_ids,
    )
    return {row[0]: row[1] for row in rows}


def release(tx: Transaction, device_id: str) -> None:
    """Let a device be kept again: it is lent to somebody who agreed."""
    tx.execute("UPDATE device SET withheld_from_ms = NULL WHERE device_id = ?", (device_id,))


def stop_collection(tx: Transaction, person_id: str) -> list[str]:
    """End the person's loans, withhold their devices and expect nothing more; returns the devices.

    Whoever calls it tells the staff (`tell_staff`).
    """
    loans = tx.rows(
        "SELECT loan_id, device_id, from_ms FROM device_loan WHERE person_id = ?"
        " AND (to_ms IS NULL OR to_ms > ?) ORDER BY loan_id",
        (person_id, tx.now_ms),
    )
    for loan_id, device_id, from_ms in loans:
        tx.execute(
            "UPDATE device_loan SET to_ms = ? WHERE loan_id = ?",
            (max(tx.now_ms, from_ms + 1), loan_id),
        )
        tx.execute(
            "UPDATE device SET withheld_from_ms = ? WHERE device_id = ?", (tx.now_ms, device_id)
        )
    _expect_nothing(tx, person_id)
    return sorted({row[1] for row in loans})


def _expect_nothing(tx: Transaction, person_id: str) -> None:
    for kind in TimerKind:
        timers.cancel_timer(tx, kind.value, person_id)
    if not tx.rows("SELECT 1 FROM person_state WHERE person_id = ?", (person_id,)):
        return
    state = subjects.lock_states(tx, [person_id])[person_id]
    subjects.keep_states(tx, {person_id: _unwatched(state)})


def _unwatched(state: PersonState) -> PersonState:
    """Return the state of somebody from whom nothing is expected; values and level stay."""
    return replace(
        state,
        watched_from_ms=0,
        pending=None,
        waiting=None,
        silence_armed=False,
        probe_off_ms=0,
        probe_alerted=False,
    )


def tell_staff(
    tx: Transaction, person_id: str, *, consent_id: str, item: str, device_ids: Sequence[str]
) -> list[str]:
    """Queue a notice for the doctors and the station who answer for the person; returns whom."""
    recipients = dict.fromkeys(_assigned(tx, person_id) + reach.doctors_of(tx, person_id))
    for device_id in device_ids:
        recipients |= dict.fromkeys(reach.station_of(tx, device_id))
    told = list(recipients) or reach.dispatchers_of(tx, person_id)
    for recipient_id in told:
        notice = outbox.Notice(
            idempotency_key=f"{NOTICE}:{consent_id}:{recipient_id}",
            recipient_id=recipient_id,
            subject_id=person_id,
            payload={
                "kind": NOTICE,
                "person_id": person_id,
                "consent_id": consent_id,
                "item": item,
            },
        )
        outbox.queue(tx, notice)
    return told


def _assigned(reader: Reader, person_id: str) -> list[str]:
    rows = reader.rows(
        "SELECT assigned_doctor_id FROM f0_case WHERE person_id = ? AND closed_ms IS NULL"
        " AND assigned_doctor_id IS NOT NULL",
        (person_id,),
    )
    return [row[0] for row in rows]
