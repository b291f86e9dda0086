"""Settings: where they come from, which one wins, and a table of them that stays true."""

import subprocess
import sys
from ipaddress import ip_network
from pathlib import Path

import pytest
from pydantic import ValidationError

from telehealth.settings import FILE_VARIABLE, Settings
from telehealth.settings_reference import table

ROOT = Path(__file__).parents[2]


@pytest.fixture
def named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a settings' file that the environment names."""
    path = tmp_path / "telehealth.env"
    monkeypatch.setenv(FILE_VARIABLE, str(path))
    return path


def test_the_named_file_is_read(named: Path) -> None:
    named.write_text("# a comment\nTELEHEALTH_PORT='1234'\nTELEHEALTH_LOG_LEVEL=WARNING\n")
    assert (Settings().port, Settings().log_level) == (1234, "WARNING")


def test_the_environment_wins_over_the_file_and_an_argument_over_both(
    named: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named.write_text("TELEHEALTH_PORT=1234\n")
    monkeypatch.setenv("TELEHEALTH_PORT", "2345")
    assert Settings().port == 2345
    assert Settings(port=3456).port == 3456


def test_a_file_that_is_named_and_not_there_is_an_error(named: Path) -> None:
    with pytest.raises(FileNotFoundError, match=str(named)):
        Settings()


def test_without_a_named_file_the_defaults_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(FILE_VARIABLE, raising=False)
    assert Settings().port == 8080


def test_certificate_and_key_go_together() -> None:
    pair = Settings(tls_cert=Path("c.pem"), tls_key=Path("k.pem"))
    assert pair.is_https
    for alone in ({"tls_cert": Path("c.pem")}, {"tls_key": Path("k.pem")}):
        with pytest.raises(ValidationError, match="go together"):
            Settings.model_validate(alone)


@pytest.mark.parametrize(
    ("origin", "is_https"), [("", False), ("http://a.example", False), ("https://a.example", True)]
)
def test_a_public_origin_says_whether_it_is_https(origin: str, is_https: bool) -> None:
    assert Settings(public_origin=origin).is_https is is_https


def test_proxies_are_addresses_or_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELEHEALTH_TRUSTED_PROXIES", '["127.0.0.1", "fd00::/64"]')
    assert Settings().trusted_proxies == [ip_network("127.0.0.1/32"), ip_network("fd00::/64")]
    monkeypatch.setenv("TELEHEALTH_TRUSTED_PROXIES", '["proxy.example"]')
    with pytest.raises(ValidationError, match="trusted_proxies"):
        Settings()


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_says_what_it_means(name: str) -> None:
    (line,) = [row for row in table().splitlines() if f"`TELEHEALTH_{name.upper()}`" in row]
    _, _, default, meaning, _ = (cell.strip() for cell in line.split("|"))
    assert default
    assert meaning.endswith(".")


def test_no_meaning_breaks_the_table() -> None:
    assert {row.count("|") for row in table().splitlines()} == {4}


def test_the_documents_table_is_the_one_that_the_command_prints() -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    begin, end = "<!-- settings: begin -->\n", "\n<!-- settings: end -->"
    shown = page.split(begin)[1].split(end)[0]
    assert shown == table(), "`telehealth settings` prints the new table"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("TELEHEALTH_PORT", "abc", "port"),
        ("TELEHEALTH_PORT", "65536", "port"),
        ("TELEHEALTH_TLS_CERT", "/nowhere", "go together"),
        ("TELEHEALTH_TRUSTED_PROXIES", "nonsense", "trusted_proxies"),
        ("TELEHEALTH_SETTINGS", "/nowhere", "no such file"),
    ],
)
def test_a_setting_that_cannot_be_one_is_one_line_and_a_status(
    name: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    ended = subprocess.run(
        [sys.executable, "-m", "telehealth", "gateway", "code"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    (line,) = ended.stderr.splitlines()
    assert (ended.returncode, ended.stdout) == (1, "")
    assert line.startswith("telehealth: ")
    assert said in line


def test_a_setting_that_is_refused_is_not_printed_for_the_keys_stand_beside_it() -> None:
    with pytest.raises(ValidationError) as refused:
        Settings(keyring="a-key-of-the-operator", tls_cert=Path("only-one.pem"))
    assert "tls_cert and tls_key go together" in str(refused.value)
    assert "a-key-of-the-operator" not in str(refused.value)
