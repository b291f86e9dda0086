"""The QR texts that people carry: one reader for all, one module for each (docs/identifiers.md).

`read_qr` looks at the shape, never at who scans. What a text says identifies; it proves nothing.
"""

from datetime import date

from protocols.qr import citizen_card, fields, insurance_card, own, personal
from protocols.qr.citizen_card import CitizenCardQr
from protocols.qr.fields import BirthDate, QrError, Refusal
from protocols.qr.insurance_card import InsuranceCardQr
from protocols.qr.own import GatewayEnrolQr, OwnQr, PatientEnrolQr, PersonCardQr
from protocols.qr.personal import PersonalQr

__all__ = [
    "BirthDate",
    "CitizenCardQr",
    "GatewayEnrolQr",
    "InsuranceCardQr",
    "OwnQr",
    "PatientEnrolQr",
    "PersonCardQr",
    "PersonalQr",
    "Qr",
    "QrError",
    "Refusal",
    "read_qr",
]

Qr = PersonalQr | CitizenCardQr | InsuranceCardQr | OwnQr


def read_qr(text: str | bytes, *, today: date) -> Qr:
    """Read whatever a scanner gave.

    Twelve digits alone are an insurance code; that it is a citizen id too is for the caller.

    Args:
        text: at most 2,048 characters of UTF-8; line ends that a scanner adds are dropped.
        today: the local date; a date of birth after it is refused.

    Raises:
        QrError: not text, too long, no shape that is known, or a field that cannot be.
    """
    plain = fields.clean(text)
    if own.looks_like(plain):
        return own.parse(plain)
    if citizen_card.looks_like(plain):
        return CitizenCardQr.parse(plain, today=today)
    if personal.looks_like(plain):
        return PersonalQr.parse(plain, today=today)
    if insurance_card.looks_like(plain):
        return InsuranceCardQr.parse(plain, today=today)
    raise fields.unknown(len(plain))
