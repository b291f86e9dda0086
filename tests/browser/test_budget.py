"""What a patient's phone has to load, from the built files (webui.md: 2G in the mountains)."""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from webui.assets import DIST

pytestmark = pytest.mark.browser
SCRIPTS_MOST: Final = 40_000
FIRST_LOAD_MOST: Final = 150_000
FONTS: Final = tuple(f"be-vietnam-pro-{s}-400-normal.woff2" for s in ("vietnamese", "latin"))
MANIFEST: Final[dict[str, Any]] = json.loads((DIST / "manifest.json").read_text(encoding="utf-8"))


def brotli_octets(*entries: str) -> int:
    """Return what these entries weigh with all that they import, each file once."""
    files = {MANIFEST[name]["file"] for name in entries}
    files |= {one for name in entries for one in MANIFEST[name]["imports"]}
    return sum((DIST / f"{file}.br").stat().st_size for file in files)


@pytest.mark.parametrize(
    "scripts", [("patient.js", "page.js", "ring.js"), ("offline.js", "page.js", "worker.js")]
)
def test_the_scripts_of_a_patients_page_are_small(scripts: tuple[str, ...]) -> None:
    assert brotli_octets(*scripts) <= SCRIPTS_MOST


def test_the_first_load_of_a_patients_page_with_its_fonts_is_small() -> None:
    fonts = sum((DIST / MANIFEST[font]["file"]).stat().st_size for font in FONTS)
    loaded = brotli_octets("patient.js", "page.js", "ring.js", "worker.js", "app.css") + fonts
    assert loaded <= FIRST_LOAD_MOST


def test_every_script_is_there_compressed() -> None:
    assert all(Path(f"{file}.br").is_file() for file in DIST.glob("*.js"))
