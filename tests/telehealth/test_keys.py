"""The keyring: read whole or refused, written whole or not at all, and never shown."""

import json
import logging
import os
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telehealth import keys
from telehealth.errors import KeysError
from telehealth.keys import Key, Keyring
from tests.secrets_of import secrets_of

NOW_MS = 1_760_000_000_000
PARTS = ("data", "index", "audit", "identity")


def _saved(path: Path) -> Keyring:
    keyring = Keyring.new(NOW_MS)
    keys.save(path, keyring)
    return keyring


def test_a_new_keyring_has_one_key_of_each_part_and_two_identities() -> None:
    keyring = Keyring.new(NOW_MS)
    assert [len(getattr(keyring, part)) for part in PARTS] == [1, 1, 1, 2]
    assert len(secrets_of(keyring)) == 5


@given(
    st.lists(
        st.tuples(
            st.binary(min_size=4, max_size=4), st.binary(min_size=32, max_size=32), st.integers()
        ),
        min_size=2,
        max_size=6,
        unique_by=lambda key: key[0],
    )
)
def test_any_keyring_comes_back_from_its_file_as_it_was(
    given: list[tuple[bytes, bytes, int]],
) -> None:
    some = tuple(Key(*key) for key in given)
    keyring = Keyring(some, some[:1], some[1:], some)
    assert Keyring.from_json(keyring.to_json()) == keyring


@given(st.text() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps))
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(KeysError):
        Keyring.from_json(text)


_WHOLE = json.loads(Keyring.new(NOW_MS).to_json())
_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=4,
)


@given(
    part=st.sampled_from(PARTS), name=st.sampled_from(["id", "secret", "made_ms", ""]), value=_JSON
)
def test_a_field_that_is_something_else_is_refused_or_still_a_keyring(
    part: str, name: str, value: object
) -> None:
    text = json.loads(json.dumps(_WHOLE))
    if name:
        text[part][0][name] = value
    else:
        text[part] = value
    with suppress(KeysError):
        read = Keyring.from_json(json.dumps(text))
        assert all(len(key.secret) == keys.KEY_BYTES for key in getattr(read, part))


@pytest.mark.parametrize("part", PARTS)
def test_a_part_without_a_key_is_named(part: str) -> None:
    text = json.dumps(_WHOLE | {part: []})
    with pytest.raises(KeysError, match=f"keys of {part} are missing"):
        Keyring.from_json(text)


def test_one_identity_alone_is_not_enough() -> None:
    text = json.dumps(_WHOLE | {"identity": _WHOLE["identity"][:1]})
    with pytest.raises(KeysError, match="identity"):
        Keyring.from_json(text)


def test_two_keys_of_one_name_are_refused() -> None:
    text = json.dumps(_WHOLE | {"data": _WHOLE["data"] * 2})
    with pytest.raises(KeysError, match="one name"):
        Keyring.from_json(text)


@pytest.mark.parametrize("secret", ["", "AAAA", "A" * 44, "%" * 44, None, 7])
def test_a_secret_of_another_size_is_refused_and_not_repeated(secret: object) -> None:
    key = _WHOLE["data"][0] | {"secret": secret}
    with pytest.raises(KeysError) as refused:
        Keyring.from_json(json.dumps(_WHOLE | {"data": [key]}))
    assert str(secret) not in str(refused.value) or not secret


def test_deep_nesting_and_endless_numbers_are_refused() -> None:
    for text in ("[" * 100_000, json.dumps(_WHOLE).replace(str(NOW_MS), "Infinity", 1)):
        with pytest.raises(KeysError):
            Keyring.from_json(text)


@pytest.mark.asvs("13.3.2")
def test_a_file_comes_back_as_it_was_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "secret" / "keys.json"
    keyring = _saved(path)
    assert keys.load(path) == keyring
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.asvs("13.3.1")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o610, 0o601, 0o777])
def test_a_file_that_others_can_reach_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "keys.json"
    _saved(path)
    path.chmod(mode)
    with pytest.raises(KeysError, match="chmod 600"):
        keys.load(path)


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_file_of_its_owner_alone_is_taken(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "keys.json"
    keyring = _saved(path)
    path.chmod(mode)
    assert keys.load(path) == keyring


def test_no_file_a_folder_and_bytes_that_are_no_text_are_clear_errors(tmp_path: Path) -> None:
    with pytest.raises(KeysError, match="telehealth init"):
        keys.load(tmp_path / "none.json")
    with pytest.raises(KeysError, match="cannot be read"):
        keys.load(tmp_path)
    path = tmp_path / "keys.json"
    path.write_bytes(b"\xff\xfe\x00")
    path.chmod(0o600)
    with pytest.raises(KeysError, match="cannot be read"):
        keys.load(path)


def test_what_was_handed_over_wins_over_the_file(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    _saved(path)
    other = Keyring.new(NOW_MS)
    assert keys.load(path, other.to_json()) == other


def test_a_save_that_fails_leaves_the_old_file_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "keys.json"
    keyring = _saved(path)

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        keys.save(path, Keyring.new(NOW_MS + 1))
    monkeypatch.undo()
    assert keys.load(path) == keyring
    assert [found.name for found in tmp_path.iterdir()] == ["keys.json"]


def test_a_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    rings = [Keyring.new(NOW_MS + i) for i in range(20)]
    keys.save(path, rings[0])
    done = threading.Event()

    def write() -> None:
        for ring in rings:
            keys.save(path, ring)
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    reads = 0
    while not done.is_set() or reads == 0:
        assert keys.load(path) in rings
        reads += 1
    writer.join()


def test_of_many_changes_at_once_none_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    _saved(path)
    threads = [
        threading.Thread(
            target=keys.change, args=(path, lambda ring: ring.with_new("data", NOW_MS))
        )
        for _ in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys.load(path).data) == 13


def test_a_second_rotation_is_refused_while_one_is_under_way(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    _saved(path)
    with (
        keys.locked(path, "rotation", wait=False),
        pytest.raises(KeysError, match="another rotation"),
        keys.locked(path, "rotation", wait=False),
    ):
        raise AssertionError
    with keys.locked(path, "rotation", wait=False):
        pass


@pytest.mark.parametrize("part", keys.ROTATED)
def test_a_new_key_waits_behind_the_newest_until_it_is_promoted(part: str) -> None:
    before = Keyring.new(NOW_MS)
    assert before.waiting(part) is None
    staged = before.with_waiting(part, NOW_MS)
    assert getattr(staged, part)[0] == getattr(before, part)[0]
    assert staged.waiting(part) == getattr(staged, part)[1]
    assert staged.with_waiting(part, NOW_MS + 1) == staged
    after = staged.promoted(part)
    assert getattr(after, part) == tuple(reversed(getattr(staged, part)))
    assert after.waiting(part) is None
    assert after.promoted(part) == after


def test_a_clock_that_jumped_back_still_makes_the_newest_key_the_youngest() -> None:
    before = Keyring.new(NOW_MS)
    staged = before.with_waiting("data", 5)
    assert staged.waiting("data") is not None
    assert not staged.promoted("data").is_older_than(before)
    assert before.is_older_than(staged.promoted("data"))


def test_only_an_old_key_can_be_taken_away() -> None:
    ring = Keyring.new(NOW_MS).with_new("data", NOW_MS)
    newest, old = ring.data
    assert ring.without("data", old.key_id).data == (newest,)
    with pytest.raises(KeysError, match="in use"):
        ring.without("data", newest.key_id)
    with pytest.raises(KeysError, match="no data key"):
        ring.without("data", b"none")
    for identity in ring.identity:
        with pytest.raises(KeysError, match="in use"):
            ring.without("identity", identity.key_id)


def test_a_key_is_found_by_its_name_in_one_part() -> None:
    ring = Keyring.new(NOW_MS)
    assert [ring.part_of(getattr(ring, part)[0].key_id) for part in PARTS] == list(PARTS)
    with pytest.raises(KeysError, match="0 keys"):
        ring.part_of(b"none")


@pytest.mark.asvs("16.2.5")
def test_no_secret_shows_when_a_keyring_is_printed_or_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ring = Keyring.new(NOW_MS)
    with caplog.at_level(logging.INFO):
        logging.getLogger("test").info("keys %s %r", ring, ring.data[0], extra={"ring": ring})
    shown = (
        f"{ring!r} {ring} {ring.data[0]!r} {ring.data} {caplog.text} {caplog.records[0].__dict__}"
    )
    assert ring.data[0].key_id.hex() in shown
    assert not [form for secret in secrets_of(ring) for form in secret if form in shown.encode()]
