"""Whether a wristband's strap is open: a bit of its advertisement, which one is configured.

Isolation wristbands have no open standard; where a maker broadcasts the strap, it is one bit or
value somewhere. A rule says where: of which company or service, after which beginning, at which
octet, under which mask, and what it shows when the strap is open.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from protocols.beacons import ibeacon, minew


class Strap(Enum):
    """What the advertisement says of the strap."""

    CLOSED = "closed"
    OPEN = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class TamperRule:
    """Where the strap is told.

    Either `company` (manufacturer data) or `service` (service data, 128-bit UUID in lower case);
    `beginning` is what the data must begin with, hexadecimal.
    """

    name: str
    company: int | None = None
    service: str = ""
    beginning: str = ""
    offset: int
    mask: int = 0xFF
    open_value: int

    def __post_init__(self) -> None:
        if (self.company is None) == (not self.service):
            raise ValueError(f"tamper rule {self.name}: needs a company or a service, not both")
        if not 0 < self.mask <= 0xFF or self.open_value & ~self.mask or self.offset < 0:
            raise ValueError(f"tamper rule {self.name}: offset, mask and value do not fit")
        bytes.fromhex(self.beginning)

    def strap(
        self, manufacturer_data: Mapping[int, bytes], service_data: Mapping[str, bytes]
    ) -> Strap | None:
        """Return what an advertisement says of the strap; `None`: nothing."""
        data = service_data.get(self.service, b"")
        if self.company is not None:
            data = manufacturer_data.get(self.company, b"")
        if len(data) <= self.offset or not data.startswith(bytes.fromhex(self.beginning)):
            return None
        shown = data[self.offset] & self.mask
        return Strap.OPEN if shown == self.open_value else Strap.CLOSED


IBEACON_MAJOR: Final = TamperRule(
    name="ibeacon-major", company=ibeacon.COMPANY, beginning="0215", offset=18, mask=0x80,
    open_value=0x80,
)  # fmt: skip
"""The highest bit of the major number, as some makers of iBeacon straps use it."""
MINEW_VIBRATION: Final = TamperRule(
    name="minew-vibration", service=minew.SERVICE_UUID, beginning="a118", offset=3, open_value=1
)
"""A Minew vibration frame taken for a strap; the maker's own tamper layout is not public."""
PRESETS: Final = {rule.name: rule for rule in (IBEACON_MAJOR, MINEW_VIBRATION)}
