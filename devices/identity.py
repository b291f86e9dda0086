"""Who this gateway is, and whose: an Ed25519 key made here, an id, the server's identities.

The private key never leaves the device; both files are readable by their owner alone. Enrolment
is one HTTP request (docs/uplink.md, "Enrol once"); it runs outside the event loop.
"""

import asyncio
import base64
import http.client
import ipaddress
import os
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Struct

from devices.pins import NO_PINS, Pins
from protocols.errors import DecodeError, TelehealthError
from protocols.server_identity import IDENTITY_BYTES, from_base64, read_identities, split_code
from protocols.uplink import SIGNATURE_CONTEXT, Identifier

KEY_FILE: Final = "gateway.key"
ENROLMENT_FILE: Final = "enrolment.json"
ENROL_PATH: Final = "/api/v1/gateways/enrol"
UPLINK_PATH: Final = "/gateway/v1"
_TIMEOUT_S: Final = 20.0
_MAX_ANSWER_BYTES: Final = 64 * 1024
_CREATED: Final = 201


class IdentityError(TelehealthError):
    """This gateway has no usable identity: not enrolled, or a file is broken."""


class EnrolmentError(TelehealthError):
    """The server refused the code, or could not be asked."""


class Enrolment(Struct, frozen=True):
    """What the server answered, and where it is."""

    server: str
    gateway_id: Identifier
    server_identities: list[str] = []
    """Base64 of the public keys that we know the server by."""


class _Answer(Struct):
    gateway_id: Identifier
    server_identities: list[str] = []


class _ErrorBody(Struct):
    code: str = ""
    message: str = ""


class _ErrorAnswer(Struct):
    error: _ErrorBody


@dataclass(frozen=True, slots=True)
class Identity:
    """An enrolled gateway."""

    server: str
    gateway_id: str
    key: Ed25519PrivateKey
    pins: Pins = NO_PINS
    folder: Path | None = None
    """Where it is kept; None: nowhere."""

    @property
    def uplink_url(self) -> str:
        """Where the server listens for gateways."""
        parts = check_server(self.server)
        scheme = "wss" if parts.scheme == "https" else "ws"
        return f"{scheme}://{parts.netloc}{parts.path.rstrip('/')}{UPLINK_PATH}"

    def keep(self) -> None:
        """Write server, id and pins to the folder, if there is one.

        Raises:
            IdentityError: the folder cannot be written.
        """
        if self.folder is not None:
            keys = [base64.b64encode(key).decode() for key in self.pins.keys]
            enrolment = Enrolment(self.server, self.gateway_id, keys)
            write_private(self.folder / ENROLMENT_FILE, msgspec.json.encode(enrolment))

    def sign(self, nonce: str) -> str:
        """Return the base64 signature over context, nonce bytes and gateway id (docs/uplink.md).

        Raises:
            DecodeError: the nonce is not base64.
        """
        try:
            nonce_bytes = base64.b64decode(nonce, validate=True)
        except ValueError as error:
            raise DecodeError(f"challenge: nonce is not base64: {error}") from error
        words = SIGNATURE_CONTEXT + nonce_bytes + self.gateway_id.encode()
        return base64.b64encode(self.key.sign(words)).decode()


def check_server(server: str) -> SplitResult:
    """Return the parts of a server address.

    Raises:
        EnrolmentError: no http(s) address, or one without encryption beyond this machine.
    """
    parts = urlsplit(server)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise EnrolmentError(f"server needs an address like https://example.org, got {server!r}")
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise EnrolmentError(f"server {parts.hostname} needs https: http is for this machine only")
    return parts


def tls_context(ca_file: str = "") -> ssl.SSLContext:
    """Return what a server's certificate is checked with.

    Args:
        ca_file: a file of PEM certificates, the only ones then believed; empty: the system's.

    Raises:
        IdentityError: no such file, or no certificate in it.
    """
    try:
        context = ssl.create_default_context(cafile=ca_file or None)
    except OSError as error:
        raise IdentityError(f"CA file {ca_file}: {error.strerror or error}") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def load_identity(folder: Path) -> Identity:
    """Read key and enrolment.

    Raises:
        IdentityError: not enrolled yet, or a file is broken.
    """
    try:
        enrolment = msgspec.json.decode((folder / ENROLMENT_FILE).read_bytes(), type=Enrolment)
        keys = [from_base64(k, IDENTITY_BYTES, "identity") for k in enrolment.server_identities]
        key = _read_key(folder / KEY_FILE)
    except FileNotFoundError as error:
        raise IdentityError("not enrolled: run telehealth-gateway enrol first") from error
    except (msgspec.MsgspecError, DecodeError, OSError) as error:
        raise IdentityError(f"identity in {folder}: {error}") from error
    return Identity(enrolment.server, enrolment.gateway_id, key, Pins(tuple(keys)), folder)


async def enrol(server: str, code: str, name: str, folder: Path, *, ca_file: str = "") -> Identity:
    """Make a key, or take the one that is here, and exchange a one-use code for a gateway id.

    Args:
        server: address of the server, `https://…`; http only on this machine.
        code: what the administrator's screen shows, with the server's fingerprint behind it or not.
        name: what people call this gateway, a place and not a person.
        folder: where the identity is kept; made if missing.
        ca_file: who may vouch for the server's certificate; empty: whom the system believes.

    Raises:
        UnprovenServerError: the fingerprint in the code is another server's.
        EnrolmentError: refused, with the server's words, or the server cannot be reached.
        IdentityError: the key file is broken or cannot be written.
    """
    check_server(server)
    context = tls_context(ca_file)
    once, finger = split_code(code)
    key = make_or_read_key(folder)
    public = key.public_key().public_bytes(
        serialization.Encoding.Raw, serialization.PublicFormat.Raw
    )
    body = {"code": once, "public_key": base64.b64encode(public).decode(), "name": name}
    status, answer = await asyncio.to_thread(_post, server, msgspec.json.encode(body), context)
    if status != _CREATED:
        raise EnrolmentError(f"server refused the enrolment ({status}): {_refusal(answer)}")
    try:
        found = msgspec.json.decode(answer, type=_Answer)
        pins = NO_PINS
        if found.server_identities or finger:
            pins = Pins.shown(read_identities(found.server_identities), finger)
    except (msgspec.MsgspecError, UnicodeError, DecodeError) as error:
        raise EnrolmentError(f"server's answer is not an enrolment: {error}") from error
    identity = Identity(server.rstrip("/"), found.gateway_id, key, pins, folder)
    identity.keep()
    return identity


def make_or_read_key(folder: Path) -> Ed25519PrivateKey:
    """Return this device's key, made now if there is none."""
    path = folder / KEY_FILE
    if path.exists():
        return _read_key(path)
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    write_private(path, pem)
    return key


def write_private(path: Path, data: bytes) -> None:
    """Write a file that only its owner may read, whole or not at all, and durably.

    Raises:
        IdentityError: the folder cannot be written.
    """
    draft = path.with_name(path.name + ".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft.unlink(missing_ok=True)
        with open(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise IdentityError(f"cannot write {path}: {error.strerror}") from error


def _read_key(path: Path) -> Ed25519PrivateKey:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except ValueError as error:
        raise IdentityError(f"{path}: not a private key") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise IdentityError(f"{path}: not an Ed25519 key")
    return key


def _post(server: str, body: bytes, context: ssl.SSLContext) -> tuple[int, bytes]:
    parts = check_server(server)
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(parts.netloc, timeout=_TIMEOUT_S, context=context)
    else:
        connection = http.client.HTTPConnection(parts.netloc, timeout=_TIMEOUT_S)
    try:
        connection.request(
            "POST",
            parts.path.rstrip("/") + ENROL_PATH,
            body,
            {"Content-Type": "application/json", "Accept": "application/json"},
        )
        response = connection.getresponse()
        return response.status, response.read(_MAX_ANSWER_BYTES)
    except (OSError, http.client.HTTPException) as error:
        raise EnrolmentError(f"server {parts.netloc} cannot be reached: {error}") from error
    finally:
        connection.close()


def _refusal(answer: bytes) -> str:
    try:
        error = msgspec.json.decode(answer, type=_ErrorAnswer).error
    except (msgspec.MsgspecError, UnicodeError):
        return "no reason given"
    return f"{error.code}: {error.message}"
