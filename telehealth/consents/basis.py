"""What processing rests on, and the book of everything that left with it.

No data leaves without a basis (Law 91/2025 art. 4, art. 19): each export names one and the paper or
consent behind it. A contract is none of ours: care is not bought here.
"""

import secrets
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from telehealth.errors import RefusedError
from telehealth.store.database import Reader, Transaction

_LONGEST: Final = 200
SHA256_BYTES: Final = 32


class LegalBasis(StrEnum):
    """Why something may be done with a person's data."""

    CONSENT = "consent"
    OWN_REQUEST = "own_request"
    LEGAL_DUTY = "legal_duty"
    VITAL_INTEREST = "vital_interest"
    ORDER = "order"
    WRITTEN_REQUEST = "written_request"


@dataclass(frozen=True, slots=True, kw_only=True)
class BasisText:
    """A basis in words, with where it is written and how sure we are of the place."""

    vi: str
    en: str
    source: str
    confidence: str
    """high: read in the law itself; medium: by summaries of it."""


BASES: Final = {
    LegalBasis.CONSENT: BasisText(
        vi="Sự đồng ý của người đó",
        en="The person's consent",
        source="Law on Personal Data Protection 91/2025/QH15, art. 9",
        confidence="medium",
    ),
    LegalBasis.OWN_REQUEST: BasisText(
        vi="Chính người đó yêu cầu",
        en="The person's own request",
        source="Law on Personal Data Protection 91/2025/QH15, art. 4",
        confidence="high",
    ),
    LegalBasis.LEGAL_DUTY: BasisText(
        vi="Nghĩa vụ theo luật về phòng bệnh truyền nhiễm",
        en="A duty by the law on infectious diseases",
        source="Law on Prevention and Control of Infectious Diseases 03/2007/QH12, art. 47 and"
        " what replaced it",
        confidence="medium",
    ),
    LegalBasis.VITAL_INTEREST: BasisText(
        vi="Bảo vệ tính mạng, sức khoẻ trong trường hợp khẩn cấp",
        en="Protection of life and health in an emergency",
        source="Law on Personal Data Protection 91/2025/QH15, art. 19(1)",
        confidence="high",
    ),
    LegalBasis.ORDER: BasisText(
        vi="Quyết định bằng văn bản của cơ quan có thẩm quyền",
        en="A written order of a competent authority",
        source="Law on Personal Data Protection 91/2025/QH15, art. 19",
        confidence="medium",
    ),
    LegalBasis.WRITTEN_REQUEST: BasisText(
        vi="Yêu cầu bằng văn bản của cơ quan có thẩm quyền",
        en="A written request of a competent authority",
        source="Law on Personal Data Protection 91/2025/QH15, art. 19",
        confidence="medium",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewExport:
    """Data that leaves."""

    kind: str
    """What: `person_copy`, `case_report`, …"""
    person_id: str | None
    """Whose; None: of many, or of nobody in particular."""
    basis: LegalBasis
    reference: str
    """The request, order or consent that it rests on: a number or an id, never a name."""
    recipient: str
    made_by: str
    rows_count: int
    sha256: bytes
    """Of the bytes that left."""


@dataclass(frozen=True, slots=True)
class ExportShown:
    """One line of the book."""

    export_id: str
    kind: str
    basis: LegalBasis
    reference: str
    recipient: str
    made_ms: int


def record_export(tx: Transaction, new: NewExport) -> str:
    """Write down what leaves, in the transaction before it does; returns the export's id.

    Raises:
        RefusedError: no paper behind it, nobody to receive it, or no digest of what left.
    """
    for field, value in (("reference", new.reference), ("recipient", new.recipient)):
        if not 0 < len(value.strip()) <= _LONGEST:
            raise RefusedError(field, f"1 to {_LONGEST} characters", len(value))
    if len(new.sha256) != SHA256_BYTES:
        raise RefusedError("sha256", f"{SHA256_BYTES} bytes", len(new.sha256))
    if new.basis is LegalBasis.CONSENT:
        _must_stand(tx, new)
    export_id = f"ex-{secrets.token_hex(8)}"
    columns = (
        "export_id", "kind", "person_id", "basis", "reference", "recipient", "made_by", "made_ms",
        "rows_count", "sha256",
    )  # fmt: skip
    row = (
        export_id, new.kind, new.person_id, new.basis.value, new.reference.strip(),
        new.recipient.strip(), new.made_by, tx.now_ms, new.rows_count, new.sha256,
    )  # fmt: skip
    tx.insert("export", columns, [row])
    return export_id


def _must_stand(reader: Reader, new: NewExport) -> None:
    """An export by consent names a consent of that person that has not been withdrawn."""
    rows = reader.rows(
        "SELECT 1 FROM consent WHERE consent_id = ? AND person_id = ? AND withdrawn_ms IS NULL",
        (new.reference, new.person_id or ""),
    )
    if not rows:
        raise RefusedError("reference", "a consent of this person that stands", new.reference[:40])


def exports_of(reader: Reader, person_id: str) -> list[ExportShown]:
    """Return what left about a person, the newest first."""
    rows = reader.rows(
        "SELECT export_id, kind, basis, reference, recipient, made_ms FROM export"
        " WHERE person_id = ? ORDER BY made_ms DESC, export_id",
        (person_id,),
    )
    return [ExportShown(r[0], r[1], LegalBasis(r[2]), *r[3:]) for r in rows]
