"""`telehealth-gateway pair`: bonds with one device that talks to bonded peers only."""

from bleak import BleakClient, BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakError

from devices.radio import Backends, device_id
from protocols.errors import TelehealthError


class PairingError(TelehealthError):
    """The device was not heard, or would not bond."""


async def pair(
    wanted: str, *, seconds: float, adapter: str = "", backends: Backends | None = None
) -> None:
    """Find a device by its id or address and bond with it; the keys stay in the system.

    Raises:
        PairingError: not heard in time, or refused.
    """
    backends = backends or Backends()
    arguments = dict(backends.arguments or {})
    scanning = arguments | ({"backend": backends.scanner} if backends.scanner else {})
    connecting = arguments | ({"backend": backends.client} if backends.client else {})
    if adapter:
        scanning["bluez"] = {"adapter": adapter}
    names = {wanted.lower(), device_id(wanted)}

    def is_wanted(device: BLEDevice, _: AdvertisementData) -> bool:
        return device_id(device.address) in names or device.address.lower() in names

    try:
        device = await BleakScanner.find_device_by_filter(is_wanted, seconds, **scanning)
        if device is None:
            raise PairingError(f"{wanted} was not heard in {seconds:.0f} s: is it switched on?")
        async with BleakClient(device, pair=True, **connecting):
            return
    except (BleakError, OSError, EOFError, TimeoutError) as error:
        raise PairingError(f"{wanted} would not bond: {type(error).__name__}: {error}") from error
