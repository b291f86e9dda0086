"""Key and enrolment: made here, kept private, exchanged once, refused with the server's words."""

import base64
import json
import ssl
import stat
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from devices.identity import (
    ENROLMENT_FILE,
    KEY_FILE,
    EnrolmentError,
    IdentityError,
    check_server,
    enrol,
    load_identity,
    tls_context,
)
from devices.pins import NO_PINS, UnprovenServerError
from protocols.errors import DecodeError
from protocols.server_identity import fingerprint, join_code
from protocols.uplink import SIGNATURE_CONTEXT
from tests.certificates import Authority
from tests.devices.given import ServerKeys, identity


@dataclass
class Desk:
    """The server's enrolment desk: codes it will take, and what it was asked."""

    keys: ServerKeys | None = None
    codes: set[str] = field(default_factory=lambda: {"ABCD-1234"})
    asked: list[dict[str, str]] = field(default_factory=list)
    answer: bytes | None = None
    url: str = ""

    def shown(self) -> dict[str, list[str]]:
        """Return the identities that go with the answer; a server of before has none."""
        if self.keys is None:
            return {}
        return {"server_identities": [base64.b64encode(k).decode() for k in self.keys.identities]}


class Handler(BaseHTTPRequestHandler):
    """Answers for a desk."""

    desk: Desk

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.desk.asked.append(body | {"path": self.path})
        status, taken = 201, {"gateway_id": "gw-42"} | self.desk.shown()
        answer = json.dumps(taken).encode()
        if self.desk.answer is not None:
            answer = self.desk.answer
        elif body["code"] not in self.desk.codes:
            status, answer = 403, b'{"error":{"code":"not_allowed","message":"code is used"}}'
        self.desk.codes.discard(body["code"])
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
        """Say nothing."""


@pytest.fixture
def desk() -> Iterator[Desk]:
    desk = Desk()
    handler = type("DeskHandler", (Handler,), {"desk": desk})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        desk.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield desk
        server.shutdown()
        thread.join()


async def test_a_code_becomes_an_identity_that_survives_a_restart(
    desk: Desk, tmp_path: Path
) -> None:
    made = await enrol(desk.url, "ABCD-1234", "station 3", tmp_path / "gateway")
    (asked,) = desk.asked
    assert (asked["path"], asked["name"]) == ("/api/v1/gateways/enrol", "station 3")
    loaded = load_identity(tmp_path / "gateway")
    assert (
        (loaded.gateway_id, loaded.server)
        == ("gw-42", desk.url)
        == (
            made.gateway_id,
            made.server,
        )
    )
    public_key = base64.b64decode(asked["public_key"])
    assert len(public_key) == 32
    nonce = bytes(range(32))
    signature = base64.b64decode(loaded.sign(base64.b64encode(nonce).decode()))
    Ed25519PublicKey.from_public_bytes(public_key).verify(
        signature, SIGNATURE_CONTEXT + nonce + b"gw-42"
    )


async def test_key_and_enrolment_are_readable_by_their_owner_alone(
    desk: Desk, tmp_path: Path
) -> None:
    await enrol(desk.url, "ABCD-1234", "", tmp_path / "gateway")
    for name in (KEY_FILE, ENROLMENT_FILE):
        assert stat.S_IMODE((tmp_path / "gateway" / name).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "gateway").stat().st_mode) == 0o700


async def test_a_used_code_is_refused_with_the_servers_words_and_the_key_is_kept(
    desk: Desk, tmp_path: Path
) -> None:
    with pytest.raises(EnrolmentError, match="not_allowed: code is used"):
        await enrol(desk.url, "WRONG", "", tmp_path)
    with pytest.raises(IdentityError, match="not enrolled"):
        load_identity(tmp_path)
    key = (tmp_path / KEY_FILE).read_bytes()
    await enrol(desk.url, "ABCD-1234", "", tmp_path)
    assert (tmp_path / KEY_FILE).read_bytes() == key
    assert desk.asked[0]["public_key"] == desk.asked[1]["public_key"]


@pytest.mark.parametrize("answer", [b"<html>", b"{}", b'{"gateway_id":"a b"}', b"\xff"])
async def test_an_answer_that_is_no_enrolment_is_refused(
    desk: Desk, tmp_path: Path, answer: bytes
) -> None:
    desk.answer = answer
    with pytest.raises(EnrolmentError, match="not an enrolment"):
        await enrol(desk.url, "ABCD-1234", "", tmp_path)


async def test_a_server_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(EnrolmentError, match=r"127\.0\.0\.1:9 cannot be reached"):
        await enrol("http://127.0.0.1:9", "code", "", tmp_path)


@pytest.mark.parametrize(
    "server", ["https://example.org", "http://127.0.0.1:8080", "http://localhost", "http://[::1]:8"]
)
def test_an_address_with_encryption_or_of_this_machine_is_taken(server: str) -> None:
    assert check_server(server).hostname


@pytest.mark.asvs("4.4.1")
@pytest.mark.parametrize(
    "server",
    ["http://example.org", "http://192.168.1.9:8080", "example.org", "ftp://x", "https://"],
)
def test_an_address_without_encryption_or_without_a_host_is_refused(server: str) -> None:
    with pytest.raises(EnrolmentError):
        check_server(server)


@pytest.mark.asvs("4.4.1")
@pytest.mark.parametrize(
    ("server", "url"),
    [
        ("https://example.org", "wss://example.org/gateway/v1"),
        ("https://example.org:8443/sub/", "wss://example.org:8443/sub/gateway/v1"),
        ("http://127.0.0.1:8080", "ws://127.0.0.1:8080/gateway/v1"),
    ],
)
def test_the_uplinks_address_follows_from_the_servers(server: str, url: str) -> None:
    assert identity(server).uplink_url == url


def test_a_signature_is_of_this_challenge_alone() -> None:
    one = identity()
    signature = base64.b64decode(one.sign(base64.b64encode(b"n" * 32).decode()))
    with pytest.raises(InvalidSignature):
        one.key.public_key().verify(signature, SIGNATURE_CONTEXT + b"m" * 32 + b"gw-0001")


def test_a_nonce_that_is_not_base64_is_a_decode_error() -> None:
    with pytest.raises(DecodeError, match="nonce"):
        identity().sign("not base64!" * 4)


@pytest.mark.parametrize("name", [KEY_FILE, ENROLMENT_FILE])
async def test_a_broken_file_is_an_identity_error(desk: Desk, tmp_path: Path, name: str) -> None:
    await enrol(desk.url, "ABCD-1234", "", tmp_path)
    (tmp_path / name).write_bytes(b"broken")
    with pytest.raises(IdentityError):
        load_identity(tmp_path)


async def test_the_servers_identities_are_kept_and_survive_a_restart(
    desk: Desk, tmp_path: Path
) -> None:
    desk.keys = ServerKeys()
    made = await enrol(desk.url, "ABCD-1234", "", tmp_path)
    assert made.pins == load_identity(tmp_path).pins == desk.keys.pins


@pytest.mark.parametrize("which", [0, 1])
async def test_a_code_with_the_servers_fingerprint_is_sent_without_it(
    desk: Desk, tmp_path: Path, which: int
) -> None:
    desk.keys = ServerKeys()
    finger = fingerprint(desk.keys.identities[which])
    await enrol(desk.url, join_code("ABCD-1234", finger), "", tmp_path)
    assert desk.asked[0]["code"] == "ABCD-1234"


async def test_a_code_of_another_server_enrols_nowhere(desk: Desk, tmp_path: Path) -> None:
    desk.keys = ServerKeys()
    other = fingerprint(ServerKeys().identities[0])
    with pytest.raises(UnprovenServerError, match=other):
        await enrol(desk.url, join_code("ABCD-1234", other), "", tmp_path)
    with pytest.raises(IdentityError, match="not enrolled"):
        load_identity(tmp_path)


async def test_a_server_without_identities_does_not_satisfy_a_fingerprint(
    desk: Desk, tmp_path: Path
) -> None:
    code = join_code("ABCD-1234", fingerprint(b"1" * 32))
    with pytest.raises(EnrolmentError, match="not an enrolment"):
        await enrol(desk.url, code, "", tmp_path)


async def test_an_enrolment_of_before_has_no_pins(desk: Desk, tmp_path: Path) -> None:
    await enrol(desk.url, "ABCD-1234", "", tmp_path)
    text = json.loads((tmp_path / ENROLMENT_FILE).read_bytes())
    del text["server_identities"]
    (tmp_path / ENROLMENT_FILE).write_text(json.dumps(text))
    assert load_identity(tmp_path).pins == NO_PINS


async def test_a_pin_that_is_no_key_is_an_identity_error(desk: Desk, tmp_path: Path) -> None:
    await enrol(desk.url, "ABCD-1234", "", tmp_path)
    text = json.loads((tmp_path / ENROLMENT_FILE).read_bytes()) | {"server_identities": ["AAAA"]}
    (tmp_path / ENROLMENT_FILE).write_text(json.dumps(text))
    with pytest.raises(IdentityError, match="32 bytes"):
        load_identity(tmp_path)


@pytest.fixture
def https_desk(desk: Desk, tmp_path: Path) -> Iterator[tuple[Desk, Authority]]:
    """The same desk behind TLS, with a certificate of a CA of its own."""
    authority = Authority(tmp_path / "ca")
    issued = authority.issue()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.cert, issued.key)
    handler = type("DeskHandler", (Handler,), {"desk": desk})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        desk.url = f"https://localhost:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield desk, authority
        server.shutdown()
        thread.join()


@pytest.mark.asvs("12.3.2")
async def test_a_provinces_own_ca_is_believed_where_it_is_named_and_nowhere_else(
    https_desk: tuple[Desk, Authority], tmp_path: Path
) -> None:
    desk, authority = https_desk
    another = Authority(tmp_path / "another")
    for ca_file in ("", str(another.ca_file)):
        with pytest.raises(EnrolmentError, match="CERTIFICATE_VERIFY_FAILED"):
            await enrol(desk.url, "ABCD-1234", "", tmp_path / "gateway", ca_file=ca_file)
    assert desk.asked == [], "no code goes to a server whose certificate does not hold"
    own = str(authority.ca_file)
    made = await enrol(desk.url, "ABCD-1234", "", tmp_path / "gateway", ca_file=own)
    assert made.gateway_id == "gw-42"


@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_a_ca_file_that_is_none_is_named(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(IdentityError, match=r"ca\.pem"):
        tls_context(str(path))
