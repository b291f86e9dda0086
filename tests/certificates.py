"""A CA of the tests' own, such as a province has, and what it issues."""

import base64
import hashlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from telehealth.serving import Listening, listening
from telehealth.settings import Settings

NAMES = ("localhost", "127.0.0.1")


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate in its files."""

    cert: Path
    key: Path

    @property
    def parsed(self) -> x509.Certificate:
        """The server's own certificate."""
        return x509.load_pem_x509_certificate(self.cert.read_bytes())

    @property
    def serial(self) -> int:
        """What tells it from every other of its CA."""
        return self.parsed.serial_number

    @property
    def spki_sha256(self) -> str:
        """What Chromium's `--ignore-certificate-errors-spki-list` wants, to believe it alone."""
        key = self.parsed.public_key()
        der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return base64.b64encode(hashlib.sha256(der).digest()).decode()


class Authority:
    """The CA; its own certificate lies in `ca_file`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._ca = trustme.CA()
        self._folder = folder
        self.ca_file = folder / "ca.pem"
        self._ca.cert_pem.write_to_path(self.ca_file)

    def issue(self, name: str = "server", *, not_after: datetime | None = None) -> Issued:
        """Write `NAME.pem` and `NAME.key` for this machine, over what is there."""
        made = self._ca.issue_cert(*NAMES, not_after=not_after)
        issued = Issued(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        issued.cert.write_bytes(b"".join(pem.bytes() for pem in made.cert_chain_pems))
        made.private_key_pem.write_to_path(issued.key)
        return issued

    def client(self) -> ssl.SSLContext:
        """Return what a browser or gateway that knows this CA alone checks with."""
        return ssl.create_default_context(cafile=self.ca_file)


@asynccontextmanager
async def https_server(url: str, issued: Issued) -> AsyncIterator[Listening]:
    """Run a server with TLS on a free loopback port."""
    settings = Settings(
        database=url,
        port=0,
        tls_cert=issued.cert,
        tls_key=issued.key,
        audit_checkpoints=issued.cert.parent / "checkpoints.jsonl",
    )
    async with listening(settings) as server:
        yield server
