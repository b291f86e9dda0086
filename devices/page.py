"""The gateway's own page, on this machine alone: how it and its devices stand, in plain words.

A thread of its own serves it from the last snapshot; it can change nothing, and shows no name.
"""

import html
import json
import threading
from collections.abc import Callable
from dataclasses import asdict
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self

from devices.presence import Shown
from devices.snapshot import WORDS, DeviceShown, DeviceState, Snapshot
from protocols.errors import TelehealthError

HOST: Final = "127.0.0.1"
_SHAPES: Final = {DeviceState.MEASURING: "●", DeviceState.UNSURE: "▲", DeviceState.FINGER_OFF: "○"}
_STYLE: Final = (
    "body{font:1.25rem/1.5 system-ui,sans-serif;max-width:40rem;margin:1rem auto;padding:0 1rem;"
    "color:#16202a;background:#fff}h1{font-size:1.5rem}ul{list-style:none;padding:0}"
    "li{border:2px solid #5b6b7a;border-radius:.75rem;padding:1rem;margin:.75rem 0}"
    ".now{font-size:3rem;font-weight:700}.ask{background:#fff1c2;padding:1rem;border-radius:.75rem}"
    "small{color:#465564}"
)


class PageError(TelehealthError):
    """The page cannot be served: the port is taken."""


class Page:
    """Serves the page while the context is open.

    Args:
        port: on loopback; 0 takes a free one.
        snapshot: returns the present state; called from another thread.
    """

    def __init__(self, port: int, snapshot: Callable[[], Snapshot]) -> None:
        handler = type("Handler", (_Handler,), {"snapshot": staticmethod(snapshot)})
        try:
            self._server = ThreadingHTTPServer((HOST, port), handler)
        except OSError as error:
            raise PageError(f"status page: port {port}: {error.strerror}") from error
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="page", daemon=True)

    @property
    def port(self) -> int:
        """Return where it listens."""
        return self._server.server_port

    @property
    def address(self) -> str:
        """Return where it is."""
        return f"http://{HOST}:{self.port}/"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def ask(port: int) -> dict[str, Any] | None:
    """Return what a gateway on this machine shows; `None`: none runs, or it shows no page."""
    connection = HTTPConnection(HOST, port, timeout=2.0)
    try:
        connection.request("GET", "/status.json")
        shown: dict[str, Any] = json.load(connection.getresponse())
        return shown
    except (OSError, HTTPException, ValueError):
        return None
    finally:
        connection.close()


class _Handler(BaseHTTPRequestHandler):
    snapshot: Callable[[], Snapshot]

    def do_GET(self) -> None:
        """Answer the page, or the same as JSON; a page of another site gets nothing of it."""
        if self.headers.get("Host", "").rsplit(":", 1)[0] not in (HOST, "localhost"):
            self._answer(HTTPStatus.MISDIRECTED_REQUEST, "text/plain", b"")
        elif self.path == "/":
            self._answer(HTTPStatus.OK, "text/html; charset=utf-8", render(self.snapshot()))
        elif self.path == "/status.json":
            body = json.dumps(asdict(self.snapshot()), ensure_ascii=False).encode()
            self._answer(HTTPStatus.OK, "application/json", body)
        else:
            self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"")

    def _answer(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header(
            "Content-Security-Policy",
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        )
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name
        """Say nothing: the log is for events."""


def render(shown: Snapshot) -> bytes:
    """Return the page."""
    contact = "đã kết nối máy chủ" if shown.connected_to_server else "chưa kết nối máy chủ"
    english = "connected to the server" if shown.connected_to_server else "no connection"
    if not shown.connected_to_server and shown.last_contact_s_ago is not None:
        minutes = shown.last_contact_s_ago // 60
        contact += f", lần cuối {minutes} phút trước"
        english += f", last {minutes} min ago"
    asked = "".join(f'<p class="ask" role="alert">{html.escape(p)}</p>' for p in shown.prompts)
    devices = "".join(_device(device) for device in shown.devices)
    devices += "".join(_beacon(beacon) for beacon in shown.beacons)
    nothing = "<p>Chưa thấy máy đo nào. <small>No device heard yet.</small></p>"
    page = (
        '<!doctype html><html lang="vi"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><meta http-equiv="refresh" content="5">'
        f"<title>Cổng đo tại nhà</title><style>{_STYLE}</style></head><body><main>"
        f"<h1>Cổng đo tại nhà {html.escape(shown.gateway_id)}</h1>{asked}"
        f'<p role="status">{contact} <small lang="en">({english})</small></p>'
        f"<ul>{devices}</ul>{'' if devices else nothing}"
        "<p><small>Không phải thiết bị báo động. Khó thở, tím tái: gọi 115. "
        '<span lang="en">Not an alarm: in an emergency call 115.</span></small></p>'
        "</main></body></html>"
    )
    return page.encode()


def _beacon(beacon: Shown) -> str:
    there = "○ Chưa thấy" if beacon.heard_s_ago is None else "● Vòng/thẻ"
    english = "not heard yet" if beacon.heard_s_ago is None else "beacon"
    age = "" if beacon.heard_s_ago is None else f" · {beacon.heard_s_ago} giây trước"
    loud = "" if beacon.rssi_dbm is None else f" · {beacon.rssi_dbm} dBm"
    strap = ""
    if beacon.is_open is not None:
        strap = " · ▲ dây mở (strap open)" if beacon.is_open else " · dây đóng (strap closed)"
    return (
        f"<li><strong>{there}</strong> <small lang='en'>({english})</small>"
        f"<div><small>{html.escape(beacon.device_id)}{age}{loud}{strap}</small></div></li>"
    )


def _device(device: DeviceShown) -> str:
    vietnamese, english = WORDS[device.state]
    shape = _SHAPES.get(device.state, "■")
    values = ""
    if device.spo2_percent is not None:
        values += f'<div class="now">SpO₂ {device.spo2_percent:.0f} %</div>'
    if device.pulse_per_min is not None:
        values += f'<div class="now">Mạch {device.pulse_per_min:.0f}</div>'
    battery = ""
    if device.battery_percent is not None:
        battery = f" · pin {device.battery_percent} %"
    if device.battery_low:
        battery += " · pin yếu <small lang='en'>(battery low)</small>"
    age = "" if device.heard_s_ago is None else f" · {device.heard_s_ago} giây trước"
    return (
        f"<li><strong>{shape} {vietnamese}</strong> <small lang='en'>({english})</small>{values}"
        f"<div><small>{html.escape(device.device_id)} · {html.escape(device.driver)}"
        f"{age}{battery}</small></div></li>"
    )
