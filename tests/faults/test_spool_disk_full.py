"""A disk that others have filled: the newest is kept, the oldest samples go, and it is told."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.spool_on_full_disk import ROUNDS, SAMPLES

pytestmark = pytest.mark.faults


def test_on_a_full_disk_the_newest_is_kept_and_the_loss_is_told(tmp_path: Path) -> None:
    ran = subprocess.run(  # noqa: S603 - of this test
        [
            "/usr/bin/unshare", "--user", "--map-root-user", "--mount",
            sys.executable, "-m", "tests.faults.spool_on_full_disk", str(tmp_path),
        ],
        capture_output=True, text=True, timeout=50, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr[-2000:]
    found = json.loads(ran.stdout)
    assert (found["ballast"], found["mode"]) == (1024 * 1024, "0o600")
    assert found["refused"] == 0
    assert not found["ballast_when_full"]
    assert found["ballast_again"]
    records = found["records"]
    assert records.count(f"r{ROUNDS - 1}") == 2, "the newest is there, and what came after it"
    assert len(set(records)) == len(records) - 1, "only the last was sent twice, by this test"
    assert found["lost"]["spool_loss_spots"] == ROUNDS + 1 - len(records)
    assert found["samples"] + found["lost"]["spool_loss"] == SAMPLES * ROUNDS
    assert found["lost"]["spool_loss"] > 0, "samples went before spot checks"
    assert found["lost"]["spool_loss_spots"] == 0
