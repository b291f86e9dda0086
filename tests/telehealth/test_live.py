"""Live screens: what a viewer is sent and when; and that nothing is lost when the bus is."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from protocols.uplink import instant
from telehealth import clock
from telehealth.access import sessions
from telehealth.access.following import renewal
from telehealth.access.policy import Role
from telehealth.access.sessions import SignedIn
from telehealth.audit.chain import Entry
from telehealth.bus import Bus
from telehealth.errors import NotAllowedError, UnavailableError
from telehealth.live import NOT_ALLOWED, SESSION_OVER, LiveHub
from telehealth.store.database import Database, Transaction
from telehealth.viewer import BEAT_S, FRAME_EVERY_S, NOTICES_KEPT, SAMPLES_KEPT, Viewer
from tests import databases, rows
from tests.webui import people

decode = msgspec.json.decode


def somebody(role: Role = Role.DOCTOR, **more: Any) -> SignedIn:
    given: dict[str, Any] = {
        "account_id": "ac-doctor",
        "login": "x",
        "display_name": "X",
        "role": role,
        "person_id": None,
        "grant_id": None,
        "place_id": None,
        "programme_id": "binh-minh",
        "locale": "vi",
        "second_factor": "totp",
        "confirmed_ms": None,
        "session_hash": b"\x01" * 32,
        "used_ms": 0,
        "ends_ms": 0,
    }
    return SignedIn(**(given | more))


def viewer(role: Role = Role.DOCTOR, **more: Any) -> Viewer:
    return Viewer(somebody(role, **more), lambda: None)


def frames(viewer: Viewer, now_s: float) -> list[Any]:
    return [decode(frame) for frame in viewer.take(now_s, int(now_s * 1000))[0]]


def test_a_viewer_gets_at_most_two_frames_a_second_however_much_changes() -> None:
    one = viewer()
    sent = 0
    for tick in range(100):
        one.put_row("p", b'{"n":%d}' % tick)
        sent += sum(frame["type"] == "changes" for frame in frames(one, tick / 10))
    assert sent <= 10 / FRAME_EVERY_S
    assert sent >= 19


def test_a_frame_holds_the_newest_row_of_each_person_once() -> None:
    one = viewer()
    one.put_row("a", b'{"n":1}')
    one.put_row("b", b'{"n":2}')
    one.put_row("a", b'{"n":3}')
    (frame,) = frames(one, 0)
    assert sorted(row["n"] for row in frame["rows"]) == [2, 3]
    assert frames(one, 1.0) == []


def test_what_waits_is_sent_as_soon_as_it_may_be() -> None:
    one = viewer()
    one.put_row("a", b"{}")
    one.take(10.0, 0)
    one.put_row("a", b"{}")
    sent, wait_s = one.take(10.1, 0)
    assert sent == []
    assert wait_s == pytest.approx(FRAME_EVERY_S - 0.1)
    assert len(one.take(10.1 + wait_s, 0)[0]) == 1


def test_a_quiet_page_hears_a_beat_so_that_it_knows_the_line_is_alive() -> None:
    one = viewer()
    assert [frame["type"] for frame in frames(one, 0)] == ["beat"]
    sent, wait_s = one.take(1.0, 0)
    assert (sent, wait_s) == ([], BEAT_S - 1.0)
    assert [frame["type"] for frame in frames(one, BEAT_S)] == ["beat"]


def test_a_call_does_not_wait_for_the_next_frame() -> None:
    one = viewer()
    one.put_row("a", b"{}")
    one.take(0, 0)
    one.put_notice(b'{"kind":"ring"}')
    assert frames(one, 0.01) == [{"type": "notice", "message": {"kind": "ring"}}]


def test_a_line_that_takes_nothing_makes_nothing_grow() -> None:
    one = viewer()
    for i in range(1_000):
        one.put_notice(b"%d" % i)
        one.put_samples("p", b"%d" % i)
        one.put_row("p", b"%d" % i)
    sent = frames(one, 0)
    assert len(sent) == NOTICES_KEPT + 1
    assert sent[-1]["samples"] == list(range(1_000 - SAMPLES_KEPT, 1_000))
    assert sent[-1]["rows"] == [999]


def test_a_new_beginning_is_told_even_when_there_is_nobody() -> None:
    one = viewer()
    one.put_row("old", b"{}")
    one.start_anew()
    (frame,) = frames(one, 0)
    assert (frame["whole"], frame["rows"]) == (True, [])


def test_the_first_reason_to_close_counts() -> None:
    one = viewer()
    one.close(SESSION_OVER)
    one.close(NOT_ALLOWED)
    assert one.close_code == SESSION_OVER


class Stage:
    """A hub over a commune, driven by hand."""

    def __init__(self, database: Database, now_ms: int) -> None:
        self.database, self.now_ms = database, now_ms
        self.bus = Bus()
        self.entries: list[Entry] = []
        self.hub = LiveHub(database, self.bus, clock.now, self.record)

    async def record(self, *entries: Entry) -> None:
        self.entries += entries

    async def viewer(self, account_id: str = "ac-doctor") -> Viewer:
        """Open a page with a real session."""
        token = await self.database.write(lambda tx: rows.session(tx, account_id))
        key = sessions.token_hash(token)
        who = await self.database.read(lambda r: sessions.find(r, key, clock.now_ms()))
        assert who is not None
        one = Viewer(who, lambda: None)
        self.hub.open(one)
        return one

    async def change(self, person_id: str, spo2: float, *, say: bool = True) -> int:
        """Commit a new level as the intake would; perhaps the bus loses the word."""

        def write(tx: Transaction) -> int:
            people.put(
                tx,
                people.reading(person_id, "ox-00", clock.now_ms(), spo2, 70, tx.number),
            )
            tx.execute(
                "UPDATE person_state SET changed_in = ? WHERE person_id = ?",
                (tx.number, person_id),
            )
            return tx.number

        number = await self.database.write(write)
        if say:
            self.bus.publish(f"person:{person_id}", {"kind": "state"})
            await asyncio.sleep(0)
        return number


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """Yield a hub over the commune."""
    async with databases.migrated("sqlite", tmp_path) as database:
        now_ms = clock.now_ms()
        await people.settle(database, now_ms)
        yield Stage(database, now_ms)


async def everything(one: Viewer) -> dict[str, Any]:
    """Take everything that waits as one frame."""
    found: dict[str, Any] = {}
    for frame in one.take(asyncio.get_running_loop().time() + 1_000, 0)[0]:
        found |= decode(frame)
    one._next_frame_s = 0.0
    return found


def names(frame: dict[str, Any]) -> set[str]:
    return {row["person_id"] for row in frame.get("rows", [])}


async def test_a_page_without_a_cursor_is_shown_everybody_in_its_scope(stage: Stage) -> None:
    one = await stage.viewer()
    await stage.hub.watch(one, None, 0)
    frame = await everything(one)
    assert frame["whole"]
    assert names(frame) == {"p-hoa", "p-nam", "p-linh", "p-duc"}


async def test_a_page_that_comes_back_is_shown_only_what_changed_since(stage: Stage) -> None:
    cursor = await stage.database.read(lambda reader: reader.cursor)
    await stage.change("p-linh", 97, say=False)
    one = await stage.viewer()
    await stage.hub.watch(one, None, cursor)
    frame = await everything(one)
    assert "whole" not in frame
    assert names(frame) == {"p-linh"}
    assert frame["cursor"] > cursor


async def test_a_cursor_from_another_database_is_answered_with_everything(stage: Stage) -> None:
    one = await stage.viewer()
    await stage.hub.watch(one, None, 10**9)
    assert (await everything(one))["whole"]


async def test_a_change_reaches_those_who_watch_and_nobody_else(stage: Stage) -> None:
    doctor, far = await stage.viewer(), await stage.viewer("ac-far")
    patient = await stage.viewer("ac-linh")
    for one in (doctor, far):
        await stage.hub.watch(one, None, 0)
    await stage.hub.watch(patient, "p-linh", 0)
    for one in (doctor, far, patient):
        await everything(one)
    await stage.change("p-hoa", 89)
    await stage.hub.hand_on()
    assert names(await everything(doctor)) == {"p-hoa"}
    assert names(await everything(far)) == set()
    assert names(await everything(patient)) == set()


async def test_each_row_is_encoded_once_for_all_who_watch(stage: Stage) -> None:
    first, second = await stage.viewer(), await stage.viewer("ac-cover")
    for one in (first, second):
        await stage.hub.watch(one, None, 0)
        await everything(one)
    await stage.change("p-hoa", 89)
    await stage.hub.hand_on()
    assert first._rows["p-hoa"] is second._rows["p-hoa"]


async def test_what_the_bus_lost_is_found_in_the_next_round(stage: Stage) -> None:
    one = await stage.viewer()
    await stage.hub.repair()
    await stage.hub.watch(one, None, 0)
    await everything(one)
    await stage.change("p-nam", 95, say=False)
    await stage.hub.hand_on()
    assert names(await everything(one)) == set()
    await stage.hub.repair()
    assert names(await everything(one)) == {"p-nam"}


async def test_a_person_turns_grey_on_the_screen_though_nothing_was_written(
    tmp_path: Path,
) -> None:
    async with databases.migrated("sqlite", tmp_path) as database:
        start_ms = clock.now_ms()
        await people.settle(database, start_ms)
        at_ms = [start_ms]
        stage = Stage(database, start_ms)
        hub = LiveHub(database, Bus(), lambda: instant(at_ms[0]), stage.record)
        stage.hub = hub
        one = await stage.viewer()
        await hub.watch(one, None, 0)
        await hub.repair()
        levels = {row["person_id"]: row["level"] for row in (await everything(one))["rows"]}
        assert levels["p-linh"] == 0
        at_ms[0] += 3 * people.HOUR
        await hub.repair()
        levels = {row["person_id"]: row["level"] for row in (await everything(one))["rows"]}
        assert levels["p-linh"] == -1


async def test_a_persons_page_gets_new_readings_and_alerts_with_their_steps(
    stage: Stage,
) -> None:
    one = await stage.viewer()
    await stage.hub.watch(one, "p-hoa", 0)
    first = await everything(one)
    assert [alert["alert_id"] for alert in first["alerts"]] == ["al-hoa"]
    assert first["alerts"][0]["steps"][0]["action"] == "raise"
    await stage.change("p-hoa", 88)
    await stage.hub.hand_on()
    frame = await everything(one)
    assert [reading["spo2_percent"] for reading in frame["readings"]] == [88]


@pytest.mark.asvs("8.2.3", "15.3.1")
async def test_a_patient_is_not_shown_who_does_what_about_alerts(stage: Stage) -> None:
    one = await stage.viewer("ac-hoa")
    await stage.hub.watch(one, "p-hoa", 0)
    frame = await everything(one)
    assert frame["alerts"] == []
    assert frame["rows"][0]["alerts"] == []
    assert frame["rows"][0]["level"] == 3


async def test_a_page_is_written_down_before_it_shows_and_when_it_closes(stage: Stage) -> None:
    one = await stage.viewer()
    await stage.hub.watch(one, "p-hoa", 0)
    await stage.hub.watch(one, "p-hoa", one.cursor)
    await stage.change("p-hoa", 88)
    await stage.hub.hand_on()
    await stage.hub.closed(one)
    said = [(entry.action, entry.person_id, entry.actor_id) for entry in stage.entries]
    assert said == [
        ("view_opened", "p-hoa", "ac-doctor"),
        ("view_closed", "p-hoa", "ac-doctor"),
    ]


async def test_a_list_is_written_down_once_for_each_of_its_people(stage: Stage) -> None:
    one = await stage.viewer()
    await stage.hub.watch(one, None, 0)
    await stage.hub.watch(one, None, one.cursor)
    said = sorted((entry.action, entry.person_id) for entry in stage.entries)
    assert said == [("list_seen", f"p-{name}") for name in ("duc", "hoa", "linh", "nam")]


@pytest.mark.asvs("16.5.3")
async def test_a_page_whose_entry_cannot_be_written_shows_nothing(stage: Stage) -> None:
    async def full(*_entries: Entry) -> None:
        raise UnavailableError("disk is full")

    stage.hub = LiveHub(stage.database, stage.bus, clock.now, full)
    one = await stage.viewer()
    with pytest.raises(UnavailableError):
        await stage.hub.watch(one, "p-hoa", 0)
    frames, _ = one.take(10.0, 0)
    assert b"p-hoa" not in b"".join(frames)


@pytest.mark.parametrize(
    ("account_id", "person_id"),
    [
        ("ac-doctor", "p-far"),
        ("ac-linh", "p-hoa"),
        ("ac-admin", "p-hoa"),
        ("ac-doctor", "p-nobody"),
    ],
)
async def test_nobody_watches_whom_they_may_not_see(
    stage: Stage, account_id: str, person_id: str
) -> None:
    one = await stage.viewer(account_id)
    with pytest.raises(NotAllowedError):
        await stage.hub.watch(one, person_id, 0)
    await stage.change(person_id if person_id != "p-nobody" else "p-far", 88)
    await stage.hub.hand_on()
    assert names(await everything(one)) == set()


async def test_samples_of_the_lent_device_reach_the_page_and_of_no_other(stage: Stage) -> None:
    one = await stage.viewer("ac-hoa")
    await stage.hub.watch(one, "p-hoa", 0)
    await everything(one)
    for device in ("ox-00", "ox-01"):
        stage.bus.publish(
            f"device:{device}", {"kind": "samples", "at": 5, "samples": [[0, 96, 71, 3.1, 0]]}
        )
    await asyncio.sleep(0)
    frame = await everything(one)
    assert frame["samples"] == [{"person_id": "p-hoa", "at": 5, "samples": [[0, 96, 71, 3.1, 0]]}]


async def test_a_device_that_was_lent_to_somebody_else_shows_there_from_then_on(
    stage: Stage,
) -> None:
    one = await stage.viewer("ac-hoa")
    await stage.hub.watch(one, "p-hoa", 0)
    now_ms = clock.now_ms()
    await stage.database.write(
        lambda tx: tx.execute("UPDATE device_loan SET to_ms = ? WHERE loan_id = 'ln-0'", (now_ms,))
    )
    stage.bus.publish("person:p-hoa", {"kind": "loan"})
    await asyncio.sleep(0)
    await stage.hub.hand_on()
    await everything(one)
    stage.bus.publish("device:ox-00", {"kind": "samples", "at": 5, "samples": [[0, 96]]})
    await asyncio.sleep(0)
    assert "samples" not in await everything(one)


@pytest.mark.asvs("7.4.1")
async def test_a_session_that_is_over_closes_its_pages(stage: Stage) -> None:
    told, found = await stage.viewer(), await stage.viewer()
    stage.bus.publish(told.signed_in.topic, {"kind": "ended"})
    await asyncio.sleep(0)
    assert told.close_code == SESSION_OVER
    await stage.database.write(lambda tx: sessions.end(tx, found.signed_in.session_hash))
    assert found.close_code is None
    await stage.hub.repair()
    assert found.close_code == SESSION_OVER


@pytest.mark.asvs("7.2.4")
async def test_a_page_follows_its_session_to_a_new_token_and_closes_with_it(stage: Stage) -> None:
    one = await stage.viewer()
    before = one.signed_in
    token = await stage.database.write(
        lambda tx: sessions.renew(tx, before.session_hash, second_factor=None)
    )
    stage.bus.publish(before.topic, renewal(sessions.token_hash(token)))
    await asyncio.sleep(0)
    await stage.hub.repair()
    assert one.close_code is None
    assert one.signed_in == replace(before, session_hash=sessions.token_hash(token))
    stage.bus.publish(before.topic, {"kind": "ended"})
    await asyncio.sleep(0)
    assert one.close_code is None
    stage.bus.publish(one.signed_in.topic, {"kind": "ended"})
    await asyncio.sleep(0)
    assert one.close_code == SESSION_OVER


async def test_a_page_that_was_left_follows_nothing(stage: Stage) -> None:
    one = await stage.viewer()
    before = one.signed_in
    stage.bus.publish(before.topic, renewal(b"\x02" * 32))
    stage.hub.close(one)
    await asyncio.sleep(0)
    assert one.signed_in == before
    assert not stage.bus.wanted(sessions.session_topic(b"\x02" * 32))


async def test_a_doctor_who_no_longer_may_is_shown_no_more(stage: Stage) -> None:
    one, listing = await stage.viewer("ac-far"), await stage.viewer("ac-far")
    await stage.hub.watch(one, "p-far", 0)
    await stage.hub.watch(listing, None, 0)
    await everything(listing)
    await stage.database.write(
        lambda tx: tx.execute("UPDATE f0_case SET closed_ms = 1 WHERE person_id = 'p-far'")
    )
    await stage.hub.repair()
    assert one.close_code == NOT_ALLOWED
    frame = await everything(listing)
    assert (frame["whole"], frame["rows"]) == (True, [])


async def test_a_person_who_is_assigned_appears_on_the_open_list(stage: Stage) -> None:
    one = await stage.viewer("ac-far")
    await stage.hub.watch(one, None, 0)
    await everything(one)
    await stage.database.write(
        lambda tx: tx.execute(
            "UPDATE f0_case SET assigned_doctor_id = 'ac-far' WHERE person_id = 'p-hoa'"
        )
    )
    await stage.hub.repair()
    assert names(await everything(one)) == {"p-far", "p-hoa"}


async def test_an_alert_that_is_nobodys_reaches_every_doctors_list(stage: Stage) -> None:
    doctor = await stage.viewer("ac-far")
    patient = await stage.viewer("ac-hoa")
    await stage.hub.watch(doctor, None, 0)
    await stage.hub.watch(patient, "p-hoa", 0)
    await everything(doctor)
    await everything(patient)
    await stage.database.write(
        lambda tx: people.put(tx, people.alert("al-lost", None, stage.now_ms, changed_in=tx.number))
    )
    stage.bus.publish("desk", {"kind": "state"})
    await asyncio.sleep(0)
    await stage.hub.hand_on()
    assert [alert["alert_id"] for alert in (await everything(doctor))["desk"]] == ["al-lost"]
    assert "desk" not in await everything(patient)


async def test_a_closed_page_leaves_nothing_behind(stage: Stage) -> None:
    one = await stage.viewer()
    await stage.hub.watch(one, None, 0)
    assert stage.bus.wanted("person:p-hoa")
    assert stage.bus.wanted("device:ox-00")
    stage.hub.close(one)
    for topic in ("person:p-hoa", "device:ox-00", "account:ac-doctor", one.signed_in.topic):
        assert not stage.bus.wanted(topic)
    assert stage.hub.viewers == 0


async def test_the_hub_hands_on_by_itself_while_it_runs(stage: Stage) -> None:
    woken = asyncio.Event()
    one = await stage.viewer()
    one.wake = woken.set
    running = asyncio.create_task(stage.hub.run())
    try:
        await stage.hub.watch(one, None, 0)
        await everything(one)
        woken.clear()
        await stage.change("p-hoa", 87)
        async with asyncio.timeout(5):
            await woken.wait()
        assert names(await everything(one)) == {"p-hoa"}
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
