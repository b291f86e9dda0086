"""Who speaks for whom: a carer by the person's wish, a guardian of a child or by order.

What each may do is the access policy's (`telehealth.access.policy`). A parent's guardianship ends
by itself on the child's 16th birthday (Law on Children 102/2016/QH13 art. 1).
"""

import secrets
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from typing import Final

from protocols.uplink import epoch_ms
from telehealth.consents.agreement import CHILD_BELOW_YEARS, age_in_years
from telehealth.errors import IllegalTransitionError, NotFoundError, RefusedError
from telehealth.people import standing
from telehealth.people.names import sort_key
from telehealth.people.places_store import VIETNAM, day_in_vietnam
from telehealth.people.records import open_personal, unseal
from telehealth.store.database import Reader, Row, Transaction

_LONGEST_REFERENCE: Final = 200
_LONGEST_MS: Final = 20 * 366 * 86_400_000


class ProxyKind(StrEnum):
    """How far it goes."""

    CARER = "carer"
    GUARDIAN = "guardian"


class Basis(StrEnum):
    """What it rests on; stored in front of its reference."""

    WISH = "wish"
    """The person asked for it."""
    PARENT = "parent"
    COURT_ORDER = "court_order"
    """Or a decision of another authority that names the guardian."""


BASES_OF: Final = {
    ProxyKind.CARER: frozenset({Basis.WISH}),
    ProxyKind.GUARDIAN: frozenset({Basis.PARENT, Basis.COURT_ORDER}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewProxy:
    """Somebody is to act for a person."""

    person_id: str
    proxy_person_id: str
    kind: ProxyKind
    basis: Basis
    reference: str
    """The paper or the words it rests on: "phoned on 3 March", "QĐ 12/2026"; never a diagnosis."""
    to_ms: int | None = None


@dataclass(frozen=True, slots=True)
class ProxyShown:
    """A proxy as either side's page lists it."""

    proxy_id: str
    person_id: str
    person: str
    proxy_person_id: str
    proxy: str
    kind: ProxyKind
    basis: str
    reference: str
    from_ms: int
    to_ms: int | None


def grant(tx: Transaction, new: NewProxy, granted_by: str) -> str:
    """Let somebody act for a person from now on; returns the proxy's id.

    Raises:
        RefusedError: for oneself, without a basis that fits, or an end that is past.
        NotFoundError: no such person.
        IllegalTransitionError: it stands already, or a record is merged or erased.
    """
    if new.person_id == new.proxy_person_id:
        raise RefusedError("proxy_person_id", "somebody else", new.proxy_person_id)
    if new.basis not in BASES_OF[new.kind]:
        fitting = ", ".join(sorted(BASES_OF[new.kind]))
        raise RefusedError("basis", f"for a {new.kind} one of {fitting}", new.basis.value)
    reference = standing.reason(new.reference, "reference")
    if len(reference) > _LONGEST_REFERENCE:
        raise RefusedError("reference", f"1 to {_LONGEST_REFERENCE} characters", len(reference))
    standing.lock(tx, new.person_id, new.proxy_person_id)
    to_ms = _end_of(tx, new)
    if any(
        (one.proxy_person_id, one.kind) == (new.proxy_person_id, new.kind)
        for one in speaking_for(tx, new.person_id)
    ):
        raise IllegalTransitionError("granted", "grant", "they act for the person already")
    proxy_id = f"px-{secrets.token_hex(8)}"
    tx.execute(
        "INSERT INTO person_proxy (proxy_id, person_id, proxy_person_id, kind, basis, granted_by,"
        " from_ms, to_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            proxy_id, new.person_id, new.proxy_person_id, new.kind.value,
            f"{new.basis}: {reference}", granted_by, tx.now_ms, to_ms,
        ),
    )  # fmt: skip
    return proxy_id


def _end_of(reader: Reader, new: NewProxy) -> int | None:
    """Return when it ends: as asked, and a parent's when the child is one no more."""
    to_ms = new.to_ms
    if to_ms is not None and not reader.now_ms < to_ms <= reader.now_ms + _LONGEST_MS:
        raise RefusedError("to", "after now, within 20 years", "another day")
    if new.basis is not Basis.PARENT:
        return to_ms
    born = open_personal(reader, new.person_id).born
    if born is None:
        raise RefusedError("birth_date", "known, for a parent to be guardian", None)
    if age_in_years(born, day_in_vietnam(reader.now)) >= CHILD_BELOW_YEARS:
        raise RefusedError("basis", f"a person below {CHILD_BELOW_YEARS} for a parent", "older")
    grown_ms = epoch_ms(datetime.combine(_birthday(born), time(), VIETNAM))
    return grown_ms if to_ms is None else min(to_ms, grown_ms)


def _birthday(born: date) -> date:
    """Return the day on which a child is one no more; 29 February becomes 1 March."""
    year = born.year + CHILD_BELOW_YEARS
    try:
        return born.replace(year=year)
    except ValueError:
        return date(year, 3, 1)


def end(tx: Transaction, proxy_id: str) -> tuple[str, str]:
    """End it now; returns the person and who acted for them.

    Raises:
        NotFoundError: there is none.
        IllegalTransitionError: it has ended.
    """
    rows = tx.rows(
        "SELECT person_id, proxy_person_id, from_ms, to_ms FROM person_proxy WHERE proxy_id = ?",
        (standing.key(proxy_id, "proxy"),),
    )
    if not rows:
        raise NotFoundError(f"no proxy {proxy_id[:64]!r}")
    person_id, proxy_person_id, _, to_ms = rows[0]
    if to_ms is not None and to_ms <= tx.now_ms:
        raise IllegalTransitionError("ended", "end")
    tx.execute("UPDATE person_proxy SET to_ms = ? WHERE proxy_id = ?", (tx.now_ms, proxy_id))
    return person_id, proxy_person_id


_SHOWN: Final = (
    "SELECT x.proxy_id, x.person_id, p.personal, x.proxy_person_id, q.personal, x.kind, x.basis,"
    " x.from_ms, x.to_ms FROM person_proxy x JOIN person p ON p.person_id = x.person_id"
    " JOIN person q ON q.person_id = x.proxy_person_id WHERE x.{mine} = ?"
)
_NOW: Final = " AND x.from_ms <= ? AND (x.to_ms IS NULL OR x.to_ms > ?)"


def speaking_for(reader: Reader, person_id: str, *, past: bool = False) -> list[ProxyShown]:
    """Return who acts for a person now, or ever did."""
    return _listed(reader, "person_id", person_id, past=past)


def spoken_for_by(reader: Reader, person_id: str, *, past: bool = False) -> list[ProxyShown]:
    """Return for whom somebody acts now, or ever did."""
    return _listed(reader, "proxy_person_id", person_id, past=past)


def _listed(reader: Reader, mine: str, person_id: str, *, past: bool) -> list[ProxyShown]:
    sql = _SHOWN.format(mine=mine)
    now = (reader.now_ms, reader.now_ms)
    rows = reader.rows(sql if past else sql + _NOW, (person_id, *(() if past else now)))
    found = [_shown(reader, row) for row in rows]
    theirs = mine == "person_id"
    return sorted(
        found, key=lambda one: (sort_key(one.proxy if theirs else one.person), one.from_ms)
    )


def _shown(reader: Reader, row: Row) -> ProxyShown:
    proxy_id, person_id, personal, proxy_person_id, theirs, kind, basis, from_ms, to_ms = row
    why, _, reference = basis.partition(": ")
    return ProxyShown(
        proxy_id=proxy_id,
        person_id=person_id,
        person=unseal(reader.vault, person_id, personal).name,
        proxy_person_id=proxy_person_id,
        proxy=unseal(reader.vault, proxy_person_id, theirs).name,
        kind=ProxyKind(kind),
        basis=why,
        reference=reference,
        from_ms=from_ms,
        to_ms=to_ms,
    )
