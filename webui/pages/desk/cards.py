"""Cards that were scanned: their text brought to the fields of the desk's form."""

from dataclasses import asdict, dataclass
from datetime import date
from typing import Annotated, Final

import msgspec
from aiohttp import web
from msgspec import Meta

from protocols.errors import DecodeError
from protocols.identifiers import IdentifierKind, Sex
from protocols.qr import (
    BirthDate,
    CitizenCardQr,
    InsuranceCardQr,
    PersonalQr,
    Qr,
    QrError,
    Refusal,
    read_qr,
)
from telehealth.people.phones import read_identifier, shown
from webui.api.body import body_as
from webui.pages.desk.typed import day_text
from webui.pages.places import today_of

_LONGEST_BODY: Final = 16_384


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What a card fills in, as it would be typed; empty where it says nothing."""

    kind: str
    """citizen_card, personal or insurance."""
    name: str = ""
    born: str = ""
    sex: str = ""
    citizen_id: str = ""
    old_citizen_id: str = ""
    passport: str = ""
    insurance: str = ""
    phone: str = ""
    address: str = ""
    doubts: tuple[str, ...] = ()
    """In what the card disagrees with its own number."""

    @property
    def form(self) -> dict[str, str]:
        """The fields of the form that it fills."""
        values = {name: value for name, value in asdict(self).items() if isinstance(value, str)}
        return {name: value for name, value in values.items() if value and name != "kind"}

    @property
    def numbers(self) -> tuple[str, ...]:
        """What to search the person by, the strongest first."""
        found = (self.citizen_id, self.old_citizen_id, self.passport, self.insurance, self.phone)
        return tuple(number for number in found if number)


def card_of(qr: Qr) -> Card:
    """Return what a QR text fills in.

    Raises:
        QrError: one of our own codes, which says nothing that could be written down.
    """
    if isinstance(qr, CitizenCardQr):
        old = qr.old_id if qr.old_id and qr.old_id.kind is IdentifierKind.OLD_CITIZEN_ID else None
        return Card(
            kind="citizen_card",
            name=qr.name,
            born=_born(qr.birth),
            sex=_sex(qr.sex),
            address=qr.address or "",
            doubts=tuple(sorted(qr.doubts)),
            citizen_id=qr.citizen_id.value,
            old_citizen_id="" if old is None else old.value,
        )
    if isinstance(qr, PersonalQr):
        document = {} if qr.document is None else {qr.document.kind: qr.document.value}
        return Card(
            kind="personal",
            name=qr.name,
            born=_born(qr.birth),
            sex=_sex(qr.sex),
            citizen_id=document.get(IdentifierKind.CITIZEN_ID, ""),
            old_citizen_id=document.get(IdentifierKind.OLD_CITIZEN_ID, ""),
            passport=document.get(IdentifierKind.PASSPORT, ""),
            insurance="" if qr.insurance is None else qr.insurance.value,
            phone="" if qr.phone is None else _phone(qr.phone),
        )
    if isinstance(qr, InsuranceCardQr):
        return Card(
            kind="insurance",
            name=qr.name or "",
            born="" if qr.birth is None else _born(qr.birth),
            sex=_sex(qr.sex),
            address=qr.address or "",
            insurance=qr.code.value,
        )
    raise QrError(Refusal.UNKNOWN, "no card of a person")


def _phone(text: str) -> str:
    try:
        return shown(read_identifier(IdentifierKind.PHONE, text).value)
    except DecodeError:
        return ""


def _born(born: BirthDate) -> str:
    """A date whose day is not known is typed as its year."""
    return day_text(str(born)) if born.day is not None else str(born.year)


def _sex(sex: Sex | None) -> str:
    return "" if sex is None else sex.value


def read_card(text: str, today: date) -> Card:
    """Read the text that a scanner typed.

    Raises:
        QrError: why it was not taken.
    """
    return card_of(read_qr(text, today=today))


def looks_scanned(text: str) -> bool:
    """Say whether a search text came from a scanner: names and numbers hold no bar."""
    return "|" in text


class Scanned(msgspec.Struct, frozen=True):
    """A text as a scanner gave it."""

    text: Annotated[str, Meta(min_length=1, max_length=_LONGEST_BODY)]


async def qr(request: web.Request) -> web.Response:
    """Return the fields of a card as JSON; a refusal says why, never what stood there."""
    scanned = await body_as(request, Scanned)
    headers = {"Cache-Control": "no-store"}
    try:
        card = read_card(scanned.text, today_of(request))
    except QrError as error:
        body = {"error": {"code": error.refusal.value, "message": str(error)}}
        return web.json_response(body, status=422, headers=headers)
    answer = {"kind": card.kind, "fields": card.form, "doubts": list(card.doubts)}
    return web.json_response(answer, headers=headers)
