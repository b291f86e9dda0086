"""Deletion takes away who somebody is, and leaves what the law has kept."""

from zoneinfo import ZoneInfo

import pytest

from telehealth.access.policy import Role
from telehealth.consents import erasing, giving, requests, stopping
from telehealth.consents.giving import Given
from telehealth.consents.items import Item
from telehealth.errors import IllegalTransitionError, NotFoundError
from telehealth.people.records import open_personal
from telehealth.store import tables
from telehealth.store.database import Database, Reader, Transaction
from tests import rows, world
from tests.world import World

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
NAME = "Người Thử Nghiệm"


async def settled(database: Database) -> World:
    """Return a world in which everything that names the person is written."""
    made = await world.make(database)

    def fill(tx: Transaction) -> None:
        person = made.person_id
        giving.give(
            tx,
            Given(
                person_id=person, items=frozenset({Item.MONITORING}), locale="vi",
                given_by="ac-n", channel="paper", note=NAME,
            ),
            ZONE,
        )  # fmt: skip
        rows.person(tx, "pe-carer", "Người Chăm", "1980-01-01")
        rows.person(tx, "pe-double", NAME, "1950-01-02", merged_into=person)
        seal = tx.vault.seal
        tx.session.add_all(
            [
                tables.PersonIdentifier(
                    identifier_id="id-1", person_id=person, kind="phone", value_hash=b"h",
                    sealed=seal(b"+84912345678", "person_identifier", "sealed", "id-1"),
                    added_ms=0,
                ),
                tables.PersonToken(token=b"t", bucket="", person_id=person),
                tables.Household(
                    household_id="hh-1",
                    created_ms=0,
                    address=seal(b"So 1", "household", "address", "hh-1"),
                ),
                tables.PersonProxy(
                    proxy_id="px-1", person_id=person, proxy_person_id="pe-carer", kind="carer",
                    basis="consent", granted_by="ac-n", from_ms=0,
                ),
                tables.EntryCode(
                    code_hash=b"c", person_id=person, kind="one_time", created_by="ac-n",
                    created_ms=0, expires_ms=1,
                ),
                tables.RecoveryCode(code_hash=b"r", account_id=made.patient_id, created_ms=0),
                tables.LoginFailure(login="patient", failures=1, last_ms=0),
                tables.ReadingRow(
                    device_id=made.device_id, person_id=person, kind="minute", measured_ms=1,
                    received_ms=2, spo2_percent=95, content_key=b"k",
                ),
            ]
        )  # fmt: skip
        tx.session.flush()
        tx.session.add(
            tables.HouseholdMember(
                membership_id="hm-1", household_id="hh-1", person_id=person, from_ms=0
            )
        )
        tx.session.flush()
        rows.session(tx, made.patient_id)
        requests.ask(tx, person, "delete", details=NAME, opened_by="ac", zone=ZONE)

    await database.write(fill)
    return made


async def close_case(database: Database) -> None:
    await database.write(lambda tx: tx.execute("UPDATE f0_case SET closed_ms = opened_ms + 1"))


async def test_while_a_case_is_open_nothing_is_erased(database: Database) -> None:
    made = await settled(database)
    assert await database.read(lambda r: erasing.refusal(r, made.person_id)) == "open_case"
    with pytest.raises(IllegalTransitionError):
        await database.write(lambda tx: erasing.erase_person(tx, made.person_id))
    own = await database.read(lambda r: open_personal(r, made.person_id))
    assert own.name == NAME


@pytest.mark.asvs("14.2.4")
async def test_nothing_is_left_that_names_the_person(database: Database) -> None:
    made = await settled(database)
    await close_case(database)
    erased = await database.write(lambda tx: erasing.erase_person(tx, made.person_id))
    assert erased.person_ids == (made.person_id, "pe-double")
    assert len(erased.session_hashes) == 1

    def left(reader: Reader) -> dict[str, int]:
        seals = "SELECT 1 FROM person WHERE person_id IN (?, 'pe-double') AND personal IS NOT NULL"
        return {
            name: len(reader.rows(sql, values))
            for name, sql, values in (
                ("seals", seals, [made.person_id]),
                ("identifiers", "SELECT 1 FROM person_identifier", []),
                ("tokens", "SELECT 1 FROM person_token", []),
                ("members", "SELECT 1 FROM household_member", []),
                ("addresses", "SELECT 1 FROM household WHERE address IS NOT NULL", []),
                ("proxies", "SELECT 1 FROM person_proxy", []),
                ("codes", "SELECT 1 FROM entry_code", []),
                ("recovery", "SELECT 1 FROM recovery_code", []),
                ("accounts", "SELECT 1 FROM account WHERE account_id = ?", [made.patient_id]),
                ("sessions", "SELECT 1 FROM login_session", []),
                ("failures", "SELECT 1 FROM login_failure", []),
                ("proofs", "SELECT 1 FROM consent WHERE proof IS NOT NULL", []),
                ("standing", "SELECT 1 FROM consent WHERE withdrawn_ms IS NULL", []),
                ("details", "SELECT 1 FROM subject_request WHERE details IS NOT NULL", []),
                ("loans", "SELECT 1 FROM device_loan WHERE to_ms IS NULL", []),
            )
        }

    found = await database.read(left)
    assert found == dict.fromkeys(found, 0)
    own = await database.read(lambda r: open_personal(r, made.person_id))
    assert own.name == ""


async def test_the_medical_record_and_other_people_stay(database: Database) -> None:
    made = await settled(database)
    await close_case(database)
    await database.write(lambda tx: erasing.erase_person(tx, made.person_id))

    def kept(reader: Reader) -> tuple[int, int, int, str]:
        return (
            len(reader.rows("SELECT 1 FROM reading WHERE person_id = ?", (made.person_id,))),
            len(reader.rows("SELECT 1 FROM f0_case WHERE person_id = ?", (made.person_id,))),
            len(reader.rows("SELECT 1 FROM consent WHERE person_id = ?", (made.person_id,))),
            open_personal(reader, "pe-carer").name,
        )

    assert await database.read(kept) == (1, 1, 1, "Người Chăm")
    held = await database.read(lambda r: stopping.withheld(r, [made.device_id]))
    assert list(held) == [made.device_id]
    doctors = await database.read(
        lambda r: r.rows("SELECT 1 FROM account WHERE role = ?", (Role.DOCTOR.value,))
    )
    assert len(doctors) == 2


async def test_a_household_with_others_in_it_keeps_its_address(database: Database) -> None:
    made = await settled(database)
    await close_case(database)

    def also(tx: Transaction) -> None:
        tx.session.add(
            tables.HouseholdMember(
                membership_id="hm-2", household_id="hh-1", person_id="pe-carer", from_ms=0
            )
        )
        tx.session.flush()
        erasing.erase_person(tx, made.person_id)

    await database.write(also)
    found = await database.read(lambda r: r.rows("SELECT address FROM household"))
    assert found[0][0] is not None


async def test_restriction_is_set_once_and_lifted_by_the_person(database: Database) -> None:
    made = await world.make(database)
    with pytest.raises(IllegalTransitionError):
        await database.write(lambda tx: erasing.lift_restriction(tx, made.person_id))
    await database.write(lambda tx: erasing.restrict(tx, made.person_id))
    since = await database.read(lambda r: erasing.restricted_since_ms(r, made.person_id))
    await database.write(lambda tx: erasing.restrict(tx, made.person_id))
    assert since is not None
    assert await database.read(lambda r: erasing.restricted_since_ms(r, made.person_id)) == since
    await database.write(lambda tx: erasing.lift_restriction(tx, made.person_id))
    assert await database.read(lambda r: erasing.restricted_since_ms(r, made.person_id)) is None


async def test_whoever_is_unknown_can_be_neither_erased_nor_restricted(
    database: Database,
) -> None:
    for act in (erasing.erase_person, erasing.restrict):
        with pytest.raises(NotFoundError):
            await database.write(lambda tx, act=act: act(tx, "pe-none"))  # type: ignore[misc]
    assert await database.read(lambda r: erasing.restricted_since_ms(r, "pe-none")) is None
