"""A small programme: two doctors, one patient with an open case, her carer, and a stranger."""

from typing import Final

from telehealth.access.policy import Actor, Role
from telehealth.store.database import Transaction
from telehealth.store.tables import Case, Programme
from tests import rows

LAN: Final = Actor("lan", Role.DOCTOR, None, "pr-1")
"""The assigned doctor."""
BINH: Final = Actor("binh", Role.DOCTOR, None, "pr-1")
"""Of the same programme."""
FAR: Final = Actor("far", Role.DOCTOR, None, "pr-2")
HOA: Final = Actor("hoa", Role.PATIENT, "pe-hoa", None)
MINH: Final = Actor("minh", Role.PATIENT, "pe-hoa", None)
"""Cares for Hoa under a log-in of his own."""
TAM: Final = Actor("tam", Role.PATIENT, "pe-tam", None)
ADMIN: Final = Actor("admin", Role.ADMINISTRATOR, None, None)

NAMES: Final = {
    LAN: "BS. Lan", BINH: "BS. Bình", FAR: "BS. Xa", HOA: "Bà Hoa", MINH: "Anh Minh",
    TAM: "Ông Tâm", ADMIN: "Quản trị",
}  # fmt: skip


def people(tx: Transaction) -> None:
    """Write everybody down."""
    for programme_id in ("pr-1", "pr-2"):
        tx.session.add(
            Programme(
                programme_id=programme_id,
                name="Xã A",
                place="vn-lc-01",
                rule_pack="moh-vn-261@2022-01-31",
                valid_from_ms=0,
            )
        )
    tx.session.flush()
    for person_id, name in (("pe-hoa", "Nguyễn Thị Hoa"), ("pe-tam", "Trần Văn Tâm")):
        rows.person(tx, person_id, name, "1950-01-01")
    for actor, name in NAMES.items():
        rows.account(
            tx,
            actor.account_id,
            actor.role.value,
            display_name=name,
            person_id=actor.person_id,
            programme_id=actor.programme_id,
        )
    for person_id in ("pe-hoa", "pe-tam"):
        tx.session.add(
            Case(
                case_id=f"case-{person_id}",
                person_id=person_id,
                programme_id="pr-1",
                assigned_doctor_id="lan",
                opened_ms=0,
            )
        )
    tx.session.flush()
