"""The built client as it is served."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer
from yarl import URL

from telehealth.settings import Settings
from tests import keys
from tests.keys import opened
from webui.app import create_app
from webui.assets import Assets


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[TestServer]:
    """Yield a server over a small built client."""
    built = tmp_path / "dist"
    built.mkdir()
    manifest = {"a.js": {"file": "a.X1.js", "imports": ["chunk.Y2.js"]}}
    (built / "manifest.json").write_text(json.dumps(manifest))
    (built / "a.X1.js").write_text("plain")
    (built / "a.X1.js.br").write_bytes(b"brotli")
    (built / "a.X1.js.gz").write_bytes(b"gzip")
    (tmp_path / "secret.txt").write_text("secret")
    database = opened(f"sqlite:///{tmp_path}/none.sqlite")
    services = keys.services(database, Settings(), tmp_path)
    server = TestServer(create_app(services, assets=Assets.built(built)))
    async with server:
        yield server
    await database.close()


async def get(served: TestServer, path: str, accept: str) -> tuple[int, bytes, str, str]:
    async with (
        ClientSession(auto_decompress=False) as http,
        http.get(
            URL(str(served.make_url("/")).rstrip("/") + path, encoded=True),
            headers={"Accept-Encoding": accept},
        ) as response,
    ):
        return (
            response.status,
            await response.read(),
            response.headers.get("Content-Encoding", ""),
            response.headers.get("Cache-Control", ""),
        )


@pytest.mark.parametrize(
    ("accept", "body", "encoding"),
    [("br, gzip", b"brotli", "br"), ("gzip", b"gzip", "gzip"), ("identity", b"plain", "")],
)
async def test_a_built_file_comes_in_the_best_form_the_browser_takes(
    served: TestServer, accept: str, body: bytes, encoding: str
) -> None:
    status, found, sent, kept = await get(served, "/static/dist/a.X1.js", accept)
    assert (status, found, sent) == (200, body, encoding)
    assert kept == "public, max-age=31536000, immutable"


@pytest.mark.asvs("1.1.1", "5.3.1", "5.3.2", "13.4.3")
@pytest.mark.parametrize(
    "path",
    [
        "/static/dist/../secret.txt",
        "/static/dist/%2e%2e/secret.txt",
        "/static/dist/..%2fsecret.txt",
        "/static/dist/none.js",
        "/static/dist/",
    ],
)
async def test_nothing_but_built_files_is_served(served: TestServer, path: str) -> None:
    status, found, _, kept = await get(served, path, "identity")
    assert status in (403, 404)
    assert b"secret" not in found
    assert kept == "no-store"


def test_the_manifest_tells_what_an_entry_imports(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(
        json.dumps({"a.js": {"file": "a.X1.js", "imports": ["chunk.Y2.js"]}})
    )
    found = Assets.built(tmp_path).asset("a.js")
    assert found.url == "/static/dist/a.X1.js"
    assert found.preloads == ("/static/dist/chunk.Y2.js",)
