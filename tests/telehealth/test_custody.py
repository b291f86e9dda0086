"""Two custodians: together they have the keyring, alone nothing; slips of the hand are found."""

import base64
import re
import zlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from telehealth import custody, custody_files
from telehealth.custody import Share
from telehealth.errors import KeysError
from telehealth.keys import Keyring
from tests.secrets_of import secrets_of

AT = datetime(2026, 1, 31, 8, 0, 1, 999_999, tzinfo=UTC)
RING = Keyring.new(1_769_846_400_000)
ONE, TWO = custody.export(RING, AT)
TEXTS = [custody_files.to_text(share) for share in (ONE, TWO)]


@given(
    keys=st.integers(0, 30),
    at=st.integers(0, 4_000_000_000).map(lambda s: datetime.fromtimestamp(s, UTC)),
)
def test_any_keyring_comes_back_from_both_files_in_either_order(keys: int, at: datetime) -> None:
    ring = RING
    for number in range(keys):
        ring = ring.with_new("data", number)
    shares = custody.export(ring, at)
    one, two = (custody_files.from_text(custody_files.to_text(share)) for share in shares)
    assert (one, two) == shares
    assert custody.join(one, two) == custody.join(two, one) == ring


def test_the_form_is_what_the_documents_say() -> None:
    """docs/keys.md, "Custodians": opened here without any code of the product."""
    key = bytes(a ^ b for a, b in zip(ONE.half, TWO.half, strict=True))
    bound = f"telehealth-custody-1\0{ONE.number.hex()}\x002026-01-31T08:00:01Z\0".encode()
    plain = AESGCM(key).decrypt(ONE.sealed[:12], ONE.sealed[12:], bound)
    assert Keyring.from_json(zlib.decompress(plain).decode()) == RING
    lines = re.findall(r"^K\d+ (.*)  ....$", TEXTS[0], re.MULTILINE)
    typed = "".join(lines).replace(" ", "")
    crockford, rfc4648 = "0123456789ABCDEFGHJKMNPQRSTVWXYZ", "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    plain32 = typed.translate(str.maketrans(crockford, rfc4648))
    assert base64.b32decode(plain32 + "=" * (-len(plain32) % 8)) == ONE.sealed


def test_one_half_fits_every_key_as_well_as_the_true_one() -> None:
    """The (2, 2) one-time pad: for any key at all there is a second half that makes it."""
    for wanted in (bytes(32), b"\xff" * 32, ONE.half):
        other = bytes(a ^ b for a, b in zip(ONE.half, wanted, strict=True))
        assert bytes(a ^ b for a, b in zip(ONE.half, other, strict=True)) == wanted
    again = custody.export(RING, AT)
    halves = {share.half for share in (ONE, TWO, *again)}
    assert len(halves) == 4


@pytest.mark.parametrize("text", TEXTS, ids=["first", "second"])
def test_no_file_holds_a_secret_or_the_key_that_opens_it(text: str) -> None:
    share = custody_files.from_text(text)
    key = bytes(a ^ b for a, b in zip(ONE.half, TWO.half, strict=True))
    content = text.replace(" ", "").encode() + share.half + share.sealed
    forms = [form for secret in secrets_of(RING) for form in secret]
    people = [custody.to_people(form[0]).encode() for form in secrets_of(RING)]
    assert not [form for form in [*forms, *people, key] if form in content]
    for guess in (share.half, bytes(32), share.sealed[:32]):
        with pytest.raises(KeysError, match="altered"):
            custody.join(share, replace(share, file=3 - share.file, half=guess))


def test_files_are_numbered_dated_and_show_no_half_when_printed() -> None:
    assert "File: 1 of 2" in TEXTS[0]
    assert "File: 2 of 2" in TEXTS[1]
    assert all("Made: 2026-01-31T08:00:01Z" in text for text in TEXTS)
    assert repr(ONE) == f"Share({ONE.export_text}, 1 of 2)"


def test_it_is_made_of_lines_that_a_page_holds() -> None:
    lines = [line for text in TEXTS for line in text.splitlines()]
    assert max(len(line) for line in lines) <= 90
    assert all(line.isascii() for line in lines)
    assert len(TEXTS[0].splitlines()) <= 40


def test_a_date_of_another_zone_is_written_in_utc() -> None:
    shares = custody.export(RING, AT.astimezone(timezone(timedelta(hours=7))))
    assert shares[0].made == AT.replace(microsecond=0)


def test_what_was_typed_from_paper_may_look_otherwise() -> None:
    def loosely(found: re.Match[str]) -> str:
        label, typed = found[1], found[2].lower().replace("0", "o").replace("1", "l")
        return label.lower() + typed.replace(" ", "-", 2).replace(" ", "", 3)

    typed = re.sub(r"^([HK]\d+ |Export: |Check: )(.*)$", loosely, TEXTS[0], flags=re.MULTILINE)
    assert typed != TEXTS[0]
    assert custody_files.from_text("\ufeff" + typed.replace("\n", "\r\n  ")) == ONE


def test_halves_of_two_exports_are_told_apart_by_number_and_date() -> None:
    other = custody.export(RING, AT + timedelta(days=1))
    with pytest.raises(KeysError, match=r"two exports.*2026-01-31.*2026-02-01"):
        custody.join(ONE, other[1])


def test_the_same_file_twice_is_refused_by_name() -> None:
    with pytest.raises(KeysError, match="both files are number 2"):
        custody.join(TWO, TWO)


@given(bit=st.integers(0, 32 * 8 - 1))
def test_a_half_with_any_bit_altered_does_not_open(bit: int) -> None:
    with pytest.raises(KeysError, match="altered"):
        custody.join(replace(ONE, half=_flipped(ONE.half, bit)), TWO)


@given(bit=st.integers(0, len(ONE.sealed) * 8 - 1))
def test_a_keyring_with_any_bit_altered_in_both_files_does_not_open(bit: int) -> None:
    sealed = _flipped(ONE.sealed, bit)
    with pytest.raises(KeysError, match="altered"):
        custody.join(replace(ONE, sealed=sealed), replace(TWO, sealed=sealed))
    with pytest.raises(KeysError, match="different keyrings"):
        custody.join(replace(ONE, sealed=sealed), TWO)


def _flipped(data: bytes, bit: int) -> bytes:
    altered = bytearray(data)
    altered[bit // 8] ^= 1 << bit % 8
    return bytes(altered)


def test_a_date_altered_in_both_files_does_not_open() -> None:
    later = AT.replace(microsecond=0) + timedelta(days=1)
    with pytest.raises(KeysError, match="altered"):
        custody.join(replace(ONE, made=later), replace(TWO, made=later))


@pytest.mark.parametrize(
    "wrong",
    [Share(ONE.number, ONE.made, 2, b"", ONE.sealed), Share(ONE.number, ONE.made, 2, b"x", b"")],
    ids=["no half", "nothing"],
)
def test_a_share_without_its_contents_is_refused(wrong: Share) -> None:
    with pytest.raises(KeysError):
        custody.join(replace(ONE, sealed=wrong.sealed), wrong)


_DATA = [
    (number, at)
    for number, line in enumerate(TEXTS[0].splitlines())
    if re.match(r"[HK]\d", line)
    for at in range(4, len(line))
    if line[at] != " "
]


@given(where=st.sampled_from(_DATA), to=st.sampled_from("0123456789ABCDEFGHJKMNPQRSTVWXYZ"))
def test_one_wrong_character_is_found_and_its_line_named(where: tuple[int, int], to: str) -> None:
    number, at = where
    lines = TEXTS[0].splitlines()
    line = lines[number]
    if line[at] == to:
        return
    lines[number] = line[:at] + to + line[at + 1 :]
    try:
        read = custody_files.from_text("\n".join(lines))
    except KeysError as error:
        wrong = str(error)
    else:
        wrong = line[:3]
        assert read == ONE
    assert line[:3] in wrong


def test_a_lost_line_is_found() -> None:
    lines = TEXTS[0].splitlines()
    for lost, gone in enumerate(lines):
        rest = "\n".join(lines[:lost] + lines[lost + 1 :])
        if not gone or gone.startswith(("TELEHEALTH", "Keep")):
            assert custody_files.from_text(rest) == ONE, f"without line {lost}"
            continue
        with pytest.raises(KeysError):
            custody_files.from_text(rest)


def test_two_lines_in_the_wrong_order_are_named() -> None:
    lines = TEXTS[0].splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("K03"))
    lines[at], lines[at + 1] = lines[at + 1], lines[at]
    with pytest.raises(KeysError, match="K03 is missing, K04 stands there"):
        custody_files.from_text("\n".join(lines))


def test_a_line_of_the_other_file_is_found() -> None:
    lines, others = TEXTS[0].splitlines(), TEXTS[1].splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("H01"))
    lines[at] = others[at]
    with pytest.raises(KeysError, match="H01"):
        custody_files.from_text("\n".join(lines))


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("custody-1", "custody-9", "custody-9"),
        ("File: 1", "File: 3", "1 of 2 or 2 of 2"),
        ("File: 1", "File: 2", "H01"),
        ("Made: 2026-01-31", "Made: 2026-01-30", "Check"),
        ("Made: 2026-01-31", "Made: 2026-13-31", "a date"),
        ("Export: ", "Export: U", "Export"),
        ("Check: ", "Check: 0", "Check"),
    ],
)
def test_a_head_that_was_altered_is_refused(before: str, after: str, says: str) -> None:
    with pytest.raises(KeysError, match=says):
        custody_files.from_text(TEXTS[0].replace(before, after))


@given(st.text() | st.binary().map(lambda data: data.decode(errors="replace")))
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(KeysError, match="not a custodian's file"):
        custody_files.from_text(text)


def test_files_are_written_for_their_owner_alone_and_never_over_others(tmp_path: Path) -> None:
    one, two = tmp_path / "one.txt", tmp_path / "two.txt"
    custody_files.write((ONE, TWO), one, two)
    assert [path.stat().st_mode & 0o777 for path in (one, two)] == [0o600, 0o600]
    assert custody.join(custody_files.read(one), custody_files.read(two)) == RING
    with pytest.raises(KeysError, match="already"):
        custody_files.write((ONE, TWO), one, tmp_path / "three.txt")
    assert not (tmp_path / "three.txt").exists()


def test_one_file_for_two_custodians_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "one.txt"
    with pytest.raises(KeysError, match="two custodians, one file"):
        custody_files.write((ONE, TWO), path, tmp_path / "x" / ".." / "one.txt")
    assert not path.exists()


def test_when_the_second_cannot_be_written_the_first_goes_too(tmp_path: Path) -> None:
    path = tmp_path / "one.txt"
    with pytest.raises(KeysError, match="cannot be written"):
        custody_files.write((ONE, TWO), path, tmp_path / "none" / "two.txt")
    assert not path.exists()


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeysError, match=r"none\.txt cannot be read"):
        custody_files.read(tmp_path / "none.txt")
    path = tmp_path / "other.txt"
    path.write_bytes(b"\xff\x00")
    with pytest.raises(KeysError, match=r"other\.txt: not a custodian's file"):
        custody_files.read(path)
