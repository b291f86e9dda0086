"""The national personal QR of the epidemic applications (Decision 1405/QĐ-BTTTT, 2021).

`SoGiayTo|HoTen|NgaySinh|LoaiDinhDanh|QID|EXT`, where EXT is more values with `<` between them. A
person may show it with the first six characters of the document and the day and month of birth
as asterisks. The order inside EXT is disputed, so its parts are told apart by their shape; what
could be two things is left out rather than guessed. The text is not signed.
"""

import re
from dataclasses import dataclass
from datetime import date
from typing import Final, Self

from protocols.identifiers import Identifier, IdentifierKind, Sex
from protocols.qr import fields
from protocols.qr.fields import BirthDate

MIN_FIELDS: Final = 5
MAX_FIELDS: Final = 6
MAX_EXTENSIONS: Final = 16
_BIRTH: Final = re.compile(r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2}|\*\*)-(?P<day>[0-9]{2}|\*\*)")
_LOOKS_LIKE: Final = re.compile(rf"[^|]*\|[^|]*\|\s*{_BIRTH.pattern}\s*\|")
_MASKED: Final = re.compile(r"\*+([A-Z0-9]{0,6})")
_MASK: Final = "******"
_QID: Final = re.compile(r"[A-Za-z0-9._:/+=-]{1,64}")
_SEX: Final = re.compile(r"[012]")
_SEXES: Final = {"1": Sex.MALE, "2": Sex.FEMALE}
_PHONE: Final = re.compile(r"0[35789][0-9]{8}|02[0-9]{9}|\+?84[0-9]{9,10}")
_LONG_CODE: Final = re.compile(r"[A-Z]{2}[1-5][0-9]{12}")
_SHORT_CODE: Final = re.compile(r"[0-9]{10}|[0-9]{12}")
_DECLARER: Final = re.compile(r"(?=.*[A-Za-z_-])[A-Za-z0-9._:/+=-]{8,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalQr:
    """What a personal QR says; `None` where it was masked, missing or could be two things."""

    document: Identifier | None
    """Citizen id, old id or passport, told apart by shape; `None` when masked."""
    document_tail: str = ""
    """The last characters of a masked document, for the eye only."""
    name: str
    """In capitals without accents, as the decision has it."""
    birth: BirthDate
    declared_by_other: bool
    qid: str
    """The national platform's own number of the person."""
    sex: Sex | None = None
    insurance: Identifier | None = None
    phone: str | None = None
    """As written, mostly in national form; `telehealth.people.phones` makes it E.164."""
    declarer_qid: str | None = None

    @classmethod
    def parse(cls, text: str, *, today: date) -> Self:
        """Read the text of a personal QR.

        Args:
            text: as `protocols.qr.fields.clean` returns it.
            today: the local date; a date of birth after it is refused.

        Raises:
            QrError: one of the first five fields is not what it should be, or there are more
                than 16 extensions.
        """
        parts = [part.strip() for part in text.split("|")]
        if not MIN_FIELDS <= len(parts) <= MAX_FIELDS:
            raise fields.bad_field("personal QR", f"{MIN_FIELDS} or {MAX_FIELDS} fields")
        document, name, birth, kind, qid, ext = (*parts, "")[:MAX_FIELDS]
        if kind not in {"0", "1"}:
            raise fields.bad_field("kind of declaration", "0 or 1")
        if not _QID.fullmatch(qid):
            raise fields.bad_field("QID", "1 to 64 letters, digits and . _ : / + = -")
        masked = _MASKED.fullmatch(document)
        more = _extensions(ext)
        return cls(
            document=None if masked else _document(document),
            document_tail=masked[1] if masked else "",
            name=fields.person_name(name),
            birth=_birth(birth, today),
            declared_by_other=kind == "1",
            qid=qid,
            sex=more.sex,
            insurance=more.insurance,
            phone=more.phone,
            declarer_qid=more.declarer_qid if kind == "1" else None,
        )

    def to_text(self) -> str:
        """Return the text to print; `parse` gives this value again.

        Except an insurance number of ten digits that would be read as a phone: it is left out.
        """
        document = self.document.value if self.document else _MASK + self.document_tail
        birth = f"{self.birth.year:04}-{_digits(self.birth.month)}-{_digits(self.birth.day)}"
        sex = {Sex.MALE: "1", Sex.FEMALE: "2", None: "0"}[self.sex]
        insurance = self.insurance.value if self.insurance else ""
        insurance = "" if _PHONE.fullmatch(insurance) else insurance
        ext = "<".join((self.declarer_qid or "", sex, insurance, self.phone or ""))
        kind = "1" if self.declared_by_other else "0"
        return "|".join((document, self.name, birth, kind, self.qid, ext))


@dataclass(frozen=True, slots=True)
class _Extensions:
    sex: Sex | None
    insurance: Identifier | None
    phone: str | None
    declarer_qid: str | None


def looks_like(text: str) -> bool:
    """Say whether a text means to be a personal QR: a date YYYY-MM-DD, masked or not, third."""
    return _LOOKS_LIKE.match(text) is not None


def _extensions(ext: str) -> _Extensions:
    """Tell the parts of EXT apart.

    Ten digits are a phone when they begin as mobile numbers do and an insurance number when not;
    the letters of a QID keep it apart from both. Masked parts and signatures match nothing.
    """
    parts = [part.strip() for part in ext.split("<")]
    if len(parts) > MAX_EXTENSIONS:
        raise fields.bad_field("EXT", f"at most {MAX_EXTENSIONS} parts, got {len(parts)}")
    phones, rest = _sort_out(parts, _PHONE)
    codes, rest = _sort_out(rest, _LONG_CODE)
    short_codes, rest = _sort_out(rest, _SHORT_CODE)
    sexes, rest = _sort_out(rest, _SEX)
    declarers, _ = _sort_out(rest, _DECLARER)
    code = _only(codes) or _only(short_codes)
    return _Extensions(
        sex=_SEXES.get(_only(sexes) or "0"),
        insurance=Identifier(IdentifierKind.INSURANCE, code) if code else None,
        phone=_only(phones),
        declarer_qid=_only(declarers),
    )


def _sort_out(parts: list[str], pattern: re.Pattern[str]) -> tuple[set[str], list[str]]:
    """Return the parts that match, and the others."""
    found = {part for part in parts if pattern.fullmatch(part)}
    return found, [part for part in parts if part not in found]


def _only(found: set[str]) -> str | None:
    return next(iter(found)) if len(found) == 1 else None


def _document(text: str) -> Identifier:
    digits = text.isascii() and text.isdigit()
    if digits and len(text) > 9:
        return fields.number(IdentifierKind.CITIZEN_ID, text)
    if digits and len(text) == 9:
        return fields.number(IdentifierKind.OLD_CITIZEN_ID, text)
    return fields.number(IdentifierKind.PASSPORT, text)


def _birth(text: str, today: date) -> BirthDate:
    found = _BIRTH.fullmatch(text)
    if found is None:
        raise fields.bad_field("date of birth", "YYYY-MM-DD")
    year, month, day = (found[part].replace("*", "0") for part in ("year", "month", "day"))
    return fields.birth_date(year, month, day, today=today)


def _digits(part: int | None) -> str:
    return "**" if part is None else f"{part:02}"
