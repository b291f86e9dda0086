"""The cyclic checksums of eight bits that end the frames of several families. Pure.

Named as the catalogue of parametrised CRC algorithms names them; both start at 0 and are not
inverted at the end. The check value of each is its checksum of the nine digits "123456789".
"""

from typing import Final


def _table(feed: int, top: int) -> bytes:
    """Return the checksum of every single byte; `top` is the bit that leaves the register."""
    return bytes(_eight_steps(octet, feed, top) for octet in range(256))


def _eight_steps(register: int, feed: int, top: int) -> int:
    for _ in range(8):
        carry = register & top
        register = register << 1 & 0xFF if top == 0x80 else register >> 1
        if carry:
            register ^= feed
    return register


_SMBUS: Final = _table(0x07, 0x80)
_MAXIM: Final = _table(0x8C, 0x01)


def crc8_smbus(data: bytes) -> int:
    """Return CRC-8/SMBUS: polynomial 07, highest bit first; check value F4."""
    register = 0
    for octet in data:
        register = _SMBUS[register ^ octet]
    return register


def crc8_maxim(data: bytes) -> int:
    """Return CRC-8/MAXIM-DOW: polynomial 31, lowest bit first; check value A1."""
    register = 0
    for octet in data:
        register = _MAXIM[register ^ octet]
    return register
