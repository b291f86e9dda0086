"""What a phone keeps for the time it is out of reach: for whom, under which rules, whom to call."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from telehealth import subjects
from telehealth.access.policy import Action, Actor
from telehealth.access.scope import Scope
from telehealth.people.names import sort_key
from telehealth.people.records import names_of
from telehealth.store.database import Reader
from telehealth.vitals.pocket import PocketRules, pocket_rules


@dataclass(frozen=True, slots=True)
class Pocket:
    """One person for whom a phone may measure."""

    person_id: str
    name: str
    rules: PocketRules
    station_phone: str | None
    sms_number: str | None
    """Where a reading may go by SMS; the station's own number where no other is named."""


def pockets_of(reader: Reader, actor: Actor) -> list[Pocket]:
    """Return everybody with an open case for whom an account may enter readings, by name."""
    scope = Scope(actor, Action.ENTER_READING, reader.now_ms)
    numbers = {
        row[0]: row[1:]
        for row in reader.rows_in(
            "SELECT c.person_id, g.time_zone, g.station_phone, g.sms_number FROM f0_case c"
            " JOIN programme g ON g.programme_id = c.programme_id"
            " WHERE c.closed_ms IS NULL AND c.person_id IN (…)",
            sorted(scope.persons(reader)),
        )
    }
    names = names_of(reader, list(numbers))
    known = subjects.subjects_of(reader, list(numbers))
    found = []
    for person_id, (zone, station_phone, sms_number) in numbers.items():
        today = reader.now.astimezone(ZoneInfo(zone)).date()
        found.append(
            Pocket(
                person_id,
                names[person_id],
                pocket_rules(known[person_id].context_on(today, reader.now_ms)),
                station_phone,
                sms_number or station_phone,
            )
        )
    return sorted(found, key=lambda one: sort_key(one.name))
