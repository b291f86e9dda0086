"""One adapter of BlueZ, as its radio needs it: found by MAC, cleaned up at the start, recovered."""

import logging
from collections.abc import Callable

from bleak_retry_connector import clear_cache, close_stale_connections_by_address

from devices import bluez
from devices.bluez import LeftOver
from devices.drivers.driver import Heard

logger = logging.getLogger(__name__)


class BluezStack:
    """What is beneath bleak on Linux.

    Args:
        adapter: MAC address or name; empty for the system's choice.
    """

    def __init__(self, adapter: str) -> None:
        self._wanted = adapter

    async def arguments(self) -> dict[str, object]:
        """Return what a scanner is given to use this adapter, by the name that it has now.

        Raises:
            BluezUnavailableError: there is no BlueZ to ask.
            NoSuchAdapterError: the adapter is not plugged in.
        """
        if not self._wanted:
            return {}
        found = await bluez.adapter_named(self._wanted)
        return {"bluez": {"adapter": found.name}}

    async def clean_up(self, is_ours: Callable[[Heard], bool]) -> None:
        """End the links of an earlier run: a connected device would never be heard again."""

        def left_over_is_ours(left: LeftOver) -> bool:
            return is_ours(Heard(address=left.address, name=left.name, services=left.services))

        adapter = (await bluez.adapter_named(self._wanted)).name if self._wanted else ""
        dropped = await bluez.drop_left_over(left_over_is_ours, adapter=adapter)
        if dropped:
            logger.warning("links of an earlier run ended", extra={"count": len(dropped)})

    async def before_connect(self, address: str) -> None:
        """Close what BlueZ may still hold of a device."""
        await close_stale_connections_by_address(address)

    async def after_failure(self, address: str) -> None:
        """Forget what BlueZ believes of the services of a device."""
        await clear_cache(address)

    async def recover(self) -> None:
        """Switch the adapter off and on; every device is dropped by it."""
        found = await bluez.adapters()
        chosen = bluez.choose_adapter(found, self._wanted) if self._wanted else found[0]
        await bluez.switch_off_and_on(chosen.name)
