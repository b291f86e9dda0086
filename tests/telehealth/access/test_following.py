"""A socket follows its session to a new token, and hears when the session is over."""

import asyncio

import pytest

from telehealth.access.following import renewal, renewed_as, until_over
from telehealth.access.sessions import session_topic
from telehealth.bus import Bus

OLD, NEW, NEWER = b"\x01" * 32, b"\x02" * 32, b"\x03" * 32
ENDED = {"kind": "ended"}


async def say(bus: Bus, session_hash: bytes, message: dict[str, str]) -> None:
    bus.publish(session_topic(session_hash), message)
    await asyncio.sleep(0)


@pytest.mark.parametrize("message", [ENDED, {"kind": "role"}, {}])
def test_only_a_renewal_names_another_session(message: dict[str, str]) -> None:
    assert renewed_as(message) is None
    assert renewed_as(renewal(NEW)) == NEW


async def test_the_end_is_heard_under_whatever_token_the_session_has_then() -> None:
    bus, heard = Bus(), list[str]()
    until_over(bus, OLD, lambda: heard.append("over"))
    await say(bus, OLD, renewal(NEW))
    await say(bus, NEW, renewal(NEWER))
    await say(bus, OLD, ENDED)
    await say(bus, NEW, ENDED)
    assert heard == []
    await say(bus, NEWER, ENDED)
    assert heard == ["over"]


async def test_who_no_longer_listens_hears_nothing_and_leaves_nothing_behind() -> None:
    bus, heard = Bus(), list[str]()
    stop = until_over(bus, OLD, lambda: heard.append("over"))
    await say(bus, OLD, renewal(NEW))
    bus.publish(session_topic(NEW), ENDED)
    stop()
    await asyncio.sleep(0)
    assert heard == []
    assert not bus.wanted(session_topic(OLD))
    assert not bus.wanted(session_topic(NEW))
