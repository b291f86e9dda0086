"""The long-lived cookie: it tells an account's own browser from a stranger's, and names nobody."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telehealth.access.known_browser import MOST_ACCOUNTS, is_known, nonce_of, with_account
from telehealth.keys import Keyring
from telehealth.vault import Vault

VAULT = Vault(Keyring.new(0))


@pytest.mark.asvs("9.1.1")
def test_a_browser_is_known_to_who_signed_in_from_it_and_to_nobody_else() -> None:
    cookie = with_account(VAULT, "", "ac-mai")
    assert is_known(VAULT, cookie, "ac-mai")
    assert not is_known(VAULT, cookie, "ac-lan")
    assert "mai" not in cookie


def test_a_desk_is_known_to_several_and_keeps_its_number() -> None:
    first = with_account(VAULT, "", "ac-mai")
    both = with_account(VAULT, first, "ac-lan")
    assert is_known(VAULT, both, "ac-mai")
    assert is_known(VAULT, both, "ac-lan")
    assert nonce_of(first) == nonce_of(both) != ""
    assert with_account(VAULT, both, "ac-lan") == both


@pytest.mark.asvs("9.1.1")
def test_a_proof_does_not_serve_in_another_browser() -> None:
    mine, other = (with_account(VAULT, "", "ac-mai") for _ in range(2))
    forged = ".".join([nonce_of(other), mine.split(".")[1]])
    assert not is_known(VAULT, forged, "ac-mai")


def test_who_signed_in_longest_ago_is_forgotten_first() -> None:
    cookie = ""
    for number in range(MOST_ACCOUNTS + 1):
        cookie = with_account(VAULT, cookie, f"ac-{number}")
    assert not is_known(VAULT, cookie, "ac-0")
    assert is_known(VAULT, cookie, "ac-1")
    assert nonce_of(cookie)


@pytest.mark.asvs("9.1.3", "9.2.3")
def test_a_browser_stays_known_when_the_keys_are_changed() -> None:
    keyring = Keyring.new(0)
    cookie = with_account(Vault(keyring), "", "ac-mai")
    assert is_known(Vault(keyring.with_new("index", 1)), cookie, "ac-mai")
    assert not is_known(Vault(Keyring.new(2)), cookie, "ac-mai")


@given(st.text(max_size=60))
def test_a_cookie_that_is_none_of_ours_is_a_strangers(cookie: str) -> None:
    if not nonce_of(cookie):
        assert not is_known(VAULT, cookie, "ac-mai")
        assert is_known(VAULT, with_account(VAULT, cookie, "ac-mai"), "ac-mai")


@pytest.mark.parametrize("cookie", ["", "short", "x" * 22 + "\n", "x" * 22 + "." + "y" * 21])
def test_only_the_shape_that_we_make_has_a_number(cookie: str) -> None:
    assert nonce_of(cookie) == ""
