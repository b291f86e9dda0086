"""Moving in with somebody: the way a desk says who lives with whom."""

from typing import Final

from telehealth.people import households
from telehealth.people.records import open_personal
from telehealth.store.database import Transaction

LONGEST_ADDRESS: Final = 300
"""Of a household: a longer one of the person's stays on the person's record."""


def live_with(tx: Transaction, person_id: str, other_id: str, by: str) -> str:
    """Let somebody live with another from now on; returns the household.

    Where the other lives in none, one is made at their address, with them at its head.

    Raises:
        NotFoundError: no such person.
        IllegalTransitionError: they live together already, or a record is merged or erased.
    """
    home = households.of(tx, other_id)
    household_id = home.household_id if home else _made(tx, other_id, by)
    households.move_in(tx, household_id, person_id)
    return household_id


def _made(tx: Transaction, head_id: str, by: str) -> str:
    address = open_personal(tx, head_id).address
    rows = tx.rows("SELECT place_id FROM person WHERE person_id = ?", (head_id,))
    household_id = households.create(
        tx, place_id=rows[0][0], address=address[:LONGEST_ADDRESS], created_by=by
    )
    households.move_in(tx, household_id, head_id, is_head=True)
    return household_id
