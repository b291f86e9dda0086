"""deploy/: units that say what the documents say, and an upgrade that goes back by itself."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
UNITS = {
    "telehealth.service": ("telehealth", "telehealth serve"),
    "telehealth-gateway.service": ("telehealth-gateway", "telehealth-gateway run"),
    "telehealth-migrate.service": ("telehealth-owner", "telehealth migrate"),
}
HARDENED = {
    "NoNewPrivileges": "yes",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "RestrictSUIDSGID": "yes",
    "SystemCallFilter": "@system-service",
    "UMask": "0077",
    "StateDirectoryMode": "0700",
}


def settings_of(unit: str) -> dict[str, str]:
    lines = (DEPLOY / "systemd" / unit).read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if re.match(r"[A-Za-z]+=", line))


@pytest.mark.asvs("13.3.2")
@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_runs_our_command_as_its_own_user_and_writes_in_one_place(unit: str) -> None:
    user, command = UNITS[unit]
    found = settings_of(unit)
    assert found["User"] == found["StateDirectory"] == user
    assert found["ExecStart"].endswith(f"/bin/{command}")
    assert {name: found.get(name) for name in HARDENED} == HARDENED
    assert "ReadWritePaths" not in found


def test_a_reload_is_the_signal_that_the_server_listens_to() -> None:
    assert settings_of("telehealth.service")["ExecReload"] == "/bin/kill -HUP $MAINPID"


@pytest.mark.parametrize(
    "path",
    ["/etc/telehealth/telehealth.env", "/opt/telehealth/current/bin/telehealth"],
)
def test_unit_and_document_speak_of_the_same_paths(path: str) -> None:
    assert path in (DEPLOY / "systemd" / "telehealth.service").read_text(encoding="utf-8")
    assert path in OPERATIONS


@pytest.mark.asvs("4.1.3")
@pytest.mark.parametrize("file", ["caddy/Caddyfile", "nginx/telehealth.conf"])
def test_a_proxy_overwrites_what_a_caller_says_of_itself(file: str) -> None:
    text = (DEPLOY / file).read_text(encoding="utf-8")
    says = re.findall(r"(?:header_up|proxy_set_header) X-Forwarded-(For|Proto) +(\S+?);?\n", text)
    assert dict(says) in (
        {"For": "{remote_host}", "Proto": "{scheme}"},
        {"For": "$remote_addr", "Proto": "$scheme"},
    )
    assert "127.0.0.1:8080" in text
    assert "TELEHEALTH_TRUSTED_PROXIES" in text


@pytest.mark.parametrize(
    "file", [path.relative_to(DEPLOY) for path in sorted(DEPLOY.rglob("*")) if path.is_file()]
)
def test_every_file_is_named_where_an_operator_looks(file: Path) -> None:
    said = (DEPLOY / "README.md").read_text(encoding="utf-8")
    assert file.name == "README.md" or str(file) in said


@dataclass
class Machine:
    """Releases 1 and 2, and programs of root's that write down how they were called."""

    folder: Path

    def __post_init__(self) -> None:
        self._program("bin/systemctl", 'echo "systemctl $*" >>"$LOG"')
        self._program("bin/runuser", 'shift 3; exec "$@"')
        self._program("bin/curl", '[ "$(readlink "$TELEHEALTH_ROOT/current")" != "$SICK" ]')
        self._program("bin/sleep", ":")
        for release in ("1", "2"):
            says = f'echo "{release}: $*" >>"$LOG"; [ "$1" != version ] || echo schema-{release}'
            says += '; [ "$*" != "$FAILS" ]'
            self._program(f"root/{release}/bin/telehealth", says)
        (self.folder / "root" / "current").symlink_to("1")

    def _program(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def upgrade(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 (our own script)
            [str(DEPLOY / "upgrade.sh"), *arguments],
            env={
                "PATH": f"{self.folder}/bin:/usr/bin:/bin",
                "LOG": str(self.folder / "log"),
                "TELEHEALTH_ROOT": str(self.folder / "root"),
                "TELEHEALTH_READY_S": "2",
                "SICK": "none",
                "FAILS": "nothing",
                **more,
            },
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    @property
    def current(self) -> str:
        return str((self.folder / "root" / "current").readlink())

    @property
    def calls(self) -> list[str]:
        """Return what was called, the date in the backup's name left out."""
        text = (self.folder / "log").read_text()
        return re.sub(r"-\d{8}T\d{6}", "", text).splitlines()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


BEFORE = ["1: version --schema", "1: backup /b/before-2.tar", "systemctl stop telehealth"]


def test_an_upgrade_backs_up_changes_the_link_and_starts(machine: Machine) -> None:
    ended = machine.upgrade("2", "/b")
    assert ended.returncode == 0, ended.stderr
    assert machine.calls == [*BEFORE, "systemctl start telehealth"]
    assert machine.current == "2"


@pytest.mark.asvs("13.2.2")
def test_where_another_role_owns_the_tables_it_migrates_before_the_start_and_back(
    machine: Machine,
) -> None:
    ended = machine.upgrade("2", "/b", SICK="2", TELEHEALTH_OWNER="telehealth-owner")
    assert ended.returncode == 1
    assert machine.calls == [
        *BEFORE,
        "2: migrate",
        "systemctl start telehealth",
        "systemctl stop telehealth",
        "2: migrate --down schema-1",
        "systemctl start telehealth",
    ]
    failed = machine.upgrade("2", "/b", FAILS="migrate", TELEHEALTH_OWNER="telehealth-owner")
    assert failed.returncode == 1
    assert machine.current == "1"


def test_a_release_that_is_not_ready_makes_way_for_the_old_one(machine: Machine) -> None:
    ended = machine.upgrade("2", "/b", SICK="2")
    assert ended.returncode == 1
    assert machine.calls == [
        *BEFORE,
        "systemctl start telehealth",
        "systemctl stop telehealth",
        "2: migrate --down schema-1",
        "systemctl start telehealth",
    ]
    assert machine.current == "1"
    assert "1 serves again" in ended.stderr


def test_a_schema_that_does_not_go_back_leaves_it_to_the_operator(machine: Machine) -> None:
    ended = machine.upgrade("2", "/b", SICK="2", FAILS="migrate --down schema-1")
    assert ended.returncode == 2
    assert "restore /b/before-2" in ended.stderr
    assert machine.calls[-1] == "2: migrate --down schema-1", "the old release is not started"


def test_nothing_is_stopped_without_a_backup(machine: Machine) -> None:
    machine.folder.joinpath("root/1/bin/telehealth").write_text(
        '#!/bin/sh\necho "1: $1" >>"$LOG"\n[ "$1" = version ]\n'
    )
    ended = machine.upgrade("2", "/b")
    assert ended.returncode != 0
    assert machine.calls == ["1: version", "1: backup"]
    assert machine.current == "1"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("3", "/b"), "no release"),
        (("1", "/b"), "in use already"),
        (("2",), "usage"),
        ((), "usage"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_happens(
    machine: Machine, arguments: tuple[str, ...], said: str
) -> None:
    ended = machine.upgrade(*arguments)
    assert ended.returncode != 0
    assert said in ended.stderr
    assert not (machine.folder / "log").exists()
