"""A remote device as org.bluez.Device1: known, perhaps heard, perhaps connected.

Source: BlueZ 5.66, doc/device-api.txt. A device is forgotten when nothing was heard of it for a
while, unless somebody has connected, paired or trusted it.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar

from bleak.backends.client import BaseBleakClient
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakError, BleakGATTProtocolError
from bumble import hci
from dbus_fast import Variant

from devices.simulator.bleak_bumble import BumbleClient
from devices.simulator.bluez import errors
from devices.simulator.bluez.gatt import GattTree
from devices.simulator.bluez.objects import Interface, ObjectTree, method
from devices.simulator.hub import GIVE_UP_S, Hub

CONNECT_TIMEOUT_S: Final = 20.0
ABORT_AFTER_S: Final = 0.02
"""How long an aborted connection says that it is one."""
T = TypeVar("T")


@dataclass(slots=True)
class Faults:
    """What is to go wrong, by the device's address."""

    aborts: Counter[str] = field(default_factory=Counter)
    """How many of the next connections are made and aborted at once."""


@dataclass(frozen=True, slots=True)
class Known:
    """What outlives the service: a device that somebody has connected or paired."""

    address: str
    address_type: str
    name: str | None
    paired: bool


class Device(Interface):
    """One remote device of one adapter."""

    name = "org.bluez.Device1"

    def __init__(
        self,
        tree: ObjectTree,
        adapter: str,
        known: Known,
        hub: Hub,
        faults: Faults,
        powered: Callable[[], bool],
    ) -> None:
        alias = known.name or known.address.replace(":", "-")
        properties = {
            "Address": Variant("s", known.address),
            "AddressType": Variant("s", known.address_type),
            "Alias": Variant("s", alias),
            "Adapter": Variant("o", adapter),
            "UUIDs": Variant("as", []),
            **{
                name: Variant("b", known.paired and name in {"Paired", "Bonded"})
                for name in ("Paired", "Bonded", "Trusted", "Blocked", "LegacyPairing")
            },
            "Connected": Variant("b", False),
            "ServicesResolved": Variant("b", False),
        }
        if known.name is not None:
            properties["Name"] = Variant("s", known.name)
        super().__init__(tree, f"{adapter}/dev_{known.address.replace(':', '_')}", properties)
        self.address = known.address
        self.temporary = not known.paired
        self._hub = hub
        self._faults = faults
        self._powered = powered
        self._gatt = GattTree(tree, self)
        self._client: BumbleClient | None = None
        self._attempt: asyncio.Task[None] | None = None
        self._pairing: asyncio.Task[None] | None = None
        self._answering = asyncio.Event()
        self._answering.set()
        self._over = asyncio.Event()

    @property
    def connected(self) -> bool:
        """Return whether it says that it is connected."""
        return bool(self.properties["Connected"].value)

    @property
    def frozen(self) -> bool:
        """Return whether it is a zombie: connected, and nothing comes."""
        return not self._answering.is_set()

    @property
    def known(self) -> Known:
        """Return what is stored of it."""
        named = self.properties.get("Name")
        return Known(
            self.address,
            self.properties["AddressType"].value,
            None if named is None else named.value,
            bool(self.properties["Paired"].value),
        )

    def heard(self, advertisement: AdvertisementData) -> dict[str, Variant]:
        """Return the properties that an advertisement changes; the signal strength always."""
        said = {"RSSI": Variant("n", advertisement.rssi)}
        if advertisement.local_name:
            name = Variant("s", advertisement.local_name)
            said |= {"Name": name, "Alias": name}
        if advertisement.manufacturer_data:
            said["ManufacturerData"] = Variant(
                "a{qv}",
                {
                    key: Variant("ay", value)
                    for key, value in advertisement.manufacturer_data.items()
                },
            )
        if advertisement.service_data:
            said["ServiceData"] = Variant(
                "a{sv}",
                {key: Variant("ay", value) for key, value in advertisement.service_data.items()},
            )
        if advertisement.tx_power is not None:
            said["TxPower"] = Variant("n", advertisement.tx_power)
        if uuids := self._with_uuids(advertisement.service_uuids):
            said["UUIDs"] = uuids
        always = {"RSSI", "ManufacturerData", "ServiceData"}
        return {
            name: value
            for name, value in said.items()
            if name in always or self.properties.get(name) != value
        }

    def freeze(self) -> None:
        """Let nothing more come over this link, and say nothing of it."""
        if self._client is not None:
            self._answering.clear()

    def say_connected(self) -> None:
        """Say that it is connected, as after a crash, without any link."""
        self.change(Connected=Variant("b", True))

    async def ask(self, request: Callable[[BaseBleakClient], Awaitable[T]]) -> T:
        """Do one exchange with the device.

        Raises:
            BluezError: not connected, or what the device answered.
        """
        client, over = self._client, self._over
        if client is not None:
            await self._answering.wait()
        if client is None or client is not self._client:
            raise errors.failed(errors.NOT_CONNECTED)
        asked = asyncio.ensure_future(request(client))
        ended = asyncio.ensure_future(over.wait())
        try:
            await asyncio.wait({asked, ended}, return_when=asyncio.FIRST_COMPLETED)
            if not asked.done():
                raise errors.failed(errors.NOT_CONNECTED)
            return await asked
        except BleakGATTProtocolError as error:
            raise errors.of_att(error.code) from error
        except (BleakError, TimeoutError) as error:
            raise errors.failed(errors.NOT_CONNECTED) from error
        finally:
            # Bumble 0.0.236 may swallow the cancellation that the end of a link brings, and then
            # wait for ATT's 30 s: it is cancelled once more.
            ended.cancel()
            asked.cancel()
            await asyncio.wait({asked, ended}, timeout=GIVE_UP_S)
            if asked.done() and not asked.cancelled():
                asked.exception()  # it has been told above, or nobody waits for it any more

    @method("Connect")
    async def connect(self, _client: str = "") -> None:
        """Connect and discover the services."""
        if not self._powered():
            raise errors.not_ready()
        if self._attempt is not None:
            raise errors.in_progress()
        if self.connected:
            return
        self.temporary = False
        self._attempt = asyncio.ensure_future(self._link_up())
        try:
            await asyncio.shield(self._attempt)
        except asyncio.CancelledError:
            if not self._attempt.cancelled():
                raise  # the service itself vanishes
            raise errors.failed(errors.CANCELLED) from None
        finally:
            attempt, self._attempt = self._attempt, None
            attempt.cancel()

    @method("Disconnect")
    async def disconnect(self, _client: str = "") -> None:
        """End the link or the attempt; where there is none, nothing is wrong."""
        if self._attempt is not None:
            self._attempt.cancel()
            await asyncio.wait({self._attempt})
        client = self._client
        if client is not None:
            await client.disconnect()
        self._link_down(client)

    @method("Pair")
    async def pair(self, _client: str = "") -> None:
        """Connect if need be, pair by Just Works, and keep the keys."""
        if self.properties["Paired"].value:
            raise errors.already_exists()
        if self._pairing is not None:
            raise errors.in_progress()
        if not self.connected:
            await self.connect()
        self._pairing = asyncio.ensure_future(self.ask(lambda link: link.pair()))
        try:
            await asyncio.shield(self._pairing)
        except errors.BluezError as error:
            raise errors.BluezError("AuthenticationFailed", "Authentication Failed") from error
        except asyncio.CancelledError:
            if not self._pairing.cancelled():
                raise
            raise errors.BluezError("AuthenticationCanceled", "Authentication Canceled") from None
        finally:
            pairing, self._pairing = self._pairing, None
            pairing.cancel()
        self.temporary = False
        self.change(Paired=Variant("b", True), Bonded=Variant("b", True))

    @method("CancelPairing")
    async def cancel_pairing(self, _client: str) -> None:
        """Give up a pairing under way."""
        if self._pairing is None:
            raise errors.does_not_exist()
        self._pairing.cancel()

    async def assign(self, name: str, value: Variant) -> None:
        if name not in {"Trusted", "Alias"}:
            await super().assign(name, value)
        if name == "Trusted" and value.value:
            self.temporary = False
        if self.properties[name] != value:
            self.change(**{name: value})

    async def forget(self) -> None:
        """Disconnect, and drop the keys of the bond."""
        await self.disconnect()
        await self._hub.forget(self._target)

    @property
    def _target(self) -> hci.Address:
        public = self.properties["AddressType"].value == "public"
        kind = hci.Address.PUBLIC_DEVICE_ADDRESS if public else hci.Address.RANDOM_DEVICE_ADDRESS
        return hci.Address(self.address, kind)

    async def _link_up(self) -> None:
        if self._faults.aborts[self.address] > 0:
            self._faults.aborts[self.address] -= 1
            self.change(Connected=Variant("b", True))
            await asyncio.sleep(ABORT_AFTER_S)
            self.change(Connected=Variant("b", False))
            raise errors.failed(errors.ABORTED_BY_LOCAL)
        client = BumbleClient(
            BLEDevice(self.address, None, {"address": self._target}),
            disconnected_callback=lambda: self._link_down(client),
            timeout=CONNECT_TIMEOUT_S,
            hub=self._hub,
        )
        try:
            await client.connect(pair=False)
        except (BleakError, TimeoutError) as error:
            raise errors.failed(errors.ABORTED_BY_LOCAL) from error
        if client.services is None:  # lost in the very moment
            raise errors.failed(errors.ABORTED_BY_LOCAL)
        self._client = client
        self._over = asyncio.Event()
        self.change("RSSI", Connected=Variant("b", True))
        self._gatt.show(client.services, client.mtu_size)
        self.change(**self._resolved())

    def _resolved(self) -> dict[str, Variant]:
        resolved = {"ServicesResolved": Variant("b", True)}
        if uuids := self._with_uuids(self._gatt.uuids):
            resolved["UUIDs"] = uuids
        return resolved

    def _with_uuids(self, more: list[str]) -> Variant | None:
        """Return the services known with some more; `None`: there are none new."""
        held: list[str] = self.properties["UUIDs"].value
        new = [uuid for uuid in more if uuid not in held]
        return Variant("as", sorted({*held, *new})) if new else None

    def _link_down(self, client: BumbleClient | None) -> None:
        """Say once that the link is gone, and let nobody wait for it."""
        if client is not self._client:
            return
        self._client = None
        self._over.set()
        self._answering.set()
        self._gatt.link_gone()
        if self.connected:
            self.change(ServicesResolved=Variant("b", False), Connected=Variant("b", False))
