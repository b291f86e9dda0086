"""The route table: complete, documented, default-deny (who is served: test_access_matrix.py)."""

from pathlib import Path

import pytest
from aiohttp import web

from tests.webui.conftest import Site, Visitors
from webui.access import Access
from webui.api import gateway
from webui.guard import ROUTE_ACCESS
from webui.routes import ROUTES, STATIC, Route

DOCS = Path(__file__).parents[2] / "docs"


def test_every_registered_route_stands_in_the_table(site: Site) -> None:
    registered = {
        (route.method, route.resource.canonical)
        for route in site.app.router.routes()
        if route.resource is not None and route.method != "HEAD"
    }
    registered.remove(("GET", "/static/dist"))
    assert registered == {(route.method, route.path) for route in ROUTES}


@pytest.mark.asvs("6.3.4")
def test_only_gateways_bring_their_own_proof() -> None:
    own = {route.handler for route in ROUTES if route.access is Access.OWN_PROOF}
    assert own == {gateway.gateway_socket, gateway.enrol}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_route_is_documented(route: Route) -> None:
    told = "".join(path.read_text(encoding="utf-8") for path in DOCS.glob("*.md"))
    assert route.path in told


@pytest.mark.asvs("8.2.1")
async def test_a_route_outside_the_table_is_refused_to_everybody(
    site: Site, visitors: Visitors
) -> None:
    del site.app[ROUTE_ACCESS]["GET", "/healthz"]
    admin = await visitors.administrator()
    assert (await admin.get("/healthz")).status == 403


async def test_an_unknown_path_is_not_found_and_says_so_in_words(visitors: Visitors) -> None:
    response = await visitors.stranger().get("/nowhere")
    assert response.status == 404
    assert "Không tìm thấy trang" in await response.text()


async def test_an_unknown_person_is_refused_in_the_same_way_as_a_strangers_patient(
    visitors: Visitors,
) -> None:
    doctor = await visitors.doctor()
    unknown = await doctor.get("/doctor/persons/p-nobody")
    foreign = await doctor.get("/doctor/persons/p-far")
    assert unknown.headers["Location"].replace("p-nobody", "p-far") == foreign.headers["Location"]
    for person_id in ("p-nobody", "p-far"):
        refused = await doctor.get(f"/api/v1/persons/{person_id}/series")
        assert refused.status == 403
        assert "p-far" not in (await refused.text()).replace("of p-far", "")


async def test_head_is_answered_where_get_is(visitors: Visitors, site: Site) -> None:
    response = await visitors.stranger().http.head(site.origin + "/healthz")
    assert response.status == web.HTTPOk.status_code


@pytest.mark.asvs("5.3.1")
def test_the_built_files_are_the_only_folder_that_is_served() -> None:
    assert STATIC == "/static/dist"
