"""The server's identities: what is proved, what a rotation keeps, whom it would lock out."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from protocols.errors import DecodeError
from protocols.server_identity import fingerprint, identities_of, proof_words
from telehealth import gateways, identity
from telehealth.errors import RefusedError
from telehealth.keys import Keyring
from telehealth.store.database import Database, Transaction

RING = Keyring.new(1_000)
NONCE = base64.b64encode(b"n" * 32).decode()


@pytest.mark.asvs("11.6.1")
def test_both_identities_sign_both_nonces_for_this_gateway() -> None:
    proof = identity.prove(RING, challenge=b"c" * 32, nonce=NONCE, gateway_id="gw-1")
    keys = identities_of(proof)
    assert keys == identity.public_keys(RING)
    words = proof_words(challenge=b"c" * 32, nonce=b"n" * 32, identities=keys, gateway_id="gw-1")
    for key, signature in zip(keys, proof.signatures, strict=True):
        Ed25519PublicKey.from_public_bytes(key).verify(base64.b64decode(signature), words)


@pytest.mark.parametrize("nonce", ["", "x" * 44, base64.b64encode(b"n" * 31).decode()])
def test_a_nonce_that_is_none_is_a_decode_error(nonce: str) -> None:
    with pytest.raises(DecodeError, match="nonce"):
        identity.prove(RING, challenge=b"c" * 32, nonce=nonce, gateway_id="gw-1")


def test_a_rotation_uses_the_next_identity_and_makes_another() -> None:
    first, second = identity.public_keys(RING)
    rotated = identity.rotated(RING, 2_000)
    used, following = identity.public_keys(rotated)
    assert used == second
    assert following not in (first, second)
    assert rotated.identity[2:] == (RING.identity[0],), "it still vouches for checkpoints"
    assert (rotated.data, rotated.index, rotated.audit) == (RING.data, RING.index, RING.audit)
    assert identity.own_fingerprint(rotated) == fingerprint(second)


def test_a_proof_shows_no_secret() -> None:
    proof = identity.prove(RING, challenge=b"c" * 32, nonce=NONCE, gateway_id="gw-1")
    for key in RING.identity:
        assert base64.b64encode(key.secret).decode() not in (*proof.identities, *proof.signatures)


def enrolled(
    tx: Transaction, *, at_ms: int, seen_ms: int | None = None, revoked_ms: int | None = None
) -> str:
    code = gateways.new_enrolment(tx, "test")
    gateway_id = gateways.enrol(tx, code, base64.b64encode(bytes(32)).decode(), "test")
    tx.execute(
        "UPDATE gateway SET enrolled_ms = ?, seen_ms = ?, revoked_ms = ? WHERE gateway_id = ?",
        (at_ms, seen_ms, revoked_ms, gateway_id),
    )
    return gateway_id


@pytest.mark.parametrize(
    ("at_ms", "seen_ms", "revoked_ms", "knows"),
    [
        (999, None, None, False),
        (1_000, None, None, True),
        (1, 999, None, False),
        (1, 1_000, None, True),
        (1, 999, 5, True),
    ],
)
async def test_who_has_not_connected_since_the_next_identity_was_made_would_be_locked_out(
    database: Database, at_ms: int, seen_ms: int | None, revoked_ms: int | None, knows: bool
) -> None:
    def make(tx: Transaction) -> str:
        return enrolled(tx, at_ms=at_ms, seen_ms=seen_ms, revoked_ms=revoked_ms)

    gateway_id = await database.write(make)
    if knows:
        await database.read(lambda reader: identity.check_rotation(reader, RING))
    else:
        with pytest.raises(RefusedError, match=gateway_id):
            await database.read(lambda reader: identity.check_rotation(reader, RING))


@pytest.mark.parametrize(("many", "more"), [(5, False), (6, True)])
async def test_a_refusal_names_at_most_five(database: Database, many: int, more: bool) -> None:
    await database.write(lambda tx: [enrolled(tx, at_ms=1) for _ in range(many)])
    with pytest.raises(RefusedError) as refused:
        await database.read(lambda reader: identity.check_rotation(reader, RING))
    assert str(refused.value).count("gw-") == 5
    assert ("…" in str(refused.value)) is more
