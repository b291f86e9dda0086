"""What the desk sees and decides, on both engines: devices, programmes, doctors, cases."""

from datetime import timedelta

import pytest

from telehealth import assigning, programme_book, programmes, station
from telehealth.access.policy import Action, Actor, Role
from telehealth.access.scope import Scope
from telehealth.errors import (
    IllegalTransitionError,
    NotAllowedError,
    NotFoundError,
    RefusedError,
)
from telehealth.programmes import NewProgramme
from telehealth.store import tables
from telehealth.store.database import Database, Reader, Transaction
from telehealth.subjects import DEFAULT_PACK
from telehealth.vitals.packs import Citation, Confidence, Pack
from telehealth.vitals.rules import PACKS
from tests import rows

HOUR = 3_600_000
NURSE = Actor("ac-nurse", Role.NURSE, place_id="pl-xa")
EVERYWHERE = Actor("ac-all", Role.COORDINATOR)


@pytest.fixture
async def commune(database: Database) -> Database:
    """Return two communes with a programme, doctors, people and devices."""

    def fill(tx: Transaction) -> None:
        for place_id, parent in (("pl-vn", None), ("pl-xa", "pl-vn"), ("pl-far", "pl-vn")):
            rows.place(tx, place_id, parent)
        for key, place_id in (("pr-xa", "pl-xa"), ("pr-far", "pl-far"), ("pr-vn", "pl-vn")):
            programmes.create(
                tx,
                NewProgramme(
                    programme_id=key, name=key, place=key, place_id=place_id,
                    cadence=timedelta(hours=2),
                ),
            )  # fmt: skip
        tx.execute("UPDATE programme SET valid_from_ms = 0")
        rows.account(tx, "ac-nurse", "nurse", place_id="pl-xa")
        rows.account(tx, "ac-doctor", "doctor", place_id="pl-xa", display_name="BS. An")
        rows.account(tx, "ac-above", "doctor", place_id="pl-vn", display_name="BS. Bình")
        rows.account(tx, "ac-far", "doctor", place_id="pl-far", display_name="BS. Xa")
        for person_id, name, place_id in (
            ("p-an", "Lê Văn An", "pl-xa"), ("p-binh", "An Thị Bình", "pl-xa"),
            ("p-far", "Hà Văn Xa", "pl-far"),
        ):  # fmt: skip
            rows.person(tx, person_id, name, "1950-01-02", place_id=place_id, created_ms=tx.now_ms)
        assigning.assign(tx, "p-an", "pr-xa", "ac-doctor")
        assigning.assign(tx, "p-binh", "pr-xa", None)
        assigning.assign(tx, "p-far", "pr-far", "ac-far")
        for device_id, of_place in (
            ("ox-1", "pl-xa"), ("ox-2", "pl-xa"), ("ox-far", "pl-far"), ("ox-none", None),
        ):  # fmt: skip
            device = tables.Device(device_id=device_id, place_id=of_place, registered_ms=1)
            tx.session.add(device)
        tx.session.flush()
        assigning.lend(tx, NURSE, "ox-1", "p-an")

    await database.write(fill)
    return database


def scope(reader: Reader, actor: Actor, action: Action) -> Scope:
    return Scope(actor, action, reader.now_ms)


async def test_lists_hold_the_people_of_the_place_by_given_name(commune: Database) -> None:
    def look(reader: Reader) -> tuple[list[str], list[str], list[str]]:
        seen = scope(reader, NURSE, Action.SEE_IDENTITY)
        everybody = scope(reader, EVERYWHERE, Action.SEE_IDENTITY)
        return (
            [one.name for one in station.registered_since(reader, seen, 0)],
            [one.person_id for one in station.without_doctor(reader, seen)],
            [one.person_id for one in station.registered_since(reader, everybody, 0)],
        )

    registered, without, all_of_them = await commune.read(look)
    assert registered == ["Lê Văn An", "An Thị Bình"]
    assert without == ["p-binh"]
    assert all_of_them == ["p-an", "p-binh", "p-far"]


async def test_only_those_registered_since_then_are_listed(commune: Database) -> None:
    def look(reader: Reader) -> int:
        seen = scope(reader, NURSE, Action.SEE_IDENTITY)
        return len(station.registered_since(reader, seen, reader.now_ms + 1_000))

    assert await commune.read(look) == 0


async def devices_of(database: Database, actor: Actor) -> dict[str, station.StationDevice]:
    def look(reader: Reader) -> dict[str, station.StationDevice]:
        lending = scope(reader, actor, Action.LEND_DEVICE)
        return {one.device_id: one for one in station.devices(reader, lending, reader.now_ms)}

    return await database.read(look)


async def test_devices_are_those_of_the_place_and_those_its_people_have(commune: Database) -> None:
    assert set(await devices_of(commune, NURSE)) == {"ox-1", "ox-2"}
    assert set(await devices_of(commune, EVERYWHERE)) == {"ox-1", "ox-2", "ox-far", "ox-none"}
    await commune.write(lambda tx: assigning.lend(tx, EVERYWHERE, "ox-far", "p-binh"))
    found = await devices_of(commune, NURSE)
    assert found["ox-far"].person == "An Thị Bình"


async def test_whom_a_device_was_lent_to_outside_the_place_is_not_told(commune: Database) -> None:
    await commune.write(lambda tx: assigning.lend(tx, EVERYWHERE, "ox-2", "p-far"))
    lent = (await devices_of(commune, NURSE))["ox-2"]
    assert lent.loan_id is not None
    assert (lent.person_id, lent.person) == (None, None)


@pytest.mark.parametrize(("hours", "silent"), [(2.9, False), (3.1, True)])
async def test_a_lent_device_is_silent_after_one_and_a_half_cadences(
    commune: Database, hours: float, silent: bool
) -> None:
    def age(tx: Transaction) -> None:
        tx.execute("UPDATE device_loan SET from_ms = 1")
        heard_ms = tx.now_ms - int(hours * HOUR)
        tx.execute("UPDATE device SET seen_ms = ? WHERE device_id = 'ox-1'", (heard_ms,))

    await commune.write(age)
    found = await devices_of(commune, NURSE)
    assert found["ox-1"].is_silent is silent
    assert found["ox-2"].is_silent is False, "nobody has it"
    assert found["ox-1"].is_due_back is False


async def test_a_device_is_due_back_once_the_case_is_closed(commune: Database) -> None:
    await commune.write(lambda tx: tx.execute("UPDATE f0_case SET closed_ms = ?", (tx.now_ms + 1,)))
    assert (await devices_of(commune, NURSE))["ox-1"].is_due_back is True


async def test_programmes_of_the_place_come_nearest_first_and_others_not_at_all(
    commune: Database,
) -> None:
    def look(reader: Reader, actor: Actor) -> list[str]:
        found = station.programmes_for(reader, actor, reader.now_ms)
        return [one.programme_id for one in found]

    assert await commune.read(lambda r: look(r, NURSE)) == ["pr-xa", "pr-vn"]
    assert set(await commune.read(lambda r: look(r, EVERYWHERE))) == {"pr-xa", "pr-vn", "pr-far"}
    bound = Actor("ac-nurse", Role.NURSE, place_id="pl-xa", programme_id="pr-vn")
    assert await commune.read(lambda r: look(r, bound)) == ["pr-vn"]
    await commune.write(lambda tx: programme_book.end(tx, "pr-vn"))
    assert await commune.read(lambda r: look(r, NURSE)) == ["pr-xa"]


async def test_doctors_are_those_who_reach_the_place_by_given_name(commune: Database) -> None:
    def look(reader: Reader, place_id: str | None) -> list[str]:
        found = station.doctors_for(reader, "pr-xa", place_id)
        return [one.name for one in found]

    assert await commune.read(lambda r: look(r, "pl-xa")) == ["BS. An", "BS. Bình"]
    assert await commune.read(lambda r: look(r, None)) == ["BS. An", "BS. Bình", "BS. Xa"]


async def test_free_devices_are_those_of_the_place_that_nobody_has(commune: Database) -> None:
    assert await commune.read(lambda r: station.free_devices(r, NURSE, r.now_ms)) == ["ox-2"]
    everywhere = await commune.read(lambda r: station.free_devices(r, EVERYWHERE, r.now_ms))
    assert everywhere == ["ox-2", "ox-far", "ox-none"]


async def test_a_doctor_out_of_reach_and_a_programme_that_ended_are_refused(
    commune: Database,
) -> None:
    with pytest.raises(RefusedError, match="doctor_id"):
        await commune.write(lambda tx: assigning.assign(tx, "p-an", "pr-xa", "ac-far"))
    await commune.write(lambda tx: programme_book.end(tx, "pr-vn"))
    with pytest.raises(RefusedError, match="programme_id"):
        await commune.write(lambda tx: assigning.assign(tx, "p-an", "pr-vn", None))
    with pytest.raises(NotFoundError):
        await commune.write(lambda tx: assigning.assign(tx, "p-none", "pr-xa", "ac-doctor"))


async def test_a_new_programme_keeps_the_case_that_is_open(commune: Database) -> None:
    before = await commune.write(lambda tx: assigning.assign(tx, "p-an", "pr-xa", "ac-above"))
    after = await commune.write(lambda tx: assigning.assign(tx, "p-an", "pr-vn", "ac-above"))
    assert before == after


async def test_a_device_of_another_station_is_neither_lent_nor_moved(commune: Database) -> None:
    with pytest.raises(NotAllowedError):
        await commune.write(lambda tx: assigning.lend(tx, NURSE, "ox-far", "p-binh"))
    with pytest.raises(NotAllowedError):
        await commune.write(lambda tx: assigning.move_device(tx, NURSE, "ox-far", "pl-xa"))
    await commune.write(lambda tx: assigning.lend(tx, NURSE, "ox-none", "p-binh"))
    assert set(await devices_of(commune, NURSE)) == {"ox-1", "ox-2", "ox-none"}


async def test_a_device_moves_only_while_nobody_has_it(commune: Database) -> None:
    with pytest.raises(IllegalTransitionError):
        await commune.write(lambda tx: assigning.move_device(tx, EVERYWHERE, "ox-1", "pl-far"))
    with pytest.raises(NotFoundError):
        await commune.write(lambda tx: assigning.move_device(tx, EVERYWHERE, "ox-2", "pl-none"))
    with pytest.raises(NotFoundError):
        await commune.write(lambda tx: assigning.move_device(tx, EVERYWHERE, "ox-?", "pl-far"))
    await commune.write(lambda tx: assigning.move_device(tx, EVERYWHERE, "ox-2", "pl-far"))
    assert set(await devices_of(commune, NURSE)) == {"ox-1"}


async def test_a_programme_with_open_cases_does_not_end(commune: Database) -> None:
    with pytest.raises(IllegalTransitionError):
        await commune.write(lambda tx: programme_book.end(tx, "pr-xa"))
    await commune.write(lambda tx: programme_book.end(tx, "pr-vn"))
    with pytest.raises(IllegalTransitionError):
        await commune.write(lambda tx: programme_book.end(tx, "pr-vn"))
    with pytest.raises(NotFoundError):
        await commune.write(lambda tx: programme_book.end(tx, "pr-none"))


def test_a_pack_of_low_confidence_is_for_trial_only() -> None:
    pack = PACKS[DEFAULT_PACK]
    assert programme_book.may_be_clinical(pack)
    rule = pack.rules[0]
    source = Citation("from memory", "–", "2026", Confidence.LOW)
    unsure = type(rule)(
        rule.code,
        rule.parameter,
        rule.comparison,
        tuple(type(row)(row.from_month, row.to_month, row.limit, source) for row in rule.rows),
    )
    doubtful = Pack(pack.name, pack.edition, pack.title, (unsure,), ())
    assert not programme_book.may_be_clinical(doubtful)
