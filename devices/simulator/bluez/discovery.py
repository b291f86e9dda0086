"""What a client wants to hear of: Adapter1.SetDiscoveryFilter (BlueZ 5.66, doc/adapter-api.txt)."""

from dataclasses import dataclass
from typing import Any, Final, Self

from bleak.backends.scanner import AdvertisementData
from dbus_fast import Variant

from devices.simulator.bluez import errors

_SIGNATURES: Final = {
    "UUIDs": "as",
    "RSSI": "n",
    "Pathloss": "q",
    "Transport": "s",
    "DuplicateData": "b",
    "Discoverable": "b",
    "Pattern": "s",
}
_TRANSPORTS: Final = frozenset({"auto", "le", "bredr"})


@dataclass(frozen=True, slots=True)
class Filter:
    """What one client wants; nothing said means everything."""

    uuids: frozenset[str] = frozenset()
    rssi_dbm: int | None = None
    pattern: str = ""
    low_energy: bool = True

    @classmethod
    def parse(cls, said: dict[str, Variant]) -> Self:
        """Read a filter.

        Raises:
            BluezError: an unknown name, a value of another type, or two limits of loudness.
        """
        for name, value in said.items():
            if _SIGNATURES.get(name) != value.signature:
                raise errors.invalid_arguments()
        values: dict[str, Any] = {name: value.value for name, value in said.items()}
        transport = values.get("Transport", "auto")
        if transport not in _TRANSPORTS or {"RSSI", "Pathloss"} <= values.keys():
            raise errors.invalid_arguments()
        return cls(
            uuids=frozenset(uuid.lower() for uuid in values.get("UUIDs", [])),
            rssi_dbm=values.get("RSSI"),
            pattern=values.get("Pattern", ""),
            low_energy=transport != "bredr",
        )

    def wants(self, address: str, advertisement: AdvertisementData) -> bool:
        """Return whether an advertisement is one of those wanted."""
        if not self.low_energy:
            return False
        if self.rssi_dbm is not None and advertisement.rssi < self.rssi_dbm:
            return False
        if self.uuids and self.uuids.isdisjoint(advertisement.service_uuids):
            return False
        name = advertisement.local_name or ""
        return not self.pattern or address.startswith(self.pattern) or name.startswith(self.pattern)
