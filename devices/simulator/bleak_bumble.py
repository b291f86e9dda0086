"""A bleak backend on Bumble: the gateway's real code without a radio. Slow to import.

`BumbleScanner` and `BumbleClient` are passed to bleak as `backend=`, with `hub=` beside it, which
reaches their constructors. What differs from a plain wrapper: a request in flight when the link
goes fails at once, where Bumble would cancel its caller or wait for ATT's 30 s.
"""

import asyncio
from collections.abc import Callable, Coroutine
from functools import lru_cache
from typing import Any, Final, TypeVar
from uuid import UUID

from bleak.args import SizedBuffer
from bleak.assigned_numbers import CharacteristicPropertyName
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient, NotifyCallback
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import (
    AdvertisementData,
    AdvertisementDataCallback,
    BaseBleakScanner,
)
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakError, BleakGATTProtocolError
from bumble import att, core, hci
from bumble.core import AdvertisingData
from bumble.device import Advertisement, Connection
from bumble.gatt_client import CharacteristicProxy

from devices.simulator.hub import Hub

T = TypeVar("T")

MTU: Final = 247
_AGAIN_S: Final = 0.01

_PROPERTIES: Final[tuple[tuple[int, CharacteristicPropertyName], ...]] = (
    (0x01, "broadcast"),
    (0x02, "read"),
    (0x04, "write-without-response"),
    (0x08, "write"),
    (0x10, "notify"),
    (0x20, "indicate"),
    (0x40, "authenticated-signed-writes"),
    (0x80, "extended-properties"),
)
_SERVICE_LISTS: Final = (
    AdvertisingData.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS,
    AdvertisingData.INCOMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS,
    AdvertisingData.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS,
    AdvertisingData.INCOMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS,
)


class BumbleScanner(BaseBleakScanner):
    """bleak's scanner over a `Hub`."""

    def __init__(
        self,
        detection_callback: AdvertisementDataCallback | None,
        service_uuids: list[str] | None,
        scanning_mode: str = "active",
        *,
        hub: Hub,
        **_other_backends: Any,
    ) -> None:
        super().__init__(detection_callback, service_uuids)
        self._hub = hub

    async def start(self) -> None:
        self.seen_devices = {}
        await self._scan(on=True)

    async def stop(self) -> None:
        await self._scan(on=False)

    async def _scan(self, *, on: bool) -> None:
        try:
            await self._hub.scan(self, on=on)
        except core.BaseBumbleError as error:
            raise BleakError(str(error)) from error

    def heard(self, advertisement: Advertisement) -> None:
        """Turn one advertisement into bleak's words and tell whoever listens."""
        said = _advertisement_data(advertisement)
        if self.is_allowed_uuid(said.service_uuids):
            address = advertisement.address.to_string(with_type_qualifier=False)
            details = {"address": advertisement.address}
            device = self.create_or_update_device(address, address, said.local_name, details, said)
            self.call_detection_callbacks(device, said)


class BumbleClient(BaseBleakClient):
    """bleak's client over a `Hub`."""

    def __init__(
        self,
        address_or_ble_device: BLEDevice | str,
        *,
        disconnected_callback: Callable[[], None] | None,
        timeout: float,
        hub: Hub,
        **other_backends: Any,
    ) -> None:
        super().__init__(
            address_or_ble_device,
            disconnected_callback=disconnected_callback,
            timeout=timeout,
            **other_backends,
        )
        self._name: str | None = None
        if isinstance(address_or_ble_device, BLEDevice):
            self._name = address_or_ble_device.name
            self._target: hci.Address = address_or_ble_device.details["address"]
        else:
            self._target = hci.Address(address_or_ble_device)
        self._hub = hub
        self._connection: Connection | None = None
        self._requests: set[asyncio.Task[Any]] = set()
        self._subscribers: dict[int, Callable[[bytes], None]] = {}

    @property
    def name(self) -> str:
        return self._name or self.address.replace(":", "-")

    @property
    def mtu_size(self) -> int:
        return 23 if self._connection is None else self._connection.att_mtu

    @property
    def is_connected(self) -> bool:
        return self._connection is not None

    async def connect(self, pair: bool, **kwargs: Any) -> None:
        """Connect and discover; `timeout` covers both.

        Raises:
            TimeoutError: not heard, or heard and then mute.
            BleakError: refused by the controller, or the link was lost meanwhile.
        """
        if self.is_connected:
            raise BleakError("Client is already connected")
        try:
            async with asyncio.timeout(kwargs.get("timeout", self._timeout)):
                self._connected(await self._hub.connect(self._target))
                await self._request(self._explore(pair=pair))
        except core.BaseBumbleError as error:
            raise BleakError(str(error)) from error
        except BaseException:
            await self.disconnect()
            raise

    def _connected(self, connection: Connection) -> None:
        self._connection = connection
        connection.on(Connection.EVENT_DISCONNECTION, self._disconnected)

    def _disconnected(self, _reason: int) -> None:
        """End what is in flight and tell the owner, once, from the loop and not from Bumble."""
        if self._connection is None:
            return
        self._connection = None
        self.services = None
        self._subscribers.clear()
        self._end_requests()
        if self._disconnected_callback is not None:
            asyncio.get_running_loop().call_soon(self._disconnected_callback)

    def _end_requests(self) -> None:
        """Cancel what is in flight, and again: Bumble sometimes swallows the first one."""
        for request in self._requests:
            request.cancel()
        if self._requests:
            asyncio.get_running_loop().call_later(_AGAIN_S, self._end_requests)

    async def disconnect(self) -> None:
        connection = self._connection
        if connection is not None:
            await self._hub.disconnect(connection)
            self._disconnected(0)

    async def pair(self, *_args: Any, **_kwargs: Any) -> None:
        await self._request(self._link.pair())

    async def unpair(self) -> None:
        await self._hub.forget(self._target)
        await self.disconnect()

    @property
    def _link(self) -> Connection:
        if self._connection is None:
            raise BleakError("Not connected")
        return self._connection

    async def _request(self, request: Coroutine[Any, Any, T]) -> T:
        """Await one exchange with the device; losing the link ends it at once, as BleakError."""
        task = asyncio.ensure_future(request)
        self._requests.add(task)
        try:
            return await task
        except asyncio.CancelledError:
            own = asyncio.current_task()
            if self.is_connected or (own is not None and own.cancelling()):
                raise
            raise BleakError("disconnected") from None
        except att.ATT_Error as error:
            raise BleakGATTProtocolError(error.error_code) from error
        except core.BaseBumbleError as error:
            raise BleakError(str(error)) from error
        finally:
            self._requests.discard(task)

    async def _explore(self, *, pair: bool) -> None:
        """Agree on an MTU, bond if asked to, and fill `services`."""
        link = self._link
        await link.gatt_client.request_mtu(MTU)
        if pair:
            await link.pair()
        found = BleakGATTServiceCollection()
        for service in await link.gatt_client.discover_services():
            shown = BleakGATTService(service, service.handle, _uuid(service.uuid))
            found.add_service(shown)
            for each in await service.discover_characteristics():
                found.add_characteristic(self._characteristic(each, shown))
                for descriptor in await each.discover_descriptors():
                    owner = found.characteristics[each.handle]
                    found.add_descriptor(
                        BleakGATTDescriptor(
                            descriptor, descriptor.handle, _uuid(descriptor.type), owner
                        )
                    )
        self.services = found

    def _characteristic(
        self, proxy: CharacteristicProxy[bytes], service: BleakGATTService
    ) -> BleakGATTCharacteristic:
        properties = [name for bit, name in _PROPERTIES if proxy.properties & bit]
        return BleakGATTCharacteristic(
            proxy, proxy.handle, _uuid(proxy.uuid), properties, lambda: self.mtu_size - 3, service
        )

    async def read_gatt_char(
        self, characteristic: BleakGATTCharacteristic, *, use_cached: bool = False, **_kwargs: Any
    ) -> bytearray:
        read = self._link.gatt_client.read_value(characteristic.obj)
        return bytearray(await self._request(read))

    async def read_gatt_descriptor(
        self, descriptor: BleakGATTDescriptor, *, use_cached: bool = False, **_kwargs: Any
    ) -> bytearray:
        read = self._link.gatt_client.read_value(descriptor.obj)
        return bytearray(await self._request(read))

    async def write_gatt_char(
        self, characteristic: BleakGATTCharacteristic, data: SizedBuffer, response: bool
    ) -> None:
        client = self._link.gatt_client
        await self._request(client.write_value(characteristic.obj, bytes(data), response))

    async def write_gatt_descriptor(
        self, descriptor: BleakGATTDescriptor, data: SizedBuffer
    ) -> None:
        client = self._link.gatt_client
        await self._request(client.write_value(descriptor.obj, bytes(data), True))

    async def start_notify(
        self,
        characteristic: BleakGATTCharacteristic,
        callback: NotifyCallback,
        **_kwargs: Any,
    ) -> None:
        if characteristic.handle in self._subscribers:
            raise BleakError("Characteristic notifications already started")

        def subscriber(value: bytes) -> None:
            callback(bytearray(value))

        client = self._link.gatt_client
        await self._request(client.subscribe(characteristic.obj, subscriber))
        self._subscribers[characteristic.handle] = subscriber

    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        subscriber = self._subscribers.pop(characteristic.handle, None)
        if subscriber is not None:
            client = self._link.gatt_client
            await self._request(client.unsubscribe(characteristic.obj, subscriber))


@lru_cache(maxsize=1024)
def _uuid(uuid: core.UUID) -> str:
    return str(UUID(bytes=uuid.to_bytes(force_128=True)[::-1]))


def _advertisement_data(advertisement: Advertisement) -> AdvertisementData:
    said = advertisement.data
    listed = (uuid for kind in _SERVICE_LISTS for uuids in said.get_all(kind) for uuid in uuids)
    return AdvertisementData(
        local_name=said.get(AdvertisingData.COMPLETE_LOCAL_NAME)
        or said.get(AdvertisingData.SHORTENED_LOCAL_NAME),
        manufacturer_data={
            company: bytes(value)
            for company, value in said.get_all(AdvertisingData.MANUFACTURER_SPECIFIC_DATA)
        },
        service_data={
            _uuid(uuid): bytes(value)
            for kind in (
                AdvertisingData.SERVICE_DATA_16_BIT_UUID,
                AdvertisingData.SERVICE_DATA_128_BIT_UUID,
            )
            for uuid, value in said.get_all(kind)
        },
        # Bumble joins an advertisement and its scan response, which may say the same twice.
        service_uuids=list(dict.fromkeys(map(_uuid, listed))),
        tx_power=said.get(AdvertisingData.TX_POWER_LEVEL),
        rssi=advertisement.rssi,
        platform_data=(advertisement,),
    )
