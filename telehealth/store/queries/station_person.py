"""What the desk's page of one person shows: numbers, household, proxies, case, device, merges.

Names of others are told only as far as the scope holds; numbers come whole, the page masks them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from telehealth.access.scope import Scope
from telehealth.errors import NotFoundError
from telehealth.people import households, identifiers, proxies, standing
from telehealth.people.identifiers import IdentifierShown
from telehealth.people.records import names_of, unseal
from telehealth.station import within
from telehealth.store.database import Reader


@dataclass(frozen=True, slots=True)
class OtherShown:
    """Another person; the name is None outside the scope."""

    person_id: str
    name: str | None


@dataclass(frozen=True, slots=True)
class MemberShown:
    """Somebody of the same household."""

    other: OtherShown
    is_head: bool
    from_ms: int


@dataclass(frozen=True, slots=True)
class ProxyShown:
    """Somebody who acts for the person, or for whom the person acts."""

    proxy_id: str
    other: OtherShown
    kind: str
    basis: str
    """A `telehealth.people.proxies.Basis`."""
    reference: str
    from_ms: int
    to_ms: int | None


@dataclass(frozen=True, slots=True)
class CaseShown:
    """The open case."""

    case_id: str
    programme_id: str
    programme: str
    mode: str
    doctor_id: str | None
    doctor: str | None
    onset_date: str | None
    opened_ms: int


@dataclass(frozen=True, slots=True)
class LoanShown:
    """The device that the person has."""

    loan_id: str
    device_id: str
    from_ms: int
    seen_ms: int | None
    battery_percent: int | None


@dataclass(frozen=True, slots=True)
class MergeShown:
    """A record that became part of this one."""

    merge_id: str
    merged_person_id: str
    name: str
    reason: str
    merged_by: str
    merged_ms: int
    undone_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StationPerson:
    """Everything the page shows but vital signs."""

    person_id: str
    name: str
    birth_date: str
    address: str
    sex: str
    pregnant: bool
    place_id: str | None
    place_given: str | None
    is_restricted: bool
    created_ms: int
    numbers: tuple[IdentifierShown, ...]
    household_id: str | None
    members: tuple[MemberShown, ...]
    proxies: tuple[ProxyShown, ...]
    acts_for: tuple[ProxyShown, ...]
    case: CaseShown | None
    loan: LoanShown | None
    merges: tuple[MergeShown, ...]


def survivor_of(reader: Reader, person_id: str) -> str:
    """Return the record into which this one was merged, or itself."""
    return standing.standing_for(reader, [person_id])[person_id]


def shown(reader: Reader, scope: Scope, person_id: str, now_ms: int) -> StationPerson:
    """Return what the page shows of a person whom the caller may see.

    Raises:
        NotFoundError: no such person.
    """
    rows = reader.rows(
        "SELECT personal, sex, pregnant, place_id, place_given, restricted_ms, created_ms"
        " FROM person WHERE person_id = ?",
        (person_id,),
    )
    if not rows:
        raise NotFoundError(f"no person {person_id}")
    sealed, sex, pregnant, place_id, place_given, restricted_ms, created_ms = rows[0]
    personal = unseal(reader.vault, person_id, sealed)
    household_id, members = _household(reader, scope, person_id)
    return StationPerson(
        person_id=person_id,
        name=personal.name,
        birth_date=personal.birth_date,
        address=personal.address,
        sex=sex,
        pregnant=bool(pregnant),
        place_id=place_id,
        place_given=place_given,
        is_restricted=restricted_ms is not None,
        created_ms=created_ms,
        numbers=tuple(identifiers.of(reader, person_id)),
        household_id=household_id,
        members=members,
        proxies=_proxies(reader, scope, proxies.speaking_for(reader, person_id), of_person=True),
        acts_for=_proxies(reader, scope, proxies.spoken_for_by(reader, person_id), of_person=False),
        case=_case(reader, person_id),
        loan=_loan(reader, person_id, now_ms),
        merges=_merges(reader, person_id),
    )


def number(reader: Reader, person_id: str, identifier_id: str) -> IdentifierShown:
    """Return one number of a person.

    Raises:
        NotFoundError: the person has no such number.
    """
    for one in identifiers.of(reader, person_id):
        if one.identifier_id == identifier_id:
            return one
    raise NotFoundError(f"no identifier {identifier_id[:64]!r} of {person_id}")


def _others(reader: Reader, scope: Scope, person_ids: Sequence[str]) -> dict[str, OtherShown]:
    names = names_of(reader, within(reader, scope, person_ids))
    return {key: OtherShown(key, names.get(key)) for key in person_ids}


def _household(
    reader: Reader, scope: Scope, person_id: str
) -> tuple[str | None, tuple[MemberShown, ...]]:
    home = households.of(reader, person_id)
    if home is None:
        return None, ()
    others = [one for one in home.members if one.person_id != person_id]
    seen = set(within(reader, scope, [one.person_id for one in others]))
    members = tuple(
        MemberShown(_other(one.person_id, one.name, seen), one.is_head, one.from_ms)
        for one in others
    )
    return home.household_id, members


def _other(person_id: str, name: str, seen: set[str]) -> OtherShown:
    return OtherShown(person_id, name if person_id in seen else None)


def _proxies(
    reader: Reader, scope: Scope, found: Sequence[proxies.ProxyShown], *, of_person: bool
) -> tuple[ProxyShown, ...]:
    others = [
        (one, *((one.proxy_person_id, one.proxy) if of_person else (one.person_id, one.person)))
        for one in found
    ]
    seen = set(within(reader, scope, [key for _, key, _ in others]))
    return tuple(
        ProxyShown(
            one.proxy_id,
            _other(key, name, seen),
            one.kind.value,
            one.basis,
            one.reference,
            one.from_ms,
            one.to_ms,
        )
        for one, key, name in others
    )


def _case(reader: Reader, person_id: str) -> CaseShown | None:
    rows = reader.rows(
        "SELECT c.case_id, c.programme_id, g.name, g.mode, c.assigned_doctor_id, d.display_name,"
        " c.onset_date, c.opened_ms FROM f0_case c"
        " JOIN programme g ON g.programme_id = c.programme_id"
        " LEFT JOIN account d ON d.account_id = c.assigned_doctor_id"
        " WHERE c.person_id = ? AND c.closed_ms IS NULL",
        (person_id,),
    )
    return CaseShown(*rows[0]) if rows else None


def _loan(reader: Reader, person_id: str, now_ms: int) -> LoanShown | None:
    rows = reader.rows(
        "SELECT l.loan_id, l.device_id, l.from_ms, d.seen_ms, d.battery_percent FROM device_loan l"
        " JOIN device d ON d.device_id = l.device_id WHERE l.person_id = ? AND l.from_ms <= ?"
        " AND (l.to_ms IS NULL OR l.to_ms > ?) ORDER BY l.from_ms DESC",
        (person_id, now_ms, now_ms),
    )
    return LoanShown(*rows[0]) if rows else None


def _merges(reader: Reader, person_id: str) -> tuple[MergeShown, ...]:
    rows = reader.rows(
        "SELECT m.merge_id, m.merged_person_id, m.reason, a.display_name, m.merged_ms, m.undone_ms"
        " FROM person_merge m LEFT JOIN account a ON a.account_id = m.merged_by"
        " WHERE m.into_person_id = ? ORDER BY m.merged_ms DESC",
        (person_id,),
    )
    names = names_of(reader, [row[1] for row in rows])
    return tuple(
        MergeShown(key, merged, names.get(merged, ""), reason, by or "–", at_ms, undone_ms)
        for key, merged, reason, by, at_ms, undone_ms in rows
    )
