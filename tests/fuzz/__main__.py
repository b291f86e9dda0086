"""Fuzz the codecs with coverage as the guide: `python -m tests.fuzz --minutes 10 [FAMILY …]`.

It needs atheris (requirements/fuzz.txt), which `make soak` installs. Each family runs in a process
of its own, for so many minutes each; whatever it finds ends it, with the bytes.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.fuzz.seeds import seeds
from tests.fuzz.targets import TARGETS


def main() -> int:
    """Fuzz each family; returns 1 when something was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="a family")
    parser.add_argument("--one", choices=TARGETS, help="run this one here")
    parser.add_argument("--corpus", type=Path, help="where its bytes are kept")
    parser.add_argument("families", nargs="*", choices=[[], *TARGETS])
    asked = parser.parse_args()
    if asked.one:
        return _here(asked.one, asked.minutes, asked.corpus)
    for family in asked.families or TARGETS:
        with tempfile.TemporaryDirectory(prefix="telehealth-fuzz-") as folder:
            for number, seed in enumerate(seeds(family)):
                (Path(folder) / f"seed-{number}").write_bytes(seed)
            command = [sys.executable, "-m", "tests.fuzz", "--one", family]
            command += ["--minutes", str(asked.minutes), "--corpus", folder]
            if subprocess.run(command, check=False).returncode:  # noqa: S603 - ourselves
                sys.stdout.write(f"{family}: FOUND something, see above\n")
                return 1
        sys.stdout.write(f"{family}: {asked.minutes:g} minutes, nothing found\n")
        sys.stdout.flush()
    return 0


def _here(family: str, minutes: float, corpus: Path) -> int:
    """Fuzz in this process until the time is over; atheris ends the process itself."""
    import atheris  # noqa: PLC0415 (installed for soak runs alone)

    atheris.instrument_all()
    seconds = round(minutes * 60)
    options = [f"-max_total_time={seconds}", "-max_len=512", "-verbosity=0", "-print_final_stats=1"]
    atheris.Setup([sys.argv[0], *options, str(corpus)], TARGETS[family])
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
