"""A merger that lies ahead takes effect on its day, by a timer."""

from datetime import UTC, datetime

import pytest

from protocols.uplink import epoch_ms
from telehealth.people import places, places_turning
from telehealth.people.places_check import PlaceRow, Ref, SuccessorRow
from telehealth.store.database import Database, Transaction
from telehealth.timers import Due

BEFORE = datetime(2030, 6, 30, 16, 0, tzinfo=UTC)
"""23:00 in Vietnam on the last day."""
AFTER = datetime(2030, 6, 30, 17, 5, tzinfo=UTC)
"""00:05 on the first."""


@pytest.mark.parametrize(
    ("now", "due"),
    [
        (BEFORE, AFTER),
        (datetime(2030, 6, 30, 17, 4, 59, tzinfo=UTC), AFTER),
        (AFTER, datetime(2030, 7, 1, 17, 5, tzinfo=UTC)),
    ],
)
def test_the_next_turn_is_five_past_midnight_in_vietnam(now: datetime, due: datetime) -> None:
    assert places_turning.next_turn(now) == due


async def test_on_the_day_after_its_last_a_place_lies_beneath_its_successor(
    database: Database,
) -> None:
    old = PlaceRow("X1", "Xã Cũ", "commune", parent=Ref("T1"), valid_to="2030-07-01")
    new = PlaceRow("X2", "Xã Mới", "commune", parent=Ref("T1"), valid_from="2030-07-01")

    def turn(tx: Transaction) -> list[tuple[int, int]]:
        tx.now_ms = epoch_ms(BEFORE)
        places.add_places(
            tx,
            [PlaceRow("T1", "Tỉnh", "province"), old, new],
            [SuccessorRow(old.key, Ref("X2"), is_default=True)],
        )
        places.rebuild_closure(tx, places.day_in_vietnam(BEFORE))
        places_turning.begin(tx)
        found = []
        for at in (BEFORE, AFTER):
            tick = Transaction(tx.connection, tx.vault)
            tick.now_ms = epoch_ms(at)
            places_turning.on_due(tick, Due("places", "server", tick.now_ms, b""))
            beneath = tx.rows(
                "SELECT count(*) FROM place_ancestor a JOIN place p ON p.place_id = a.place_id"
                " JOIN place s ON s.place_id = a.ancestor_id WHERE p.code = 'X1' AND s.code = 'X2'"
            )
            timer = tx.rows("SELECT due_ms FROM timer WHERE kind = 'places'")
            found.append((beneath[0][0], timer[0][0]))
        return found

    before, after = await database.write(turn)
    assert before == (0, epoch_ms(AFTER))
    assert after == (1, epoch_ms(AFTER) + 86_400_000)
