"""What a running server takes up anew: on SIGHUP its certificate and keys, by itself identities.

Whatever is wrong with the new ones is logged, and the server goes on with those it has.
"""

import asyncio
import logging
from typing import Final

from telehealth.errors import UnavailableError
from telehealth.keywatch import KeyWatch
from telehealth.services import Services
from telehealth.tls import Certificate
from telehealth.vault import Vault

log = logging.getLogger(__name__)
_EVERY_S: Final = 1.0


def reload(services: Services, certificate: Certificate | None) -> None:
    """Read the certificate's and the keys' files again."""
    if certificate is not None:
        certificate.reload(services.clock())
    vault, settings = services.database.vault, services.settings
    if vault is not None and not settings.keyring:
        KeyWatch(settings.keys, vault).look()


class IdentityWatch:
    """Has gateways connect anew when the server has new identities: so they learn them.

    They lose nothing by it: what was not acknowledged waits in their spool.
    """

    def __init__(self, services: Services, vault: Vault, *, every_s: float = _EVERY_S) -> None:
        self._services = services
        self._vault = vault
        self._every_s = every_s
        self._known = vault.keyring.identity

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(self._every_s)
            self.look()

    def look(self) -> bool:
        """Say good-bye to all gateways if the identities changed; returns whether they did."""
        found = self._vault.keyring.identity
        if found == self._known:
            return False
        self._known = found
        links = list(self._services.uplinks.values())
        log.info("the server has new identities", extra={"gateways": len(links)})
        for link in links:
            link.end(
                1013,
                UnavailableError.code,
                "the server has new identities",
                retry_after_s=self._services.settings.retry_after_s,
            )
        return True
