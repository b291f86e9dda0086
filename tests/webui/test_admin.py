"""The administrator's pages: gateways, devices and loans, accounts; and no vital sign anywhere."""

import base64
import re

import pytest

from telehealth import gateways
from telehealth.errors import NotAllowedError
from telehealth.store import tables
from telehealth.store.database import Transaction
from tests import rows
from tests.webui import people
from tests.webui.conftest import Site, Visitors

KEY = base64.b64encode(b"\x07" * 32).decode()


async def test_an_enrolment_code_is_shown_once_with_its_qr_and_lets_one_gateway_in(
    visitors: Visitors, site: Site
) -> None:
    admin = await visitors.administrator()
    html = await (await admin.post("/admin/gateways/enrolments")).text()
    found = re.search(r'<p class="code">([0-9A-Z-]{19})</p>', html)
    assert found is not None
    assert "<svg" in html[html.index('class="qr"') :]
    code = found.group(1)
    assert code not in await (await admin.get("/admin/gateways")).text()
    body = {"code": code, "public_key": KEY, "name": "Nhà bà Hoà"}
    stranger = visitors.stranger()
    first = await stranger.http.post(site.origin + "/api/v1/gateways/enrol", json=body)
    second = await stranger.http.post(site.origin + "/api/v1/gateways/enrol", json=body)
    assert (first.status, second.status) == (201, 403)
    listed = await (await admin.get("/admin/gateways")).text()
    assert "Nhà bà Hoà" in listed
    assert "chưa kết nối" in listed


async def test_revoking_takes_effect_at_once_and_tells_the_connection(
    visitors: Visitors, site: Site
) -> None:
    told: list[str] = []
    site.services.bus.subscribe(
        gateways.gateway_topic("gw-ban"), lambda topic, _message: told.append(topic)
    )
    admin = await visitors.administrator()
    response = await admin.post("/admin/gateways/gw-ban/revoke")
    assert response.status == 303
    assert told == ["gateway:gw-ban"]
    assert "đã thu hồi" in await (await admin.get("/admin/gateways")).text()
    assert (await admin.post("/admin/gateways/gw-none/revoke")).status == 404


async def test_the_list_says_who_is_online_and_who_is_silent(visitors: Visitors) -> None:
    html = await (await (await visitors.administrator()).get("/admin/gateways")).text()
    ban, tram = html.index("Hộp thu bản Nà Lộc"), html.index("Trạm y tế")
    assert "đang hoạt động" in html[ban : ban + 400]
    assert "im lặng" in html[tram : tram + 400]


async def test_a_device_comes_back_and_is_lent_to_somebody_else(
    visitors: Visitors, site: Site
) -> None:
    def settle(tx: Transaction) -> None:
        rows.person(tx, "p-new", "Người Mới", "1990-01-01")
        people.put(
            tx,
            tables.Case(case_id="c-new", person_id="p-new", programme_id="binh-minh", opened_ms=1),
        )

    await site.database.write(settle)
    admin = await visitors.administrator()
    lend = {"device_id": "ox-00", "person_id": "p-new"}
    assert (await admin.post("/admin/loans", lend)).status == 409
    assert (await admin.post("/admin/loans/ln-0/return")).status == 303
    assert (await admin.post("/admin/loans/ln-0/return")).status == 409
    assert (await admin.post("/admin/loans", lend)).status == 303
    html = await (await admin.get("/admin/devices")).text()
    row = html[html.index("<strong>ox-00") :]
    assert "Người Mới" in row[:600]


@pytest.mark.asvs("2.2.3")
@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"device_id": "ox 1", "person_id": "p-hoa"}, 422),
        ({"device_id": "", "person_id": "p-hoa"}, 422),
        ({"device_id": "ox-9", "person_id": "p-none"}, 403),
    ],
)
async def test_a_loan_needs_a_device_and_somebody_with_a_case(
    visitors: Visitors, form: dict[str, str], status: int
) -> None:
    admin = await visitors.administrator()
    assert (await admin.post("/admin/loans", form)).status == status


async def test_a_new_account_gets_a_password_shown_once_and_it_works(
    visitors: Visitors,
) -> None:
    admin = await visitors.administrator()
    response = await admin.post(
        "/admin/accounts",
        {
            "login": "BS.Lan", "display_name": "BS. Lan", "role": "doctor",
            "programme_id": "binh-minh",
        },
    )  # fmt: skip
    html = await response.text()
    found = re.search(r'<p class="code">([a-z0-9-]{19})</p>', html)
    assert response.status == 201
    assert found is not None
    assert found.group(1) not in await (await admin.get("/admin/accounts")).text()
    lan = visitors.stranger()
    response = await lan.post("/login", {"login": "bs.lan", "password": found.group(1)})
    assert response.headers["Location"] == "/login/step"  # to choose a password of her own


@pytest.mark.asvs("2.2.1", "2.2.2")
@pytest.mark.parametrize(
    "form",
    [
        {"login": "bs.mai", "display_name": "X", "role": "doctor"},
        {"login": "a b", "display_name": "X", "role": "doctor"},
        {"login": "fine", "display_name": "", "role": "doctor"},
        {"login": "fine", "display_name": "X", "role": "patient"},
        {"login": "fine", "display_name": "X", "role": "superuser"},
    ],
)
async def test_an_account_that_does_not_fit_is_refused_in_words(
    visitors: Visitors, form: dict[str, str]
) -> None:
    admin = await visitors.administrator()
    response = await admin.post("/admin/accounts", form)
    assert response.status == 422
    assert '<p class="code">' not in await response.text()


async def test_a_new_password_puts_the_account_out_everywhere_and_opens_its_lock(
    visitors: Visitors,
) -> None:
    admin, doctor = await visitors.administrator(), await visitors.doctor()
    for _ in range(5):
        await visitors.stranger().post("/login", {"login": "bs.mai", "password": "wrong"})
    html = await (await admin.post("/admin/accounts/ac-doctor/password")).text()
    found = re.search(r'<p class="code">([a-z0-9-]{19})</p>', html)
    assert found is not None
    assert (await doctor.get("/doctor")).status == 303
    response = await visitors.stranger().post(
        "/login", {"login": "bs.mai", "password": found.group(1)}
    )
    assert response.status == 303


@pytest.mark.asvs("7.4.2")
async def test_disabling_ends_sessions_but_nobody_disables_themselves(visitors: Visitors) -> None:
    admin, doctor = await visitors.administrator(), await visitors.doctor()
    assert (await admin.post("/admin/accounts/ac-doctor/disable")).status == 303
    assert (await doctor.get("/doctor")).status == 303
    assert (await admin.post("/admin/accounts/ac-admin/disable")).status == 422
    assert (await admin.get("/admin")).status == 200


@pytest.mark.asvs("8.2.3", "15.3.1")
@pytest.mark.parametrize("path", ["/admin", "/admin/gateways", "/admin/devices", "/admin/accounts"])
async def test_no_page_of_an_administrator_shows_a_vital_sign(
    visitors: Visitors, path: str
) -> None:
    html = await (await (await visitors.administrator()).get(path)).text()
    main = html[html.index("<main") : html.index("</main>")]
    for word in ("SpO", "Mạch", "NEWS2", "Đỏ", "ngày bệnh", "shape-red"):
        assert word not in main


def test_a_code_is_read_as_people_write_it() -> None:
    assert gateways.normal_code("abcd-efgh 1o2i-3l45") == "ABCDEFGH10213145"


async def test_a_code_dies_after_ten_minutes(site: Site) -> None:
    code = await site.database.write(lambda tx: gateways.new_enrolment(tx, "ac-admin"))

    def later(tx: Transaction) -> str:
        tx.now_ms = site.now_ms + gateways.ENROLMENT_MS + people.MINUTE
        return gateways.enrol(tx, code, KEY, "late")

    with pytest.raises(NotAllowedError):
        await site.database.write(later)
    enrolled = await site.database.write(lambda tx: gateways.enrol(tx, code, KEY, ""))
    shown = await site.database.read(gateways.shown)
    assert next(g.name for g in shown if g.gateway_id == enrolled) == enrolled


@pytest.mark.asvs("7.4.5")
async def test_an_administrator_signs_somebody_out_everywhere_and_the_password_stays(
    visitors: Visitors, site: Site
) -> None:
    admin, doctor, other = (
        await visitors.administrator(), await visitors.doctor(), await visitors.doctor("ac-cover"),
    )  # fmt: skip
    path = "/admin/accounts/ac-doctor/sessions/end"
    assert f'action="{path}"' in await (await admin.get("/admin/accounts/ac-doctor")).text()
    response = await admin.post(path)
    assert response.headers["Location"] == "/admin/accounts/ac-doctor"
    assert (await doctor.get("/doctor")).status == 303
    assert (await other.get("/doctor")).status == 200
    assert (await (await visitors.doctor()).get("/doctor")).status == 200
    noted = await site.database.read(
        lambda r: r.rows("SELECT actor_id, target FROM audit WHERE action = 'signed_out'")
    )
    assert noted == [("ac-admin", "account:ac-doctor all")]


@pytest.mark.asvs("6.4.4")
async def test_factors_are_reset_only_by_an_administrator_who_has_just_proved_themselves(
    visitors: Visitors, site: Site
) -> None:
    admin, doctor = await visitors.administrator(), await visitors.doctor()
    path = "/admin/accounts/ac-doctor/factors/reset"
    await site.database.write(lambda tx: tx.execute("UPDATE login_session SET confirmed_ms = 0"))
    asked = await admin.post(path)
    assert asked.headers["Location"] == "/confirm?next=/admin/accounts/ac-doctor"
    assert (await doctor.get("/doctor")).status == 200
    assert (await doctor.post(path)).status == 403
    page = await (await admin.get("/admin/accounts/ac-doctor")).text()
    assert "bạn đã gặp trực tiếp người yêu cầu" in page


@pytest.mark.asvs("6.4.4")
async def test_second_factors_are_taken_away_with_every_session(
    visitors: Visitors, site: Site
) -> None:
    admin, doctor = await visitors.administrator(), await visitors.doctor()
    await site.database.write(
        lambda tx: tx.execute(
            "UPDATE account SET totp = ?, totp_confirmed_ms = 1 WHERE account_id = 'ac-doctor'",
            (b"sealed",),
        )
    )
    response = await admin.post("/admin/accounts/ac-doctor/factors/reset")
    assert response.headers["Location"] == "/admin/accounts/ac-doctor"
    found = await site.database.read(
        lambda r: r.rows("SELECT totp FROM account WHERE account_id = 'ac-doctor'")
    )
    assert found == [(None,)]
    assert (await doctor.get("/doctor")).status == 303


async def test_a_role_is_given_beneath_a_place_and_taken_with_what_acts_in_it(
    visitors: Visitors, site: Site
) -> None:
    await site.database.write(lambda tx: rows.place(tx, "pl-ban"))
    admin, doctor = await visitors.administrator(), await visitors.doctor()
    form = {"role": "nurse", "place": "pl-ban"}
    assert (await admin.post("/admin/accounts/ac-doctor/roles", form)).status == 303
    assert (await admin.post("/admin/accounts/ac-doctor/roles", form)).status == 409
    unknown = await admin.post("/admin/accounts/ac-doctor/roles", form | {"place": "nowhere"})
    assert unknown.status == 422
    html = await (await admin.get("/admin/accounts/ac-doctor")).text()
    assert "Điều dưỡng trạm" in html
    grant = re.findall(r"/admin/roles/(gr-[0-9a-f]{16})/end", html)
    assert (await doctor.post("/act-as", {"grant_id": grant[0]})).headers["Location"] == "/station"
    assert (await doctor.get("/doctor")).status == 403
    assert (await admin.post(f"/admin/roles/{grant[0]}/end")).status == 303
    assert (await doctor.get("/roles")).status == 303
