"""A small invented country and people in it, made as the product makes them."""

from datetime import date
from typing import Any, Final

from telehealth import cases, programmes
from telehealth.access.policy import Action, Actor, Role
from telehealth.access.scope import Scope
from telehealth.people.places import add_places
from telehealth.people.places_check import PlaceRow, Ref
from telehealth.store.database import Reader, Transaction

COMMUNES: Final = {"01": ("001", "002"), "02": ("003",)}
"""Province to its communes."""
BORN: Final = date(1950, 1, 2)


def country(tx: Transaction) -> dict[str, str]:
    """Make a country of two provinces and three communes; returns code to place."""
    vn = Ref("VN", "country")
    rows = [PlaceRow("VN", "Việt Nam", "country", valid_from="1900-01-01")]
    for province, communes in COMMUNES.items():
        rows.append(PlaceRow(province, f"Tỉnh {province}", "province", "tỉnh", vn, "1900-01-01"))
        rows += [
            PlaceRow(code, f"Xã {code}", "commune", "xã", Ref(province, "province"), "1900-01-01")
            for code in communes
        ]
    add_places(tx, rows, source="test")
    return dict(map(tuple, tx.rows("SELECT code, place_id FROM place")))


def person(tx: Transaction, name: str, born: date | None = BORN, **more: Any) -> str:
    """Write somebody down and return their id."""
    return cases.add_person(tx, cases.NewPerson(display_name=name, birth_date=born, **more))


def programme(tx: Transaction, place_id: str | None = None, key: str = "pr-test") -> str:
    """Make a programme that runs now."""
    programmes.create(tx, programmes.NewProgramme(programme_id=key, name=key, place="Xã Thử"))
    tx.execute("UPDATE programme SET place_id = ? WHERE programme_id = ?", (place_id, key))
    return key


def actor(role: Role = Role.NURSE, place_id: str | None = None, **more: Any) -> Actor:
    """Return somebody of the staff whose role is held beneath a place."""
    return Actor("ac-test", role, place_id=place_id, **more)


def sees(reader: Reader, who: Actor, action: Action = Action.SEE_IDENTITY) -> Scope:
    """Return whom somebody may find."""
    return Scope(who, action, reader.now_ms)
