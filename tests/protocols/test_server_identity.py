"""What a server signs, and the fingerprint that people compare."""

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import DecodeError
from protocols.server_identity import (
    fingerprint,
    from_base64,
    identities_of,
    join_code,
    proof_words,
    read_identities,
    same_fingerprint,
    split_code,
)
from protocols.uplink import Proof

FIRST, SECOND = b"1" * 32, b"2" * 32
KEYS = st.binary(min_size=32, max_size=32)


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_the_words_are_the_context_both_nonces_both_keys_and_the_gateway() -> None:
    words = proof_words(
        challenge=b"c" * 32, nonce=b"n" * 32, identities=(FIRST, SECOND), gateway_id="gw-7"
    )
    assert words == b"telehealth-server-1\n" + b"c" * 32 + b"n" * 32 + FIRST + SECOND + b"gw-7"


@given(st.tuples(KEYS, KEYS, KEYS, KEYS, st.text()), st.tuples(KEYS, KEYS, KEYS, KEYS, st.text()))
def test_other_parts_are_other_words(
    one: tuple[bytes, bytes, bytes, bytes, str], other: tuple[bytes, bytes, bytes, bytes, str]
) -> None:
    def words(parts: tuple[bytes, bytes, bytes, bytes, str]) -> bytes:
        challenge, nonce, first, second, gateway_id = parts
        return proof_words(
            challenge=challenge, nonce=nonce, identities=(first, second), gateway_id=gateway_id
        )

    assert (words(one) == words(other)) is (one == other)


def test_a_fingerprint_is_120_bits_in_crockfords_base32() -> None:
    digest = hashlib.sha256(b"telehealth-identity\n" + FIRST).digest()[:15]
    number = int.from_bytes(digest, "big")
    alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    plain = "".join(alphabet[number >> shift & 31] for shift in range(115, -1, -5))
    assert fingerprint(FIRST).replace("-", "") == plain
    assert [len(group) for group in fingerprint(FIRST).split("-")] == [4] * 6


@given(KEYS, KEYS)
def test_two_keys_have_two_fingerprints(one: bytes, other: bytes) -> None:
    assert same_fingerprint(fingerprint(one), fingerprint(other)) is (one == other)


@given(KEYS)
def test_a_fingerprint_is_the_same_however_it_was_typed(key: bytes) -> None:
    typed = fingerprint(key).lower().replace("-", " ").replace("0", "o").replace("1", "l")
    assert same_fingerprint(typed, fingerprint(key))


@given(KEYS)
def test_a_code_and_a_fingerprint_come_apart_as_they_were_joined(key: bytes) -> None:
    finger = fingerprint(key)
    assert split_code(f" {join_code('ABCD-EFGH', finger)}\n") == ("ABCD-EFGH", finger)


def test_a_code_of_before_has_no_fingerprint() -> None:
    assert split_code("ABCD-EFGH-JKMN-PQRS") == ("ABCD-EFGH-JKMN-PQRS", "")


def test_two_different_keys_are_read_from_a_proof() -> None:
    signature = b64(bytes(64))
    proof = Proof([b64(FIRST), b64(SECOND)], [signature, signature])
    assert identities_of(proof) == (FIRST, SECOND)


@pytest.mark.parametrize(
    "texts",
    [[], [b64(FIRST)], [b64(FIRST)] * 2, [b64(FIRST), b64(b"3" * 31)], [b64(FIRST), "no base64!"]],
)
def test_what_is_not_two_different_keys_is_a_decode_error(texts: list[str]) -> None:
    with pytest.raises(DecodeError):
        read_identities(texts)


@given(st.text(), st.integers(0, 64))
def test_any_text_whatever_raises_decode_error_only(text: str, size: int) -> None:
    try:
        data = from_base64(text, size, "part")
    except DecodeError:
        return
    assert len(data) == size
