"""Who speaks for whom: with a basis, for a time, and never for oneself."""

from datetime import UTC, date, datetime

import pytest

from protocols.uplink import epoch_ms
from telehealth.errors import IllegalTransitionError, NotFoundError, RefusedError
from telehealth.people import proxies
from telehealth.people.proxies import Basis, NewProxy, ProxyKind
from telehealth.store.database import Database, Transaction
from tests.telehealth.people import folk

NOW = epoch_ms(datetime(2026, 3, 1, 5, tzinfo=UTC))
DAY = 86_400_000
CHILD = date(2015, 6, 30)


def _new(person: str, proxy: str, **more: object) -> NewProxy:
    given = {"kind": ProxyKind.CARER, "basis": Basis.WISH, "reference": "nói tại trạm", **more}
    return NewProxy(person_id=person, proxy_person_id=proxy, **given)  # type: ignore[arg-type]


def _two(tx: Transaction, born: date | None = folk.BORN) -> tuple[str, str]:
    tx.now_ms = NOW
    return folk.person(tx, "Nguyễn Thị An", born), folk.person(tx, "Nguyễn Văn Con")


def _parent(person: str, proxy: str, **more: object) -> NewProxy:
    given = {"kind": ProxyKind.GUARDIAN, "basis": Basis.PARENT, **more}
    return _new(person, proxy, **given)


async def test_a_carer_is_listed_both_ways_until_it_ends(database: Database) -> None:
    def act(tx: Transaction) -> None:
        person, carer = _two(tx)
        proxy_id = proxies.grant(tx, _new(person, carer), "me")
        [mine] = proxies.speaking_for(tx, person)
        assert (mine.proxy, mine.kind, mine.basis) == ("Nguyễn Văn Con", "carer", "wish")
        assert mine.reference == "nói tại trạm"
        assert [one.person for one in proxies.spoken_for_by(tx, carer)] == ["Nguyễn Thị An"]
        assert proxies.speaking_for(tx, carer) == []
        assert proxies.end(tx, proxy_id) == (person, carer)
        assert proxies.speaking_for(tx, person) == proxies.spoken_for_by(tx, carer) == []
        assert len(proxies.speaking_for(tx, person, past=True)) == 1
        with pytest.raises(IllegalTransitionError):
            proxies.end(tx, proxy_id)

    await database.write(act)


async def test_nobody_speaks_for_themselves(database: Database) -> None:
    def act(tx: Transaction) -> None:
        person, _ = _two(tx)
        with pytest.raises(RefusedError, match="proxy_person_id"):
            proxies.grant(tx, _new(person, person), "me")

    await database.write(act)


@pytest.mark.parametrize(
    ("kind", "basis"),
    [
        (ProxyKind.CARER, Basis.PARENT),
        (ProxyKind.CARER, Basis.COURT_ORDER),
        (ProxyKind.GUARDIAN, Basis.WISH),
    ],
)
async def test_a_basis_that_does_not_fit_is_refused(
    database: Database, kind: ProxyKind, basis: Basis
) -> None:
    def act(tx: Transaction) -> None:
        person, other = _two(tx, CHILD)
        with pytest.raises(RefusedError, match="basis"):
            proxies.grant(tx, _new(person, other, kind=kind, basis=basis), "me")

    await database.write(act)


@pytest.mark.parametrize("reference", ["", "   ", "a" * 201, "a\nb"])
async def test_a_basis_needs_its_reference(database: Database, reference: str) -> None:
    def act(tx: Transaction) -> None:
        person, other = _two(tx)
        with pytest.raises(RefusedError, match="reference"):
            proxies.grant(tx, _new(person, other, reference=reference), "me")

    await database.write(act)


async def test_a_parent_is_guardian_until_the_sixteenth_birthday(database: Database) -> None:
    def act(tx: Transaction) -> None:
        child, parent = _two(tx, CHILD)
        proxies.grant(tx, _parent(child, parent), "me")
        [shown] = proxies.speaking_for(tx, child)
        midnight_in_vietnam = datetime(2031, 6, 29, 17, tzinfo=UTC)
        assert shown.to_ms == epoch_ms(midnight_in_vietnam)
        tx.now_ms = shown.to_ms - 1
        assert len(proxies.speaking_for(tx, child)) == 1
        tx.now_ms = shown.to_ms
        assert proxies.speaking_for(tx, child) == []

    await database.write(act)


@pytest.mark.parametrize(("born", "refused"), [(date(2010, 3, 1), True), (date(2010, 3, 2), False)])
async def test_a_parent_is_guardian_of_a_child_only(
    database: Database, born: date, refused: bool
) -> None:
    def act(tx: Transaction) -> None:
        person, parent = _two(tx, born)
        if not refused:
            proxies.grant(tx, _parent(person, parent), "me")
            return
        with pytest.raises(RefusedError, match="basis"):
            proxies.grant(tx, _parent(person, parent), "me")

    await database.write(act)


async def test_a_child_born_on_a_leap_day_is_grown_on_the_first_of_march(
    database: Database,
) -> None:
    def act(tx: Transaction) -> None:
        child, parent = _two(tx, date(2012, 2, 29))
        proxies.grant(tx, _parent(child, parent), "me")
        [shown] = proxies.speaking_for(tx, child)
        assert shown.to_ms == epoch_ms(datetime(2028, 2, 28, 17, tzinfo=UTC))

    await database.write(act)


async def test_a_parent_of_somebody_of_unknown_age_is_refused_and_a_court_order_is_not(
    database: Database,
) -> None:
    def act(tx: Transaction) -> None:
        person, other = _two(tx, None)
        with pytest.raises(RefusedError, match="birth_date"):
            proxies.grant(tx, _parent(person, other), "me")
        proxies.grant(tx, _parent(person, other, basis=Basis.COURT_ORDER), "me")
        assert proxies.speaking_for(tx, person)[0].to_ms is None

    await database.write(act)


async def test_an_end_that_is_past_is_refused_and_one_to_come_is_kept(database: Database) -> None:
    def act(tx: Transaction) -> None:
        person, other = _two(tx)
        for wrong in (NOW, NOW - 1, NOW + 21 * 366 * DAY):
            with pytest.raises(RefusedError, match="to:"):
                proxies.grant(tx, _new(person, other, to_ms=wrong), "me")
        proxies.grant(tx, _new(person, other, to_ms=NOW + 1), "me")
        assert proxies.speaking_for(tx, person)[0].to_ms == NOW + 1

    await database.write(act)


async def test_the_same_proxy_stands_once_and_may_be_granted_anew(database: Database) -> None:
    def act(tx: Transaction) -> None:
        person, carer = _two(tx)
        first = proxies.grant(tx, _new(person, carer), "me")
        with pytest.raises(IllegalTransitionError):
            proxies.grant(tx, _new(person, carer), "me")
        proxies.end(tx, first)
        tx.now_ms = NOW + 1
        proxies.grant(tx, _new(person, carer), "me")
        assert len(proxies.speaking_for(tx, person)) == 1

    await database.write(act)


async def test_unknown_people_and_proxies_are_not_found(database: Database) -> None:
    def act(tx: Transaction) -> None:
        person, _ = _two(tx)
        with pytest.raises(NotFoundError):
            proxies.grant(tx, _new(person, "pe-none"), "me")
        for unknown in ("px-none", "\0"):
            with pytest.raises(NotFoundError):
                proxies.end(tx, unknown)

    await database.write(act)
