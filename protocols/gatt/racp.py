"""Record Access Control Point (0x2A52) as the Pulse Oximeter Service uses it (PLXS 1.0.1, 3.5).

A request is an op code and an operator; the device answers with the number of records, or with a
response code to an op code. Only "all records" is asked for: PLXS knows no other operator.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from protocols.errors import DecodeError

RACP_UUID: Final = "00002a52-0000-1000-8000-00805f9b34fb"

REPORT_ALL: Final = b"\x01\x01"
DELETE_ALL: Final = b"\x02\x01"
ABORT: Final = b"\x03\x00"
COUNT_ALL: Final = b"\x04\x01"

_NUMBER, _RESPONSE = 0x05, 0x06


class OpCode(IntEnum):
    """What can be asked."""

    REPORT = 1
    DELETE = 2
    ABORT = 3
    COUNT = 4


class ResponseCode(IntEnum):
    """How it ended (GATT Specification Supplement, RACP)."""

    SUCCESS = 1
    OP_CODE_NOT_SUPPORTED = 2
    INVALID_OPERATOR = 3
    OPERATOR_NOT_SUPPORTED = 4
    INVALID_OPERAND = 5
    NO_RECORDS_FOUND = 6
    ABORT_UNSUCCESSFUL = 7
    PROCEDURE_NOT_COMPLETED = 8
    OPERAND_NOT_SUPPORTED = 9


@dataclass(frozen=True, slots=True)
class NumberOfRecords:
    """So many records are in the device."""

    count: int

    def to_bytes(self) -> bytes:
        """Return the indication."""
        return bytes((_NUMBER, 0)) + self.count.to_bytes(2, "little")


@dataclass(frozen=True, slots=True)
class Response:
    """What became of a request; a code that is reserved keeps its number."""

    to: int
    code: int

    def to_bytes(self) -> bytes:
        """Return the indication."""
        return bytes((_RESPONSE, 0, self.to, self.code))


Answer = NumberOfRecords | Response


def decode_answer(data: bytes) -> Answer:
    """Read one indication of the device; octets after the known ones are ignored.

    Raises:
        DecodeError: too short, an operator other than null, or neither of the two answers.
    """
    if len(data) < 4 or data[0] not in (_NUMBER, _RESPONSE) or data[1] != 0:
        raise DecodeError(f"an answer of the RACP is 05 00 n n or 06 00 op code: {data[:8].hex()}")
    if data[0] == _NUMBER:
        return NumberOfRecords(int.from_bytes(data[2:4], "little"))
    return Response(data[2], data[3])
