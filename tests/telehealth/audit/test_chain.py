"""The chain: whatever is changed in any entry shows in a mac."""

import dataclasses
import hashlib
import hmac
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telehealth.audit import chain
from telehealth.audit.actions import AuditAction
from telehealth.audit.chain import FIELDS, FIRST, Entry, Head, mac_of
from tests.telehealth.audit.given import NOON_MS, entry

CHAIN = "ch-00112233-0123456789abcdef"
MAC = partial(hmac.digest, b"k" * 32, digest=hashlib.sha256)
TEXTS = st.text(max_size=12)
ENTRIES = st.builds(
    Entry,
    at_ms=st.integers(min_value=1, max_value=2**53),
    **{name: TEXTS for name in FIELDS if name != "at_ms"},
)


def macs_of(entries: list[Entry], chain_id: str = CHAIN) -> list[bytes]:
    found = [FIRST]
    for number, given_entry in enumerate(entries, start=1):
        found.append(mac_of(found[-1], chain_id, number, given_entry, mac=MAC))
    return found[1:]


@pytest.mark.asvs("11.4.3")
def test_the_mac_of_an_entry_is_what_the_specification_says() -> None:
    """docs/audit.md, "The chain": HMAC-SHA-256 over a MessagePack array, byte by byte."""
    given_entry = Entry(at_ms=5, action="a", actor_id="b")
    array = bytes([0xDC, 0x00, 16]) + b"\x01" + bytes([0xA0 | len(CHAIN)]) + CHAIN.encode()
    array += b"\x07" + b"\xc4\x01\xff" + b"\x05" + b"\xa1a" + b"\xa5allow" + b"\xa1b" + b"\xa0" * 8
    expected = hmac.digest(b"k" * 32, array, hashlib.sha256)
    assert mac_of(b"\xff", CHAIN, 7, given_entry, mac=MAC) == expected


@given(st.lists(ENTRIES, min_size=1, max_size=6), st.data())
@settings(max_examples=200)
def test_any_change_of_one_field_changes_that_mac_and_all_after_it(
    entries: list[Entry], data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(entries) - 1))
    name = data.draw(st.sampled_from(FIELDS))
    before = getattr(entries[at], name)
    other = data.draw(
        (st.integers(1, 2**53) if name == "at_ms" else TEXTS).filter(lambda value: value != before)
    )
    changed = list(entries)
    changed[at] = Entry(**dataclasses.asdict(entries[at]) | {name: other})
    whole, bent = macs_of(entries), macs_of(changed)
    assert whole[:at] == bent[:at]
    assert all(a != b for a, b in zip(whole[at:], bent[at:], strict=True))


def test_what_moves_from_one_field_to_the_next_changes_the_mac() -> None:
    one, other = entry(purpose="ab", basis="c"), entry(purpose="a", basis="bc")
    assert macs_of([one]) != macs_of([other])


def test_the_first_entry_binds_the_chain_and_every_entry_its_number() -> None:
    other = CHAIN[:-1] + "e"
    assert macs_of([entry()]) != macs_of([entry()], other)
    assert mac_of(b"", CHAIN, 1, entry(), mac=MAC) != mac_of(b"", CHAIN, 2, entry(), mac=MAC)


def test_a_chain_id_names_its_key() -> None:
    made = chain.chain_id_of(bytes.fromhex("00112233"), bytes.fromhex("0123456789abcdef"))
    assert made == CHAIN
    assert chain.key_id_of(made) == bytes.fromhex("00112233")


@pytest.mark.parametrize("wrong", ["", "ch-", CHAIN.upper(), CHAIN + "0", CHAIN + "\n", b"ch", 5])
def test_what_is_no_chain_id_names_no_key(wrong: object) -> None:
    assert chain.key_id_of(wrong) is None


def test_heads_can_be_read_again_from_the_text_that_names_them() -> None:
    heads = [Head(CHAIN, 7, bytes(32)), Head(CHAIN[:-1] + "e", 10**17, b"\xff" * 32)]
    assert sorted(chain.heads_in(chain.heads_text(heads)), key=str) == sorted(heads, key=str)
    assert chain.heads_in("") == chain.heads_in(f"{CHAIN}:7:beef x") == []


def test_an_entry_without_a_time_gets_the_logs_and_another_keeps_its_own() -> None:
    assert chain.storable(entry(), NOON_MS).at_ms == NOON_MS
    assert chain.storable(dataclasses.replace(entry(), at_ms=7), NOON_MS).at_ms == 7


@pytest.mark.asvs("1.3.3")
@pytest.mark.parametrize(
    ("given_text", "stored"),
    [
        ("Đức", "Đức"),
        ("a\0b", "a\ufffdb"),
        ("a\ud800b", "a?b"),
        ("x" * chain.MAX_TEXT_CHARS, "x" * chain.MAX_TEXT_CHARS),
        ("x" * (chain.MAX_TEXT_CHARS + 1), "x" * chain.MAX_TEXT_CHARS),
    ],
)
def test_what_a_stranger_sent_is_made_fit_for_both_engines(given_text: str, stored: str) -> None:
    assert chain.storable(entry(target=given_text), 1).target == stored


def test_an_action_is_stored_as_a_plain_text() -> None:
    kept = chain.storable(Entry(action=AuditAction.SIGNED_IN, actor_id="ac"), 1)
    assert type(kept.action) is str
    assert kept.action == "signed_in"


def test_the_first_entry_of_a_chain_names_any_number_of_heads() -> None:
    target = chain.heads_text(Head(f"ch-00112233-{n:016x}", n, bytes(32)) for n in range(1, 50))
    opened = Entry(action=AuditAction.LOG_OPENED, actor_id="server", target=target)
    assert chain.storable(opened, 1).target == target
