"""The command `telehealth-gateway`: one clear line, and an exit status that tells."""

import subprocess
import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from devices.__main__ import _show_page, app
from devices.identity import Enrolment, load_identity, make_or_read_key, write_private
from devices.page import Page
from devices.settings import Settings, SettingsError, load_settings
from devices.snapshot import DeviceShown, DeviceState, Snapshot
from devices.spool import Spool
from protocols.server_identity import fingerprint
from tests.devices.given import GivenClock, Heard, ServerKeys, parcel, spool_path

ROOT = Path(__file__).parents[2]


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 (our own module)
        [sys.executable, "-m", "devices", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


def enrolled(folder: Path, server: str = "http://127.0.0.1:9") -> Path:
    make_or_read_key(folder)
    write_private(
        folder / "enrolment.json",
        msgspec.json.encode(Enrolment(server, "gw-7")),
    )
    return folder


@pytest.mark.parametrize("name", ["enrol", "run", "scan", "status"])
def test_every_command_explains_itself(name: str) -> None:
    result = CliRunner().invoke(app, [name, "--help"])
    assert result.exit_code == 0
    assert "--folder" in result.output


def test_status_tells_who_it_is_and_what_waits(tmp_path: Path) -> None:
    clock = GivenClock()
    with Spool(spool_path(enrolled(tmp_path))) as spool:
        spool.append([parcel(clock.moment()) for _ in range(3)])
        spool.contact(clock.moment(), clock.wall_ms)
        spool.next_frames({"live": 0, "backlog": 0}, room=2, backlog_room=0, now=clock.moment())
        spool.acknowledge({"live": 1}, clock.moment())
        spool.append([], counts={"demo": 12})
        (tmp_path / "gateway.toml").write_text("status_port = 0\n")
        result = CliRunner().invoke(app, ["status", "--folder", str(tmp_path)])
    assert result.exit_code == 0
    assert result.output.splitlines() == [
        "gateway gw-7 of http://127.0.0.1:9",
        "last contact: 2026-09-21T14:13:20+00:00",
        "messages: 1 unsent, 1 sent and not acknowledged, 1 acknowledged and kept",
        "backlog: 0 of 0 acknowledged",
        "live: 1 of 2 acknowledged",
        "rejected frames kept: 0",
        "counted demo: 12",
    ]


def test_status_tells_how_the_devices_of_a_running_gateway_stand(tmp_path: Path) -> None:
    with Spool(spool_path(enrolled(tmp_path))):
        pass
    device = DeviceShown(
        device_id="ox-1", driver="plx", state=DeviceState.FINGER_OFF, heard_s_ago=3
    )
    shown = Snapshot(
        gateway_id="gw-7", server="http://127.0.0.1:9", connected_to_server=True,
        last_contact_s_ago=1, devices=(device,),
    )  # fmt: skip
    with Page(0, lambda: shown) as page:
        port = page.address.rsplit(":", 1)[1].strip("/")
        (tmp_path / "gateway.toml").write_text(f"status_port = {port}\n")
        said = CliRunner().invoke(app, ["status", "--folder", str(tmp_path)]).output
    assert "ox-1: finger off, 3 s ago" in said
    said = CliRunner().invoke(app, ["status", "--folder", str(tmp_path)]).output
    assert "the gateway does not run" in said


def test_enrol_takes_the_text_of_the_qr_code_or_a_code(tmp_path: Path) -> None:
    for arguments in (
        ["telehealth-enrol:http://127.0.0.1:9#ABCD"],
        ["ABCD", "--server", "http://127.0.0.1:9"],
    ):
        result = CliRunner().invoke(app, ["enrol", *arguments, "--folder", str(tmp_path)])
        assert "cannot be reached" in str(result.exception)


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["status"], "not enrolled"),
        (["run"], "not enrolled"),
        (["enrol", "--server", "http://example.org", "--code", "x"], "needs https"),
        (["enrol", "--server", "http://127.0.0.1:9", "--code", "x"], "cannot be reached"),
        (["enrol", "--link", "telehealth-enrol:http://127.0.0.1:9#ABCD"], "cannot be reached"),
        (["enrol", "--link", "telehealth-enrol:nowhere#ABCD"], "origin"),
        (["enrol", "--server", "http://127.0.0.1:9"], "the text of the QR code"),
        (
            ["enrol", "--server", "https://localhost:9", "--code", "x", "--ca", "/nowhere"],
            "/nowhere",
        ),
    ],
)
def test_a_failure_is_one_line_and_a_status(
    tmp_path: Path, arguments: list[str], line: str
) -> None:
    result = command(*arguments, "--folder", str(tmp_path / "gateway"))
    assert result.returncode == 1
    assert result.stdout == ""
    (said,) = result.stderr.splitlines()
    assert said.startswith("telehealth-gateway: ")
    assert line in said


def test_a_wrong_setting_is_named(tmp_path: Path) -> None:
    (enrolled(tmp_path) / "gateway.toml").write_text("batch_second = 3\n")
    result = command("run", "--folder", str(tmp_path))
    assert result.returncode == 1
    assert "batch_second" in result.stderr


def test_status_before_the_first_run_says_so(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["status", "--folder", str(enrolled(tmp_path))])
    assert result.exit_code == 1
    assert "has not run yet" in str(result.exception)


def test_settings_have_defaults_and_are_read(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    assert load_settings(path) == Settings()
    path.write_text('batch_seconds = 1\nonly_devices = ["ox-1"]\n')
    assert load_settings(path) == Settings(batch_seconds=1.0, only_devices=["ox-1"])


@pytest.mark.parametrize("text", ["batch_seconds = 0", "window = 1", "nonsense", "adapters = 3"])
def test_settings_out_of_range_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=r"gateway\.toml"):
        load_settings(path)


def test_every_setting_and_command_is_documented() -> None:
    page = (ROOT / "docs" / "gateway.md").read_text(encoding="utf-8")
    missing = [name for name in Settings.__struct_fields__ if f"`{name}`" not in page]
    missing += [
        name
        for name in ("enrol", "run", "scan", "pair", "status", "doctor")
        if f"telehealth-gateway {name}" not in page
    ]
    assert missing == []


def test_a_ca_file_that_is_not_there_stops_a_run_at_once(tmp_path: Path) -> None:
    result = command("run", "--folder", str(enrolled(tmp_path)), "--ca", "/nowhere")
    assert (result.returncode, result.stdout) == (1, "")
    assert "/nowhere" in result.stderr


def test_status_shows_by_which_fingerprint_the_server_is_known(tmp_path: Path) -> None:
    keys = ServerKeys()
    replace(load_identity(enrolled(tmp_path)), pins=keys.pins).keep()
    with Spool(spool_path(tmp_path)):
        result = CliRunner().invoke(app, ["status", "--folder", str(tmp_path)])
    assert f"server's fingerprint: {fingerprint(keys.identities[0])}" in result.output


def test_a_port_that_is_taken_keeps_no_gateway_from_its_work() -> None:
    shown = Snapshot(
        gateway_id="gw-7", server="http://127.0.0.1:9", connected_to_server=False,
        last_contact_s_ago=None,
    )  # fmt: skip
    with Page(0, lambda: shown) as page, Heard("no status page") as said, ExitStack() as open_:
        _show_page(open_, int(page.address.rsplit(":", 1)[1].strip("/")), lambda: shown)
    assert len(said.records) == 1
