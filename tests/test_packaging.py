"""A wheel built from the tree serves and migrates by itself: client and migrations are in it."""

import importlib.metadata
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = {"telehealth", "devices", "protocols", "webui"}


@pytest.mark.asvs("13.4.1", "15.2.3")
def test_the_wheel_holds_the_client_the_migrations_and_our_four_packages(tmp_path: Path) -> None:
    subprocess.run(  # noqa: S603 - our own arguments
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == PACKAGES
    assert "telehealth/migrations/env.py" in names
    assert "telehealth/migrations/versions/0001_first_tables.py" in names
    assert "webui/static/dist/manifest.json" in names
    assert any(name.startswith("webui/locale/vi/") for name in names)
    assert not any("node_modules" in name for name in names)


def test_no_other_distribution_claims_our_names() -> None:
    claims = importlib.metadata.packages_distributions()
    for name in PACKAGES:
        assert set(claims.get(name, [])) <= {"telehealth-f0"}


def test_the_migrations_folder_does_not_shadow_the_library() -> None:
    assert not (ROOT / "alembic" / "__init__.py").exists()


def test_the_locks_name_no_index() -> None:
    for lock in (ROOT / "requirements").glob("*.txt"):
        assert "://" not in lock.read_text(), lock.name
