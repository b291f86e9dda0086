"""The gateway's virtual Bluetooth adapter, on Bumble. Importing it is slow: import it late.

In one process the adapter shares a `LocalLink` with the virtual devices; across processes it
drives a controller behind an HCI transport. One scan serves every scanner, and one connection is
made at a time, because HCI allows no more.
"""

import asyncio
from contextlib import suppress
from typing import ClassVar, Final, Protocol, Self

from bumble import core, hci, ll
from bumble.controller import Controller
from bumble.device import Advertisement, Connection, Device
from bumble.host import Host
from bumble.link import LocalLink
from bumble.transport import open_transport
from bumble.transport.common import AsyncPipeSink, Transport

ADAPTER_ADDRESS: Final = "F0:00:00:00:00:01"
_PULLED_OUT: Final = "the adapter has been pulled out"
FAINTEST_DBM: Final = -100
GIVE_UP_S: Final = 2.0
"""How long a controller may take to confirm that it dropped a link or an attempt."""


_REPORTS: Final = (
    hci.HCI_LE_Advertising_Report_Event,
    hci.HCI_LE_Extended_Advertising_Report_Event,
)


class Listener(Protocol):
    """Whoever wants to hear advertisements."""

    def heard(self, advertisement: Advertisement) -> None: ...


class AdapterController(Controller):
    """Bumble's virtual controller, able to give up on a connection, and in a room with distances.

    Bumble 0.0.236 answers LE Create Connection Cancel and goes on trying; the Core Specification
    (Vol 4 Part E, 7.8.13) wants the attempt ended with Unknown Connection Identifier. It hears
    everybody at -50 dBm: `rssi_dbm` says how loud a device is here, by its address; nobody fainter
    than `FAINTEST_DBM` is heard.
    """

    rssi_dbm: ClassVar[dict[str, int]] = {}

    def send_hci_packet(self, packet: hci.HCI_Packet) -> None:
        if isinstance(packet, _REPORTS):
            for report in packet.reports:
                address = report.address.to_string(with_type_qualifier=False)
                report.rssi = self.rssi_dbm.get(address, report.rssi)
        super().send_hci_packet(packet)

    def on_advertising_pdu(self, pdu: ll.AdvInd | ll.AdvExtInd) -> None:
        """Hear an advertisement, and connect by it, unless it is too faint."""
        address = pdu.advertiser_address.to_string(with_type_qualifier=False)
        if self.rssi_dbm.get(address, 0) >= FAINTEST_DBM:
            super().on_advertising_pdu(pdu)

    def on_hci_le_create_connection_cancel_command(
        self, _command: hci.HCI_LE_Create_Connection_Cancel_Command
    ) -> hci.HCI_StatusReturnParameters:
        pending, self.pending_le_connection = self.pending_le_connection, None
        if pending is None:
            return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.COMMAND_DISALLOWED_ERROR)
        self.send_hci_packet(
            hci.HCI_LE_Connection_Complete_Event(
                status=hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR,
                connection_handle=0,
                role=hci.Role.CENTRAL,
                peer_address_type=pending.peer_address_type,
                peer_address=pending.peer_address,
                connection_interval=0,
                peripheral_latency=0,
                supervision_timeout=0,
                central_clock_accuracy=0,
            )
        )
        return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.SUCCESS)


class Hub:
    """One Bluetooth adapter of the gateway: scans for many, connects to one at a time."""

    def __init__(
        self, device: Device, controller: Controller | None, transport: Transport | None
    ) -> None:
        self._device = device
        self._controller = controller
        self._transport = transport
        self._pulled_out = False
        self._where: tuple[str, str] | None = None
        self._scanners: set[Listener] = set()
        self._scan_lock = asyncio.Lock()
        self._connect_lock = asyncio.Lock()

    @classmethod
    async def on_link(cls, link: LocalLink, address: str = ADAPTER_ADDRESS) -> Self:
        """Open an adapter on a virtual link of this process."""
        controller = AdapterController("gateway", link=link, public_address=address)
        host = Host(controller, AsyncPipeSink(controller))
        device = Device(name="gateway", address=hci.Address(address), host=host)
        return await cls(device, controller, None)._power_on()

    @classmethod
    async def open(cls, transport: str, address: str = ADAPTER_ADDRESS) -> Self:
        """Open an adapter behind HCI, such as `tcp-client:127.0.0.1:9001` (`ward.serve_hci`)."""
        opened = await open_transport(transport)
        device = Device.with_hci("gateway", hci.Address(address), opened.source, opened.sink)
        hub = cls(device, None, opened)
        hub._where = (transport, address)
        return await hub._power_on()

    async def _power_on(self) -> Self:
        await self._device.power_on()
        self._device.on(Device.EVENT_ADVERTISEMENT, self._heard)
        return self

    async def close(self) -> None:
        """Disconnect everything and release the controller or the transport."""
        for connection in list(self._device.connections.values()):
            await self.disconnect(connection)
        await self._device.power_off()
        if self._controller is not None:
            self._controller.link.remove_controller(self._controller)
        if self._transport is not None:
            await self._transport.close()

    async def pull_out(self) -> None:
        """Lose the adapter rudely: what was connected is told, the other side hears nothing."""
        if self._transport is not None:
            await self._transport.close()
            self._transport = None
            self._pulled_out = True

    async def plug_in(self) -> None:
        """Have the adapter again after `pull_out`; it knows nothing of what it did before."""
        if self._where is None:
            raise RuntimeError("an adapter on a link of this process cannot be pulled out")
        transport, address = self._where
        self._transport = await open_transport(transport)
        self._device = Device.with_hci(
            "gateway", hci.Address(address), self._transport.source, self._transport.sink
        )
        self._scanners.clear()
        self._pulled_out = False
        await self._power_on()

    async def scan(self, scanner: Listener, *, on: bool) -> None:
        """Let a scanner hear advertisements, or stop it; the adapter scans while one listens."""
        if self._pulled_out:
            if on:
                raise core.InvalidStateError(_PULLED_OUT)
            return
        async with self._scan_lock:
            (self._scanners.add if on else self._scanners.discard)(scanner)
            if self._scanners and not self._device.is_scanning:
                await self._device.start_scanning(filter_duplicates=False)
            elif not self._scanners and self._device.is_scanning:
                await self._device.stop_scanning()

    def _heard(self, advertisement: Advertisement) -> None:
        for scanner in list(self._scanners):
            scanner.heard(advertisement)

    async def connect(self, target: hci.Address) -> Connection:
        """Connect once the device is heard, however long that takes; cancel to give up."""
        if self._pulled_out:
            raise core.InvalidStateError(_PULLED_OUT)
        async with self._connect_lock:
            attempt = asyncio.ensure_future(self._device.connect(target, timeout=None))
            try:
                return await asyncio.shield(attempt)
            except asyncio.CancelledError:
                await self._give_up(attempt)
                raise

    async def _give_up(self, attempt: "asyncio.Future[Connection]") -> None:
        with suppress(core.BaseBumbleError):
            await self._device.send_command(hci.HCI_LE_Create_Connection_Cancel_Command())
        await asyncio.wait((attempt,), timeout=GIVE_UP_S)
        if not attempt.done():
            attempt.cancel()
        elif not attempt.cancelled() and attempt.exception() is None:
            await self.disconnect(attempt.result())

    async def disconnect(self, connection: Connection) -> None:
        """End a link; one that is already gone is no error."""
        with suppress(core.BaseBumbleError, TimeoutError):
            async with asyncio.timeout(GIVE_UP_S):
                await connection.disconnect()

    async def forget(self, target: hci.Address) -> None:
        """Drop the keys of a bond, if there is one."""
        if self._device.keystore is not None:
            with suppress(KeyError):
                await self._device.keystore.delete(str(target))
