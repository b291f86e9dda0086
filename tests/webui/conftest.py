"""A whole application on loopback, over a migrated SQLite file with a small commune in it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import ClientResponse, ClientSession, CookieJar, web
from aiohttp.test_utils import TestServer

from telehealth import clock
from telehealth.services import Services
from telehealth.settings import Settings
from telehealth.store.database import Database
from tests import databases, keys, rows
from tests.webui import people
from webui.app import create_app
from webui.assets import Asset, Assets

NAMES = ["app.css", "icon.svg", "page.js", "doctor.js", "person.js", "patient.js"]
NAMES += ["consult.js", "ring.js", "security.js", "station.js", "offline.js", "worker.js"]
NAMES += [f"be-vietnam-pro-{s}-400-normal.woff2" for s in ("vietnamese", "latin")]


@dataclass
class Site:
    """The server under test, and what the tests may look at behind it."""

    services: Services
    app: web.Application
    server: TestServer
    now_ms: int

    @property
    def database(self) -> Database:
        """The database behind it."""
        return self.services.database

    @property
    def origin(self) -> str:
        """The server's own origin."""
        return str(self.server.make_url("/")).rstrip("/")


class Visitor:
    """A browser without a screen: keeps cookies, says where its requests come from."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.http = ClientSession(cookie_jar=CookieJar(unsafe=True))
        self.token = ""

    async def get(self, path: str, **headers: str) -> ClientResponse:
        """Ask for a page, as a click would."""
        sent = {"Sec-Fetch-Site": "same-origin"} | headers
        return await self.http.get(self.site.origin + path, headers=sent, allow_redirects=False)

    async def post(self, path: str, form: dict[str, str] | None = None) -> ClientResponse:
        """Send a form, as a button would."""
        return await self.http.post(
            self.site.origin + path,
            data=form or {},
            headers={"Origin": self.site.origin, "Sec-Fetch-Site": "same-origin"},
            allow_redirects=False,
        )

    async def signed_in(self, account_id: str) -> "Visitor":
        """Carry a session of this account, without the cost of a password."""
        self.token = await self.site.database.write(lambda tx: rows.session(tx, account_id))
        self.http.cookie_jar.update_cookies({"session": self.token})
        return self


class Visitors:
    """Makes visitors, and lets them all go at the end of the test."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.all: list[Visitor] = []

    def stranger(self) -> Visitor:
        """Somebody who has not signed in."""
        visitor = Visitor(self.site)
        self.all.append(visitor)
        return visitor

    async def doctor(self, account_id: str = "ac-doctor") -> Visitor:
        """The doctor to whom the commune is assigned, or another."""
        return await self.stranger().signed_in(account_id)

    async def patient(self, account_id: str = "ac-hoa") -> Visitor:
        """A patient."""
        return await self.stranger().signed_in(account_id)

    async def administrator(self) -> Visitor:
        """The administrator."""
        return await self.stranger().signed_in("ac-admin")

    async def officer(self) -> Visitor:
        """The privacy officer."""
        return await self.stranger().signed_in("ac-officer")


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """Yield a running server with the commune in it."""
    async with databases.migrated("sqlite", tmp_path) as database:
        now_ms = clock.now_ms()
        await people.settle(database, now_ms)
        settings = Settings(database=database.url, second_factor="offered")
        services = keys.services(database, settings, tmp_path)
        folder = tmp_path / "dist"
        folder.mkdir()
        (folder / "worker.js").write_text("// built", encoding="utf-8")
        built = Assets({name: Asset(f"/static/dist/{name}") for name in NAMES}, folder)
        app = create_app(services, assets=built)
        server = TestServer(app)
        async with server, keys.taking_in(services):
            yield Site(services, app, server, now_ms)


@pytest.fixture
async def visitors(site: Site) -> AsyncIterator[Visitors]:
    """Yield a maker of visitors to the site."""
    made = Visitors(site)
    yield made
    for visitor in made.all:
        await visitor.http.close()
