"""The table of all settings, made from their definition: `telehealth settings`, docs/operations.md.

Nothing here reads a setting's present value: the table is the same on every machine.
"""

from pathlib import Path
from typing import Any

from telehealth.settings import PREFIX, Settings


def table() -> str:
    """Return the settings as a Markdown table: variable, default, meaning."""
    rows = [
        f"| `{PREFIX}{name.upper()}` | {_default(field.default)} | {_meaning(field.description)} |"
        for name, field in Settings.model_fields.items()
    ]
    return "\n".join(["| variable | default | meaning |", "| --- | --- | --- |", *rows])


def _default(value: Any) -> str:
    if value in (None, "", []):
        return "–"
    return f"`{value.as_posix() if isinstance(value, Path) else value}`"


def _meaning(text: str | None) -> str:
    return " ".join((text or "").split())
