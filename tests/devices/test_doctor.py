"""`telehealth-gateway doctor`: each thing that can be wrong is named, with what to do."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from devices import doctor
from devices.bluez import AdapterFound
from devices.bluez_bus import BluezUnavailableError
from devices.doctor import FREE_MB, Finding, Machine, Verdict
from devices.identity import Identity
from devices.settings import Settings
from devices.spool import Spool
from protocols.uplink import Failure
from tests.devices.fake_server import FakeServer
from tests.devices.given import NOON_MS, GivenClock, identity, parcel, spool_path

ADAPTER = AdapterFound("hci0", "AA:BB:CC:DD:EE:FF", powered=True)


@dataclass(frozen=True)
class Usage:
    """What the disk has left."""

    free: int


def machine(folder: Path, settings: Settings | None = None) -> Machine:
    return Machine(folder, settings or Settings(), GivenClock(), rfkill=folder / "rfkill")


def verdicts(findings: list[Finding]) -> list[Verdict]:
    return [finding.verdict for finding in findings]


async def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    [found] = await doctor.check_folder(machine(tmp_path / "none"))
    assert found.verdict is Verdict.FAILED
    assert "enrol" in found.advice


@pytest.mark.parametrize(
    ("free_mb", "verdict"), [(FREE_MB, Verdict.OK), (FREE_MB - 1, Verdict.WARNING)]
)
async def test_a_disk_without_room_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free_mb: int, verdict: Verdict
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: Usage(free_mb * 1_000_000))
    assert verdicts(list(await doctor.check_folder(machine(tmp_path)))) == [Verdict.OK, verdict]


@pytest.mark.parametrize(("mode", "warned"), [(0o600, False), (0o640, True)])
async def test_a_key_that_others_can_read_is_named(
    tmp_path: Path, mode: int, *, warned: bool
) -> None:
    (tmp_path / "gateway.key").touch(mode=mode)
    (tmp_path / "gateway.key").chmod(mode)
    texts = [found.text for found in await doctor.check_folder(machine(tmp_path))]
    assert any("read by others" in text for text in texts) is warned


async def test_a_clock_that_nobody_vouches_for_is_named(tmp_path: Path) -> None:
    unsure = Machine(tmp_path, Settings(), GivenClock(synchronised=False))
    assert verdicts(list(await doctor.check_clock(unsure))) == [Verdict.WARNING]
    assert verdicts(list(await doctor.check_clock(machine(tmp_path)))) == [Verdict.OK]


@pytest.mark.parametrize(
    ("soft", "hard", "kind", "advice"),
    [
        ("1", "0", "bluetooth", "rfkill unblock"),
        ("0", "1", "bluetooth", "switch"),
        ("1", "0", "wlan", ""),
        ("0", "0", "bluetooth", ""),
    ],
)
async def test_a_radio_that_is_held_off_is_named(
    tmp_path: Path, soft: str, hard: str, kind: str, advice: str
) -> None:
    switch = tmp_path / "rfkill" / "rfkill0"
    switch.mkdir(parents=True)
    for name, text in (("soft", soft), ("hard", hard), ("type", kind)):
        (switch / name).write_text(f"{text}\n")
    found = list(await doctor.check_radio(machine(tmp_path)))
    assert [advice in one.advice for one in found] == ([True] if advice else [])


@pytest.mark.parametrize(
    ("there", "wanted", "expected"),
    [
        ([ADAPTER], [], [Verdict.OK]),
        ([AdapterFound("hci0", "AA:BB:CC:DD:EE:FF", powered=False)], [], [Verdict.FAILED]),
        ([], [], [Verdict.FAILED]),
        ([ADAPTER], ["aa:bb:cc:dd:ee:ff"], [Verdict.OK]),
        ([ADAPTER], ["11:22:33:44:55:66"], [Verdict.OK, Verdict.FAILED]),
    ],
)
async def test_adapters_are_looked_at(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    there: list[AdapterFound],
    wanted: list[str],
    expected: list[Verdict],
) -> None:
    async def adapters() -> list[AdapterFound]:
        return there

    monkeypatch.setattr("devices.bluez.adapters", adapters)
    found = await doctor.check_bluetooth(machine(tmp_path, Settings(adapters=wanted)))
    assert verdicts(list(found)) == expected


async def test_without_bluez_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def adapters() -> list[AdapterFound]:
        raise BluezUnavailableError("no Bluetooth here")

    monkeypatch.setattr("devices.bluez.adapters", adapters)
    [found] = await doctor.check_bluetooth(machine(tmp_path))
    assert (found.verdict, "apt install bluez" in found.advice) == (Verdict.FAILED, True)


async def test_who_is_not_enrolled_is_told_how(tmp_path: Path) -> None:
    [found] = await doctor.check_server(machine(tmp_path))
    assert (found.subject, found.verdict) == ("enrolment", Verdict.FAILED)


async def test_a_server_that_answers_is_found_and_one_that_is_away_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    who = identity()
    server = FakeServer(who.key.public_key())
    await server.start()
    found_identity = Identity(server.url, who.gateway_id, who.key)
    monkeypatch.setattr("devices.doctor.load_identity", lambda _: found_identity)
    found = await doctor.check_server(machine(tmp_path))
    assert [one.subject for one in found] == ["enrolment", "server"]
    assert found[1].verdict in (Verdict.OK, Verdict.WARNING)
    server.refusal = Failure("unavailable", "later")
    await server.stop()
    found = await doctor.check_server(machine(tmp_path))
    assert found[1].verdict is Verdict.FAILED


async def test_a_spool_tells_what_waits_and_what_was_set_aside(tmp_path: Path) -> None:
    assert verdicts(list(await doctor.check_spool(machine(tmp_path)))) == [Verdict.OK]
    clock = GivenClock(wall_ms=NOON_MS)
    with Spool(spool_path(tmp_path)) as spool:
        spool.append([parcel(clock.moment())])
    [found] = await doctor.check_spool(machine(tmp_path))
    assert "1 messages wait" in found.text
    (tmp_path / "spool.db.broken-1").touch()
    found_all = await doctor.check_spool(machine(tmp_path))
    assert verdicts(list(found_all)) == [Verdict.OK, Verdict.WARNING]
    spool_path(tmp_path).write_bytes(b"no database" * 500)
    assert verdicts(list(await doctor.check_spool(machine(tmp_path)))) == [Verdict.FAILED]


async def test_all_checks_are_made_one_after_the_other(tmp_path: Path) -> None:
    subjects = [found.subject async for found in doctor.examine(machine(tmp_path))]
    assert subjects[0] == "folder"
    assert {"clock", "enrolment", "spool"} <= set(subjects)
