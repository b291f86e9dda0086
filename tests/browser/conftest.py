"""One Chromium and one server a module, the server in a thread of its own, over a small commune."""

import asyncio
import shutil
import threading
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
from aiohttp import web
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    ViewportSize,
    sync_playwright,
)

from telehealth import clock
from telehealth.services import Services
from telehealth.settings import Settings
from telehealth.store import migrate
from telehealth.store.database import Transaction
from tests import keys, rows
from tests.keys import opened
from tests.webui import people
from webui.app import create_app
from webui.assets import DIST, Assets

T = TypeVar("T")
CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",
]  # fmt: skip
DESK = ViewportSize(width=1440, height=900)
PHONE = ViewportSize(width=390, height=844)
NARROW = ViewportSize(width=360, height=740)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One worker runs all browser tests: two Chromiums at once would be slower than one."""
    for item in items:
        if "tests/browser/" in item.nodeid:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.xdist_group("browser"))


@dataclass
class Server:
    """A whole server on a free loopback port, with a loop of its own."""

    loop: asyncio.AbstractEventLoop
    services: Services
    origin: str

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something on the server's loop, and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(timeout=20)

    def write(self, fn: Callable[[Transaction], T], *topics: str) -> T:
        """Commit something as the intake would, and tell the screens."""

        async def work() -> T:
            found = await self.services.database.write(fn)
            for topic in topics:
                self.services.bus.publish(topic, {"kind": "state"})
            return found

        return self.run(work())

    def publish(self, topic: str, message: dict[str, Any]) -> None:
        """Say something on the bus once somebody listens; what is said to nobody is lost."""

        async def work() -> None:
            async with asyncio.timeout(10):
                while not self.services.bus.wanted(topic):  # noqa: ASYNC110 - no event says so
                    await asyncio.sleep(0.01)
            self.services.bus.publish(topic, message)

        self.run(work())

    def token(self, account_id: str) -> str:
        """Open a session of an account."""
        return self.write(lambda tx: rows.session(tx, account_id, "Chromium"))


@dataclass
class Visit:
    """A browser context, and everything its consoles said against us."""

    context: BrowserContext
    origin: str
    complaints: list[str] = field(default_factory=list)

    def page(self) -> Page:
        """Open a page whose complaints are noted."""
        page = self.context.new_page()
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self._see(request.url))
        return page

    def _see(self, url: str) -> None:
        """Whatever a page asks of anybody but us is a complaint."""
        if not url.startswith((self.origin, "data:", "blob:")):
            self.complaints.append(f"third party: {url}")

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text} ({message.location})")


async def _start(folder: Path, built: Path) -> tuple[web.AppRunner, Services, str]:
    url = f"sqlite:///{folder}/browser.sqlite"
    await migrate.upgrade(url)
    database = opened(url)
    await people.settle(database, clock.now_ms())
    services = keys.services(database, Settings(database=url, second_factor="offered"), folder)
    runner = web.AppRunner(create_app(services, assets=Assets.built(built)), shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    return runner, services, f"http://{host}:{port}"


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the built client, so that a build meanwhile changes nothing."""
    folder = tmp_path_factory.mktemp("client") / "dist"
    return Path(shutil.copytree(DIST, folder))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, built: Path) -> Iterator[Server]:
    """Yield a running server; each module has its own commune."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="server")
    thread.start()

    def on_loop(work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, loop).result(timeout=30)

    runner, services, origin = on_loop(_start(tmp_path_factory.mktemp("browser"), built))
    yield Server(loop, services, origin)
    on_loop(runner.cleanup())
    on_loop(services.database.close())
    loop.call_soon_threadsafe(loop.stop)
    thread.join(timeout=10)
    loop.close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Yield a browser; it ends with the module, for its loop would stand in others' way."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


Visiting = Callable[..., Visit]


@pytest.fixture
def visit(server: Server, chromium: Browser) -> Iterator[Visiting]:
    """Yield a maker of visits; at the end no console may have complained."""
    made: list[Visit] = []

    def start(
        account_id: str | None = None,
        *,
        viewport: ViewportSize = DESK,
        locale: str = "vi",
        **more: Any,
    ) -> Visit:
        context = chromium.new_context(viewport=viewport, **more)
        context.set_default_timeout(10_000)
        cookies = [{"name": "lang", "value": locale, "url": server.origin}]
        if account_id is not None:
            token = server.token(account_id)
            cookies.append({"name": "session", "value": token, "url": server.origin})
        context.add_cookies(cookies)  # type: ignore[arg-type]
        made.append(Visit(context, server.origin))
        return made[-1]

    yield start
    complaints = [text for one in made for text in one.complaints]
    for one in made:
        one.context.close()
    assert complaints == []
