"""A live table of what is in the air, for a terminal; plain lines for anything else."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.live import Live
from rich.table import Table
from rich.text import Text

from devices.scan import FoundDevice


def _reads(device: FoundDevice) -> str:
    if device.driver or not (device.why_not or device.beacon):
        return device.driver or "unknown"
    return f"cannot be read: {device.why_not}" if device.why_not else f"beacon {device.beacon}"


def table(found: Sequence[FoundDevice]) -> Table:
    """Return the table; names are a stranger's words and never markup."""
    shown = Table("device", "name", "signal", "read by")
    for device in found:
        style = "bold" if device.driver else "dim"
        shown.add_row(
            device.device_id,
            Text(device.name or "–"),
            f"{device.rssi_dbm} dBm",
            Text(_reads(device)),
            style=style,
        )
    return shown


@contextmanager
def live() -> Iterator[Callable[[Sequence[FoundDevice]], None]]:
    """Yield what shows the devices found so far."""
    with Live(table(()), auto_refresh=False) as shown:
        yield lambda found: shown.update(table(found), refresh=True)


def plain(found: Sequence[FoundDevice]) -> Iterator[str]:
    """Yield one line a device."""
    for device in found:
        name = device.name or "-"
        yield f"{device.device_id}  {device.rssi_dbm} dBm  {name}  {_reads(device)}"
