"""The documents are whole: every setting, command and route stands in them, and no link is dead."""

import re
from pathlib import Path

import pytest
import typer

from devices.__main__ import app as gateway_command
from telehealth.__main__ import app as telehealth_command
from telehealth.settings import Settings
from webui.routes import ROUTES

ROOT = Path(__file__).parents[1]
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
EVERYTHING = "\n".join(page.read_text() for page in PAGES)


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_every_setting_is_documented(name: str) -> None:
    assert f"`TELEHEALTH_{name.upper()}`" in OPERATIONS


def _commands(app: typer.Typer) -> list[str]:
    names = [c.name or (c.callback.__name__ if c.callback else "") for c in app.registered_commands]
    for group in app.registered_groups:
        inner = group.typer_instance
        names += [f"{group.name} {c.name}" for c in (inner.registered_commands if inner else [])]
    return names


@pytest.mark.parametrize("command", _commands(telehealth_command))
def test_every_command_is_documented(command: str) -> None:
    assert re.search(rf"`(telehealth )?{command}\b", OPERATIONS)


@pytest.mark.parametrize("command", _commands(gateway_command))
def test_every_command_of_the_gateway_is_documented(command: str) -> None:
    assert f"`{command}`" in OPERATIONS or f"telehealth-gateway {command}" in OPERATIONS


@pytest.mark.parametrize("path", sorted({route.path for route in ROUTES}))
def test_every_route_is_documented(path: str) -> None:
    assert re.sub(r"\{\w+\}", "{…}", path) in re.sub(r"\{\w+\}", "{…}", EVERYTHING)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_link_between_the_pages_is_dead(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target
