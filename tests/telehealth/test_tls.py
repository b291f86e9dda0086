"""The certificate: loaded whole, renewed whole, and never exchanged for a worse one."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from telehealth.errors import RefusedError
from telehealth.tls import Certificate
from tests.certificates import Authority, Issued

NOW = datetime(2026, 9, 21, tzinfo=UTC)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@asynccontextmanager
async def echoing(certificate: Certificate) -> AsyncIterator[int]:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(line)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0, ssl=certificate.context)
    async with server:
        yield server.sockets[0].getsockname()[1]


class Caller:
    """One TLS connection, kept open."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.tls: ssl.SSLObject = writer.get_extra_info("ssl_object")

    @property
    def serial(self) -> int:
        shown = self.tls.getpeercert()
        assert shown is not None
        return int(str(shown["serialNumber"]), 16)

    async def says(self, line: bytes) -> bytes:
        self._writer.write(line)
        async with asyncio.timeout(5):
            return await self._reader.readline()

    async def hangs_up(self) -> None:
        self._writer.close()
        await self._writer.wait_closed()


async def call(port: int, context: ssl.SSLContext, *, name: str = "localhost") -> Caller:
    return Caller(
        *await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name)
    )


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
async def test_a_renewed_certificate_is_shown_to_the_new_and_the_old_connection_lives(
    authority: Authority, name: str
) -> None:
    first = authority.issue()
    certificate = Certificate(first.cert, first.key)
    old_serial = first.serial
    async with echoing(certificate) as port:
        before = await call(port, authority.client(), name=name)
        renewed = authority.issue()
        assert certificate.reload(NOW)
        after = await call(port, authority.client(), name=name)
        assert (before.serial, after.serial) == (old_serial, renewed.serial)
        assert await before.says(b"still here\n") == b"still here\n"
        await before.hangs_up()
        await after.hangs_up()


def _other_key(authority: Authority, issued: Issued) -> None:
    issued.key.write_bytes(authority.issue("other").key.read_bytes())


def _no_file(_authority: Authority, issued: Issued) -> None:
    issued.cert.unlink()


def _nonsense(_authority: Authority, issued: Issued) -> None:
    issued.cert.write_text("no certificate")


def _expired(authority: Authority, _issued: Issued) -> None:
    authority.issue(not_after=NOW)


@pytest.mark.parametrize("spoil", [_other_key, _no_file, _nonsense, _expired])
async def test_a_bad_new_file_keeps_the_old_certificate_and_is_logged(
    authority: Authority,
    spoil: object,
    caplog: pytest.LogCaptureFixture,
) -> None:
    issued = authority.issue()
    certificate, serial = Certificate(issued.cert, issued.key), issued.serial
    assert callable(spoil)
    spoil(authority, issued)
    assert not certificate.reload(NOW)
    assert "certificate not renewed" in caplog.text
    async with echoing(certificate) as port:
        caller = await call(port, authority.client())
        assert caller.serial == serial
        await caller.hangs_up()


def test_a_certificate_is_taken_until_the_instant_at_which_it_ends(authority: Authority) -> None:
    issued = authority.issue(not_after=NOW)
    certificate = Certificate(issued.cert, issued.key)
    assert certificate.not_after == NOW
    assert certificate.reload(NOW - timedelta(seconds=1))
    assert not certificate.reload(NOW)


@pytest.mark.parametrize("spoil", [_other_key, _no_file, _nonsense])
def test_a_server_does_not_start_with_files_that_are_no_certificate(
    authority: Authority, spoil: object
) -> None:
    issued = authority.issue()
    assert callable(spoil)
    spoil(authority, issued)
    with pytest.raises(RefusedError, match=r"server\.pem"):
        Certificate(issued.cert, issued.key)


@pytest.mark.asvs("12.1.1")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_tls_1_2_and_1_3_are_spoken(authority: Authority, version: ssl.TLSVersion) -> None:
    issued = authority.issue()
    client = authority.client()
    client.minimum_version = client.maximum_version = version
    async with echoing(Certificate(issued.cert, issued.key)) as port:
        caller = await call(port, client)
        assert caller.tls.version() == version.name.replace("v1_", "v1.")
        await caller.hangs_up()


@pytest.mark.asvs("12.1.1")
async def test_tls_1_1_is_refused(authority: Authority) -> None:
    issued = authority.issue()
    client = authority.client()
    with pytest.warns(DeprecationWarning, match="TLSv1_1 is deprecated"):
        client.minimum_version = client.maximum_version = ssl.TLSVersion.TLSv1_1
    client.set_ciphers("DEFAULT:@SECLEVEL=0")
    async with echoing(Certificate(issued.cert, issued.key)) as port:
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            await call(port, client)


@pytest.mark.asvs("11.2.3", "12.1.2")
async def test_a_cipher_without_forward_secrecy_is_refused(authority: Authority) -> None:
    issued = authority.issue()
    client = authority.client()
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    client.set_ciphers("AES128-GCM-SHA256:AES256-SHA")
    async with echoing(Certificate(issued.cert, issued.key)) as port:
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            await call(port, client)
