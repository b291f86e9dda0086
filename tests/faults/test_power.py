"""The power-cut checker itself: traces made by hand, each with one thing wrong."""

import pytest

from tests.faults.power import Disk, SentAck, acks, acks_before_their_sync
from tests.faults.trace import Call, calls

WAL = "/d/db-wal"


def shown(text: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in text.encode())


def write(text: str, *, at: int = 0, end: str = "") -> str:
    call = f'pwrite64(4<{shown(WAL)}>, "{shown(text)}", {len(text)}, {at}'
    return f"7 {call}{end}" if end else f"7 {call}) = {len(text)}"


def ack(seq: int) -> str:
    words = shown(f'\x01&{{"type":"ack","stream":"live","seq":{seq}}}')
    return f'5 write(9<TCP:[127.0.0.1:80->127.0.0.1:4242]>, "{words}", 40) = 40'


OPENED = f'7 openat(AT_FDCWD<{shown("/")}>, "{shown(WAL)}", O_RDWR|O_CREAT, 0644) = 4<{shown(WAL)}>'
SYNC = f"7 fdatasync(4<{shown(WAL)}>) = 0"
FOLDER = f"7 fdatasync(6<{shown('/d')}>) = 0"
SYNC_BEGINS = f"8 fdatasync(4<{shown(WAL)}> <unfinished ...>"
SYNC_ENDS = "8 <... fdatasync resumed>) = 0"
RECORD = '"record":"r1"'


def trace(*lines: str) -> list[Call]:
    return list(calls(f"{line}\n" for line in lines))


def too_early(*lines: str) -> list[str]:
    run = trace(*lines)
    return acks_before_their_sync(run, WAL, {found: ["r1"] for found in acks(run)})


def durable(*lines: str) -> bytes | None:
    disk = Disk({}, [WAL])
    for _ in disk.after(trace(*lines)):
        pass
    return disk.contents().get(WAL)


def test_a_call_that_another_thread_came_between_is_one_call() -> None:
    lines = [write("abc", at=8, end=" <unfinished ...>"), ack(1), "7 <... pwrite64 resumed>) = 3"]
    found = {call.name: call for call in trace(*lines)}
    assert found["pwrite64"] == Call(1, 3, "pwrite64", WAL, b"abc", ", , 3, 8", 3)
    assert (found["write"].began, found["write"].target) == (2, "4242")


def test_a_call_in_which_the_process_died_has_no_result() -> None:
    [call] = trace(write("abc", end=" <unfinished ...>"))
    assert (call.data, call.result) == (b"abc", None)


def test_acks_are_found_with_stream_and_number() -> None:
    assert acks(trace(ack(17))) == [SentAck(1, 4242, "live", 17)]


def test_write_sync_ack_is_in_order() -> None:
    assert too_early(write(RECORD), SYNC, ack(1)) == []


@pytest.mark.parametrize(
    "lines",
    [
        (write(RECORD), ack(1), SYNC),
        (SYNC, write(RECORD), ack(1)),
        (ack(1),),
        (SYNC_BEGINS, write(RECORD), SYNC_ENDS, ack(1)),
        (write(RECORD), SYNC_BEGINS, ack(1), SYNC_ENDS),
        (write(RECORD), SYNC.replace("= 0", "= -1 EIO"), ack(1)),
    ],
    ids=["sync after ack", "no sync after write", "no write", "sync began before the write ended",
         "sync not ended", "sync failed"],
)  # fmt: skip
def test_anything_else_is_too_early(lines: tuple[str, ...]) -> None:
    assert too_early(*lines) == ["r1"]


def test_a_synced_write_in_a_synced_folder_is_durable() -> None:
    assert durable(OPENED, write("abc", at=2), SYNC, FOLDER) == b"\0\0abc"


def test_a_write_after_the_sync_began_is_not_durable() -> None:
    assert durable(OPENED, write("ab"), SYNC_BEGINS, write("cd"), SYNC_ENDS, FOLDER) == b"ab"


def test_a_new_file_in_a_folder_that_was_never_synced_is_not_there() -> None:
    assert durable(OPENED, write("abc"), SYNC) is None


def test_a_file_that_was_cut_short_and_synced_is_short() -> None:
    cut = f"7 ftruncate(4<{shown(WAL)}>, 1) = 0"
    assert durable(OPENED, write("abc"), SYNC, FOLDER, cut) == b"abc"
    assert durable(OPENED, write("abc"), SYNC, FOLDER, cut, SYNC) == b"a"
