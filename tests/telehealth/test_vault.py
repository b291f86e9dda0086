"""A sealed field opens in its own row, with its own key, unaltered; in no other case."""

import hashlib
import hmac
import threading
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import assume, given
from hypothesis import strategies as st

from telehealth.errors import KeysError
from telehealth.keys import Keyring
from telehealth.vault import Vault
from tests.secrets_of import secrets_of

RING = Keyring.new(0)
VAULT = Vault(RING)
WHERE = ("person", "personal", "pe-1")
names = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
places = st.tuples(names, names, names)


@given(plain=st.binary(max_size=200), where=places)
def test_what_was_sealed_opens_in_its_own_row(plain: bytes, where: tuple[str, str, str]) -> None:
    assert VAULT.open(VAULT.seal(plain, *where), *where) == plain


@pytest.mark.asvs("11.3.3")
@given(plain=st.binary(max_size=40), where=places, other=places)
def test_moved_to_another_row_column_or_table_it_does_not_open(
    plain: bytes, where: tuple[str, str, str], other: tuple[str, str, str]
) -> None:
    assume(where != other)
    with pytest.raises(KeysError, match="altered or moved"):
        VAULT.open(VAULT.seal(plain, *where), *other)


@pytest.mark.parametrize(
    "other",
    [
        ("household", "personal", "pe-1"),
        ("person", "address", "pe-1"),
        ("person", "personal", "pe-2"),
        ("person", "personal", ""),
        ("person", "personal", "pe-1 "),
    ],
)
def test_each_part_of_the_place_binds(other: tuple[str, str, str]) -> None:
    with pytest.raises(KeysError, match="altered or moved"):
        VAULT.open(VAULT.seal(b"An", *WHERE), *other)


@pytest.mark.asvs("11.3.3")
def test_with_any_bit_flipped_it_does_not_open() -> None:
    sealed = VAULT.seal(b"Nguyen Van An", *WHERE)
    for bit in range(len(sealed) * 8):
        altered = bytearray(sealed)
        altered[bit // 8] ^= 1 << bit % 8
        with pytest.raises(KeysError):
            VAULT.open(bytes(altered), *WHERE)


@given(cut=st.integers(0, 32))
def test_cut_short_it_does_not_open(cut: int) -> None:
    sealed = VAULT.seal(b"abc", *WHERE)
    assume(cut < len(sealed))
    with pytest.raises(KeysError):
        VAULT.open(sealed[:cut], *WHERE)


@given(st.binary(max_size=80))
def test_any_bytes_are_refused_by_name(sealed: bytes) -> None:
    with pytest.raises(KeysError):
        VAULT.open(sealed, *WHERE)


def test_a_key_that_is_not_in_the_keyring_is_named() -> None:
    other = Vault(Keyring.new(0))
    with pytest.raises(KeysError, match=f"{RING.data[0].key_id.hex()} is not in the keyring"):
        other.open(VAULT.seal(b"An", *WHERE), *WHERE)


@pytest.mark.asvs("11.2.2", "11.2.3")
def test_the_form_is_version_key_nonce_and_aes_gcm_as_documented() -> None:
    """NIST SP 800-38D §5.2.1; docs/keys.md, "A sealed field"."""
    sealed = VAULT.seal(b"An", *WHERE)
    assert sealed[:5] == b"\x01" + RING.data[0].key_id
    assert len(sealed) == 1 + 4 + 12 + 2 + 16
    opened = AESGCM(RING.data[0].secret).decrypt(
        sealed[5:17], sealed[17:], b"person\0personal\0pe-1"
    )
    assert opened == b"An"


def test_equal_values_do_not_look_equal_sealed() -> None:
    assert len({VAULT.seal(b"An", *WHERE) for _ in range(200)}) == 200


def test_what_an_old_key_sealed_opens_and_only_the_newest_seals() -> None:
    vault = Vault(RING)
    before = vault.seal(b"An", *WHERE)
    vault.adopt(RING.with_new("data", 1))
    after = vault.seal(b"An", *WHERE)
    assert vault.open(before, *WHERE) == vault.open(after, *WHERE) == b"An"
    assert (vault.is_current(before), vault.is_current(after)) == (False, True)
    assert after.startswith(vault.current_head)


def test_a_key_that_waits_opens_but_does_not_seal() -> None:
    staged = RING.with_waiting("data", 1)
    ahead, behind = Vault(staged.promoted("data")), Vault(staged)
    assert behind.open(ahead.seal(b"An", *WHERE), *WHERE) == b"An"
    assert behind.seal(b"An", *WHERE)[1:5] == RING.data[0].key_id


def test_what_was_opened_before_a_key_was_dropped_does_not_open_after() -> None:
    ring = RING.with_new("data", 1)
    vault = Vault(RING)
    sealed = vault.seal(b"An", *WHERE)
    assert vault.open(sealed, *WHERE) == b"An"
    vault.adopt(ring.without("data", RING.data[0].key_id))
    with pytest.raises(KeysError, match="not in the keyring"):
        vault.open(sealed, *WHERE)


def test_a_name_of_one_key_never_meets_the_secret_of_another_while_keys_change() -> None:
    both = RING.with_new("data", 1)
    vault, reader = Vault(both), Vault(both)
    rings = [replace(both, data=(key,)) for key in both.data]
    stop = threading.Event()

    def change() -> None:
        while not stop.is_set():
            for ring in rings:
                vault.adopt(ring)

    changer = threading.Thread(target=change)
    changer.start()
    try:
        for _ in range(3_000):
            assert reader.open(vault.seal(b"An", *WHERE), *WHERE) == b"An"
    finally:
        stop.set()
        changer.join()


@pytest.mark.asvs("9.1.2")
@given(purpose=names, value=names)
def test_a_hash_is_hmac_sha_256_of_purpose_and_value(purpose: str, value: str) -> None:
    """FIPS 198-1."""
    words = f"{purpose}\0{value}".encode()
    assert VAULT.hash(purpose, value) == hmac.digest(RING.index[0].secret, words, hashlib.sha256)


@pytest.mark.asvs("9.2.2")
@given(one=st.tuples(names, names), other=st.tuples(names, names))
def test_another_purpose_or_value_has_another_hash(
    one: tuple[str, str], other: tuple[str, str]
) -> None:
    assert (VAULT.hash(*one) == VAULT.hash(*other)) == (one == other)


def test_a_value_is_looked_for_under_every_index_key_the_newest_first() -> None:
    ring = RING.with_new("index", 1)
    vault = Vault(ring)
    found = vault.hashes("identifier:phone", "+84901234567")
    assert found == [Vault(r).hash("identifier:phone", "+84901234567") for r in (ring, RING)]
    assert vault.hash("identifier:phone", "+84901234567") == found[0]


def test_the_audit_mac_takes_the_key_it_is_told() -> None:
    ring = RING.with_new("audit", 1)
    vault = Vault(ring)
    macs = [vault.audit_mac(key.key_id, b"entry") for key in ring.audit]
    assert macs == [hmac.digest(key.secret, b"entry", hashlib.sha256) for key in ring.audit]
    with pytest.raises(KeysError, match="audit key 6e6f6e65"):
        vault.audit_mac(b"none", b"entry")


def test_no_error_says_a_secret_or_what_was_sealed() -> None:
    sealed = VAULT.seal(b"Nguyen Van An", *WHERE)
    said = f"{VAULT!r} {vars(VAULT)!r}"
    for wrong in (sealed[:-1], sealed[:9], b"\x02" + sealed[1:], b"\x01none" + sealed[5:]):
        with pytest.raises(KeysError) as refused:
            VAULT.open(wrong, *WHERE)
        said += f"{refused.value!r} {refused.value.__cause__!r}"
    forms = [form for secret in secrets_of(RING) for form in secret]
    assert not [form for form in [*forms, b"Nguyen"] if form in said.encode()]
