"""The errors of bluetoothd, by the names and in the words that its clients look for.

Source: BlueZ 5.66, doc/*-api.txt, and what bleak 3.1 and Chromium compare with.
"""

from typing import Final

from bleak.exc import BleakGATTProtocolErrorCode as Att

ABORTED_BY_LOCAL: Final = "le-connection-abort-by-local"
CANCELLED: Final = "br-connection-canceled"
"""BlueZ says so of LE connections too."""
NOT_CONNECTED: Final = "Not connected"


class BluezError(Exception):
    """An error that a client is answered with; `kind` follows `org.bluez.Error.`."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.name = f"org.bluez.Error.{kind}"
        self.text = text


def failed(text: str) -> BluezError:
    """Return the error for whatever went wrong on the air."""
    return BluezError("Failed", text)


def not_ready() -> BluezError:
    """Return the error of an adapter that is switched off."""
    return BluezError("NotReady", "Resource Not Ready")


def in_progress() -> BluezError:
    """Return the error for asking again before the first answer."""
    return BluezError("InProgress", "In Progress")


def already_exists() -> BluezError:
    """Return the error for pairing what is paired."""
    return BluezError("AlreadyExists", "Already Exists")


def does_not_exist() -> BluezError:
    """Return the error for naming what is not there."""
    return BluezError("DoesNotExist", "Does Not Exist")


def not_supported() -> BluezError:
    """Return the error for what this object cannot do."""
    return BluezError("NotSupported", "Operation is not supported")


def not_permitted(text: str) -> BluezError:
    """Return the error for what the device forbids."""
    return BluezError("NotPermitted", text)


def invalid_arguments(text: str = "Invalid arguments in method call") -> BluezError:
    """Return the error for arguments that cannot be."""
    return BluezError("InvalidArguments", text)


def of_att(code: int) -> BluezError:
    """Return the error that BlueZ makes of an ATT error (Core Vol 3 F, 3.4.1.1)."""
    match code:
        case Att.READ_NOT_PERMITTED:
            return not_permitted("Read not permitted")
        case Att.WRITE_NOT_PERMITTED:
            return not_permitted("Write not permitted")
        case (
            Att.INSUFFICIENT_AUTHENTICATION
            | Att.INSUFFICIENT_ENCRYPTION
            | Att.INSUFFICIENT_ENCRYPTION_KEY_SIZE
        ):
            return not_permitted("Not paired")
        case Att.INVALID_OFFSET:
            return invalid_arguments("Invalid offset")
        case Att.INVALID_ATTRIBUTE_VALUE_LENGTH:
            return invalid_arguments("Invalid Length")
        case Att.INSUFFICIENT_AUTHORIZATION:
            return BluezError("NotAuthorized", "Operation Not Authorized")
        case Att.REQUEST_NOT_SUPPORTED:
            return not_supported()
        case Att.CCCD_IMPROPERLY_CONFIGURED:
            return BluezError("ImproperlyConfigured", "CCCD improperly configured")
    return failed(f"Operation failed with ATT error: 0x{code:02x}")
