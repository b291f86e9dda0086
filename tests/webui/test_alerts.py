"""What a doctor does to an alert from a page, through the real desk."""

import pytest

from telehealth.store.queries import screens
from tests.webui.conftest import Site, Visitors


async def alert(site: Site, alert_id: str) -> screens.AlertShown:
    person_id = {"al-hoa": "p-hoa", "al-nam": "p-nam"}[alert_id]
    shown = await site.database.read(lambda r: screens.alerts_of(r, person_id, site.now_ms))
    return next(one for one in shown if one.alert_id == alert_id)


async def test_accepting_by_form_names_the_doctor_the_reason_and_the_review_time(
    visitors: Visitors, site: Site
) -> None:
    doctor = await visitors.doctor()
    response = await doctor.post(
        "/doctor/alerts/al-hoa",
        {"action": "accept", "reason": "calling", "review_minutes": "15"},
    )
    assert (response.status, response.headers["Location"]) == (
        303,
        "/doctor/persons/p-hoa#alert-al-hoa",
    )
    found = await alert(site, "al-hoa")
    assert (found.status, found.accepted_by, found.accept_reason) == (
        "accepted",
        "BS. Mai",
        "calling",
    )
    assert found.review_ms is not None
    assert 14 * 60_000 < found.review_ms - site.now_ms < 16 * 60_000
    html = await (await doctor.get("/doctor/persons/p-hoa")).text()
    assert "BS. Mai đã nhận" in html
    assert "Gọi cho bệnh nhân ngay" in html


async def test_an_accepted_alert_is_acted_on_and_resolved_with_a_note(
    visitors: Visitors, site: Site
) -> None:
    doctor = await visitors.doctor()
    for form in (
        {"action": "accept", "reason": "calling"},
        {"action": "act"},
        {"action": "resolve", "reason": "advised", "note": "Đã dặn nằm sấp."},
    ):
        assert (await doctor.post("/doctor/alerts/al-hoa", form)).status == 303
    found = await alert(site, "al-hoa")
    assert (found.status, found.close_reason) == ("resolved", "advised")
    html = await (await doctor.get("/doctor/persons/p-hoa")).text()
    assert "Đã tư vấn" in html
    assert "“Đã dặn nằm sấp.”" in html


async def test_noise_needs_its_own_reason(visitors: Visitors, site: Site) -> None:
    doctor = await visitors.doctor()
    await doctor.post("/doctor/alerts/al-hoa", {"action": "accept", "reason": "watching"})
    wrong = await doctor.post("/doctor/alerts/al-hoa", {"action": "noise", "reason": "advised"})
    assert wrong.status == 422
    assert (await alert(site, "al-hoa")).status == "accepted"
    right = await doctor.post("/doctor/alerts/al-hoa", {"action": "noise", "reason": "motion"})
    assert right.status == 303
    assert (await alert(site, "al-hoa")).status == "noise"


@pytest.mark.asvs("2.3.1")
async def test_what_the_life_of_an_alert_does_not_know_cannot_be_done(
    visitors: Visitors, site: Site
) -> None:
    doctor = await visitors.doctor()
    response = await doctor.post(
        "/doctor/alerts/al-hoa", {"action": "resolve", "reason": "advised"}
    )
    assert response.status in (403, 409)
    assert (await alert(site, "al-hoa")).status == "notified"


async def test_a_colleague_covers_and_may_take_over_but_not_close_for_another(
    visitors: Visitors, site: Site
) -> None:
    cover = await visitors.doctor("ac-cover")
    html = await (await cover.get("/doctor/persons/p-nam")).text()
    assert "Nhận thay" in html
    assert 'value="noise"' not in html[html.index('id="alert-al-nam"') : html.index("</article>")]
    refused = await cover.post("/doctor/alerts/al-nam", {"action": "noise", "reason": "motion"})
    assert refused.status in (403, 409)
    taken = await cover.post("/doctor/alerts/al-nam", {"action": "accept", "reason": "calling"})
    assert taken.status == 303
    assert (await alert(site, "al-nam")).accepted_by == "BS. Tuấn"


@pytest.mark.asvs("8.3.1", "15.3.3")
@pytest.mark.parametrize("action", ["merge", "worsen", "raise", "clear", "", "see"])
async def test_a_page_cannot_ask_for_what_only_the_engine_does(
    visitors: Visitors, site: Site, action: str
) -> None:
    doctor = await visitors.doctor()
    response = await doctor.post("/doctor/alerts/al-hoa", {"action": action, "reason": "calling"})
    assert response.status in (400, 422)
    assert (await alert(site, "al-hoa")).status == "notified"


@pytest.mark.asvs("2.2.2", "2.3.2")
@pytest.mark.parametrize("minutes", ["0", "-5", "1441", "soon"])
async def test_a_review_time_is_within_a_day(visitors: Visitors, minutes: str) -> None:
    doctor = await visitors.doctor()
    response = await doctor.post(
        "/doctor/alerts/al-hoa",
        {"action": "accept", "reason": "calling", "review_minutes": minutes},
    )
    assert response.status == 400


async def test_a_program_accepts_in_json_and_the_screens_are_told(
    visitors: Visitors, site: Site
) -> None:
    told: list[str] = []
    site.services.bus.subscribe("person:p-hoa", lambda topic, _message: told.append(topic))
    doctor = await visitors.doctor()
    response = await doctor.http.post(
        site.origin + "/api/v1/alerts/al-hoa",
        json={"action": "accept", "reason": "consulting", "review_minutes": 60},
        headers={"Origin": site.origin},
    )
    assert (response.status, await response.json()) == (
        200,
        {"alert_id": "al-hoa", "person_id": "p-hoa"},
    )
    assert told == ["person:p-hoa"]


async def test_an_unknown_alert_is_not_found(visitors: Visitors) -> None:
    doctor = await visitors.doctor()
    response = await doctor.post("/doctor/alerts/al-none", {"action": "act"})
    assert response.status == 404
