"""deploy/nginx and deploy/caddy, run by Debian's nginx and caddy before a real server.

Only names, ports and certificates are others than in the files.
"""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path
from typing import Final

import pytest
from aiohttp import ClientSession, TCPConnector

from telehealth.serving import listening
from telehealth.settings import Settings
from telehealth.store import migrate
from tests.certificates import Authority, Issued
from tests.faults.server_process import free_port

pytestmark = pytest.mark.flow
DEPLOY: Final = Path(__file__).parents[2] / "deploy"
NAME: Final = "telehealth.example.org"
_WAIT_S: Final = 15.0


@dataclass(frozen=True)
class Ports:
    """Where the proxy listens, and the server behind it."""

    http: int
    https: int
    server: int


def nginx(folder: Path, ports: Ports, issued: Issued) -> list[str]:
    """Write nginx' configuration around the example; returns the command."""
    text = (DEPLOY / "nginx/telehealth.conf").read_text(encoding="utf-8")
    text = re.sub(r" +listen \[::\].*\n", "", text)
    for old, new in (
        ("listen 80;", f"listen 127.0.0.1:{ports.http};"),
        ("listen 443 ", f"listen 127.0.0.1:{ports.https} "),
        (NAME, "localhost"),
        ("/etc/ssl/telehealth/server.pem", str(issued.cert)),
        ("/etc/ssl/telehealth/server.key", str(issued.key)),
        ("127.0.0.1:8080", f"127.0.0.1:{ports.server}"),
    ):
        assert old in text
        text = text.replace(old, new)
    paths = "".join(
        f"{kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off;\nmaster_process off;\npid {folder}/pid;\nerror_log stderr;\n"
        f"events {{}}\nhttp {{\n{paths}{text}}}\n"
    )
    return ["/usr/sbin/nginx", "-p", str(folder), "-e", "stderr", "-c", f"{folder}/nginx.conf"]


def caddy(folder: Path, ports: Ports, issued: Issued) -> list[str]:
    """Write caddy's configuration around the example; returns the command."""
    text = (DEPLOY / "caddy/Caddyfile").read_text(encoding="utf-8")
    for old, new in (
        (f"http://{NAME} {{", f"http://localhost:{ports.http} {{\n\tbind 127.0.0.1"),
        (f"\n{NAME} {{", f"\nhttps://localhost:{ports.https} {{\n\tbind 127.0.0.1"),
        ("# tls /etc/caddy/telehealth.pem /etc/caddy/telehealth.key",
         f"tls {issued.cert} {issued.key}"),
        ("127.0.0.1:8080", f"127.0.0.1:{ports.server}"),
    ):  # fmt: skip
        assert old in text
        text = text.replace(old, new)
    options = "{\n\tadmin off\n\tauto_https off\n}\n"
    (folder / "Caddyfile").write_text(options + text)
    return ["caddy", "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]


@asynccontextmanager
async def running(command: list[str], folder: Path, port: int) -> AsyncIterator[None]:
    """Run a proxy until it takes connections, and end it with the block."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(_WAIT_S):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except ConnectionRefusedError:
                    assert process.returncode is None
                    await asyncio.sleep(0.02)  # the proxy says nothing when it is ready
                else:
                    writer.close()
                    await writer.wait_closed()
                    break
        yield
    finally:
        process.terminate()
        await process.wait()


@pytest.mark.asvs("4.1.2")
@pytest.mark.parametrize("proxy", [nginx, caddy])
async def test_people_are_sent_on_to_https_and_programs_in_clear_are_refused(
    tmp_path: Path, proxy: Callable[[Path, Ports, Issued], list[str]]
) -> None:
    authority = Authority(tmp_path / "tls")
    https_port = free_port()
    url = f"sqlite:///{tmp_path}/proxied.sqlite"
    await migrate.upgrade(url)
    settings = Settings(
        database=url,
        port=0,
        public_origin=f"https://localhost:{https_port}",
        trusted_proxies=[IPv4Network("127.0.0.1/32")],
        audit_checkpoints=tmp_path / "checkpoints.jsonl",
    )
    async with listening(settings) as server:
        ports = Ports(free_port(), https_port, int(server.origin.rsplit(":", 1)[1]))
        command = proxy(tmp_path, ports, authority.issue())
        connector = TCPConnector(ssl=authority.client())
        async with (
            running(command, tmp_path, ports.https),
            ClientSession(connector=connector) as http,
        ):
            clear = f"http://localhost:{ports.http}"
            async with http.get(f"{clear}/login?next=/doctor", allow_redirects=False) as sent:
                assert sent.status == 308
                assert sent.headers["Location"] == "https://localhost/login?next=/doctor"
            for method, path in (
                ("GET", "/api/v1/places?q=a"), ("POST", "/api/v1/calls"), ("GET", "/gateway/v1"),
                ("GET", "/live"), ("GET", "/metrics"),
            ):  # fmt: skip
                async with http.request(method, clear + path, allow_redirects=False) as refused:
                    assert (path, refused.status) == (path, 403)
                    assert "Location" not in refused.headers
            async with http.get(f"https://localhost:{ports.https}/login") as page:
                assert page.status == 200
                assert page.headers["Strict-Transport-Security"].startswith("max-age=")
