"""The administrator's gateways, devices and loans: nothing here shows a vital sign."""

import io
from dataclasses import dataclass
from typing import Final

import segno
from aiohttp import web
from markupsafe import Markup

from protocols.qr.own import GatewayEnrolQr
from protocols.server_identity import join_code
from protocols.uplink import GatewayConfig
from telehealth import gateway_commands, gateways, identity, loans
from telehealth.access import accounts
from telehealth.access.policy import Action
from telehealth.access.scope import Scope
from telehealth.audit.actions import AuditAction
from telehealth.errors import KeysError, RefusedError
from telehealth.gateway_commands import CommandShown, Wish
from telehealth.gateways import SOFTWARE
from telehealth.store.database import Reader
from webui.forms import fields
from webui.keys import LIVE, PAGES, SERVICES, now_ms, signed_in
from webui.peer import peer_of
from webui.permit import before, note, note_many

OFFERED: Final = ("locate", "configure", "update_notice")
"""What an administrator may ask of a gateway; a reading is asked for by doctors."""
BATCH_SECONDS: Final = (1, 10, 30, 60)
_SHOWN_MS: Final = 7 * 24 * 3_600_000


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
    now, who = now_ms(request), signed_in(request)

    def look(reader: Reader) -> Counts:
        states = [gateway.state(now) for gateway in gateways.shown(reader)]
        scope = Scope(who.actor, Action.LEND_DEVICE, reader.now_ms)
        devices = loans.devices(reader, scope)
        staff = [one for one in accounts.shown(reader, who.place_id) if not one.disabled_ms]
        return Counts(
            states.count("online"),
            states.count("silent") + states.count("never"),
            sum(device.loan_id is not None for device in devices),
            len(devices),
            len(staff),
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
    now = now_ms(request)

    def look(reader: Reader) -> tuple[list[gateways.GatewayShown], dict[str, list[CommandShown]]]:
        return gateways.shown(reader), gateway_commands.latest(reader, since_ms=now - _SHOWN_MS)

    shown, commands = await request.app[SERVICES].database.read(look)
    return request.app[PAGES].render(
        request,
        "gateways.html",
        signed_in=signed_in(request),
        now_ms=now,
        gateways=shown,
        commands=commands,
        current=SOFTWARE,
        batch_seconds=BATCH_SECONDS,
        code=code,
        fingerprint=None if code is None else _fingerprint(request),
        qr=None if code is None else qr_svg(enrolment_link(request, code)),
        code_minutes=gateways.ENROLMENT_MS // 60_000,
    )


def enrolment_link(request: web.Request, code: str) -> str:
    """Return what the QR code says: where the server is, the one-use code, and which server."""
    settings = request.app[SERVICES].settings
    scheme = "https" if peer_of(request).is_https else "http"
    origin = settings.public_origin.rstrip("/") or f"{scheme}://{request.host}"
    return GatewayEnrolQr(origin, join_code(code, _fingerprint(request))).to_text()


def _fingerprint(request: web.Request) -> str:
    """Return what people compare on the gateway."""
    vault = request.app[SERVICES].database.vault
    if vault is None:
        raise KeysError("the database was opened without keys")
    return identity.own_fingerprint(vault.keyring)


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
    await note(request, AuditAction.GATEWAY_CODE_MADE)
    code = await request.app[SERVICES].database.write(
        lambda tx: gateways.new_enrolment(tx, who.account_id, who.place_id)
    )
    return await _gateways(request, code)


async def command(request: web.Request) -> web.Response:
    """Ask a gateway to make itself known, to change how often it sends, to tell of an update."""
    services, gateway_id = request.app[SERVICES], request.match_info["gateway_id"]
    who, wish = signed_in(request), _wish(await fields(request))
    target = f"gateway:{gateway_id} {wish.kind}"
    await note(request, AuditAction.GATEWAY_COMMANDED, target=target)
    await services.database.write(
        lambda tx: gateway_commands.give(tx, gateway_id, wish, who.account_id)
    )
    services.bus.publish(gateways.gateway_topic(gateway_id), {"kind": gateway_commands.TOLD})
    raise web.HTTPSeeOther("/admin/gateways")


def _wish(form: dict[str, str]) -> Wish:
    """Return what was asked; a number out of range is refused with its limits."""
    kind = form.get("kind", "")
    if kind == "locate":
        return Wish(kind="locate")
    if kind == "update_notice":
        return Wish(kind="update_notice", version=SOFTWARE)
    if kind == "configure":
        text = form.get("batch_seconds", "")
        if text not in {str(seconds) for seconds in BATCH_SECONDS}:
            raise RefusedError("batch_seconds", f"one of {BATCH_SECONDS}", text[:20])
        return Wish(kind="configure", config=GatewayConfig(batch_seconds=float(text)))
    raise RefusedError("kind", f"one of {', '.join(OFFERED)}", kind[:20])


async def revoke(request: web.Request) -> web.Response:
    """Put a gateway out at once."""
    services, gateway_id = request.app[SERVICES], request.match_info["gateway_id"]
    await note(request, AuditAction.GATEWAY_REVOKED, target=f"gateway:{gateway_id}")
    await services.database.write(lambda tx: gateways.revoke(tx, gateway_id))
    services.bus.publish(gateways.gateway_topic(gateway_id), {"kind": "revoked"})
    raise web.HTTPSeeOther("/admin/gateways")


async def devices_page(request: web.Request) -> web.Response:
    """List the devices and their loans, as far as the administrator's place reaches."""
    who = signed_in(request)

    def look(reader: Reader) -> tuple[list[loans.DeviceShown], list[loans.Borrower]]:
        scope = Scope(who.actor, Action.LEND_DEVICE, reader.now_ms)
        return loans.devices(reader, scope), loans.borrowers(reader, scope)

    devices, borrowers = await request.app[SERVICES].database.read(look)
    named = [one.person_id for one in devices if one.person_id is not None]
    named += [one.person_id for one in borrowers]
    await note_many(request, AuditAction.LIST_SEEN, named, target="devices")
    return request.app[PAGES].render(
        request,
        "devices.html",
        signed_in=who,
        now_ms=now_ms(request),
        devices=devices,
        borrowers=borrowers,
    )


async def lend(request: web.Request) -> web.Response:
    """Lend a device to a person from now on."""
    who, form, services = signed_in(request), await fields(request), request.app[SERVICES]
    person_id, device_id = form.get("person_id", ""), form.get("device_id", "")
    target = f"device:{device_id[:64]}"
    await before(request, person_id, Action.LEND_DEVICE, AuditAction.DEVICE_LENT, target=target)
    await services.database.write(lambda tx: loans.lend(tx, device_id, person_id, who.account_id))
    services.bus.publish(f"person:{person_id}", {"kind": "loan"})
    raise web.HTTPSeeOther("/admin/devices")


async def give_back(request: web.Request) -> web.Response:
    """End a loan now."""
    services, loan_id = request.app[SERVICES], request.match_info["loan_id"]
    person_id = await services.database.read(lambda reader: loans.borrower_of(reader, loan_id))
    target = f"loan:{loan_id}"
    await before(request, person_id, Action.LEND_DEVICE, AuditAction.DEVICE_RETURNED, target=target)
    await services.database.write(lambda tx: loans.give_back(tx, loan_id))
    services.bus.publish(f"person:{person_id}", {"kind": "loan"})
    raise web.HTTPSeeOther("/admin/devices")
