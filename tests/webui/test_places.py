"""The tree of places as the administrator sees it, and the look-up that forms use."""

from typing import Any

import pytest

from telehealth.people.places_check import new_id
from telehealth.people.places_csv import read_csv
from telehealth.people.places_import import store
from tests.webui.conftest import Site, Visitors

TABLE = """code,name,level,parent_code,valid_from,valid_to,successor_codes
VN,Việt Nam,country,,,,
02,Tỉnh Hà Giang,province,VN,,2025-07-01,08
08,Tỉnh Tuyên Quang,province,VN,2025-07-01,,
030,Huyện Vị Xuyên,district,02,,2025-07-01,
00892,Xã Việt Lâm,commune,030,,2025-07-01,00892* 00847
00892,Xã Việt Lâm,commune,08,2025-07-01,,
00847,Xã Vị Xuyên <b>&,commune,08,2025-07-01,,
"""
REFORM = "2025-07-01"
OLD, DISTRICT = (new_id(key) for key in (
    ("commune", "00892", "1900-01-01"), ("district", "030", "1900-01-01"),
))  # fmt: skip
NEW, TOWN = (new_id(("commune", code, REFORM)) for code in ("00892", "00847"))
PROVINCE = new_id(("province", "08", REFORM))
COUNTRY = new_id(("country", "VN", "1900-01-01"))


@pytest.fixture
async def reformed(site: Site) -> Site:
    """Return the site with a small country before and after its reform."""
    await site.database.write(lambda tx: store(tx, read_csv(TABLE.encode(), "small.csv")))
    return site


async def page_of(visitors: Visitors, path: str, status: int = 200, **headers: str) -> str:
    administrator = await visitors.administrator()
    response = await administrator.get(path, **headers)
    assert response.status == status
    return await response.text()


async def test_an_empty_tree_says_how_to_fill_it(site: Site, visitors: Visitors) -> None:
    await site.database.write(lambda tx: tx.execute("DELETE FROM role_grant WHERE place_id <> ''"))
    await site.database.write(lambda tx: tx.execute("UPDATE person SET place_id = NULL"))
    await site.database.write(lambda tx: tx.execute("DELETE FROM place_ancestor"))
    await site.database.write(lambda tx: tx.execute("DELETE FROM place"))
    assert "telehealth places import vietnam --old" in await page_of(visitors, "/admin/places")


async def test_the_top_of_the_tree_is_what_lies_beneath_the_country(
    reformed: Site, visitors: Visitors
) -> None:
    page = await page_of(visitors, "/admin/places")
    assert f'href="/admin/places/{PROVINCE}"' in page
    assert f'href="/admin/places/{COUNTRY}"' not in page
    assert "Tỉnh Hà Giang" not in page
    assert "small.csv" in page


async def test_a_search_finds_old_places_with_what_they_are_today(
    reformed: Site, visitors: Visitors
) -> None:
    page = await page_of(visitors, "/admin/places?q=viet+lam,+ha+giang")
    assert "Xã Việt Lâm, Huyện Vị Xuyên, Tỉnh Hà Giang" in page
    assert "đến hết 30/6/2025" in page
    assert f'href="/admin/places/{NEW}"' in page
    assert "Không có địa bàn nào" in await page_of(visitors, "/admin/places?q=nowhere")


@pytest.mark.asvs("1.2.1")
async def test_what_is_searched_and_what_is_named_cannot_mark_up_the_page(
    reformed: Site, visitors: Visitors
) -> None:
    page = await page_of(visitors, "/admin/places?q=%22%3E%3Cb%3Exss")
    assert "<b>xss" not in page
    page = await page_of(visitors, f"/admin/places/{PROVINCE}")
    assert "Xã Vị Xuyên &lt;b&gt;&amp;" in page


async def test_a_place_shows_where_it_lies_and_what_became_of_it(
    reformed: Site, visitors: Visitors
) -> None:
    old = await page_of(visitors, f"/admin/places/{OLD}")
    assert all(f"/admin/places/{one}" in old for one in (DISTRICT, NEW, TOWN))
    assert "phần chính" in old
    assert "một phần" in old
    new = await page_of(visitors, f"/admin/places/{NEW}")
    assert f"/admin/places/{OLD}" in new
    assert "từ 1/7/2025" in new
    assert "from 1 Jul 2025" in await page_of(visitors, f"/admin/places/{NEW}", Cookie="lang=en")


async def test_a_district_of_old_lies_in_todays_province(
    reformed: Site, visitors: Visitors
) -> None:
    page = await page_of(visitors, f"/admin/places/{DISTRICT}")
    assert f"/admin/places/{PROVINCE}" in page
    assert f"/admin/places/{OLD}" in page


async def test_past_places_are_shown_when_asked_for(reformed: Site, visitors: Visitors) -> None:
    now = await page_of(visitors, f"/admin/places/{COUNTRY}")
    assert "Tỉnh Hà Giang" not in now
    assert "Xem cả 1 địa bàn cũ" in now
    assert "Tỉnh Hà Giang" in await page_of(visitors, f"/admin/places/{COUNTRY}?past=1")


@pytest.mark.parametrize("place_id", ["pl-nowhere", "%F0%9F%98%80", "%ED%A0%80"])
async def test_an_unknown_place_is_not_found(visitors: Visitors, place_id: str) -> None:
    await page_of(visitors, f"/admin/places/{place_id}", 404)


async def looked_up(visitors: Visitors, query: str, status: int = 200) -> Any:
    doctor = await visitors.doctor()
    response = await doctor.get(f"/api/v1/places?{query}")
    assert response.status == status
    return await response.json()


async def test_a_form_looks_up_a_place_as_typed(reformed: Site, visitors: Visitors) -> None:
    found = (await looked_up(visitors, "q=viet+lam"))["places"]
    assert [one["place_id"] for one in found] == [NEW, OLD]
    assert found[0] == {
        "place_id": NEW, "name": "Xã Việt Lâm", "path": "Xã Việt Lâm, Tỉnh Tuyên Quang",
        "level": "commune", "code": "00892", "valid": True, "valid_from": REFORM,
        "valid_to": None, "today": [],
    }  # fmt: skip
    assert found[1]["valid"] is False
    assert [one["place_id"] for one in found[1]["today"]] == [NEW, TOWN]


async def test_a_look_up_is_bound_as_the_form_wants(reformed: Site, visitors: Visitors) -> None:
    ids = [
        [one["place_id"] for one in (await looked_up(visitors, query))["places"]]
        for query in (
            "q=viet+lam&valid=1",
            f"q=viet+lam&within={DISTRICT}",
            f"q=viet+lam&within={PROVINCE}",
            "q=",
            "",
            "q=%ED%A0%80",
        )
    ]
    assert ids == [[NEW], [OLD], [NEW, OLD], [], [], []]
    assert "error" in await looked_up(visitors, "q=x&within=pl-nowhere", 404)


async def test_a_look_up_returns_at_most_twenty(reformed: Site, visitors: Visitors) -> None:
    rows = "code,name,level,parent_code\n" + "".join(
        f"t{i},Thôn {i},village,commune:00847\n" for i in range(25)
    )
    await reformed.database.write(
        lambda tx: store(tx, read_csv(rows.replace("commune:00847", "").encode(), "x.csv"))
    )
    assert len((await looked_up(visitors, "q=thon"))["places"]) == 20


async def test_a_patient_and_a_stranger_look_up_nothing(visitors: Visitors) -> None:
    patient = await visitors.patient()
    assert (await patient.get("/api/v1/places?q=x")).status == 403
    assert (await visitors.stranger().get("/api/v1/places?q=x")).status == 401
    doctor = await visitors.doctor()
    assert (await doctor.get("/admin/places")).status == 403
