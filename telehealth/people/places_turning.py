"""The day on which a place ends: its people come within reach of whoever follows it.

A timer looks every night, just after the day has turned in Vietnam (docs/places.md).
"""

import logging
from datetime import datetime, time, timedelta
from typing import Final

from protocols.uplink import epoch_ms
from telehealth import timers
from telehealth.people.places_store import VIETNAM, closure_is_due, day_in_vietnam, rebuild_closure
from telehealth.store.database import Transaction
from telehealth.timers import Due

log = logging.getLogger(__name__)
KIND: Final = "places"
_SUBJECT: Final = "server"
_AT: Final = time(0, 5)


def begin(tx: Transaction) -> None:
    """Set the clock unless it runs: at each start of a server."""
    timers.start_timer(tx, KIND, _SUBJECT, epoch_ms(next_turn(tx.now)))


def on_due(tx: Transaction, due: Due) -> list[str]:
    """Timer: bring the closure to the new day, if a place ended with the old one."""
    if closure_is_due(tx, day_in_vietnam(tx.now)):
        log.info("places have ended", extra={"places": rebuild_closure(tx)})
    timers.set_timer(tx, KIND, due.subject_id, epoch_ms(next_turn(tx.now)))
    return []


def next_turn(now: datetime) -> datetime:
    """Return the next five past midnight in Vietnam."""
    local = now.astimezone(VIETNAM)
    today = datetime.combine(local.date(), _AT, VIETNAM)
    return today if today > local else today + timedelta(days=1)


HANDLERS: Final = {KIND: on_due}
