"""What the server asks of a gateway: done once, answered as often as it is asked, kept."""

import asyncio
import stat
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from devices.commands import PROMPT_MS, Commands
from devices.settings import Settings
from devices.spool_thread import SpoolThread
from devices.uplink import Uplink
from protocols.uplink import Command, CommandKind, Done, GatewayConfig
from tests.devices.fake_server import FakeServer
from tests.devices.given import NOON_MS, GivenClock, chance, identity, spool_path

LATER = NOON_MS + 60_000
BOTH = Settings(has_screen=True)


@pytest.fixture
async def spool(tmp_path: Path) -> AsyncIterator[SpoolThread]:
    async with SpoolThread(spool_path(tmp_path), max_bytes=1 << 20) as opened:
        yield opened


class Applied:
    """What a gateway took over."""

    def __init__(self) -> None:
        self.configs: list[GatewayConfig] = []

    def __call__(self, config: GatewayConfig) -> None:
        self.configs.append(config)


def wish(kind: CommandKind, key: str = "cm-1", **more: object) -> Command:
    return msgspec.convert(
        {"type": "command", "id": key, "kind": kind, "until": LATER} | more, Command
    )


def hook(folder: Path, text: str) -> str:
    path = folder / "hook"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


@pytest.mark.parametrize(
    ("settings", "able"),
    [
        (Settings(), ["configure", "update_notice"]),
        (Settings(has_screen=True), ["configure", "update_notice", "measure"]),
        (Settings(measure_hook="/bin/true"), ["configure", "update_notice", "measure"]),
        (Settings(locate_hook="/bin/true"), ["configure", "update_notice", "locate"]),
    ],
)
def test_what_a_gateway_can_do_follows_from_what_stands_beside_it(
    spool: SpoolThread, settings: Settings, able: list[str]
) -> None:
    assert Commands(settings, spool, Applied()).abilities == able


async def test_a_wish_to_measure_is_shown_until_somebody_measures(spool: SpoolThread) -> None:
    commands, now = Commands(BOTH, spool, Applied()), GivenClock().moment()
    assert commands.prompts(now) == ()
    assert await commands.carry_out(wish("measure"), now) == Done("cm-1", "done")
    assert "đo lại" in commands.prompts(now)[0]
    commands.measured()
    assert commands.prompts(now) == ()


@pytest.mark.parametrize(("after_ms", "shown"), [(PROMPT_MS - 1, 1), (PROMPT_MS, 0)])
async def test_a_wish_to_measure_goes_away_by_itself(
    spool: SpoolThread, after_ms: int, shown: int
) -> None:
    commands, now = Commands(BOTH, spool, Applied()), GivenClock().moment()
    await commands.carry_out(wish("measure"), now)
    later = replace(now, monotonic_ms=now.monotonic_ms + after_ms)
    assert len(commands.prompts(later)) == shown


async def test_a_gateway_without_a_screen_says_that_it_cannot_show_it(spool: SpoolThread) -> None:
    commands, now = Commands(Settings(), spool, Applied()), GivenClock().moment()
    assert await commands.carry_out(wish("measure"), now) == Done("cm-1", "not_able")
    assert commands.prompts(now) == ()


async def test_the_installers_program_is_run_with_the_kind_and_the_device(
    spool: SpoolThread, tmp_path: Path
) -> None:
    said = tmp_path / "said"
    program = hook(tmp_path, f'echo "$1 $2" >> {said}')
    commands = Commands(Settings(measure_hook=program), spool, Applied())
    asked = wish("measure", device="ox-1")
    for _ in range(3):
        assert (await commands.carry_out(asked, GivenClock().moment())).outcome == "done"
    assert said.read_text() == "measure ox-1\n", "done once, however often it comes"


@pytest.mark.parametrize("program", ["exit 3", "kill -9 $$"])
async def test_a_program_that_fails_is_told(
    spool: SpoolThread, tmp_path: Path, program: str
) -> None:
    commands = Commands(Settings(locate_hook=hook(tmp_path, program)), spool, Applied())
    assert (await commands.carry_out(wish("locate"), GivenClock().moment())).outcome == "failed"


async def test_a_program_that_is_not_there_is_told(spool: SpoolThread) -> None:
    commands = Commands(Settings(locate_hook="/nowhere/program"), spool, Applied())
    assert (await commands.carry_out(wish("locate"), GivenClock().moment())).outcome == "failed"


async def test_a_setting_is_taken_over_and_kept_over_a_restart(spool: SpoolThread) -> None:
    first, again = Applied(), Applied()
    commands, now = Commands(Settings(), spool, first), GivenClock().moment()
    await commands.carry_out(wish("configure", config={"batch_seconds": 30}), now)
    await commands.carry_out(wish("configure", "cm-2", config={"only_devices": ["ox-1"]}), now)
    assert [one.batch_seconds for one in first.configs] == [30, None]
    restarted = Commands(Settings(), spool, again)
    await restarted.remember()
    assert again.configs == [GatewayConfig(batch_seconds=30, only_devices=["ox-1"])]


async def test_what_was_done_before_a_restart_is_not_done_again(
    spool: SpoolThread, tmp_path: Path
) -> None:
    said = tmp_path / "said"
    settings = Settings(locate_hook=hook(tmp_path, f"echo once >> {said}"))
    await Commands(settings, spool, Applied()).carry_out(wish("locate"), GivenClock().moment())
    restarted = Commands(settings, spool, Applied())
    await restarted.remember()
    assert (await restarted.carry_out(wish("locate"), GivenClock().moment())).outcome == "done"
    assert said.read_text() == "once\n"


async def test_a_notice_of_newer_software_stands_on_the_page_over_a_restart(
    spool: SpoolThread,
) -> None:
    now = GivenClock().moment()
    told = wish("update_notice", version="telehealth-gateway/9.9.9")
    await Commands(Settings(), spool, Applied()).carry_out(told, now)
    restarted = Commands(Settings(), spool, Applied())
    await restarted.remember()
    assert "9.9.9" in restarted.prompts(now)[0]


async def test_commands_come_over_the_wire_and_are_answered_at_each_connection(
    spool: SpoolThread, tmp_path: Path
) -> None:
    who = identity()
    server = FakeServer(who.key.public_key())
    server.commands = [wish("measure"), wish("locate", "cm-2")]
    await server.start()
    clock = GivenClock()

    async def configure(_line_percent: float) -> None:
        return None

    uplink = Uplink(
        replace(who, server=server.url),
        spool,
        Settings(retry_max_s=0.05),
        clock,
        configure=configure,
        commands=Commands(BOTH, spool, Applied()),
        rng=chance(1),
    )
    running = asyncio.create_task(uplink.run())
    try:
        await server.until(lambda: len(server.done) >= 2)
        assert sorted((d.id, d.outcome) for d in server.done) == [
            ("cm-1", "done"),
            ("cm-2", "not_able"),
        ]
        assert server.hellos[0].abilities == ["configure", "update_notice", "measure"]
        assert server.hellos[0].software.startswith("telehealth-gateway/")
        await server.drop_connections()
        await server.until(lambda: len(server.done) >= 4)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await server.stop()
