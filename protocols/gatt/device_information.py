"""Device Information Service (0x180A), DIS 1.2: who made the device, and which one it is.

Each characteristic is one UTF-8 string. Deviation: DIS forbids a terminator, yet cheap modules
send C strings, some with leftovers behind the NUL; the text ends at the first NUL and loses white
space at both ends. What remains must be printable, because it is shown and logged.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from protocols.errors import DecodeError

SERVICE_UUID: Final = "0000180a-0000-1000-8000-00805f9b34fb"
MANUFACTURER_NAME_UUID: Final = "00002a29-0000-1000-8000-00805f9b34fb"
MODEL_NUMBER_UUID: Final = "00002a24-0000-1000-8000-00805f9b34fb"
SERIAL_NUMBER_UUID: Final = "00002a25-0000-1000-8000-00805f9b34fb"
FIRMWARE_REVISION_UUID: Final = "00002a26-0000-1000-8000-00805f9b34fb"

MAX_OCTETS: Final = 512
"""The longest attribute value (Core Specification, Vol 3, Part F, 3.2.9)."""


def decode_text(data: bytes) -> str | None:
    """Return one of the service's strings (DIS 1.2, characteristics of type utf8s).

    Returns:
        The text; `None` when nothing is left of it: the device does not say.

    Raises:
        DecodeError: longer than 512 octets, not UTF-8, or with characters that do not print.
    """
    if len(data) > MAX_OCTETS:
        raise DecodeError(f"device information needs at most {MAX_OCTETS} octets, got {len(data)}")
    try:
        text = bytes(data).split(b"\0", 1)[0].decode("utf-8").strip()
    except UnicodeDecodeError as error:
        raise DecodeError(f"device information is not UTF-8: {error}") from error
    if not text.isprintable():
        raise DecodeError(f"device information holds a control character: {text!a}")
    return text or None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceInformation:
    """The four strings that tell devices apart; `None`: not offered, or empty."""

    manufacturer_name: str | None = None
    model_number: str | None = None
    serial_number: str | None = None
    firmware_revision: str | None = None

    @classmethod
    def from_characteristics(cls, values: Mapping[str, bytes]) -> Self:
        """Decode what was read, by characteristic UUID; absent and unknown ones are left out.

        Raises:
            DecodeError: as `decode_text`, for any of the four.
        """
        found = {
            field: decode_text(values[uuid]) for uuid, field in FIELDS.items() if uuid in values
        }
        return cls(**found)

    def to_characteristics(self) -> dict[str, bytes]:
        """Return the octets of every string that is there, by characteristic UUID."""
        texts = {uuid: getattr(self, field) for uuid, field in FIELDS.items()}
        return {uuid: text.encode() for uuid, text in texts.items() if text is not None}


FIELDS: Final[Mapping[str, str]] = {
    MANUFACTURER_NAME_UUID: "manufacturer_name",
    MODEL_NUMBER_UUID: "model_number",
    SERIAL_NUMBER_UUID: "serial_number",
    FIRMWARE_REVISION_UUID: "firmware_revision",
}
"""Which characteristic fills which field of `DeviceInformation`."""
