"""Browsers from which somebody has signed in before: they are counted apart from strangers.

A long-lived cookie holds a random number and, for each account that signed in here, a keyed hash of
the two; nothing is stored, and the cookie names nobody. So a stranger who guesses a doctor's
password uses up the strangers' tries, and the doctor's own browser still has its own (OWASP, Slow
Down Online Guessing Attacks with Device Cookies). The cookie alone opens nothing. Pure.
"""

import base64
import hmac
import re
import secrets
from typing import Final

from telehealth.vault import Vault

MOST_ACCOUNTS: Final = 12
"""Of one browser at a station's desk; the one that signed in longest ago goes first."""
_TAG_BYTES: Final = 16
_COOKIE: Final = re.compile(r"[\w-]{22}(\.[\w-]{22}){0,12}", re.ASCII)


def nonce_of(cookie: str) -> str:
    """Return the browser's number; empty: the cookie is none of ours."""
    return cookie.split(".", maxsplit=1)[0] if _COOKIE.fullmatch(cookie) else ""


def is_known(vault: Vault, cookie: str, account_id: str) -> bool:
    """Say whether this account has signed in from this browser before."""
    nonce = nonce_of(cookie)
    if not nonce:
        return False
    tags = cookie.split(".")[1:]
    right = [_text(tag) for tag in vault.hashes("browser", f"{nonce}\0{account_id}")]
    return any(hmac.compare_digest(tag, one) for tag in tags for one in right)


def with_account(vault: Vault, cookie: str, account_id: str) -> str:
    """Return the cookie of a browser from which this account has just signed in."""
    nonce = nonce_of(cookie) or _text(secrets.token_bytes(_TAG_BYTES))
    right = [_text(tag) for tag in vault.hashes("browser", f"{nonce}\0{account_id}")]
    before = cookie.split(".")[1:] if nonce_of(cookie) else []
    others = [tag for tag in before if tag not in right]
    return ".".join([nonce, *others[-(MOST_ACCOUNTS - 1) :], right[0]])


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw[:_TAG_BYTES]).decode().rstrip("=")
