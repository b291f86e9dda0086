"""What the pages say, read as a browser without scripts would read them."""

import re
from datetime import UTC

import pytest

from telehealth.consents import giving
from telehealth.consents.giving import Given
from telehealth.consents.items import Item
from telehealth.store import tables
from telehealth.store.database import Transaction
from tests import rows as make
from tests.webui import people
from tests.webui.conftest import Site, Visitors


def text_of(html: str) -> str:
    """Return the words of the page's main part."""
    main = html[html.index("<main") : html.index("</main>")]
    return " ".join(re.sub(r"<[^>]+>", " ", main).replace("\u00a0", " ").split())


async def test_the_doctors_list_is_sorted_by_risk_and_grey_stands_above_green(
    visitors: Visitors,
) -> None:
    html = await (await (await visitors.doctor()).get("/doctor")).text()
    rows = html[html.index('<ol class="card rows">') :]
    order = [
        rows.index(name)
        for name in ("Lò Thị Hoà", "Nguyễn Văn Nam", "Trần Minh Đức", "Vàng Thị Linh")
    ]
    assert order == sorted(order)


async def test_a_row_says_level_in_words_and_shape_and_each_value_with_its_age(
    visitors: Visitors,
) -> None:
    html = await (await (await visitors.doctor()).get("/doctor")).text()
    row = html[html.index('data-person="p-hoa"') :]
    row = row[: row.index("</li>\n      <li")]
    words = " ".join(re.sub(r"<[^>]+>", " ", row).replace("\u00a0", " ").split())
    assert "Đỏ Lò Thị Hoà 75 tuổi · nữ · ngày bệnh thứ 4" in words
    assert "SpO₂ 90 % 1 phút trước Mạch 108 /phút 1 phút trước" in words
    assert "−7 so với hôm qua" in words
    assert "SpO₂ 90 % (đỏ: ≤ 92) và 1 lý do khác chưa ai nhận · chờ đo lại" in words
    assert 'href="#shape-red"' in row
    assert 'action="/api/v1/calls"' in row


async def test_a_silent_person_is_grey_never_green_though_the_last_level_was(
    visitors: Visitors,
) -> None:
    html = await (await (await visitors.doctor()).get("/doctor")).text()
    row = html[html.index('data-person="p-duc"') :]
    assert "Chưa rõ" in row[:500]
    assert "5 giờ trước" in row


@pytest.mark.asvs("8.4.1")
async def test_a_doctor_sees_the_own_programme_and_nobody_of_another(visitors: Visitors) -> None:
    cover = await (await (await visitors.doctor("ac-cover")).get("/doctor")).text()
    far = await (await (await visitors.doctor("ac-far")).get("/doctor")).text()
    assert "Lò Thị Hoà" in cover
    assert "Hà Văn Xa" not in cover
    assert "Hà Văn Xa" in far
    assert "Lò Thị Hoà" not in far


async def test_a_doctor_of_another_programme_sees_an_assigned_person_and_only_that(
    visitors: Visitors, site: Site
) -> None:
    await site.database.write(
        lambda tx: tx.execute(
            "UPDATE f0_case SET assigned_doctor_id = 'ac-far' WHERE person_id = 'p-hoa'"
        )
    )
    far = await visitors.doctor("ac-far")
    html = await (await far.get("/doctor")).text()
    assert "Lò Thị Hoà" in html
    assert "Nguyễn Văn Nam" not in html


async def test_when_the_case_is_closed_the_doctors_eyes_are_too(
    visitors: Visitors, site: Site
) -> None:
    doctor = await visitors.doctor()
    await site.database.write(
        lambda tx: tx.execute("UPDATE f0_case SET closed_ms = 1 WHERE person_id = 'p-hoa'")
    )
    assert "Lò Thị Hoà" not in await (await doctor.get("/doctor")).text()
    response = await doctor.get("/doctor/persons/p-hoa")
    assert response.headers["Location"] == "/emergency/persons/p-hoa"


async def test_the_worklist_holds_what_nobody_has_accepted_and_only_that(
    visitors: Visitors,
) -> None:
    html = await (await (await visitors.doctor()).get("/doctor")).text()
    tasks = html[html.index('<ul class="tasks">') : html.index("</ul>")]
    assert "#alert-al-hoa" in tasks
    assert "#alert-al-duc" in tasks
    assert "#alert-al-nam" not in tasks


async def test_readings_that_are_nobodys_alert_at_the_desk_of_every_doctor(
    visitors: Visitors, site: Site
) -> None:
    await site.database.write(
        lambda tx: people.put(
            tx, people.alert("al-lost", None, site.now_ms, device_id="ox-lost", changed_in=1)
        )
    )
    doctor = await visitors.doctor("ac-far")
    assert "Chưa rõ của ai · máy ox-lost" in await (await doctor.get("/doctor")).text()
    desk = await (await doctor.get("/doctor/desk")).text()
    assert 'id="alert-al-lost"' in desk
    response = await doctor.post(
        "/doctor/alerts/al-lost", {"action": "accept", "reason": "calling"}
    )
    assert response.headers["Location"] == "/doctor/desk#alert-al-lost"


async def test_a_persons_page_gives_each_reason_with_its_source(visitors: Visitors) -> None:
    html = await (await (await visitors.doctor()).get("/doctor/persons/p-hoa")).text()
    words = text_of(html)
    assert "SpO₂ 90 % (đỏ: ≤ 92) Nguồn: QĐ 3646/QĐ-BYT (2021-07-31), very high risk" in words
    assert "Một thông số NEWS2 đạt 3 điểm Nguồn: NEWS2" in words


async def test_late_uncertain_and_unused_readings_are_marked_so(visitors: Visitors) -> None:
    html = await (await (await visitors.doctor()).get("/doctor/persons/p-hoa")).text()
    table = html[html.index("<tbody>") : html.index("</tbody>")]
    assert table.count("đến muộn") == 1
    assert table.count("giờ chưa chắc chắn") == 1
    assert "không dùng" in table
    assert "không kẹp ngón tay" in table


async def test_a_window_that_the_page_does_not_offer_is_refused(visitors: Visitors) -> None:
    doctor = await visitors.doctor()
    for hours in ("0", "24x", "100000", "-1"):
        response = await doctor.get(f"/doctor/persons/p-hoa?hours={hours}")
        assert response.status == 422
    assert (await doctor.get("/doctor/persons/p-hoa?hours=168")).status == 200


async def test_the_series_has_a_gap_where_nothing_came(visitors: Visitors, site: Site) -> None:
    doctor = await visitors.doctor()
    await site.database.write(
        lambda tx: tx.execute(
            "DELETE FROM reading WHERE person_id = 'p-hoa' AND measured_ms BETWEEN ? AND ?",
            (site.now_ms - 12 * people.HOUR, site.now_ms - 6 * people.HOUR),
        )
    )
    response = await doctor.get("/api/v1/persons/p-hoa/series?hours=24")
    series = await response.json()
    assert series["spo2"].count(None) == 1
    assert series["spo2"][-1] == 90
    assert len(series["t"]) == len(series["pulse"]) == len(series["spo2_min"])
    assert [mark["kind"] for mark in series["marks"]] == ["alert_vitals"]


@pytest.mark.asvs("1.2.1")
async def test_markup_in_a_name_stays_text(visitors: Visitors, site: Site) -> None:
    evil = "</script><script>alert(1)</script>"
    await site.database.write(
        lambda tx: tx.execute(
            "UPDATE person SET display_name = ? WHERE person_id = 'p-hoa'", (evil,)
        )
    )
    doctor = await visitors.doctor()
    for path in ("/doctor", "/doctor/persons/p-hoa"):
        html = await (await doctor.get(path)).text()
        assert evil not in html
        assert "<script>alert" not in html


async def test_the_patients_page_speaks_plainly_and_shows_no_worklist(
    visitors: Visitors,
) -> None:
    html = await (await (await visitors.patient()).get("/patient")).text()
    words = text_of(html)
    assert "Chào Lò Thị Hoà Cần được giúp ngay" in words
    assert "90 %" in words
    assert "Máy đo đang kết nối" in words
    assert "Gọi bác sĩ" in words
    assert "gọi 115" in words
    assert "al-hoa" not in html
    assert "NEWS2" not in words


async def test_a_patient_without_a_case_is_told_where_to_turn(
    visitors: Visitors, site: Site
) -> None:
    await site.database.write(
        lambda tx: tx.execute("UPDATE f0_case SET closed_ms = 1 WHERE person_id = 'p-hoa'")
    )
    words = text_of(await (await (await visitors.patient()).get("/patient")).text())
    assert "Bạn không có đợt theo dõi nào đang mở" in words


async def test_it_says_plainly_that_it_is_no_primary_alarm(visitors: Visitors) -> None:
    doctor = await visitors.doctor()
    html = await (await doctor.get("/doctor")).text()
    assert html.count("IEC 60601-1-8") - html.count('"app.not_an_alarm"') == 1


async def test_the_list_takes_as_many_questions_for_three_hundred_as_for_four(
    site: Site,
) -> None:
    from telehealth.store.queries import screens  # noqa: PLC0415 - counted below

    def settle(tx: Transaction) -> None:
        for i in range(300):
            make.person(tx, f"p-{i}", f"N {i}", "1980-01-01")
            people.put(
                tx,
                tables.Case(
                    case_id=f"c-{i}", person_id=f"p-{i}", programme_id="binh-minh", opened_ms=1
                ),
            )

    await site.database.write(settle)

    def count(tx: Transaction) -> tuple[int, int]:
        asked: list[str] = []
        real = tx.rows

        def rows(sql: str, params: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
            asked.append(sql)
            return real(sql, params)

        tx.rows = rows  # type: ignore[method-assign, assignment]
        found = screens.person_rows(tx, [f"p-{i}" for i in range(300)], site.now_ms)
        return len(asked), len(found)

    questions, rows = await site.database.write(count)
    assert rows == 300
    assert questions <= 5 * 6


async def test_whoever_took_video_calls_back_is_telephoned_and_the_doctor_is_told_so(
    site: Site, visitors: Visitors
) -> None:
    doctor = await visitors.doctor()
    page = await (await doctor.get("/doctor/persons/p-hoa")).text()
    assert 'action="/api/v1/calls"' in page
    agreed = Given(
        person_id="p-hoa", items=frozenset({Item.VIDEO_CALL}), locale="vi", given_by="ac-hoa"
    )
    [consent_id] = await site.database.write(lambda tx: giving.give(tx, agreed, UTC))
    await site.database.write(lambda tx: giving.withdraw(tx, consent_id, "ac-hoa", UTC))
    page = await (await doctor.get("/doctor/persons/p-hoa")).text()
    assert 'action="/api/v1/calls"' not in page
    assert "Không muốn gọi video" in text_of(page)
    refused = await doctor.post("/api/v1/calls", {"person_id": "p-hoa"})
    assert refused.status == 409
    assert "Người bệnh không muốn gọi video" in text_of(await refused.text())
