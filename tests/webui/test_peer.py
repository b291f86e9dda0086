"""Who called: the connection's own word, and a proxy's only where the operator trusts it."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webui.peer import Peer, peer

OURS = [ip_network("127.0.0.1/32"), ip_network("10.0.0.0/24"), ip_network("fd00::/64")]


def seen(
    remote: str,
    *said: str,
    proto: tuple[str, ...] = (),
    is_https: bool = False,
) -> Peer:
    return peer(remote, is_https=is_https, forwarded_for=said, forwarded_proto=proto, trusted=OURS)


@pytest.mark.asvs("4.1.3", "15.3.4")
@pytest.mark.parametrize("remote", ["10.0.1.1", "203.0.113.9", "2001:db8::1", "127.0.0.2"])
def test_a_stranger_is_not_believed(remote: str) -> None:
    assert seen(remote, "198.51.100.1", proto=("https",)) == Peer(remote, False)


@pytest.mark.asvs("15.3.4")
@pytest.mark.parametrize("remote", ["127.0.0.1", "10.0.0.0", "10.0.0.255", "fd00::7"])
def test_a_trusted_proxy_is_believed(remote: str) -> None:
    assert seen(remote, "198.51.100.1", proto=("https",)) == Peer("198.51.100.1", True)


@pytest.mark.asvs("4.1.3")
@pytest.mark.parametrize(
    ("said", "address"),
    [
        ((), "127.0.0.1"),
        (("198.51.100.1",), "198.51.100.1"),
        (("192.0.2.66, 198.51.100.1",), "198.51.100.1"),
        (("192.0.2.66", "198.51.100.1"), "198.51.100.1"),
        (("192.0.2.66, 198.51.100.1, 10.0.0.5",), "198.51.100.1"),
        (("10.0.0.6, 10.0.0.5",), "10.0.0.6"),
        (("192.0.2.66, nonsense",), "127.0.0.1"),
        (("192.0.2.66, unknown, 10.0.0.5",), "10.0.0.5"),
        ((" , ,198.51.100.1,",), "198.51.100.1"),
        (("[2001:db8::1]",), "2001:db8::1"),
    ],
)
def test_the_list_is_read_from_its_end_as_far_as_it_is_trusted(
    said: tuple[str, ...], address: str
) -> None:
    assert seen("127.0.0.1", *said).address == address


def test_an_ipv4_address_mapped_into_ipv6_is_the_ipv4_address() -> None:
    assert seen("::ffff:127.0.0.1", "198.51.100.1").address == "198.51.100.1"
    assert seen("::ffff:203.0.113.9").address == "203.0.113.9"


@pytest.mark.parametrize(
    ("proto", "own", "is_https"),
    [
        ((), False, False),
        ((), True, True),
        (("https",), False, True),
        (("HTTPS",), False, True),
        (("http",), True, False),
        (("https, http",), False, False),
        (("http", "https"), False, True),
    ],
)
def test_the_last_proxys_word_says_how_it_was_called(
    proto: tuple[str, ...], own: bool, is_https: bool
) -> None:
    assert seen("127.0.0.1", proto=proto, is_https=own).is_https is is_https


def test_a_connection_of_its_own_over_tls_is_https() -> None:
    assert seen("203.0.113.9", proto=("http",), is_https=True).is_https


@pytest.mark.asvs("15.3.4")
@given(st.text(), st.lists(st.text()), st.lists(st.text()))
def test_whatever_stands_in_the_headers_a_peer_comes_out(
    remote: str, said: list[str], proto: list[str]
) -> None:
    found = peer(remote, is_https=False, forwarded_for=said, forwarded_proto=proto, trusted=OURS)
    assert found.address == remote or ip_address(found.address)
