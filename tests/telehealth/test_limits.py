"""What a doctor sets for one person holds from when to when it says, and nothing is overwritten."""

from datetime import timedelta
from typing import Final

import pytest

from protocols.reading import Vitals
from protocols.uplink import instant
from telehealth import limits
from telehealth.errors import IllegalTransitionError, NotAllowedError, NotFoundError, RefusedError
from telehealth.limits import Limit
from telehealth.store.database import Database, Transaction
from telehealth.subjects import subjects_of
from telehealth.vitals.levels import Level, judge
from telehealth.vitals.targets import TargetRange
from tests import world

NOW: Final = 1_795_000_000_000
DAY: Final = 86_400_000
COPD: Final = TargetRange("", 88, 92)
WITH_RED: Final = TargetRange("", 88, 92, red_at_most_percent=84)


class Ward:
    """One person of the world, and what is done about their limits at times that are given."""

    def __init__(self, database: Database, made: world.World) -> None:
        self.database, self.made = database, made

    async def sets(
        self, at_ms: int = NOW, wanted: TargetRange = COPD, *, days: int = 30, reason: str = "COPD"
    ) -> str:
        def act(tx: Transaction) -> str:
            tx.now_ms = at_ms
            return limits.set_range(
                tx,
                self.made.person_id,
                wanted,
                reason=reason,
                lasts=timedelta(days=days),
                by=self.made.doctor_id,
            )

        return await self.database.write(act)

    async def prescribes(self, at_ms: int = NOW) -> str:
        def act(tx: Transaction) -> str:
            tx.now_ms = at_ms
            return limits.prescribe_scale_2(
                tx, self.made.person_id, reason="khí máu", by=self.made.doctor_id
            )

        return await self.database.write(act)

    async def signs(self, limit_id: str, by: str, at_ms: int = NOW + 1) -> None:
        def act(tx: Transaction) -> None:
            tx.now_ms = at_ms
            limits.sign(tx, limit_id, by)

        await self.database.write(act)

    async def ends(self, limit_id: str, at_ms: int) -> None:
        def act(tx: Transaction) -> None:
            tx.now_ms = at_ms
            limits.end(tx, limit_id, self.made.other_doctor_id)

        await self.database.write(act)

    async def kept(self) -> list[Limit]:
        person_id = self.made.person_id
        found = await self.database.read(lambda r: limits.of_persons(r, [person_id]))
        return found.get(person_id, [])

    async def range_at(self, at_ms: int) -> tuple[float, float | None] | None:
        held = limits.range_at(await self.kept(), at_ms)
        return None if held is None else (held.lowest_percent, held.red_at_most_percent)


@pytest.fixture
async def ward(database: Database) -> Ward:
    return Ward(database, await world.make(database))


async def test_a_range_holds_from_when_it_is_set_until_its_last_day_is_over(ward: Ward) -> None:
    await ward.sets(days=30)
    assert await ward.range_at(NOW - 1) is None
    assert await ward.range_at(NOW) == (88, None)
    assert await ward.range_at(NOW + 30 * DAY - 1) == (88, None)
    assert await ward.range_at(NOW + 30 * DAY) is None


async def test_a_new_range_ends_the_one_before_and_both_can_be_read_again(ward: Ward) -> None:
    await ward.sets()
    await ward.sets(NOW + DAY, TargetRange("", 90, 94))
    assert await ward.range_at(NOW + DAY - 1) == (88, None)
    assert await ward.range_at(NOW + DAY) == (90, None)
    newest, oldest = await ward.kept()
    assert (oldest.ended_ms, oldest.ended_by) == (NOW + DAY, ward.made.doctor_id)
    assert newest.ended_ms is None


async def test_a_range_that_is_ended_holds_no_longer(ward: Ward) -> None:
    limit_id = await ward.sets()
    await ward.ends(limit_id, NOW + DAY)
    assert await ward.range_at(NOW + DAY - 1) == (88, None)
    assert await ward.range_at(NOW + DAY) is None
    with pytest.raises(IllegalTransitionError):
        await ward.ends(limit_id, NOW + 2 * DAY)


@pytest.mark.parametrize("days", [1, 90])
async def test_a_range_may_last_from_a_day_to_ninety(ward: Ward, days: int) -> None:
    await ward.sets(days=days)
    assert await ward.range_at(NOW) == (88, None)


@pytest.mark.parametrize("days", [0, 91])
async def test_a_range_of_no_day_or_of_more_than_ninety_is_refused(ward: Ward, days: int) -> None:
    with pytest.raises(RefusedError, match="1 to 90"):
        await ward.sets(days=days)
    assert await ward.kept() == []


@pytest.mark.parametrize("reason", ["", "   ", "x" * (limits.LONGEST_REASON + 1)])
async def test_a_range_without_a_reason_or_with_an_essay_is_refused(
    ward: Ward, reason: str
) -> None:
    with pytest.raises(RefusedError, match="reason"):
        await ward.sets(reason=reason)
    assert await ward.kept() == []


async def test_a_reason_of_the_greatest_length_is_kept_whole(ward: Ward) -> None:
    await ward.sets(reason="x" * limits.LONGEST_REASON)
    assert [len(limit.reason) for limit in await ward.kept()] == [limits.LONGEST_REASON]


async def test_a_red_line_holds_only_from_the_second_signature(ward: Ward) -> None:
    limit_id = await ward.sets(wanted=WITH_RED)
    assert (await ward.kept())[0].awaits_signature
    await ward.signs(limit_id, ward.made.other_doctor_id, NOW + DAY)
    assert await ward.range_at(NOW + DAY - 1) == (88, None)
    assert await ward.range_at(NOW + DAY) == (88, 84)
    assert not (await ward.kept())[0].awaits_signature


async def test_nobody_signs_their_own_red_line(ward: Ward) -> None:
    limit_id = await ward.sets(wanted=WITH_RED)
    with pytest.raises(NotAllowedError, match="another doctor"):
        await ward.signs(limit_id, ward.made.doctor_id)
    assert (await ward.kept())[0].awaits_signature


async def test_what_awaits_no_signature_takes_none(ward: Ward) -> None:
    without_red = await ward.sets()
    ended = await ward.sets(NOW + 1, WITH_RED)
    await ward.ends(ended, NOW + 2)
    for limit_id in (without_red, ended):
        with pytest.raises(IllegalTransitionError):
            await ward.signs(limit_id, ward.made.other_doctor_id, NOW + 3)


async def test_scale_2_is_prescribed_until_it_is_ended_and_stands_beside_a_range(
    ward: Ward,
) -> None:
    await ward.sets()
    limit_id = await ward.prescribes()
    kept = await ward.kept()
    prescription = limits.scale_2_at(kept, NOW + 365 * DAY)
    assert prescription is not None
    assert (prescription.prescribed_by, prescription.reason) == (ward.made.doctor_id, "khí máu")
    assert prescription.prescribed_at == instant(NOW)
    assert limits.scale_2_at(kept, NOW - 1) is None
    assert await ward.range_at(NOW) == (88, None)
    await ward.ends(limit_id, NOW + DAY)
    assert limits.scale_2_at(await ward.kept(), NOW + DAY) is None


async def test_a_limit_that_nobody_set_is_not_found(ward: Ward) -> None:
    with pytest.raises(NotFoundError):
        await ward.ends("pl-none", NOW)


async def test_a_reading_is_judged_by_what_held_when_it_was_measured(ward: Ward) -> None:
    await ward.sets(NOW, WITH_RED)
    await ward.signs((await ward.kept())[0].limit_id, ward.made.other_doctor_id, NOW + DAY)
    person_id = ward.made.person_id
    subject = (await ward.database.read(lambda r: subjects_of(r, [person_id])))[person_id]

    def level(at_ms: int) -> Level:
        context = subject.context_at(instant(at_ms))
        return judge(Vitals(spo2_percent=88, pulse_per_min=80), context).level

    assert level(NOW - 1) == Level.RED
    assert level(NOW + DAY - 1) == Level.RED, "no second doctor has signed yet"
    assert level(NOW + DAY) == Level.GREEN
    assert level(NOW + 30 * DAY) == Level.RED


async def test_the_pack_that_runs_beside_is_the_programmes(ward: Ward) -> None:
    person_id = ward.made.person_id

    def compare(tx: Transaction) -> None:
        tx.execute("UPDATE programme SET compared_pack = 'moh-vn-4038@2021-08-21'")

    await ward.database.write(compare)
    subject = (await ward.database.read(lambda r: subjects_of(r, [person_id])))[person_id]
    assert subject.compared is not None
    assert subject.compared.pack.pack_id == "moh-vn-4038@2021-08-21"
