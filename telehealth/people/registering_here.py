"""Registers somebody at a desk: with a place nobody knows kept, a housemate, a device of the desk.

`registering` takes the person down; here stands what follows from where the desk is.
"""

from dataclasses import dataclass, replace

from telehealth import assigning
from telehealth.access.policy import Action, Actor
from telehealth.access.scope import require
from telehealth.errors import NotFoundError
from telehealth.people import living, registering
from telehealth.people.registering import Corrected, Registered, Registration, Who
from telehealth.store.database import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class HereRegistration:
    """A registration with what only the desk knows."""

    new: Registration
    place_given: str | None = None
    """What was written for the place, if nobody knows it; the desk's own place stands for it."""
    lives_with: str | None = None


def register(tx: Transaction, actor: Actor, here: HereRegistration) -> Registered:
    """Write somebody down at the actor's desk, with everything given, or nothing.

    Raises:
        FieldsRefusedError: with every field that cannot be taken.
        NotAllowedError: the device is another station's, or the person would be out of reach of
            whoever registers them.
        IllegalTransitionError: the housemate's record was merged or erased meanwhile.
    """
    device_id = here.new.device_id
    if device_id:
        assigning.require_own(tx, actor, device_id)
    done = registering.register(tx, here.new)
    if here.place_given is not None:
        tx.execute(
            "UPDATE person SET place_given = ? WHERE person_id = ?",
            (here.place_given, done.person_id),
        )
    if here.lives_with is not None:
        living.live_with(tx, done.person_id, here.lives_with, actor.account_id)
    if device_id:
        assigning.adopt(tx, actor, device_id)
    require(tx, actor, done.person_id, Action.REGISTER)
    return done


def correct(
    tx: Transaction, actor: Actor, person_id: str, who: Who, place_given: str | None
) -> Corrected:
    """Write down anew who somebody is; the language they are addressed in stays.

    Without a place they stay where they are, with what was once written for it.

    Raises:
        FieldsRefusedError: with every field that cannot be taken.
        NotAllowedError: the person would be out of reach of whoever corrects them.
        IllegalTransitionError: the record is merged or erased.
    """
    rows = tx.rows(
        "SELECT locale, place_id, place_given FROM person WHERE person_id = ?", (person_id,)
    )
    if not rows:
        raise NotFoundError(f"no person {person_id}")
    locale, place_id, given_before = rows[0]
    done = registering.correct(
        tx,
        person_id,
        replace(who, locale=locale, place=who.place or place_id or ""),
        place_given=place_given if who.place else place_given or given_before,
    )
    require(tx, actor, person_id, Action.REGISTER)
    return done
