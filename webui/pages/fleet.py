"""The administrator's gateways, devices and loans: nothing here shows a vital sign."""

import io
from dataclasses import dataclass

import segno
from aiohttp import web
from markupsafe import Markup

from telehealth import gateways, loans
from telehealth.store.database import Reader
from webui.forms import fields
from webui.keys import LIVE, PAGES, SERVICES, now_ms, signed_in


@dataclass(frozen=True, slots=True)
class Counts:
    """How many of each, for the overview."""

    gateways_online: int
    gateways_silent: int
    devices_lent: int
    devices: int
    accounts: int
    open_pages: int


async def overview(request: web.Request) -> web.Response:
    """Show how the parts stand."""
    now = now_ms(request)

    def look(reader: Reader) -> Counts:
        states = [gateway.state(now) for gateway in gateways.shown(reader)]
        devices = loans.devices(reader, now)
        accounts = reader.rows("SELECT count(*) FROM account WHERE disabled_ms IS NULL")
        return Counts(
            states.count("online"),
            states.count("silent") + states.count("never"),
            sum(device.loan_id is not None for device in devices),
            len(devices),
            int(accounts[0][0]),
            request.app[LIVE].viewers,
        )

    counts = await request.app[SERVICES].database.read(look)
    return request.app[PAGES].render(
        request, "admin.html", signed_in=signed_in(request), now_ms=now, counts=counts
    )


async def gateways_page(request: web.Request) -> web.Response:
    """List the gateways with their state."""
    return await _gateways(request, code=None)


async def _gateways(request: web.Request, code: str | None) -> web.Response:
    shown = await request.app[SERVICES].database.read(gateways.shown)
    return request.app[PAGES].render(
        request,
        "gateways.html",
        signed_in=signed_in(request),
        now_ms=now_ms(request),
        gateways=shown,
        code=code,
        qr=None if code is None else qr_svg(enrolment_link(request, code)),
        code_minutes=gateways.ENROLMENT_MS // 60_000,
    )


def enrolment_link(request: web.Request, code: str) -> str:
    """Return what the QR code says: where the server is, and the one-use code."""
    settings = request.app[SERVICES].settings
    origin = settings.public_origin.rstrip("/") or f"{request.scheme}://{request.host}"
    return f"telehealth-enrol:{origin}#{code}"


def qr_svg(text: str) -> Markup:
    """Return a QR code as inline SVG (ISO/IEC 18004), without a style attribute."""
    out = io.BytesIO()
    segno.make(text, error="m").save(
        out, kind="svg", xmldecl=False, svgns=False, border=2, omitsize=True, svgclass=None,
        lineclass=None,
    )  # fmt: skip
    return Markup(out.getvalue().decode())  # noqa: S704 - drawn by segno, holds no text


async def new_enrolment(request: web.Request) -> web.Response:
    """Make a one-use code and show it, once."""
    who = signed_in(request)
    code = await request.app[SERVICES].database.write(
        lambda tx: gateways.new_enrolment(tx, who.account_id)
    )
    return await _gateways(request, code)


async def revoke(request: web.Request) -> web.Response:
    """Put a gateway out at once."""
    services, gateway_id = request.app[SERVICES], request.match_info["gateway_id"]
    await services.database.write(lambda tx: gateways.revoke(tx, gateway_id))
    services.bus.publish(gateways.gateway_topic(gateway_id), {"kind": "revoked"})
    raise web.HTTPSeeOther("/admin/gateways")


async def devices_page(request: web.Request) -> web.Response:
    """List the devices and their loans."""
    now = now_ms(request)

    def look(reader: Reader) -> tuple[list[loans.DeviceShown], list[loans.Borrower]]:
        return loans.devices(reader, now), loans.borrowers(reader, now)

    devices, borrowers = await request.app[SERVICES].database.read(look)
    return request.app[PAGES].render(
        request,
        "devices.html",
        signed_in=signed_in(request),
        now_ms=now,
        devices=devices,
        borrowers=borrowers,
    )


async def lend(request: web.Request) -> web.Response:
    """Lend a device to a person from now on."""
    who, form, services = signed_in(request), await fields(request), request.app[SERVICES]
    person_id = form.get("person_id", "")
    await services.database.write(
        lambda tx: loans.lend(tx, form.get("device_id", ""), person_id, who.account_id)
    )
    services.bus.publish(f"person:{person_id}", {"kind": "loan"})
    raise web.HTTPSeeOther("/admin/devices")


async def give_back(request: web.Request) -> web.Response:
    """End a loan now."""
    services, loan_id = request.app[SERVICES], request.match_info["loan_id"]
    person_id = await services.database.write(lambda tx: loans.give_back(tx, loan_id))
    services.bus.publish(f"person:{person_id}", {"kind": "loan"})
    raise web.HTTPSeeOther("/admin/devices")
