"""The administrator's accounts of staff; the ill enter by codes (`webui.pages.entry`)."""

from aiohttp import web

from telehealth.access import accounts, grants, second_factor, sessions
from telehealth.access.accounts import AccountShown
from telehealth.access.passwords import new_password
from telehealth.access.policy import STAFF, Role
from telehealth.audit.actions import AuditAction
from telehealth.errors import NotAllowedError, RefusedError
from telehealth.store.database import Reader, Row, Transaction
from webui.forms import fields
from webui.keys import PAGES, PASSWORDS, SERVICES, now_ms, signed_in
from webui.notices import sessions_ended
from webui.pages.security import require_confirmed
from webui.permit import note


async def page(request: web.Request) -> web.Response:
    """List the accounts."""
    return await _page(request)


async def _page(
    request: web.Request, *, status: int = 200, password: str = "", login: str = "", wrong: str = ""
) -> web.Response:
    who = signed_in(request)

    def look(reader: Reader) -> tuple[list[AccountShown], list[Row]]:
        programmes = reader.rows("SELECT programme_id, name FROM programme ORDER BY name")
        return accounts.shown(reader, who.place_id), programmes

    shown, programmes = await request.app[SERVICES].database.read(look)
    return request.app[PAGES].render(
        request,
        "accounts.html",
        signed_in=who,
        now_ms=now_ms(request),
        status=status,
        accounts=shown,
        roles=sorted(STAFF),
        programmes=programmes,
        password=password,
        login=login,
        wrong=wrong,
    )


async def create(request: web.Request) -> web.Response:
    """Make an account beneath the administrator's own place, with a password shown once."""
    who, form = signed_in(request), await fields(request)
    if form.get("role") not in STAFF:
        raise RefusedError("role", "a role of staff", form.get("role", "")[:20])
    if form["role"] == Role.ADMINISTRATOR:
        await require_confirmed(request, "/admin/accounts")
    password = new_password()
    new = accounts.NewAccount(
        login=form.get("login", ""),
        display_name=form.get("display_name", ""),
        role=Role(form["role"]),
        password_hash=await request.app[PASSWORDS].hash(password),
        programme_id=form.get("programme_id") or None,
        place_id=who.place_id,
        password_temporary=True,
    )
    try:
        account_id = await request.app[SERVICES].database.write(
            lambda tx: accounts.create(tx, new, who.account_id)
        )
    except RefusedError as error:
        return await _page(request, status=422, wrong=error.field)
    await note(request, AuditAction.ACCOUNT_MADE, target=f"account:{account_id} role:{new.role}")
    return await _page(request, status=201, password=password, login=new.login)


async def disable(request: web.Request) -> web.Response:
    """Close an account and everything that is signed in with it."""
    account_id = request.match_info["account_id"]
    if account_id == signed_in(request).account_id:
        raise RefusedError("account_id", "another account than your own", account_id)
    await _must_reach(request, account_id)
    await note(request, AuditAction.ACCOUNT_DISABLED, target=f"account:{account_id}")

    def act(tx: Transaction) -> list[bytes]:
        if grants.is_last_administrator(tx, account_id):
            raise RefusedError("account_id", "not the last administrator everywhere", account_id)
        return accounts.disable(tx, account_id)

    ended = await request.app[SERVICES].database.write(act)
    sessions_ended(request, ended)
    raise web.HTTPSeeOther("/admin/accounts")


async def password(request: web.Request) -> web.Response:
    """Give an account a new random password, shown once; it is signed out everywhere."""
    account_id, fresh = request.match_info["account_id"], new_password()
    await _must_reach(request, account_id)
    await note(request, AuditAction.PASSWORD_CHANGED, target=f"account:{account_id}")
    encoded = await request.app[PASSWORDS].hash(fresh)

    def change(tx: Transaction) -> tuple[list[bytes], str]:
        ended = accounts.set_password(tx, account_id, encoded, temporary=True)
        return ended, accounts.login_of(tx, account_id)

    ended, login = await request.app[SERVICES].database.write(change)
    sessions_ended(request, ended)
    return await _page(request, password=fresh, login=login)


async def end_sessions(request: web.Request) -> web.Response:
    """Sign somebody out everywhere: their telephone or laptop is lost."""
    account_id = request.match_info["account_id"]
    await _must_reach(request, account_id)
    await note(request, AuditAction.SIGNED_OUT, target=f"account:{account_id} all")
    ended = await request.app[SERVICES].database.write(lambda tx: sessions.end_all(tx, account_id))
    sessions_ended(request, ended)
    raise web.HTTPSeeOther(f"/admin/accounts/{account_id}")


async def reset_factors(request: web.Request) -> web.Response:
    """Take an account's second factors away: the administrator has seen who asks."""
    account_id = request.match_info["account_id"]
    await require_confirmed(request, f"/admin/accounts/{account_id}")
    await _must_reach(request, account_id)
    await note(request, AuditAction.FACTOR_REMOVED, target=f"account:{account_id} all")

    def act(tx: Transaction) -> list[bytes]:
        second_factor.reset(tx, account_id)
        return sessions.end_all(tx, account_id)

    sessions_ended(request, await request.app[SERVICES].database.write(act))
    raise web.HTTPSeeOther(f"/admin/accounts/{account_id}")


async def _must_reach(request: web.Request, account_id: str) -> None:
    """Refuse what is done to an account with a role outside the administrator's own place."""
    who = signed_in(request)

    def look(reader: Reader) -> None:
        accounts.login_of(reader, account_id)
        held = grants.of(reader, account_id)
        if not held and who.place_id is not None:
            raise NotAllowedError(f"{account_id} holds no role beneath {who.place_id}")
        for grant in held:
            grants.require_within(reader, who.place_id, grant.place_id)

    await request.app[SERVICES].database.read(look)
