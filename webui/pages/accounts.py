"""The administrator's accounts: made, disabled, and given a new password that is shown once."""

from aiohttp import web

from telehealth.access import accounts
from telehealth.access.passwords import new_password
from telehealth.access.policy import Role
from telehealth.errors import RefusedError
from telehealth.store.database import Reader, Transaction
from webui.forms import fields
from webui.keys import PAGES, PASSWORDS, SERVICES, now_ms, signed_in
from webui.notices import sessions_ended


async def page(request: web.Request) -> web.Response:
    """List the accounts."""
    return await _page(request)


async def _page(
    request: web.Request, *, status: int = 200, password: str = "", login: str = "", wrong: str = ""
) -> web.Response:
    def look(
        reader: Reader,
    ) -> tuple[list[accounts.AccountShown], list[tuple[str, str]], list[tuple[str, str]]]:
        persons = reader.rows("SELECT person_id, display_name FROM person ORDER BY display_name")
        programmes = reader.rows("SELECT programme_id, name FROM programme ORDER BY name")
        return (
            accounts.shown(reader),
            [(row[0], row[1]) for row in persons],
            [(row[0], row[1]) for row in programmes],
        )

    shown, persons, programmes = await request.app[SERVICES].database.read(look)
    return request.app[PAGES].render(
        request,
        "accounts.html",
        signed_in=signed_in(request),
        now_ms=now_ms(request),
        status=status,
        accounts=shown,
        persons=persons,
        programmes=programmes,
        password=password,
        login=login,
        wrong=wrong,
    )


async def create(request: web.Request) -> web.Response:
    """Make an account with a random password, shown once."""
    form = await fields(request)
    if form.get("role") not in set(Role):
        raise RefusedError("role", "one of the roles", form.get("role", "")[:20])
    password = new_password()
    new = accounts.NewAccount(
        login=form.get("login", ""),
        display_name=form.get("display_name", ""),
        role=Role(form["role"]),
        password_hash=await request.app[PASSWORDS].hash(password),
        person_id=form.get("person_id") or None,
        programme_id=form.get("programme_id") or None,
    )
    try:
        await request.app[SERVICES].database.write(lambda tx: accounts.create(tx, new))
    except RefusedError as error:
        return await _page(request, status=422, wrong=error.field)
    return await _page(request, status=201, password=password, login=new.login)


async def disable(request: web.Request) -> web.Response:
    """Close an account and everything that is signed in with it."""
    account_id = request.match_info["account_id"]
    if account_id == signed_in(request).account_id:
        raise RefusedError("account_id", "another account than your own", account_id)
    ended = await request.app[SERVICES].database.write(lambda tx: accounts.disable(tx, account_id))
    sessions_ended(request, ended)
    raise web.HTTPSeeOther("/admin/accounts")


async def password(request: web.Request) -> web.Response:
    """Give an account a new random password, shown once; it is signed out everywhere."""
    account_id, fresh = request.match_info["account_id"], new_password()
    encoded = await request.app[PASSWORDS].hash(fresh)

    def change(tx: Transaction) -> tuple[list[bytes], str]:
        ended = accounts.set_password(tx, account_id, encoded)
        return ended, accounts.login_of(tx, account_id)

    ended, login = await request.app[SERVICES].database.write(change)
    sessions_ended(request, ended)
    return await _page(request, password=fresh, login=login)
