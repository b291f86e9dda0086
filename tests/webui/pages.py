"""What tests read out of pages, and what they put behind them."""

import json
import re
from dataclasses import dataclass
from typing import Any

import pyotp

from telehealth.access import second_factor
from telehealth.store.database import Transaction
from tests.webui.conftest import Site

_SECRET = re.compile(r'<p class="secret">([A-Z2-7 ]+)</p>')
_DATA = re.compile(r'<script type="application/json" id="data"[^>]*>(.*?)</script>', re.DOTALL)


def secret_of(html: str) -> str:
    """Return the secret that a page shows for typing."""
    found = _SECRET.search(html)
    assert found is not None
    return found[1].replace(" ", "")


def data_of(html: str) -> dict[str, Any]:
    """Return what a page hands to its script."""
    found = _DATA.search(html)
    assert found is not None
    data: dict[str, Any] = json.loads(found[1])
    return data


async def set_up_totp(site: Site, account_id: str) -> str:
    """Give an account an authenticator, and return its secret."""

    def enable(tx: Transaction) -> str:
        secret = second_factor.new_secret()
        digits = pyotp.TOTP(secret).at(tx.now_ms // 1000 - 30)
        assert second_factor.enable_totp(tx, account_id, secret, digits)
        return secret

    return await site.database.write(enable)


@dataclass
class LocalSite(Site):
    """The same server under the name that security keys know."""

    @property
    def origin(self) -> str:
        """The server's origin by name."""
        return super().origin.replace("127.0.0.1", "localhost")


def at_localhost(site: Site) -> LocalSite:
    """Return the site as it is called by name."""
    return LocalSite(site.services, site.app, site.server, site.now_ms)
