"""The QR texts that we print ourselves: a person's card, a patient's log-in, a gateway's enrolment.

- `TH1|PERSON_REF|CHECK`, the printed card of somebody without a telephone. The reference is random
  and says nothing; the check character is ISO 7064 MOD 37-2.
- `ORIGIN/enrol#CODE`, an address that a telephone's camera opens. What follows `#` is never sent
  to a server by itself, so the one-use code stays out of logs.
- `telehealth-enrol:ORIGIN#CODE`, read by a gateway (docs/uplink.md).

Whoever scans an ORIGIN compares it with the one it knows; a code is worth nothing elsewhere.
"""

import re
from dataclasses import dataclass
from typing import Final, Self

from protocols.qr import fields
from protocols.qr.fields import QrError, Refusal

CARD_PREFIX: Final = "TH1|"
GATEWAY_PREFIX: Final = "telehealth-enrol:"
ENROL_PATH: Final = "/enrol"
_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ*"
"""Character values of ISO 7064 MOD 37-2: digits, letters, and `*` for 36."""
_PERSON_REF: Final = re.compile(r"[A-Z2-7]{16,32}")
_HOST: Final = (
    r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?){0,9}"
    r"|\[[0-9a-f:.]{2,45}\])"
)
_ORIGIN: Final = re.compile(rf"https?://{_HOST}(?::(?P<port>[1-9][0-9]{{0,4}}))?")
_CODE: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{2,126})[A-Za-z0-9]")
_LAST_PORT: Final = 65_535


def check_character(text: str) -> str:
    """Return the check character of digits and capital letters (ISO 7064 MOD 37-2).

    It finds every change of one character and every swap of two neighbours.
    """
    remainder = 0
    for character in text:
        remainder = (remainder + _ALPHABET.index(character)) * 2 % 37
    return _ALPHABET[(38 - remainder) % 37]


@dataclass(frozen=True, slots=True)
class PersonCardQr:
    """The printed card of one person: 16 to 32 random characters of base32 (RFC 4648 §6)."""

    person_ref: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a card; small letters count as capitals.

        Raises:
            QrError: another shape, or the check character does not fit.
        """
        parts = text.upper().split("|")
        if len(parts) != 3 or parts[0] + "|" != CARD_PREFIX:
            raise fields.bad_field("person card", "TH1, a reference and a check character")
        reference, check = parts[1:]
        if not _PERSON_REF.fullmatch(reference):
            raise fields.bad_field("reference", "16 to 32 characters of A-Z and 2-7")
        if check != check_character(reference):
            raise QrError(Refusal.WRONG_CHECK, "check character does not fit the reference")
        return cls(reference)

    def to_text(self) -> str:
        """Return the text to print."""
        return f"{CARD_PREFIX}{self.person_ref}|{check_character(self.person_ref)}"


@dataclass(frozen=True, slots=True)
class PatientEnrolQr:
    """A patient's or carer's log-in, opened by the telephone's own camera."""

    origin: str
    code: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the address.

        Raises:
            QrError: no `http(s)://host[:port]/enrol#code`.
        """
        origin, _, code = text.partition(f"{ENROL_PATH}#")
        return cls(_origin(origin), _code(code))

    def to_text(self) -> str:
        """Return the address to print."""
        return f"{self.origin}{ENROL_PATH}#{self.code}"


@dataclass(frozen=True, slots=True)
class GatewayEnrolQr:
    """What a gateway needs to enrol: where the server is, and a one-use code."""

    origin: str
    code: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the text.

        Raises:
            QrError: no `telehealth-enrol:http(s)://host[:port]#code`.
        """
        if not text.startswith(GATEWAY_PREFIX):
            raise fields.bad_field("gateway enrolment", GATEWAY_PREFIX)
        origin, _, code = text.removeprefix(GATEWAY_PREFIX).partition("#")
        return cls(_origin(origin), _code(code))

    def to_text(self) -> str:
        """Return the text to print."""
        return f"{GATEWAY_PREFIX}{self.origin}#{self.code}"


OwnQr = PersonCardQr | PatientEnrolQr | GatewayEnrolQr


def looks_like(text: str) -> bool:
    """Say whether a text means to be one of ours."""
    return (
        text.upper().startswith(CARD_PREFIX)
        or text.startswith(GATEWAY_PREFIX)
        or (text.startswith(("https://", "http://")) and f"{ENROL_PATH}#" in text)
    )


def parse(text: str) -> OwnQr:
    """Read one of our own texts.

    Raises:
        QrError: a field is not what it should be, or the check character does not fit.
    """
    if text.upper().startswith(CARD_PREFIX):
        return PersonCardQr.parse(text)
    if text.startswith(GATEWAY_PREFIX):
        return GatewayEnrolQr.parse(text)
    return PatientEnrolQr.parse(text)


def _origin(text: str) -> str:
    found = _ORIGIN.fullmatch(text)
    if found is None or int(found["port"] or 1) > _LAST_PORT:
        raise fields.bad_field("origin", "http(s)://host or http(s)://host:port, no path")
    return text


def _code(text: str) -> str:
    if not _CODE.fullmatch(text):
        raise fields.bad_field("code", "4 to 128 letters, digits and _ - between them")
    return text
