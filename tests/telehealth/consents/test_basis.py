"""Every export names its basis, its paper and its recipient."""

from dataclasses import replace

import pytest

from telehealth.consents import basis
from telehealth.consents.basis import BASES, LegalBasis, NewExport
from telehealth.errors import RefusedError
from telehealth.store.database import Database
from tests import world

EXPORT = NewExport(
    kind="case_report",
    person_id=None,
    basis=LegalBasis.LEGAL_DUTY,
    reference="CV 12/TTKSBT",
    recipient="CDC",
    made_by="ac-1",
    rows_count=3,
    sha256=b"\x01" * 32,
)


def test_every_basis_is_told_in_both_languages_with_its_source_and_how_sure_we_are() -> None:
    assert set(BASES) == set(LegalBasis)
    for words in BASES.values():
        assert words.vi
        assert words.en
        assert words.source
        assert words.confidence in ("high", "medium")


async def test_what_left_is_in_the_book_of_the_person(database: Database) -> None:
    made = await world.make(database)
    new = replace(EXPORT, person_id=made.person_id, reference="  CV 12/TTKSBT ")
    key = await database.write(lambda tx: basis.record_export(tx, new))
    await database.write(lambda tx: basis.record_export(tx, EXPORT))
    found = await database.read(lambda r: basis.exports_of(r, made.person_id))
    assert [(e.export_id, e.basis, e.reference) for e in found] == [
        (key, LegalBasis.LEGAL_DUTY, "CV 12/TTKSBT")
    ]


@pytest.mark.parametrize(
    ("export", "field"),
    [
        (replace(EXPORT, reference=" "), "reference"),
        (replace(EXPORT, reference="x" * 201), "reference"),
        (replace(EXPORT, recipient=""), "recipient"),
        (replace(EXPORT, sha256=b"short"), "sha256"),
        (replace(EXPORT, basis=LegalBasis.CONSENT, reference="co-none"), "reference"),
    ],
)
async def test_nothing_leaves_without_paper_recipient_and_digest(
    database: Database, export: NewExport, field: str
) -> None:
    with pytest.raises(RefusedError) as refused:
        await database.write(lambda tx: basis.record_export(tx, export))
    assert refused.value.field == field
    assert await database.read(lambda r: r.rows("SELECT 1 FROM export")) == []


async def test_an_export_by_consent_needs_one_of_that_person_that_stands(
    database: Database,
) -> None:
    made = await world.make(database)
    columns = (
        "consent_id, person_id, item, version, locale, text_sha256, given_ms, given_by, channel"
    )
    sql = f"INSERT INTO consent ({columns}) VALUES ('co-1', ?, 'share_hospital', '1', 'vi', ?, 1, 'a', 'page')"  # noqa: E501, S608
    await database.write(lambda tx: tx.execute(sql, (made.person_id, b"h")))
    by_consent = replace(
        EXPORT, basis=LegalBasis.CONSENT, reference="co-1", person_id=made.person_id
    )
    await database.write(lambda tx: basis.record_export(tx, by_consent))
    with pytest.raises(RefusedError):
        await database.write(
            lambda tx: basis.record_export(tx, replace(by_consent, person_id=None))
        )
    await database.write(lambda tx: tx.execute("UPDATE consent SET withdrawn_ms = 2"))
    with pytest.raises(RefusedError):
        await database.write(lambda tx: basis.record_export(tx, by_consent))
