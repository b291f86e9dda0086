"""A ward of virtual patients, read over (virtual) Bluetooth by the gateway's real code.

    wearings = [
        Wearing(number=1, patient=VirtualPatient(seed=1)),
        Wearing(number=2, patient=VirtualPatient(seed=2, scenario=SILENT_DESATURATION)),
    ]
    async with VirtualWard(wearings) as ward:
        scanner = BleakScanner(heard, backend=ward.scanner_backend, **ward.backend_arguments)
        client = BleakClient(device, backend=ward.client_backend, **ward.backend_arguments)
        # bleak-retry-connector: establish_connection(BleakClientWithServiceCache, device, name,
        #     backend=ward.client_backend, **ward.backend_arguments)
        await ward["SimPLX-001"].drop_link()      # go_stale, recover, power_off, power_on, ...

Devices advertise their name and service 0x1822, measure once a second by the ward's clock, and
show physiology at `pace`: `VirtualWard(wearings, elapsed=clock, pace=Pace(60, begins=two_days))`
shows two days of history at 1x (load them with `physiology.history`) and from then on an hour a
minute. Importing this module is slow (Bumble): a server does it inside a function.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from types import TracebackType
from typing import Any, Final, Self

from bumble import hci, ll
from bumble.link import LocalLink

from devices.radio import Backends
from devices.simulator.bleak_bumble import BumbleClient, BumbleScanner
from devices.simulator.hci_server import HciServer
from devices.simulator.hub import Hub
from devices.simulator.peripheral import ADVERTISING_INTERVAL, PERIOD, VirtualDevice
from devices.simulator.physiology import Pace
from devices.simulator.profiles.plx import PlxProfile
from devices.simulator.profiles.profile import Profile
from devices.simulator.wearing import Wearing

REAL_PACE: Final = Pace()


class VirtualWard:
    """Virtual oximeters on one link, and the gateway's adapter to hear them; an async context.

    Args:
        wearings: who wears what; numbers must differ. A wearing is an oximeter of the standard; any
            other device is given as its `Profile`.
        elapsed: the clock, as the time since physiological time 0; by default the loop's time
            since the ward opened.
        pace: how physiological time follows from it.
        period: how often each device sends a continuous measurement.
        advertising_interval: how often a device that nobody is connected to advertises; the cost
            grows with the square of their number, so take 250 ms or more from 64 devices on.
    """

    scanner_backend: Final = BumbleScanner
    client_backend: Final = BumbleClient

    def __init__(
        self,
        wearings: Sequence[Wearing | Profile],
        *,
        elapsed: Callable[[], timedelta] | None = None,
        pace: Pace = REAL_PACE,
        period: timedelta = PERIOD,
        advertising_interval: timedelta = ADVERTISING_INTERVAL,
    ) -> None:
        self._profiles = [
            worn if isinstance(worn, Profile) else PlxProfile(worn) for worn in wearings
        ]
        if len({profile.wearing.number for profile in self._profiles}) < len(self._profiles):
            raise ValueError("two devices of a ward have the same number")
        self._elapsed = elapsed
        self._pace = pace
        self._period = period
        self._advertising_interval = advertising_interval
        self._open = AsyncExitStack()
        self._hub: Hub | None = None
        self._link: LocalLink | None = None
        self.oximeters: dict[str, VirtualDevice] = {}
        """The devices by advertised name, while the ward is open."""

    @property
    def backend_arguments(self) -> dict[str, Any]:
        """Return what goes beside `backend=` into BleakScanner and BleakClient."""
        if self._hub is None:
            raise RuntimeError("the ward is not open")
        return {"hub": self._hub}

    @property
    def backends(self) -> Backends:
        """Return what a `Gateway` takes to hear this ward."""
        return Backends(
            scanner=self.scanner_backend,
            client=self.client_backend,
            arguments=self.backend_arguments,
        )

    async def another_adapter(self, address: str) -> Hub:
        """Return one more adapter in the same air, until the ward closes."""
        if self._link is None:
            raise RuntimeError("the ward is not open")
        hub = await Hub.on_link(self._link, address)
        self._open.push_async_callback(hub.close)
        return hub

    def shout(self, address: str, data: bytes) -> None:
        """Let a stranger without manners advertise anything, once."""
        if self._link is None:
            raise RuntimeError("the ward is not open")
        for controller in self._link.controllers:
            controller.on_ll_advertising_pdu(ll.AdvInd(hci.Address(address), data))

    async def serve_hci(self, *, port: int = 0) -> str:
        """Lend an adapter to each TCP connection on loopback, until the ward closes.

        Returns:
            What another process gives to `Hub.open`, as `tcp-client:127.0.0.1:40123`; it then
            passes `hub=` that hub to `BumbleScanner` and `BumbleClient`.
        """
        if self._link is None:
            raise RuntimeError("the ward is not open")
        server = await HciServer.listen(self._link, port=port)
        self._open.push_async_callback(server.close)
        return server.transport

    def __getitem__(self, name: str) -> VirtualDevice:
        return self.oximeters[name]

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        opened_s = loop.time()
        elapsed = self._elapsed or (lambda: timedelta(seconds=loop.time() - opened_s))
        self._link = LocalLink()  # type: ignore[no-untyped-call]  # Bumble leaves it bare
        async with AsyncExitStack() as opening:
            for profile in self._profiles:
                device = VirtualDevice(
                    profile,
                    self._link,
                    elapsed=elapsed,
                    pace=self._pace,
                    period=self._period,
                    advertising_interval=self._advertising_interval,
                )
                opening.push_async_callback(device.stop)
                await device.start()
                self.oximeters[profile.wearing.name] = device
            self._hub = await Hub.on_link(self._link)
            opening.push_async_callback(self._hub.close)
            self._open = opening.pop_all()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._open.aclose()
        self._hub = self._link = None
        self.oximeters.clear()
