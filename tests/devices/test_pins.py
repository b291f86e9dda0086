"""Knowing a server by its identities: both signatures must hold, one key must be known."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.pins import NO_PINS, Pins, UnprovenServerError
from protocols.errors import DecodeError
from protocols.server_identity import fingerprint
from protocols.uplink import Proof
from tests.devices.given import ServerKeys

CHALLENGE, NONCE = b"c" * 32, b"n" * 32
KEYS = ServerKeys()
GOOD = KEYS.prove(challenge=CHALLENGE, nonce=NONCE, gateway_id="gw-1")


def check(
    pins: Pins,
    proof: Proof = GOOD,
    *,
    challenge: bytes = CHALLENGE,
    nonce: bytes = NONCE,
    gateway_id: str = "gw-1",
) -> Pins:
    text = base64.b64encode(challenge).decode()
    return pins.check(proof, challenge=text, nonce=nonce, gateway_id=gateway_id)


@pytest.mark.parametrize("known", [KEYS.identities, KEYS.identities[:1], KEYS.identities[1:], ()])
def test_either_known_key_is_enough_and_none_believes_the_first(known: tuple[bytes, ...]) -> None:
    assert check(Pins(known)) == KEYS.pins


@pytest.mark.parametrize(
    "other",
    [{"challenge": b"d" * 32}, {"nonce": b"m" * 32}, {"gateway_id": "gw-2"}],
)
def test_a_proof_of_another_conversation_proves_nothing(other: dict[str, bytes]) -> None:
    with pytest.raises(UnprovenServerError, match="does not hold"):
        check(KEYS.pins, **other)  # type: ignore[arg-type]


@pytest.mark.asvs("11.6.1")
@pytest.mark.parametrize("broken", [0, 1])
def test_each_of_the_two_signatures_must_hold(broken: int) -> None:
    signatures = list(GOOD.signatures)
    signatures[broken] = base64.b64encode(bytes(64)).decode()
    with pytest.raises(UnprovenServerError, match="does not hold"):
        check(KEYS.pins, Proof(GOOD.identities, signatures))


def test_a_known_key_beside_one_that_the_server_does_not_hold_is_refused() -> None:
    stranger = ServerKeys()
    identities = [GOOD.identities[0], base64.b64encode(stranger.identities[1]).decode()]
    with pytest.raises(UnprovenServerError):
        check(KEYS.pins, Proof(identities, GOOD.signatures))


def test_the_refusal_of_another_server_shows_both_fingerprints() -> None:
    stranger = ServerKeys()
    with pytest.raises(UnprovenServerError) as refused:
        check(stranger.pins)
    assert fingerprint(KEYS.identities[0]) in str(refused.value)
    assert fingerprint(stranger.identities[0]) in str(refused.value)


@pytest.mark.parametrize("challenge", [b"", b"c" * 31, b"c" * 33])
def test_a_challenge_of_another_length_is_a_decode_error(challenge: bytes) -> None:
    with pytest.raises(DecodeError, match="challenge"):
        check(KEYS.pins, challenge=challenge)


TEXTS = st.text(max_size=90) | st.binary(max_size=64).map(lambda b: base64.b64encode(b).decode())


@given(st.lists(TEXTS, min_size=2, max_size=2), st.lists(TEXTS, min_size=2, max_size=2))
def test_whatever_a_stranger_sends_is_one_of_two_errors(
    identities: list[str], signatures: list[str]
) -> None:
    with pytest.raises((DecodeError, UnprovenServerError)):
        check(KEYS.pins, Proof(identities, signatures))


@pytest.mark.parametrize("which", [0, 1])
def test_the_codes_fingerprint_may_be_of_either_identity(which: int) -> None:
    wanted = fingerprint(KEYS.identities[which])
    assert Pins.shown(KEYS.identities, wanted.lower().replace("-", " ")) == KEYS.pins


def test_a_code_of_another_server_is_refused_and_one_without_a_fingerprint_is_not() -> None:
    with pytest.raises(UnprovenServerError, match="not this server"):
        Pins.shown(KEYS.identities, fingerprint(ServerKeys().identities[0]))
    assert Pins.shown(KEYS.identities, "") == KEYS.pins


def test_no_pins_are_nobody_known() -> None:
    assert not NO_PINS
    assert KEYS.pins
