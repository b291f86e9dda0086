"""Old keys go while the server works: afterwards everything opens with the new key alone."""

import ast
import asyncio
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from telehealth import rotating, sealed
from telehealth.errors import KeysError
from telehealth.keys import Keyring
from telehealth.people.records import Personal, open_personal, seal_personal
from telehealth.rotating import Step
from telehealth.sealed import SEALED, SealedColumn, identifier_purpose, terms_of_name, tokens
from telehealth.store import tables
from telehealth.store.database import Database, Reader, Transaction
from telehealth.vault import Vault
from tests import databases, rows
from tests.keys import opened

PEOPLE = 1_203
"""More than two batches, and not a whole number of them."""
PERSONAL = SEALED[0]


def _vault(database: Database) -> Vault:
    assert database.vault is not None
    return database.vault


def _ids(count: int) -> list[str]:
    return [f"pe-{number:05}" for number in range(count)]


def _add_people(tx: Transaction, count: int) -> None:
    tx.insert(
        "person",
        (
            "person_id", "personal", "display_name", "birth_date", "sex", "pregnant", "locale",
            "created_by", "created_ms",
        ),
        [
            (
                row, seal_personal(tx.vault, row, Personal(name=f"Tên {row}")), "", "", "unknown",
                False, "vi", "", 0,
            )
            for row in _ids(count)
        ],
    )  # fmt: skip


def _add_numbers(tx: Transaction, count: int) -> None:
    tx.insert(
        "person_identifier",
        (
            "identifier_id", "person_id", "kind", "sealed", "value_hash", "source", "added_by",
            "added_ms",
        ),
        [
            (
                f"id-{row}", row, "phone",
                tx.vault.seal(_phone(row).encode(), "person_identifier", "sealed", f"id-{row}"),
                tx.vault.hash(identifier_purpose("phone"), _phone(row)), "typed", "test", 0,
            )
            for row in _ids(count)
        ],
    )  # fmt: skip


def _phone(person_id: str) -> str:
    return f"+8490{person_id[3:]}"


def _add_tokens(tx: Transaction, count: int) -> None:
    tx.insert(
        "person_token",
        ("token", "bucket", "person_id"),
        [
            (tokens(tx.vault, term)[0], bucket, row)
            for row in _ids(count)
            for term in sorted(terms_of_name(Personal(name=f"Tên {row}")))
            for bucket in ("", "pl-19")
        ],
    )


def _names(reader: Reader) -> dict[str, str]:
    return {
        row: open_personal(reader, row).name
        for (row,) in reader.rows("SELECT person_id FROM person")
    }


def _newest_alone(ring: Keyring, part: str) -> Keyring:
    return replace(ring, **{part: getattr(ring, part)[:1]})


@pytest.mark.asvs("14.2.4")
def test_every_column_that_says_it_is_sealed_is_in_the_register() -> None:
    """Read from the tables' own words, so that a new column cannot be forgotten."""
    said = set()
    for file in Path(tables.__path__[0]).glob("*.py"):
        for table in ast.walk(ast.parse(file.read_text())):
            if isinstance(table, ast.ClassDef):
                said |= {(table.name, name) for name in _sealed_fields(table)}
    found = {(str(getattr(tables, name).__tablename__), column) for name, column in said}
    assert found == {(at.table, at.column) for at in SEALED}


def _sealed_fields(table: ast.ClassDef) -> list[str]:
    found = []
    for line, following in zip(table.body, [*table.body[1:], None], strict=True):
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
            says = isinstance(following, ast.Expr) and ast.unparse(following).strip("'\"")
            if line.target.id == "sealed" or (says and says.startswith("Sealed")):
                found.append(line.target.id)
    return found


def test_the_document_lists_every_sealed_column() -> None:
    page = (Path(__file__).parents[2] / "docs" / "keys.md").read_text()
    listed = re.findall(r"^\| `(\w+)` \| `(\w+)` \| `(\w+)` \|$", page, re.MULTILINE)
    assert [(table, key, column) for table, column, key in listed] == [
        (at.table, at.key, at.column) for at in SEALED
    ]


@pytest.mark.parametrize("at", SEALED, ids=lambda at: f"{at.table}.{at.column}")
def test_each_registered_column_is_there_and_its_key_is_the_tables(at: SealedColumn) -> None:
    table = tables.metadata.tables[at.table]
    assert [column.name for column in table.primary_key] == [at.key]
    assert at.column in table.columns


async def test_every_sealed_column_is_sealed_anew_and_its_plain_text_is_as_it_was(
    database: Database,
) -> None:
    vault = _vault(database)
    await database.write(_one_row_of_each)
    before = await database.read(_opened)
    assert len(before) == len(SEALED)
    vault.adopt(vault.keyring.with_new("data", 1))
    assert await rotating.reseal(database) == len(SEALED)
    vault.adopt(_newest_alone(vault.keyring, "data"))
    assert await database.read(_opened) == before
    assert await rotating.reseal(database) == 0


def _one_row_of_each(tx: Transaction) -> None:
    rows.person(tx, "pe-1", "Nguyễn Văn An", "1950-01-01")
    rows.account(tx, "ac-1", "doctor")
    field: Callable[[str, str, str], bytes] = lambda table, column, row: tx.vault.seal(  # noqa: E731
        f"{table} {column}".encode(), table, column, row
    )
    some = [
        tables.PersonIdentifier(
            identifier_id="id-1", person_id="pe-1", kind="phone", value_hash=b"", added_ms=0,
            sealed=field("person_identifier", "sealed", "id-1"),
        ),
        tables.Household(
            household_id="ho-1", address=field("household", "address", "ho-1"), created_ms=0
        ),
        tables.BreakGlass(
            break_glass_id="bg-1", account_id="ac-1", person_id="pe-1", reason="life",
            started_ms=0, ends_ms=1, note=field("break_glass", "note", "bg-1"),
            review_note=field("break_glass", "review_note", "bg-1"),
        ),
        tables.Consent(
            consent_id="co-1", person_id="pe-1", item="monitoring", version="1", locale="vi",
            text_sha256=b"", given_ms=0, given_by="ac-1", channel="paper",
            proof=field("consent", "proof", "co-1"),
        ),
        tables.SubjectRequest(
            request_id="sr-1", person_id="pe-1", kind="copy", opened_ms=0, opened_by="ac-1",
            answer_due_ms=1, done_due_ms=2, details=field("subject_request", "details", "sr-1"),
            outcome=field("subject_request", "outcome", "sr-1"),
        ),
    ]  # fmt: skip
    tx.session.add_all(some)
    tx.session.flush()
    totp = field("account", "totp", "ac-1")
    tx.execute("UPDATE account SET totp = ? WHERE account_id = ?", (totp, "ac-1"))


def _opened(reader: Reader) -> dict[tuple[str, str], bytes]:
    return {
        (at.table, at.column): reader.vault.open(field, at.table, at.column, row)
        for at in SEALED
        for row, field in reader.rows(
            f"SELECT {at.key}, {at.column} FROM {at.table}"  # noqa: S608
            f" WHERE {at.column} IS NOT NULL"
        )
    }


async def test_many_rows_are_sealed_anew_in_batches_that_a_second_run_skips(
    database: Database,
) -> None:
    vault = _vault(database)
    await database.write(lambda tx: _add_people(tx, PEOPLE))
    vault.adopt(vault.keyring.with_new("data", 1))
    sizes: list[int] = []

    def job(tx: Transaction, after: str) -> Step:
        step = rotating.reseal_rows(tx, PERSONAL, after)
        sizes.append(step.changed)
        return step

    assert await rotating.run(database, job) == PEOPLE
    assert sizes == [500, 500, 203]
    assert await rotating.run(database, job) == 0


@pytest.mark.parametrize("count", [0, 1, 499, 500, 501])
async def test_both_sides_of_a_batch_are_reached(database: Database, count: int) -> None:
    vault = _vault(database)
    await database.write(lambda tx: _add_people(tx, count))
    vault.adopt(vault.keyring.with_new("data", 1))
    assert await rotating.reseal(database) == count
    vault.adopt(_newest_alone(vault.keyring, "data"))
    assert len(await database.read(_names)) == count


async def test_a_run_that_was_cut_off_goes_on_with_what_is_left(database: Database) -> None:
    vault = _vault(database)
    await database.write(lambda tx: _add_people(tx, PEOPLE))
    vault.adopt(vault.keyring.with_new("data", 1))

    def cut(tx: Transaction, after: str) -> Step:
        if after:
            raise LookupError
        return rotating.reseal_rows(tx, PERSONAL, after)

    with pytest.raises(LookupError):
        await rotating.run(database, cut)
    assert await rotating.reseal(database) == PEOPLE - 500


async def test_a_field_that_was_altered_is_named_and_left_as_it_is(database: Database) -> None:
    vault = _vault(database)
    await database.write(lambda tx: _add_people(tx, 1))
    wrong = vault.seal(b"{}", "person", "personal", "pe-another")
    await database.write(lambda tx: tx.execute("UPDATE person SET personal = ?", (wrong,)))
    vault.adopt(vault.keyring.with_new("data", 1))
    with pytest.raises(KeysError, match=r"person\.personal\.pe-00000 was altered or moved"):
        await rotating.reseal(database)
    kept = await database.read(lambda r: r.rows("SELECT personal FROM person"))
    assert bytes(kept[0][0]) == wrong


async def test_while_others_write_no_name_is_lost_and_the_new_key_opens_all(
    database: Database,
) -> None:
    """A server that knows the new key corrects names while a command seals them anew."""
    vault = _vault(database)
    await database.write(lambda tx: _add_people(tx, PEOPLE))
    vault.adopt(vault.keyring.with_new("data", 1))
    server = Database(database.url, Vault(vault.keyring))
    wanted = {row: f"Tên {row}" for row in _ids(PEOPLE)}
    done = asyncio.Event()

    async def correct_names() -> int:
        turn = 0
        while not done.is_set() or turn < 40:
            for row in (_ids(PEOPLE)[(turn * 7) % PEOPLE], _ids(PEOPLE)[-1 - turn % PEOPLE]):
                name = f"Sửa {turn}"
                await server.write(lambda tx, row=row, name=name: _correct(tx, row, name))  # type: ignore[misc]
                wanted[row] = name
            turn += 1
        return turn

    try:
        writing = asyncio.create_task(correct_names())
        await rotating.reseal(database)
        done.set()
        assert await writing >= 40
        vault.adopt(_newest_alone(vault.keyring, "data"))
        assert await database.read(_names) == wanted
    finally:
        await server.close()


def _correct(tx: Transaction, person_id: str, name: str) -> None:
    field = seal_personal(tx.vault, person_id, Personal(name=name))
    tx.execute("UPDATE person SET personal = ? WHERE person_id = ?", (field, person_id))


async def test_identifiers_and_names_are_found_with_the_new_index_key_alone(
    database: Database,
) -> None:
    vault = _vault(database)
    count = 703

    def fill(tx: Transaction) -> None:
        _add_people(tx, count)
        _add_numbers(tx, count)
        _add_tokens(tx, count)

    await database.write(fill)
    before = await database.read(lambda r: r.rows("SELECT count(*) FROM person_token"))
    vault.adopt(vault.keyring.with_new("index", 1))
    old = vault.keyring.index[1].key_id
    assert set(await database.read(sealed.hashed_with)) == {old}
    assert await rotating.rehash(database) == count + before[0][0]
    vault.adopt(_newest_alone(vault.keyring, "index"))
    assert await database.read(lambda r: r.rows("SELECT count(*) FROM person_token")) == before
    assert set(await database.read(sealed.hashed_with)) == {vault.keyring.index[0].key_id}
    assert await database.read(lambda r: _found_by_phone(r, "pe-00007")) == ["pe-00007"]
    assert await database.read(lambda r: _found_by_term(r, "nobody")) == []
    assert await database.read(lambda r: _found_by_term(r, "=ten pe 00007")) == ["pe-00007"]
    assert await rotating.rehash(database) == 0


def _found_by_phone(reader: Reader, person_id: str) -> list[str]:
    wanted = reader.vault.hash(identifier_purpose("phone"), _phone(person_id))
    sql = "SELECT person_id FROM person_identifier WHERE value_hash = ? AND kind = 'phone'"
    return [row for (row,) in reader.rows(sql, (wanted,))]


def _found_by_term(reader: Reader, term: str) -> list[str]:
    sql = "SELECT person_id FROM person_token WHERE token = ? AND bucket = 'pl-19'"
    return [row for (row,) in reader.rows(sql, (tokens(reader.vault, term)[0],))]


async def test_tokens_of_an_old_name_do_not_outlive_the_index_key(database: Database) -> None:
    vault = _vault(database)

    def fill(tx: Transaction) -> None:
        _add_people(tx, 2)
        tx.insert(
            "person_token",
            ("token", "bucket", "person_id"),
            [(tokens(tx.vault, "old")[0], "pl-19", "pe-00000")],
        )

    await database.write(fill)
    vault.adopt(vault.keyring.with_new("index", 1))
    await rotating.rehash(database)
    assert await database.read(lambda r: _found_by_term(r, "old")) == []
    assert await database.read(lambda r: _found_by_term(r, "ten")) == ["pe-00000"]


async def test_the_count_says_which_key_seals_hashes_and_binds_how_much(
    database: Database,
) -> None:
    vault = _vault(database)
    first = vault.keyring

    def fill(tx: Transaction) -> None:
        _add_people(tx, 3)
        _add_numbers(tx, 2)
        entry = ("ch-" + first.audit[0].key_id.hex() + "-0011223344556677", 1, 0, "log_opened")
        tx.insert(
            "audit",
            (
                "chain_id", "seq", "at_ms", "action", "decision", "actor_id", "role", "grant_id",
                "person_id", "target", "purpose", "basis", "address", "session", "mac",
            ),
            [(*entry, "allow", "test", *[""] * 8, b"")],
        )  # fmt: skip

    await database.write(fill)
    vault.adopt(first.with_new("data", 1))
    await database.write(lambda tx: _correct(tx, "pe-00001", "Mới"))
    found = await database.read(sealed.uses)
    assert found["data"] == {first.data[0].key_id: 4, vault.keyring.data[0].key_id: 1}
    assert found["index"] == {first.index[0].key_id: 2}
    assert found["audit"] == {first.audit[0].key_id: 1}
    assert sealed.missing_keys(vault.keyring, found) == []
    other = Keyring.new(0)
    assert len(sealed.missing_keys(other, found)) == 4


async def test_a_hash_that_stands_for_nothing_counts_under_no_key(database: Database) -> None:
    def fill(tx: Transaction) -> None:
        _add_people(tx, 1)
        _add_numbers(tx, 1)
        tx.execute("UPDATE person_identifier SET value_hash = ?", (b"x" * 32,))
        tx.insert("person_token", ("token", "bucket", "person_id"), [(b"y", "", "pe-00000")])

    await database.write(fill)
    assert await database.read(sealed.hashed_with) == {b"": 2}


async def test_names_from_before_there_were_keys_are_sealed_and_their_place_is_emptied(
    database: Database,
) -> None:
    def fill(tx: Transaction) -> None:
        _add_people(tx, 1)
        for row, name, born in (
            ("pe-old", "Trần Thị Bình", "1948-02-29"),
            ("pe-undated", "Vàng A Páo", ""),
            ("pe-erased", "", ""),
        ):
            tx.session.add(
                tables.Person(person_id=row, display_name=name, birth_date=born, created_ms=0)
            )
        tx.session.flush()
        rows.account(tx, "ac-patient", "patient", person_id="pe-old")
        rows.account(tx, "ac-doctor", "doctor")
        tx.execute("UPDATE account SET display_name = ?", ("Trần Thị Bình",))

    await database.write(fill)
    assert await rotating.seal_plain(database) == 3
    assert await rotating.seal_plain(database) == 0
    people = await database.read(
        lambda r: r.rows(
            "SELECT person_id FROM person WHERE display_name <> '' OR birth_date <> ''"
        )
    )
    assert people == []
    old = await database.read(lambda r: open_personal(r, "pe-old"))
    assert old == Personal(name="Trần Thị Bình", birth_date="1948-02-29")
    assert (await database.read(lambda r: open_personal(r, "pe-undated"))).name == "Vàng A Páo"
    assert (await database.read(lambda r: open_personal(r, "pe-erased"))).name == ""
    assert (await database.read(lambda r: open_personal(r, "pe-00000"))).name == "Tên pe-00000"
    accounts = await database.read(lambda r: r.rows("SELECT account_id, display_name FROM account"))
    assert dict(accounts) == {"ac-patient": "", "ac-doctor": "Trần Thị Bình"}


async def test_a_sealed_name_is_not_overwritten_by_what_lies_open_beside_it(
    database: Database,
) -> None:
    await database.write(lambda tx: _add_people(tx, 1))
    await database.write(lambda tx: tx.execute("UPDATE person SET display_name = 'Cũ'"))
    assert await rotating.seal_plain(database) == 1
    assert await database.read(_names) == {"pe-00000": "Tên pe-00000"}


async def test_on_sqlite_no_page_of_the_file_holds_the_name_any_more(tmp_path: Path) -> None:
    async with databases.migrated_address("sqlite", tmp_path) as url:
        database = opened(url)

        def fill(tx: Transaction) -> None:
            for number in range(60):
                tx.session.add(
                    tables.Person(
                        person_id=f"pe-{number}", display_name="Quách Xuân Kỳ", created_ms=0
                    )
                )
            tx.session.flush()

        await database.write(fill)
        await rotating.seal_plain(database)
        await database.close()
        assert "Quách Xuân Kỳ".encode() not in _everything_in(tmp_path)


def _everything_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())
