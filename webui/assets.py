"""The built client: which hashed file stands behind a name (webui/client/build.mjs writes it)."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from telehealth.errors import UnavailableError

DIST = Path(__file__).parent / "static" / "dist"
PREFIX = "/static/dist/"


@dataclass(frozen=True, slots=True)
class Asset:
    """One built file and the chunks that it imports."""

    url: str
    preloads: tuple[str, ...] = ()


class Assets:
    """The manifest; an entry that is not built is told when a page asks for it."""

    def __init__(self, entries: dict[str, Asset], folder: Path | None = None) -> None:
        self._entries = entries
        self.folder = folder
        """Where the files lie; None: nothing is served."""

    @classmethod
    def built(cls, folder: Path = DIST) -> Self:
        """Read the manifest; without one every page says that the client is not built."""
        path = folder / "manifest.json"
        if not path.is_file():
            return cls({})
        manifest = json.loads(path.read_text(encoding="utf-8"))
        return cls(
            {
                name: Asset(PREFIX + entry["file"], tuple(PREFIX + i for i in entry["imports"]))
                for name, entry in manifest.items()
            },
            folder,
        )

    def asset(self, name: str) -> Asset:
        """Return the built file behind a name such as `doctor.js`.

        Raises:
            UnavailableError: it has not been built.
        """
        if name not in self._entries:
            raise UnavailableError(f"client file {name} is not built: run `make build`")
        return self._entries[name]
