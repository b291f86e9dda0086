"""What the fuzzers begin with: the vectors, and a message of each kind."""

import json
from functools import cache
from pathlib import Path
from typing import Final

from protocols.uplink import Batch, Event, Gap, Sample, WireReading, encode
from tests.fuzz.targets import DECODERS, PARSERS

_VECTORS: Final = Path(__file__).parents[1] / "vectors"
_MODULES: Final = {"contec": "emay"}


@cache
def seeds(family: str) -> list[bytes]:
    """Return the seeds of a family."""
    match family:
        case "oximeters":
            return _streams()
        case "gatt":
            return _characteristics()
        case "messages":
            return _messages()
        case "beacons":
            return [bytes.fromhex(text) for text in _BEACONS]
        case "codes":
            return [text.encode() for text in _CODES]
        case _:
            return [raw.to_bytes(4, "little") for raw in (0, 0x7FF, 0xFF00016C, 0x800001, 0xF3E8)]


def _streams() -> list[bytes]:
    names = [parser.__module__.rpartition(".")[2] for parser in PARSERS]
    found = []
    for path in sorted((_VECTORS / "oximeters").glob("*.jsonl")):
        number = names.index(_MODULES.get(path.stem, path.stem))
        for line in path.read_text(encoding="utf-8").splitlines():
            stream = bytes.fromhex("".join(json.loads(line)["chunks"]))
            found.append(bytes((number, len(stream) % 24)) + stream)
    return found


def _characteristics() -> list[bytes]:
    lines = (_VECTORS / "gatt" / "plx.jsonl").read_text(encoding="utf-8").splitlines()
    values = [bytes.fromhex(json.loads(line)["data"]) for line in lines]
    values += [bytes.fromhex(text) for text in ("1648e203", "046c0100ff02", "050003", "57")]
    return [bytes((number,)) + value for number in range(len(DECODERS)) for value in values]


def _messages() -> list[bytes]:
    reading = WireReading(kind="spot", at=1_795_000_000_000, spo2_percent=97.5, record="r")
    batch = Batch(
        "live", 1, "ox-1", 1_795_000_000_000, samples=[Sample(0, 97.0, 72.0, 3.1, 4)],
        readings=[reading], events=[Event("battery", 1_795_000_000_000, 80.0)],
    )  # fmt: skip
    words = [encode(batch), encode(Gap("backlog", 3, "gone"))]
    words += [
        b'{"type":"done","id":"cm-1","outcome":"done"}',
        b'{"type":"command","id":"cm-1","kind":"measure","until":1795000000000}',
        b'{"type":"welcome","acked":{"live":1},"now":1795000000000}',
        b'{"seq":1,"person":"p","device":"ph:0b9f3c52-8d0e-4c1b-9a55-0f2a3b4c5d6e","readings":[]}',
        b'{"type":"offer","sdp":"v=0"}',
    ]
    return words


_BEACONS: Final = (
    "0215f7826da64fa24e988024bc5b71e0893e00070029c5",
    "00ee000102030405060708090a0b0c0d0e0f",
    "20000bb81580000000640000ffff",
    "a1036400100010ffffac233fa00001",
    "a10864ac233fa00001616263",
    "a1186401",
    "0102034800",
)
_CODES: Final = (
    "001095000001|010195000|Nguyễn Văn Thử|02031990|Nam|Xã Thử|01012022",
    "https://telehealth.example/enrol#AAAA-BBBB",
    "HS4010120000000|4e6775|02/03/1990|1",
)
