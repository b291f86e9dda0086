"""docs/devices.md says of every driver what it reads, and names what nobody can read."""

from pathlib import Path

from devices.drivers import DRIVERS
from devices.drivers.catalogue import CATALOGUE, read_table, unread_table
from devices.drivers.unreadable import UNREADABLE

PAGE = (Path(__file__).parents[3] / "docs" / "devices.md").read_text(encoding="utf-8")


def test_every_driver_stands_in_the_catalogue_in_the_order_of_the_registry() -> None:
    assert [entry.driver for entry in CATALOGUE] == list(DRIVERS)


def test_the_page_holds_the_tables_as_they_are_generated() -> None:
    assert read_table() in PAGE
    assert unread_table() in PAGE
    assert all(known.device in PAGE for known in UNREADABLE)


def test_no_two_drivers_have_the_same_name() -> None:
    names = [driver.name for driver in DRIVERS]
    assert len(set(names)) == len(names)
