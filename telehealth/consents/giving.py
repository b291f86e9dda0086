"""Consent given and withdrawn, item by item, with the proof kept (Law 91/2025 art. 9-10).

Theory of operation. A row stands while `withdrawn_ms` is empty, at most one for a person and item.
A newer text that the person agrees to takes the place of an older one: that row is closed without a
deadline (`due_ms` empty). Withdrawn, it has one: collection ends in the same transaction, and what
else rests on it is a task of the privacy officer until `done_ms`.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Final

import msgspec

from protocols.uplink import epoch_ms
from telehealth.consents import agreement, items, stopping
from telehealth.consents.deadlines import WITHDRAWAL_DAYS, done_due
from telehealth.consents.items import Item, ItemText
from telehealth.consents.texts import TEXTS
from telehealth.errors import IllegalTransitionError, NotAllowedError, NotFoundError, RefusedError
from telehealth.people.records import open_personal
from telehealth.store.database import Reader, Transaction

CHANNELS: Final = ("page", "paper", "spoken")
_LONGEST_NOTE: Final = 400
_SILENT: Final = frozenset({Item.RESEARCH_STATISTICS})
"""Withdrawals that change nobody's care: only the privacy officer hears of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What somebody agreed to, and how they said so."""

    person_id: str
    items: frozenset[Item]
    locale: str
    given_by: str
    """The account that ticked the boxes: the person's, their guardian's or a witness's."""
    channel: str = "page"
    guardian_person_id: str | None = None
    """Who said yes for the person, where somebody stands for them by law."""
    child_agrees: bool = False
    note: str = ""
    """For paper and spoken consent: the number of the paper, or how it was said."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How one item stands for a person."""

    text: ItemText
    """The words that hold today."""
    consent_id: str | None
    version: str | None
    """Of the words that were agreed to; it may be an older one."""
    given_ms: int | None
    channel: str | None

    @property
    def is_given(self) -> bool:
        """Whether the person has agreed, to whichever version."""
        return self.consent_id is not None

    @property
    def is_outdated(self) -> bool:
        """Whether the words have changed since."""
        return self.is_given and self.version != self.text.version


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """What a withdrawal did, and by when the rest is due."""

    person_id: str
    item: Item
    due_ms: int
    device_ids: tuple[str, ...]
    told: tuple[str, ...]

    @property
    def topics(self) -> list[str]:
        """Return the bus topics to tell after the commit."""
        return ["outbox", f"person:{self.person_id}"]


def may(reader: Reader, person_id: str, item: Item) -> bool:
    """Say whether the person's consent to an item stands; ask before each recording or position."""
    rows = reader.rows(
        "SELECT 1 FROM consent WHERE person_id = ? AND item = ? AND withdrawn_ms IS NULL",
        (person_id, item.value),
    )
    return bool(rows)


def require(reader: Reader, person_id: str, item: Item) -> str:
    """Return the id of the consent that stands, to be named as the basis.

    Raises:
        NotAllowedError: the person has not agreed, or no longer does.
    """
    rows = reader.rows(
        "SELECT consent_id FROM consent WHERE person_id = ? AND item = ? AND withdrawn_ms IS NULL",
        (person_id, item.value),
    )
    if not rows:
        raise NotAllowedError(f"no consent of {person_id} to {item}")
    return str(rows[0][0])


def has_withdrawn(reader: Reader, person_id: str, item: Item = Item.MONITORING) -> bool:
    """Say whether the person withdrew this and has not given it again: then nothing is expected."""
    rows = reader.rows(
        "SELECT 1 FROM consent WHERE person_id = ? AND item = ? AND due_ms IS NOT NULL",
        (person_id, item.value),
    )
    return bool(rows) and not may(reader, person_id, item)


def standing(reader: Reader, person_id: str, zone: tzinfo) -> list[Standing]:
    """Return every item of today with how it stands for the person."""
    rows = reader.rows(
        "SELECT item, consent_id, version, given_ms, channel FROM consent"
        " WHERE person_id = ? AND withdrawn_ms IS NULL",
        (person_id,),
    )
    given = {row[0]: row[1:] for row in rows}
    nothing = (None, None, None, None)
    today = reader.now.astimezone(zone).date()
    return [Standing(text, *given.get(text.item, nothing)) for text in items.current(TEXTS, today)]


def whose_yes(reader: Reader, person_id: str, zone: tzinfo) -> agreement.Needed:
    """Return whose yes it takes for this person today.

    Raises:
        NotFoundError: no such person.
    """
    born = open_personal(reader, person_id).born
    today = reader.now.astimezone(zone).date()
    return agreement.needed(born, today, has_guardian=bool(guardians(reader, person_id)))


def guardians(reader: Reader, person_id: str) -> list[str]:
    """Return who stands for the person by law now."""
    rows = reader.rows(
        "SELECT DISTINCT proxy_person_id FROM person_proxy WHERE person_id = ?"
        " AND kind = 'guardian' AND from_ms <= ? AND (to_ms IS NULL OR to_ms > ?)"
        " ORDER BY proxy_person_id",
        (person_id, reader.now_ms, reader.now_ms),
    )
    return [row[0] for row in rows]


def give(tx: Transaction, given: Given, zone: tzinfo) -> list[str]:
    """Keep what somebody agreed to, with its proof; returns the new consents.

    An item that stands in today's words stays as it is.

    Raises:
        RefusedError: nothing ticked, an item that is not asked, a wrong channel, no note of the
            witness, or the yes of the guardian or the child is missing.
        NotFoundError: no such person.
    """
    _check(tx, given, zone)
    made: list[str] = []
    for held in standing(tx, given.person_id, zone):
        if held.text.item not in given.items or (held.is_given and not held.is_outdated):
            continue
        if held.is_given:
            _close(tx, held.consent_id or "", given.given_by)
        made.append(_insert(tx, given, held.text))
    return made


def _check(reader: Reader, given: Given, zone: tzinfo) -> None:
    today = reader.now.astimezone(zone).date()
    asked = {text.item for text in items.current(TEXTS, today) if text.asked}
    if not given.items or not given.items <= asked:
        wrong = sorted(given.items - asked)
        raise RefusedError("items", "at least one of those that are asked", wrong)
    if given.locale not in items.LOCALES:
        raise RefusedError("locale", f"one of {items.LOCALES}", given.locale)
    if given.channel not in CHANNELS:
        raise RefusedError("channel", f"one of {CHANNELS}", given.channel)
    least = 0 if given.channel == "page" else 1
    if not least <= len(given.note.strip()) <= _LONGEST_NOTE:
        raise RefusedError("note", f"{least} to {_LONGEST_NOTE} characters", len(given.note))
    _must_be_kept(reader, given.person_id)
    guardian = given.guardian_person_id
    if guardian is not None and guardian not in guardians(reader, given.person_id):
        raise RefusedError("guardian", "who stands for the person by law", guardian)
    wanted = whose_yes(reader, given.person_id, zone)
    agreement.check(wanted, guardian=guardian is not None, child_agrees=given.child_agrees)


def _must_be_kept(reader: Reader, person_id: str) -> None:
    rows = reader.rows(
        "SELECT 1 FROM person WHERE person_id = ? AND merged_into IS NULL AND erased_ms IS NULL",
        (person_id,),
    )
    if not rows:
        raise NotFoundError(f"no person {person_id}")


def _insert(tx: Transaction, given: Given, text: ItemText) -> str:
    consent_id = f"co-{secrets.token_hex(8)}"
    proof = {"note": given.note.strip(), "child_agrees": given.child_agrees}
    sealed = tx.vault.seal(msgspec.json.encode(proof), "consent", "proof", consent_id)
    columns = (
        "consent_id", "person_id", "item", "version", "locale", "text_sha256", "given_ms",
        "given_by", "guardian_person_id", "channel", "proof",
    )  # fmt: skip
    row = (
        consent_id, given.person_id, text.item.value, text.version, given.locale,
        text.sha256(given.locale), tx.now_ms, given.given_by, given.guardian_person_id,
        given.channel, sealed,
    )  # fmt: skip
    tx.insert("consent", columns, [row])
    return consent_id


def _close(tx: Transaction, consent_id: str, by: str) -> None:
    """Close a consent whose words a newer one replaces: no deadline runs."""
    tx.execute(
        "UPDATE consent SET withdrawn_ms = ?, withdrawn_by = ?, done_ms = ? WHERE consent_id = ?",
        (tx.now_ms, by, tx.now_ms, consent_id),
    )


def person_of(reader: Reader, consent_id: str) -> str:
    """Return whose consent it is.

    Raises:
        NotFoundError: no such consent.
    """
    rows = reader.rows("SELECT person_id FROM consent WHERE consent_id = ?", (consent_id,))
    if not rows:
        raise NotFoundError(f"no consent {consent_id}")
    return str(rows[0][0])


def withdraw(tx: Transaction, consent_id: str, by: str, zone: tzinfo) -> Withdrawn:
    """End a consent now: collection stops with it, and the rest has its deadline.

    Raises:
        NotFoundError: no such consent.
        IllegalTransitionError: it was withdrawn before.
    """
    rows = tx.rows("SELECT person_id, item FROM consent WHERE consent_id = ?", (consent_id,))
    if not rows:
        raise NotFoundError(f"no consent {consent_id}")
    person_id, item = rows[0][0], Item(rows[0][1])
    due_ms = epoch_ms(done_due(tx.now, WITHDRAWAL_DAYS, zone))
    touched = tx.execute(
        "UPDATE consent SET withdrawn_ms = ?, withdrawn_by = ?, due_ms = ?"
        " WHERE consent_id = ? AND withdrawn_ms IS NULL",
        (tx.now_ms, by, due_ms, consent_id),
    )
    if not touched:
        raise IllegalTransitionError("withdrawn", "withdraw")
    devices: Sequence[str] = ()
    if item is Item.MONITORING:
        devices = stopping.stop_collection(tx, person_id)
    told: Sequence[str] = ()
    if item not in _SILENT:
        told = stopping.tell_staff(
            tx, person_id, consent_id=consent_id, item=item.value, device_ids=devices
        )
    return Withdrawn(person_id, item, due_ms, tuple(devices), tuple(told))


def finish_withdrawal(tx: Transaction, consent_id: str) -> None:
    """Note that everything that rested on a withdrawn consent has ended.

    Raises:
        IllegalTransitionError: it was not withdrawn, or it is done.
    """
    touched = tx.execute(
        "UPDATE consent SET done_ms = ? WHERE consent_id = ? AND due_ms IS NOT NULL"
        " AND done_ms IS NULL",
        (tx.now_ms, consent_id),
    )
    if not touched:
        raise IllegalTransitionError("not_withdrawn", "finish")
