"""People: who they are, how they are known, with whom they live, and who speaks for them.

Names, birth dates, identifiers and addresses lie sealed (`telehealth/vault.py`); what is searched
lies as keyed hashes beside them (docs/threats.md says what the frequencies reveal).
"""

from sqlalchemy import CheckConstraint, Index, LargeBinary, UniqueConstraint
from sqlmodel import Field, SQLModel

from telehealth.store.tables.columns import big, blob, ms, ms_or_none


class Person(SQLModel, table=True):
    """A human."""

    person_id: str = Field(primary_key=True)
    personal: bytes | None = Field(default=None, sa_type=LargeBinary)
    """Sealed `telehealth.people.records.Personal`: name, birth date, address."""
    display_name: str = ""
    """As it was before sealing; empty since. Goes with the next release."""
    birth_date: str = ""
    """As it was before sealing; empty since. Goes with the next release."""
    sex: str = Field(default="unknown")
    pregnant: bool = False
    locale: str = "vi"
    place_id: str | None = Field(default=None, foreign_key="place.place_id", index=True)
    place_given: str | None = None
    """A place code that nobody knows: kept as it was given, with a warning on the page."""
    merged_into: str | None = Field(default=None, foreign_key="person.person_id", index=True)
    restricted_ms: int | None = ms_or_none()
    """Since when processing is restricted at the person's request."""
    erased_ms: int | None = ms_or_none()
    created_by: str = ""
    created_ms: int = ms()

    __table_args__ = (CheckConstraint("sex IN ('female', 'male', 'unknown')", name="sex"),)


class PersonIdentifier(SQLModel, table=True):
    """A number under which somebody knows the person, for as long as it held."""

    __tablename__ = "person_identifier"

    identifier_id: str = Field(primary_key=True)
    person_id: str = Field(foreign_key="person.person_id", index=True)
    kind: str
    sealed: bytes = blob()
    value_hash: bytes = blob()
    """Keyed hash of kind and value."""
    valid_from: str | None = None
    valid_to: str | None = None
    source: str = ""
    """card, personal_qr, insurance_qr, typed, import."""
    added_by: str = ""
    added_ms: int = ms()
    ended_ms: int | None = ms_or_none()

    __table_args__ = (
        Index("ix_person_identifier_value", "value_hash", "kind"),
        CheckConstraint(
            "kind IN ('citizen_id', 'old_citizen_id', 'passport', 'insurance', 'phone',"
            " 'station_code')",
            name="kind",
        ),
    )


class PersonToken(SQLModel, table=True):
    """One searchable term of a name, as a keyed hash, within one top-level place."""

    __tablename__ = "person_token"

    token: bytes = Field(primary_key=True, sa_type=LargeBinary)
    bucket: str = Field(primary_key=True)
    """The place at the top of the person's branch, or empty."""
    person_id: str = Field(primary_key=True)

    __table_args__ = (
        Index("ix_person_token_person_id", "person_id"),
        {"sqlite_with_rowid": False},
    )


class Household(SQLModel, table=True):
    """People who live under one roof."""

    household_id: str = Field(primary_key=True)
    place_id: str | None = Field(default=None, foreign_key="place.place_id", index=True)
    address: bytes | None = Field(default=None, sa_type=LargeBinary)
    """Sealed."""
    created_by: str = ""
    created_ms: int = ms()


class HouseholdMember(SQLModel, table=True):
    """Somebody's time in a household; at most one is open."""

    __tablename__ = "household_member"

    membership_id: str = Field(primary_key=True)
    household_id: str = Field(foreign_key="household.household_id", index=True)
    person_id: str = Field(foreign_key="person.person_id", index=True)
    is_head: bool = False
    from_ms: int = ms()
    to_ms: int | None = ms_or_none()


class PersonProxy(SQLModel, table=True):
    """Somebody who acts for a person: a carer by the person's wish, a guardian by law."""

    __tablename__ = "person_proxy"

    proxy_id: str = Field(primary_key=True)
    person_id: str = Field(foreign_key="person.person_id", index=True)
    proxy_person_id: str = Field(foreign_key="person.person_id", index=True)
    kind: str
    basis: str
    """Why they may: the person's consent, parenthood, a court's order; a reference."""
    granted_by: str
    from_ms: int = ms()
    to_ms: int | None = ms_or_none()

    __table_args__ = (
        CheckConstraint("kind IN ('carer', 'guardian')", name="kind"),
        CheckConstraint("person_id <> proxy_person_id", name="other"),
    )


class PersonPair(SQLModel, table=True):
    """Two records that may be one human, for the coordinator to decide; nothing is overwritten."""

    __tablename__ = "person_pair"

    pair_id: str = Field(primary_key=True)
    person_a: str = Field(foreign_key="person.person_id")
    person_b: str = Field(foreign_key="person.person_id", index=True)
    grade: str
    reasons: str
    """Codes, joined by spaces: `same_citizen_id`, `same_name_birth`."""
    state: str = "open"
    found_ms: int = ms()
    decided_by: str | None = None
    decided_ms: int | None = ms_or_none()
    decision_reason: str | None = None

    __table_args__ = (
        UniqueConstraint("person_a", "person_b"),
        CheckConstraint("person_a < person_b", name="ordered"),
        CheckConstraint("grade IN ('exact', 'probable')", name="grade"),
        CheckConstraint("state IN ('open', 'merged', 'distinct')", name="state"),
    )


class PersonMerge(SQLModel, table=True):
    """A merge, with everything that is needed to undo it."""

    __tablename__ = "person_merge"

    merge_id: str = Field(primary_key=True)
    merged_person_id: str = Field(foreign_key="person.person_id", index=True)
    into_person_id: str = Field(foreign_key="person.person_id", index=True)
    reason: str
    moved: bytes = blob()
    """Which rows of which tables changed hands, as MessagePack."""
    merged_by: str
    merged_ms: int = ms()
    undone_by: str | None = None
    undone_ms: int | None = ms_or_none()


class ReadingAttribution(SQLModel, table=True):
    """Somebody's decision whose a reading is, where the loan did not say; the last one holds."""

    __tablename__ = "reading_attribution"

    attribution_id: str = Field(primary_key=True)
    reading_id: int = big()
    received_ms: int = ms()
    before: str | None = None
    after: str | None = None
    """None: nobody's; thrown out with its reason, but kept."""
    reason: str
    decided_by: str
    decided_ms: int = ms()

    __table_args__ = (Index("ix_reading_attribution_reading_id", "reading_id"),)
