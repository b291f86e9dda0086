from aiohttp import web


async def search(request, tx):
    text = request.query["q"]
    # ruleid: sql-of-a-request
    tx.rows(f"SELECT 1 FROM place WHERE name = '{text}'")
    # ok: sql-of-a-request
    tx.rows("SELECT 1 FROM place WHERE name = ?", (text,))
    form = await fields(request)
    # ruleid: sql-of-a-request
    tx.execute("UPDATE place SET name = '%s'" % form["name"])
    # ok: sql-of-a-request
    tx.rows_in("SELECT 1 FROM place WHERE place_id IN (…)", [form["place_id"]])


async def go_on(request):
    form = await fields(request)
    if "a" in form:
        # ruleid: redirect-to-a-request
        raise web.HTTPSeeOther(form["next"])
    if "b" in form:
        # ok: redirect-to-a-request
        raise web.HTTPSeeOther(local_path(form.get("next"), "/"))
    if "c" in form:
        # ok: redirect-to-a-request
        raise web.HTTPSeeOther(f"/station/persons/{form['person_id']}")
    # ruleid: redirect-to-a-request
    raise web.HTTPSeeOther(f"{form['next']}?again")


def remember(response, token, is_https):
    # ruleid: cookie-that-scripts-or-strangers-get
    response.set_cookie("session", token, samesite="Lax", secure=is_https)
    # ruleid: cookie-that-scripts-or-strangers-get
    response.set_cookie("session", token)
    # ok: cookie-that-scripts-or-strangers-get
    response.set_cookie("session", token, httponly=True, samesite="Lax", secure=is_https)
