"""Rows for tests, made as the product makes them: sealed persons, accounts that hold a role."""

from typing import Any

from telehealth.access import grants
from telehealth.people.records import Personal, seal_personal
from telehealth.store import tables
from telehealth.store.database import Transaction


def place(tx: Transaction, place_id: str, parent_id: str | None = None) -> None:
    """Write a place down, beneath its parent and everything above that."""
    tx.session.add(
        tables.Place(
            place_id=place_id,
            code=place_id,
            name=place_id,
            folded=place_id,
            level="commune",
            parent_id=parent_id,
            valid_from="1900-01-01",
        )
    )
    tx.session.flush()
    above = tx.rows(
        "SELECT ancestor_id, depth FROM place_ancestor WHERE place_id = ?", (parent_id or "",)
    )
    for ancestor_id, depth in [(place_id, 0), *((key, depth + 1) for key, depth in above)]:
        tx.session.add(
            tables.PlaceAncestor(place_id=place_id, ancestor_id=ancestor_id, depth=depth)
        )
    tx.session.flush()


def person(tx: Transaction, person_id: str, name: str, birth_date: str, **more: Any) -> None:
    """Write a person down under an id of the test's choice."""
    personal = Personal(name=name, birth_date=birth_date)
    row: dict[str, Any] = {
        "person_id": person_id,
        "personal": seal_personal(tx.vault, person_id, personal),
        "created_ms": 0,
    }
    tx.session.add(tables.Person(**(row | more)))
    tx.session.flush()


def account(tx: Transaction, account_id: str, role: str, **more: Any) -> None:
    """Write an account that has held its role for ever; `place_id` goes to the role."""
    place_id = more.pop("place_id", None)
    row: dict[str, Any] = {
        "account_id": account_id,
        "login": account_id,
        "display_name": "" if role == "patient" else account_id,
        "role": role,
        "password_hash": "",
        "created_ms": 0,
    }
    tx.session.add(tables.Account(**(row | more)))
    tx.session.flush()
    if role != "patient":
        grant = tables.RoleGrant(
            grant_id=f"gr-{account_id}",
            account_id=account_id,
            role=role,
            place_id=place_id,
            programme_id=more.get("programme_id"),
            from_ms=0,
            granted_by="test",
        )
        tx.session.add(grant)
        tx.session.flush()


def session(tx: Transaction, account_id: str, user_agent: str = "test") -> str:
    """Open a session in the account's first role, with a second factor behind it."""
    return grants.begin_session(tx, account_id, second_factor="totp", user_agent=user_agent)
