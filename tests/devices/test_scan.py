"""What `scan` shows of the air, also when a stranger fills it."""

from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from rich.console import Console

from devices.scan import LONGEST_NAME, MOST_SHOWN, Air, FoundDevice, printable
from devices.scan_table import plain, table
from protocols.gatt import plx


def advertised(
    air: Air, number: int, name: str, *, services: list[str] | None = None, rssi: int = -60
) -> None:
    address = f"F0:F0:00:00:{number >> 8:02X}:{number & 0xFF:02X}"
    data = AdvertisementData(name, {}, {}, services or [], None, rssi, ())
    air.hear(BLEDevice(address, name, None), data)


def test_what_can_be_read_comes_first_then_what_we_can_say_something_about() -> None:
    air = Air()
    advertised(air, 1, "A lamp", rssi=-30)
    advertised(air, 2, "MightySat 1234", rssi=-80)
    advertised(air, 3, "SimPLX-003", services=[plx.SERVICE_UUID], rssi=-90)
    assert [found.name for found in air.found()] == ["SimPLX-003", "MightySat 1234", "A lamp"]
    first, second, third = air.found()
    assert (first.driver, first.why_not) == ("plx", "")
    assert "not open" in second.why_not
    assert (third.driver, third.why_not) == ("", "")


def test_one_that_offers_the_standard_service_is_read_whatever_its_name() -> None:
    air = Air()
    advertised(air, 1, "MightySat 1234", services=[plx.SERVICE_UUID])
    assert air.found()[0].driver == "plx"


def test_a_device_is_shown_once_as_it_was_heard_last() -> None:
    air = Air()
    advertised(air, 1, "old", rssi=-90)
    advertised(air, 1, "new", rssi=-40)
    [found] = air.found()
    assert (found.name, found.rssi_dbm) == ("new", -40)


def test_a_crowd_of_strangers_does_not_hide_what_can_be_read() -> None:
    air = Air()
    advertised(air, 0xFFFF, "SimPLX", services=[plx.SERVICE_UUID], rssi=-99)
    for number in range(500):
        advertised(air, number, f"stranger {number}", rssi=-30)
    found = air.found()
    assert len(found) == MOST_SHOWN
    assert found[0].driver == "plx"


def test_a_strangers_name_cannot_harm_a_terminal() -> None:
    assert printable("ok\x1b[2J\x07\n") == "ok�[2J��"
    assert printable("x" * LONGEST_NAME) == "x" * LONGEST_NAME
    assert printable("x" * (LONGEST_NAME + 1)) == "x" * (LONGEST_NAME - 1) + "…"


def test_the_table_takes_a_name_for_words_and_not_for_markup() -> None:
    found = FoundDevice(device_id="ox-1", name="[red]x[/red]", rssi_dbm=-50, driver="plx")
    console = Console(width=100, force_terminal=False)
    with console.capture() as shown:
        console.print(table([found]))
    assert "[red]x[/red]" in shown.get()
    assert "-50 dBm" in shown.get()


def test_plain_lines_say_what_reads_a_device_or_why_nobody_does() -> None:
    lines = list(
        plain(
            [
                FoundDevice(device_id="ox-1", name="a", rssi_dbm=-50, driver="plx"),
                FoundDevice(device_id="ox-2", name="", rssi_dbm=-50, why_not="not open"),
                FoundDevice(device_id="ox-3", name="c", rssi_dbm=-50),
            ]
        )
    )
    assert lines == [
        "ox-1  -50 dBm  a  plx",
        "ox-2  -50 dBm  -  cannot be read: not open",
        "ox-3  -50 dBm  c  unknown",
    ]
