"""What the gateway shows of itself: what it knows, never what the stack claims."""

import http.client
import json
import urllib.request

import pytest

from devices.ear import LastHeard
from devices.measurement import Measurement
from devices.page import Page, PageError, render
from devices.snapshot import SILENT_MS, WORDS, DeviceShown, DeviceState, Snapshot, show
from protocols.reading import Quality

NOW_MS = 1_000_000


def shown(
    *,
    quality: Quality = Quality.GOOD,
    age_ms: int | None = 0,
    connected: bool = True,
    heard: tuple[int, int] | None = (-60, 0),
    measured: bool = True,
) -> DeviceShown:
    last = LastHeard(at_ms=0 if age_ms is None else NOW_MS - age_ms)
    if measured:
        last.measurement = Measurement(spo2_percent=96.0, pulse_per_min=70.0, quality=quality)
    return show("ox-1", driver="plx", last=last, connected=connected, heard=heard, now_ms=NOW_MS)


@pytest.mark.parametrize(
    ("quality", "state"),
    [
        (Quality.GOOD, DeviceState.MEASURING),
        (Quality.FINGER_OFF | Quality.MOTION, DeviceState.FINGER_OFF),
        (Quality.SEARCHING, DeviceState.SEARCHING),
        (Quality.CALIBRATING, DeviceState.SEARCHING),
        (Quality.MOTION, DeviceState.UNSURE),
        (Quality.LOW_PERFUSION, DeviceState.UNSURE),
        (Quality.FROM_STORAGE, DeviceState.MEASURING),
    ],
)
def test_a_live_stream_is_shown_as_its_last_value_says(
    quality: Quality, state: DeviceState
) -> None:
    assert shown(quality=quality).state is state


@pytest.mark.parametrize(
    ("age_ms", "state", "value"),
    [(SILENT_MS, DeviceState.MEASURING, 96.0), (SILENT_MS + 1, DeviceState.SILENT, None)],
)
def test_a_connected_device_that_says_nothing_is_silent_and_has_no_value(
    age_ms: int, state: DeviceState, value: float | None
) -> None:
    one = shown(age_ms=age_ms)
    assert (one.state, one.spo2_percent) == (state, value)


def test_a_device_without_a_word_yet_is_connected_and_no_more() -> None:
    one = shown(age_ms=None, measured=False)
    assert (one.state, one.heard_s_ago) == (DeviceState.CONNECTED, None)


@pytest.mark.parametrize(
    ("heard", "state"),
    [
        (None, DeviceState.AWAY),
        ((-60, 0), DeviceState.WAITING),
        ((-60, 1), DeviceState.CANNOT_CONNECT),
    ],
)
def test_without_a_link_it_says_why(heard: tuple[int, int] | None, state: DeviceState) -> None:
    one = shown(connected=False, heard=heard)
    assert (one.state, one.spo2_percent, one.quality) == (state, None, ())


def test_every_state_has_its_words() -> None:
    assert set(WORDS) == set(DeviceState)


def snapshot(*, connected: bool = True, prompts: tuple[str, ...] = ()) -> Snapshot:
    return Snapshot(
        gateway_id="gw-<1>",
        server="https://example.org",
        connected_to_server=connected,
        last_contact_s_ago=125,
        prompts=prompts,
        devices=(shown(),),
    )


def test_the_page_says_the_state_in_words_and_escapes_what_it_was_given() -> None:
    page = render(snapshot(prompts=("Xin đo lại <ngay>",))).decode()
    for words in ("Đang đo", "SpO₂ 96 %", "Mạch 70", "gw-&lt;1&gt;", "Xin đo lại &lt;ngay&gt;"):
        assert words in page
    assert "đã kết nối máy chủ" in page
    assert "lần cuối 2 phút trước" in render(snapshot(connected=False)).decode()


def test_the_page_is_served_on_loopback_to_its_own_name_alone() -> None:
    with Page(0, snapshot) as page:
        assert page.address.startswith("http://127.0.0.1:")
        with urllib.request.urlopen(page.address, timeout=5) as answer:  # noqa: S310
            assert "Đang đo" in answer.read().decode()
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        with urllib.request.urlopen(f"{page.address}status.json", timeout=5) as answer:  # noqa: S310
            assert json.load(answer)["devices"][0]["state"] == "measuring"
        port = int(page.address.rsplit(":", 1)[1].strip("/"))
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        for path, host, status in (
            ("/", "evil.example", 421), ("/other", f"127.0.0.1:{port}", 404),
        ):  # fmt: skip
            connection.request("GET", path, headers={"Host": host})
            answered = connection.getresponse()
            answered.read()
            assert answered.status == status
        connection.close()
        with pytest.raises(PageError, match="port"):
            Page(port, snapshot)
