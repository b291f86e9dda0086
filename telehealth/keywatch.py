"""Notices that the keys' file changed, and lets the running server use what it holds."""

import asyncio
import logging
from pathlib import Path
from typing import Final

from telehealth import keys
from telehealth.errors import KeysError
from telehealth.vault import Vault

log = logging.getLogger(__name__)
EVERY_S: Final = 2.0
"""Within this time each process knows a new key; `telehealth keys rotate` waits longer."""

Mark = tuple[int, int, int]


class KeyWatch:
    """The loop that looks at the file; wrong keys are logged and those at work stay."""

    def __init__(self, path: Path, vault: Vault, *, every_s: float = EVERY_S) -> None:
        self._path = path
        self._vault = vault
        self._every_s = every_s
        self._seen: Mark | None = None

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.to_thread(self.look)
            await asyncio.sleep(self._every_s)

    def look(self) -> bool:
        """Adopt the file's keys if it changed since the last look; says whether they are new."""
        mark = self._mark()
        if mark == self._seen:
            return False
        self._seen = mark
        try:
            found = keys.load(self._path)
            if found.is_older_than(self._vault.keyring):
                raise KeysError(f"keys at {self._path} are older than those at work")
        except KeysError as error:
            log.error("keys are not taken over", extra={"why": str(error)})
            return False
        if found == self._vault.keyring:
            return False
        self._vault.adopt(found)
        names = {part: getattr(found, part)[0].key_id.hex() for part in keys.ROTATED}
        log.info("keys taken over", extra={"newest": names})
        return True

    def _mark(self) -> Mark | None:
        """Return what differs between two states of the file, its permissions included."""
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_ctime_ns, found.st_ino, found.st_size
