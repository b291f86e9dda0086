"""A Bluetooth adapter as org.bluez.Adapter1: discovery for its clients, and the devices it knows.

Source: BlueZ 5.66, doc/adapter-api.txt. Sessions of discovery belong to clients and end with them.
Advertisements are gathered and told a few times a second, as the kernel does, never from inside
StartDiscovery, whose caller is not listening yet.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bumble import hci
from dbus_fast import Variant

from devices.simulator.bleak_bumble import BumbleScanner
from devices.simulator.bluez import errors
from devices.simulator.bluez.device import Device, Faults, Known
from devices.simulator.bluez.discovery import Filter
from devices.simulator.bluez.objects import Interface, ObjectTree, method
from devices.simulator.hub import Hub

TELL_EVERY_S: Final = 0.1
FORGET_AFTER_S: Final = 30.0
_EVERYTHING: Final = Filter()


class Adapter(Interface):
    """One adapter, `hci0`; its radio is a hub."""

    name = "org.bluez.Adapter1"

    def __init__(
        self,
        tree: ObjectTree,
        adapter_name: str,
        hub: Hub,
        address: str,
        faults: Faults,
        *,
        forget_after_s: float = FORGET_AFTER_S,
    ) -> None:
        properties = {
            "Address": Variant("s", address),
            "AddressType": Variant("s", "public"),
            "Name": Variant("s", "bench"),
            "Alias": Variant("s", "bench"),
            "Class": Variant("u", 0),
            "Powered": Variant("b", True),
            "PowerState": Variant("s", "on"),
            "Discoverable": Variant("b", False),
            "Pairable": Variant("b", False),
            "Discovering": Variant("b", False),
            "UUIDs": Variant("as", []),
            "Roles": Variant("as", ["central"]),
        }
        super().__init__(tree, f"/org/bluez/{adapter_name}", properties)
        self.adapter_name = adapter_name
        self.address = address
        self.hub = hub
        self.devices: dict[str, Device] = {}
        self._faults = faults
        self._forget_after_s = forget_after_s
        self._filters: dict[str, Filter] = {}
        self._discovering: set[str] = set()
        self._radio = asyncio.Lock()
        self._scanner: BumbleScanner | None = None
        self._heard: dict[str, tuple[BLEDevice, AdvertisementData]] = {}
        self._teller: asyncio.Task[None] | None = None
        self._forgetting: dict[str, asyncio.TimerHandle] = {}

    @property
    def powered(self) -> bool:
        """Return whether it is switched on."""
        return bool(self.properties["Powered"].value)

    @method("SetDiscoveryFilter", "a{sv}")
    async def set_filter(self, client: str, said: dict[str, Variant]) -> None:
        """Take what a client wants to hear of; nothing: everything."""
        self._require_power()
        self._filters[client] = Filter.parse(said)

    @method("GetDiscoveryFilters", "", "as")
    async def filters(self, _client: str) -> list[str]:
        """Return what a filter may name."""
        return ["UUIDs", "RSSI", "Pathloss", "Transport", "DuplicateData", "Pattern"]

    @method("StartDiscovery")
    async def start_discovery(self, client: str) -> None:
        """Begin a client's session; the first one turns the receiver on."""
        self._require_power()
        if client in self._discovering:
            raise errors.in_progress()
        self._discovering.add(client)
        await self._settle()

    @method("StopDiscovery")
    async def stop_discovery(self, client: str) -> None:
        """End a client's session; the last one turns the receiver off."""
        self._require_power()
        if client not in self._discovering:
            raise errors.failed("No discovery started")
        self._discovering.discard(client)
        await self._settle()

    @method("RemoveDevice", "o")
    async def remove_device(self, _client: str, path: str) -> None:
        """Disconnect a device, drop its keys and forget it."""
        device = next((one for one in self.devices.values() if one.path == path), None)
        if device is None:
            raise errors.does_not_exist()
        self._require_power()
        del self.devices[device.address]
        await device.forget()
        self._take_away(device)

    async def assign(self, name: str, value: Variant) -> None:
        if name not in {"Powered", "Alias", "Discoverable", "Pairable"}:
            await super().assign(name, value)
        if self.properties[name] == value:
            return
        if name != "Powered":
            self.change(**{name: value})
            return
        self.change(Powered=value, PowerState=Variant("s", "on" if value.value else "off"))
        if not value.value:
            await self.fall_silent()

    def client_gone(self, client: str) -> None:
        self._filters.pop(client, None)
        if client in self._discovering:
            self._discovering.discard(client)
            self.tree.spawn(self._settle())

    def show(self) -> None:
        """Put the adapter and the devices that it knows on the bus."""
        self.tree.add(self)
        for device in self.devices.values():
            self.tree.add(device)

    def know(self, known: Known) -> Device:
        """Know a device without having heard it, as from the last time."""
        device = self.devices[known.address] = Device(
            self.tree, self.path, known, self.hub, self._faults, lambda: self.powered
        )
        return device

    def lasting(self) -> Sequence[Known]:
        """Return what is stored for the next time."""
        return [device.known for device in self.devices.values() if not device.temporary]

    async def fall_silent(self) -> None:
        """End discovery and all links."""
        self._discovering.clear()
        await self._settle()
        await asyncio.gather(*(device.disconnect() for device in self.devices.values()))

    async def close(self) -> None:
        """End everything, for good."""
        await self.fall_silent()
        for timer in self._forgetting.values():
            timer.cancel()
        self._forgetting.clear()

    def _require_power(self) -> None:
        if not self.powered:
            raise errors.not_ready()

    async def _settle(self) -> None:
        """Make the receiver what the sessions want it to be."""
        async with self._radio:
            wanted = bool(self._discovering)
            if wanted and self._scanner is None:
                self._scanner = BumbleScanner(self._hear, None, hub=self.hub)
                await self._scanner.start()
                self.change(Discovering=Variant("b", True))
                self._teller = asyncio.get_running_loop().create_task(self._tell())
            elif not wanted and self._scanner is not None:
                scanner, self._scanner = self._scanner, None
                if self._teller is not None:
                    self._teller.cancel()
                await scanner.stop()
                self._heard.clear()
                self._quieten()
                self.change(Discovering=Variant("b", False))

    def _quieten(self) -> None:
        """Take the signal strengths away, which were those of the discovery."""
        for device in self.devices.values():
            gone = [name for name in ("RSSI", "TxPower") if name in device.properties]
            if gone:
                device.change(*gone)

    def _hear(self, device: BLEDevice, advertisement: AdvertisementData) -> None:
        self._heard[device.address] = device, advertisement

    async def _tell(self) -> None:
        while True:
            await asyncio.sleep(TELL_EVERY_S)
            heard, self._heard = self._heard, {}
            filters = [self._filters.get(client, _EVERYTHING) for client in self._discovering]
            for device, advertisement in heard.values():
                if any(wanted.wants(device.address, advertisement) for wanted in filters):
                    self._tell_of(device, advertisement)

    def _tell_of(self, heard: BLEDevice, advertisement: AdvertisementData) -> None:
        device = self.devices.get(heard.address)
        if device is None:
            address: hci.Address = heard.details["address"]
            kind = "public" if address.is_public else "random"
            device = self.know(Known(heard.address, kind, None, paired=False))
            device.properties.update(device.heard(advertisement))
            self.tree.add(device)
        else:
            device.change(**device.heard(advertisement))
        self._forget_later(device)

    def _forget_later(self, device: Device) -> None:
        if timer := self._forgetting.pop(device.address, None):
            timer.cancel()
        if device.temporary:
            self._forgetting[device.address] = asyncio.get_running_loop().call_later(
                self._forget_after_s, self._forget, device
            )

    def _forget(self, device: Device) -> None:
        self._forgetting.pop(device.address, None)
        if device.temporary and self.devices.get(device.address) is device:
            del self.devices[device.address]
            self._take_away(device)

    def _take_away(self, device: Device) -> None:
        if timer := self._forgetting.pop(device.address, None):
            timer.cancel()
        self.tree.remove(device.path)
