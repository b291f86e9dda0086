"""What a server says of itself on the wire: at enrolment, and before anything else it says."""

import base64
from typing import Any

import msgspec
import pytest
from aiohttp import ClientSession
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from devices.pins import Pins, UnprovenServerError
from protocols.server_identity import join_code
from protocols.uplink import Challenge, Proof, Welcome
from telehealth import gateways, identity
from telehealth.keys import Keyring
from telehealth.serving import Listening
from tests.flow import wire

NONCE = b"n" * 32


def keyring_of(server: Listening) -> Keyring:
    vault = server.services.database.vault
    assert vault is not None
    return vault.keyring


async def asks(server: Listening, keys: wire.Keys, connection: wire.Wire) -> str:
    """Say hello with a nonce; returns the server's own."""
    challenge = await connection.receive(Challenge)
    nonce = base64.b64encode(NONCE).decode()
    said = wire.hello(keys, challenge)
    await connection.send(msgspec.structs.replace(said, nonce=nonce))
    return challenge.nonce


async def test_a_nonce_is_answered_with_a_proof_that_holds_and_then_the_welcome(
    sqlite_server: Listening,
) -> None:
    keys = await wire.enrolled(sqlite_server.services.database)
    known = Pins(identity.public_keys(keyring_of(sqlite_server)))
    async with wire.connected(sqlite_server.origin) as connection:
        challenge = await asks(sqlite_server, keys, connection)
        proof = await connection.receive(Proof)
        shown = known.check(proof, challenge=challenge, nonce=NONCE, gateway_id=keys.gateway_id)
        assert shown == known
        with pytest.raises(UnprovenServerError):
            known.check(proof, challenge=challenge, nonce=NONCE, gateway_id="gw-another")
        await connection.receive(Welcome)


async def test_a_gateway_of_before_asks_nothing_and_is_told_nothing(
    sqlite_server: Listening,
) -> None:
    keys = await wire.enrolled(sqlite_server.services.database)
    async with wire.connected(sqlite_server.origin) as connection:
        await connection.says_hello(keys)


async def test_a_revoked_gateway_can_believe_that_it_is(sqlite_server: Listening) -> None:
    database = sqlite_server.services.database
    keys = await wire.enrolled(database)
    await database.write(lambda tx: gateways.revoke(tx, keys.gateway_id))
    async with wire.connected(sqlite_server.origin) as connection:
        await asks(sqlite_server, keys, connection)
        await connection.receive(Proof)
        failure, close_code = await connection.failed()
    assert (failure.code, close_code) == ("revoked", 4003)


@pytest.mark.parametrize("nonce", ["x" * 44, "", base64.b64encode(bytes(31)).decode(), 7])
async def test_a_nonce_that_is_none_is_malformed(sqlite_server: Listening, nonce: object) -> None:
    keys = await wire.enrolled(sqlite_server.services.database)
    async with wire.connected(sqlite_server.origin) as connection:
        said = wire.hello(keys, await connection.receive(Challenge))
        frame = msgspec.to_builtins(said) | {"nonce": nonce}
        await connection.send_raw(msgspec.json.encode(frame).decode())
        failure, close_code = await connection.failed()
    assert (failure.code, close_code) == ("malformed", 1007)


@pytest.mark.parametrize("with_fingerprint", [True, False])
async def test_enrolment_hands_over_both_identities_and_reads_the_code_in_both_forms(
    sqlite_server: Listening, with_fingerprint: bool
) -> None:
    keyring = keyring_of(sqlite_server)
    database = sqlite_server.services.database
    code = await database.write(lambda tx: gateways.new_enrolment(tx, "test"))
    if with_fingerprint:
        code = join_code(code, identity.own_fingerprint(keyring))
    public = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    body = {"code": code, "public_key": base64.b64encode(public).decode()}
    async with (
        ClientSession() as http,
        http.post(f"{sqlite_server.origin}/api/v1/gateways/enrol", json=body) as answer,
    ):
        taken: dict[str, Any] = await answer.json()
    assert answer.status == 201
    assert taken["server_identities"] == identity.public_texts(keyring)
