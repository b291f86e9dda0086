"""Lends adapters of a virtual link to other processes: HCI over TCP, one adapter a connection.

Each TCP connection gets a controller of its own; when it closes, however rudely, the controller's
links end as if the adapter had been pulled out, so the devices advertise again.
"""

import asyncio
import logging
from typing import cast

from bumble import hci, ll
from bumble.link import LocalLink
from bumble.transport.common import StreamPacketSink, StreamPacketSource

from devices.simulator.hub import AdapterController

log = logging.getLogger(__name__)


class _Borrower(StreamPacketSource):
    """One TCP connection and the controller at its end."""

    def __init__(self, link: LocalLink, open_: "set[_Borrower]") -> None:
        super().__init__()
        self._link = link
        self._open = open_
        self._controller: AdapterController | None = None
        self._transport: asyncio.Transport | None = None
        self._closed = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._open.add(self)
        sink = StreamPacketSink(self._transport)
        self._controller = AdapterController("lent", self, sink, self._link)

    def connection_lost(self, exc: Exception | None) -> None:
        self._open.discard(self)
        self._closed.set()
        controller, self._controller = self._controller, None
        if controller is None:
            return
        controller.set_packet_sink(None)
        for connection in list(controller.le_connections.values()):
            connection.send_ll_control_pdu(
                ll.TerminateInd(hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR)
            )
        self._link.remove_controller(controller)
        log.info("adapter returned")

    async def give_back(self) -> None:
        """End the connection and wait until the adapter is off the link."""
        if self._transport is not None:
            self._transport.close()
            await self._closed.wait()


class HciServer:
    """A loopback TCP server that lends adapters."""

    def __init__(self, server: asyncio.Server, borrowers: "set[_Borrower]") -> None:
        self._server = server
        self._borrowers = borrowers

    @classmethod
    async def listen(cls, link: LocalLink, *, port: int = 0) -> "HciServer":
        """Listen on 127.0.0.1; port 0 takes a free one."""
        borrowers: set[_Borrower] = set()
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Borrower(link, borrowers), "127.0.0.1", port)
        return cls(server, borrowers)

    @property
    def transport(self) -> str:
        """Return what `Hub.open` takes."""
        return f"tcp-client:127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        """Stop listening and take every adapter back."""
        self._server.close()
        for borrower in list(self._borrowers):
            await borrower.give_back()
        await self._server.wait_closed()
