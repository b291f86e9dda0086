"""What programs send and get under `/api/v1/`: one frozen value a message, and nothing else.

Handlers decode into these and answer with them; `webui.api.openapi` writes the document from the
same types, so that it cannot say anything else than what is served. Docstrings, descriptions and
field names are read by strangers: they stand in the document.
"""

from datetime import date
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from telehealth.alerts.reasons import AcceptReason, NoiseReason, ResolveReason
from telehealth.calls.states import CallState
from telehealth.people.duplicates import Grade

LONGEST_REVIEW_MIN: Final = 24 * 60
ID_PATTERN: Final = "^[A-Za-z0-9_-]+$"
Id = Annotated[str, Meta(min_length=1, max_length=64, pattern=ID_PATTERN)]
Note = Annotated[str, Meta(max_length=500, pattern="^[^\\x00]*$")]


class Fault(Struct, frozen=True):
    """Why nothing was done."""

    code: Annotated[str, Meta(description="Stable; a program decides by it.")]
    message: Annotated[str, Meta(description="For a program's log: field, limit and what came.")]


class Failure(Struct, frozen=True):
    """The body of every refusal."""

    error: Fault


class Accept(Struct, frozen=True, tag="accept", tag_field="action"):
    """Take the alert upon oneself, and say what is going to be done."""

    reason: AcceptReason
    note: Note | None = None
    review_minutes: Annotated[
        Annotated[float, Meta(ge=1, le=LONGEST_REVIEW_MIN, multiple_of=1)] | None,
        Meta(description="When to look again; without it, as the alert's priority says."),
    ] = None


class BeginActing(Struct, frozen=True, tag="act", tag_field="action"):
    """Begin what was announced."""

    note: Note | None = None


class Resolve(Struct, frozen=True, tag="resolve", tag_field="action"):
    """Close the alert, and say how it ended."""

    reason: ResolveReason
    note: Note | None = None


class CallNoise(Struct, frozen=True, tag="noise", tag_field="action"):
    """Close the alert as noise, and say of what kind."""

    reason: NoiseReason
    note: Note | None = None


AlertStep = Accept | BeginActing | Resolve | CallNoise


class AlertMoved(Struct, frozen=True):
    """The alert stands where it was wanted."""

    alert_id: str
    person_id: Annotated[
        str | None, Meta(description="Null where it is not known whose the device is.")
    ]


class CallSeen(Struct, frozen=True):
    """A call as the side that asks sees it."""

    room_id: str
    state: CallState
    rings: Annotated[bool, Meta(description="Whether it waits for this side to answer.")]
    side: Literal["doctor", "patient"]
    name: Annotated[
        str, Meta(description="Of the other side; empty while no doctor has taken a request.")
    ]
    person_id: str
    url: Annotated[str, Meta(description="The page of the call.")]


class OpenCalls(Struct, frozen=True):
    """Every call that is open for who asks."""

    calls: list[CallSeen]


class PlaceToday(Struct, frozen=True):
    """What a past place is today."""

    place_id: str
    path: str


class PlaceFound(Struct, frozen=True):
    """A place that answers to a text."""

    place_id: str
    name: str
    path: Annotated[str, Meta(description="The places above it, from the nearest on.")]
    level: str
    code: str
    valid: bool
    valid_from: date
    valid_to: Annotated[date | None, Meta(description="The first day on which it is no more.")]
    today: Annotated[
        list[PlaceToday],
        Meta(description="For a past place: what it is today, the most likely first."),
    ]


class PlacesFound(Struct, frozen=True):
    """At most twenty, the best first."""

    places: list[PlaceFound]


class Enrolled(Struct, frozen=True):
    """The gateway is known from now on."""

    gateway_id: str
    server_identities: Annotated[
        list[str], Meta(description="The server's Ed25519 keys in base64: in use, and the next.")
    ]


class PersonFound(Struct, frozen=True):
    """Somebody who answers to a text."""

    person_id: str
    name: str
    born: Annotated[str, Meta(description="As people write it, day before month; or the year.")]
    sex: str
    place: Annotated[str, Meta(description="The commune and what is above it.")]


class PeopleFound(Struct, frozen=True):
    """Those whom who asks may see, the best first."""

    people: list[PersonFound]
    more: Annotated[bool, Meta(description="Whether others answer to it too.")]


class PersonAlike(Struct, frozen=True):
    """Somebody who is registered already and may be the one that is being typed."""

    person_id: str
    name: str
    born: str
    grade: Grade
    why: Annotated[str, Meta(description="In words, in the language of who asks.")]


class PeopleAlike(Struct, frozen=True):
    """Those who may be the same human, the surest first."""

    people: list[PersonAlike]


class CardRead(Struct, frozen=True):
    """What stood on a card, as it would be typed."""

    kind: Literal["citizen_card", "personal", "insurance"]
    fields: Annotated[dict[str, str], Meta(description="By the names of `PersonDraft` and more.")]
    doubts: Annotated[list[str], Meta(description="In what the card disagrees with its number.")]
