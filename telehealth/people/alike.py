"""Whether somebody about to be registered is here already: asked while the form is typed.

The reasons and grades are those of `duplicates`; only people of the asker's scope are told of.
Whoever is alike but out of reach turns up on the coordinator's desk after the registration.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from protocols.identifiers import Identifier, IdentifierKind
from telehealth.access.scope import Scope
from telehealth.people.duplicates import Grade, Reason, grade_of
from telehealth.people.names import Similarity, similarity, words
from telehealth.people.search import FoundPerson, search
from telehealth.store.database import Reader

MOST: Final = 20
_SURE: Final = {
    IdentifierKind.CITIZEN_ID: Reason.SAME_CITIZEN_ID,
    IdentifierKind.OLD_CITIZEN_ID: Reason.SAME_OLD_CITIZEN_ID,
    IdentifierKind.PASSPORT: Reason.SAME_PASSPORT,
    IdentifierKind.INSURANCE: Reason.SAME_INSURANCE,
}
_SHARED: Final = {
    IdentifierKind.PHONE: Reason.SAME_PHONE_LIKE_NAME,
    IdentifierKind.STATION_CODE: Reason.SAME_STATION_CODE_LIKE_NAME,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What is typed so far of somebody who is not written down yet."""

    name: str = ""
    born: date | None = None
    place_id: str | None = None
    numbers: Sequence[Identifier] = ()


@dataclass(frozen=True, slots=True)
class Alike:
    """Somebody written down who may be the same human."""

    person: FoundPerson
    reasons: tuple[Reason, ...]

    @property
    def grade(self) -> Grade:
        """The surest of its reasons decides."""
        return grade_of(self.reasons)


def alike(reader: Reader, scope: Scope, draft: Draft) -> list[Alike]:
    """Return who of the scope may be the one of a draft, the surest first."""
    people: dict[str, FoundPerson] = {}
    reasons: dict[str, set[Reason]] = {}
    for number in draft.numbers:
        for one in search(reader, scope, number.value, MOST).people:
            if one.found_by != number.kind.value:
                continue
            people.setdefault(one.person_id, one)
            found = reasons.setdefault(one.person_id, set())
            if number.kind in _SURE:
                found.add(_SURE[number.kind])
            elif _is_like(draft.name, one.name):
                found.add(_SHARED[number.kind])
    if draft.born is not None and words(draft.name):
        for one in search(reader, scope, draft.name, MOST).people:
            if one.found_by == "name" and one.birth_date == draft.born.isoformat():
                people.setdefault(one.person_id, one)
                reasons.setdefault(one.person_id, set()).update(_by_name(draft, one))
    found_all = [Alike(people[key], tuple(sorted(why))) for key, why in reasons.items() if why]
    return sorted(found_all, key=lambda one: (one.grade, one.person.name, one.person.person_id))


def _is_like(one: str, other: str) -> bool:
    return similarity(one, other) is not Similarity.DIFFERENT


def _by_name(draft: Draft, one: FoundPerson) -> set[Reason]:
    if words(draft.name) == words(one.name):
        return {Reason.SAME_NAME_BIRTH}
    at_home = draft.place_id is not None and draft.place_id == one.place_id
    if at_home and _is_like(draft.name, one.name):
        return {Reason.LIKE_NAME_BIRTH_PLACE}
    return set()
