"""Who has read my data, on a phone; the whole log, for the privacy officer."""

import re
from dataclasses import replace

import pytest

from telehealth.audit.actions import AuditAction
from telehealth.audit.chain import Entry
from telehealth.store.database import Reader, Transaction
from tests.webui.conftest import Site, Visitor, Visitors
from webui.i18n import LOCALES, texts

HOUR_MS = 3_600_000


def entry(at_ms: int, **more: str) -> Entry:
    """Return an entry of BS. Mai, who opened Hoà's page."""
    given = {
        "action": AuditAction.VIEW_OPENED.value,
        "actor_id": "ac-doctor",
        "role": "doctor",
        "person_id": "p-hoa",
        "purpose": "care",
    }
    return replace(Entry(action="", actor_id=""), at_ms=at_ms, **(given | more))


async def officer(site: Site, visitors: Visitors, **more: str) -> Visitor:
    """Return the privacy officer, signed in."""

    def ask(tx: Transaction) -> None:
        for column, value in more.items():
            tx.execute(
                f"UPDATE role_grant SET {column} = ? WHERE account_id = 'ac-officer'",  # noqa: S608
                (value,),
            )

    await site.database.write(ask)
    return await visitors.stranger().signed_in("ac-officer")


def logged(reader: Reader) -> list[tuple[str, str, str, str]]:
    found = reader.rows(
        "SELECT action, actor_id, person_id, target FROM audit WHERE action <> 'log_opened'"
        " ORDER BY seq"
    )
    return [(row[0], row[1], row[2], row[3]) for row in found]


def plain(html: str) -> str:
    """Return the words of a page's main part."""
    main = html.partition("<main")[2].partition("</main>")[0]
    return " ".join(re.sub(r"<[^>]+>", " ", main).split())


async def test_a_patient_sees_who_has_read_how_often_and_what_for(
    site: Site, visitors: Visitors
) -> None:
    noon = site.now_ms - site.now_ms % (24 * HOUR_MS) - 19 * HOUR_MS  # 12:00 in Viet Nam
    await site.services.audit.record(*(entry(noon + n) for n in range(3)))
    page = await (await visitors.patient()).get("/patient/readers")
    assert page.status == 200
    assert page.headers["Cache-Control"] == "no-store"
    said = plain(await page.text())
    assert "BS. Mai Bác sĩ Mở trang theo dõi · chăm sóc sức khỏe 12:00" in said
    assert "3 lần trong ngày" in said


async def test_a_patient_sees_neither_their_own_looks_nor_another_persons_readers(
    site: Site, visitors: Visitors
) -> None:
    await site.services.audit.record(entry(site.now_ms, person_id="p-linh"))
    hoa = await visitors.patient()
    await hoa.get("/patient/readers")
    assert "Chưa có ai khác xem." in plain(await (await hoa.get("/patient/readers")).text())


async def test_a_carer_is_no_patient_on_the_persons_page(site: Site, visitors: Visitors) -> None:
    await site.services.audit.record(
        entry(site.now_ms, actor_id="ac-linh", role="patient", purpose="own")
    )
    said = plain(await (await (await visitors.patient()).get("/patient/readers")).text())
    assert "Vàng Thị Linh Người thân hoặc người chăm sóc Mở trang theo dõi" in said
    assert "Bệnh nhân" not in said


async def test_emergency_access_stands_out(site: Site, visitors: Visitors) -> None:
    await site.services.audit.record(entry(site.now_ms, decision="break_glass"))
    page = await (await visitors.patient()).get("/patient/readers")
    assert "Truy cập khẩn cấp, cán bộ bảo vệ dữ liệu sẽ xem xét lại" in plain(await page.text())


async def test_asking_who_has_read_is_itself_written_down(site: Site, visitors: Visitors) -> None:
    await (await visitors.patient()).get("/patient/readers")
    assert await site.database.read(logged) == [("readers_read", "ac-hoa", "p-hoa", "")]


async def test_the_readers_of_a_stranger_are_refused_and_the_refusal_is_written_down(
    site: Site, visitors: Visitors
) -> None:
    page = await (await visitors.patient()).get("/patient/readers?person=p-linh")
    assert page.status == 403
    assert "Linh" not in await page.text()
    assert await site.database.read(logged) == [("readers_read", "ac-hoa", "p-linh", "")]


@pytest.mark.parametrize(("kind", "status"), [("guardian", 200), ("carer", 403)])
async def test_a_guardian_sees_who_has_read_a_childs_data_and_a_carer_does_not(
    site: Site, visitors: Visitors, kind: str, status: int
) -> None:
    await site.database.write(
        lambda tx: tx.execute(
            "INSERT INTO person_proxy (proxy_id, person_id, proxy_person_id, kind, basis,"
            " granted_by, from_ms) VALUES ('px', 'p-linh', 'p-hoa', ?, 'birth', 'test', 0)",
            (kind,),
        )
    )
    page = await (await visitors.patient()).get("/patient/readers?person=p-linh")
    assert page.status == status
    assert ("Ai đã xem dữ liệu của Vàng Thị Linh" in plain(await page.text())) is (status == 200)


async def test_older_lines_are_a_link_away(site: Site, visitors: Visitors) -> None:
    day = 24 * HOUR_MS
    await site.services.audit.record(*(entry(site.now_ms - n * day) for n in range(101)))
    hoa = await visitors.patient()
    first = await (await hoa.get("/patient/readers")).text()
    assert first.count("<li>") == 100
    [link] = re.findall(r'href="(/patient/readers\?before=[^"]+)"', first)
    second = await (await hoa.get(link)).text()
    assert second.count("<li>") == 1
    assert "before=" not in second


async def test_the_officer_sees_everything_newest_first(site: Site, visitors: Visitors) -> None:
    await site.services.audit.record(
        entry(site.now_ms - HOUR_MS, target="older"),
        entry(site.now_ms, decision="deny", target="newer", address="192.0.2.7", basis="bg-9"),
    )
    page = await (await officer(site, visitors)).get("/privacy/audit")
    said = plain(await page.text())
    assert page.status == 200
    assert said.index("newer") < said.index("older")
    for word in ("BS. Mai", "p-hoa", "Bị từ chối", "192.0.2.7", "bg-9", "chăm sóc sức khỏe"):
        assert word in said
    assert "Lò Thị Hoà" not in said


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("", {"a", "b", "c"}),
        ("person=p-hoa", {"a", "c"}),
        ("account=ac-far", {"b"}),
        ("action=exported", {"c"}),
        ("decision=deny", {"b"}),
        ("person=p-hoa&action=view_opened", {"a"}),
        ("from=2026-11-02", {"b", "c"}),
        ("to=2026-11-02", {"a", "b"}),
        ("from=2026-11-02&to=2026-11-02", {"b"}),
        ("from=2027-01-01", set()),
    ],
)
async def test_the_officers_filters_narrow(
    site: Site, visitors: Visitors, query: str, shown: set[str]
) -> None:
    """Days are those of Viet Nam: 2 November begins at 17:00 UTC of the first."""
    first_ms = 1_793_552_399_999  # 2026-11-01 16:59:59.999 UTC
    await site.services.audit.record(
        entry(first_ms, target="tag-a"),
        entry(first_ms + 1, target="tag-b", actor_id="ac-far", person_id="p-far", decision="deny"),
        entry(first_ms + 24 * HOUR_MS + 1, target="tag-c", action="exported"),
    )
    page = await (await officer(site, visitors)).get(f"/privacy/audit?{query}")
    assert set(re.findall(r"tag-(\w)", plain(await page.text()))) == shown


@pytest.mark.parametrize(
    "query", ["action=x", "decision=x", "from=x", "to=9999-12-31", "before=x", "before=1.2"]
)
async def test_a_filter_that_is_none_is_refused(site: Site, visitors: Visitors, query: str) -> None:
    page = await (await officer(site, visitors)).get(f"/privacy/audit?{query}")
    assert page.status == 422


async def test_looking_into_the_log_is_written_down_with_what_was_asked(
    site: Site, visitors: Visitors
) -> None:
    await (await officer(site, visitors)).get("/privacy/audit?person=p-hoa&decision=deny")
    assert await site.database.read(logged) == [
        ("audit_read", "ac-officer", "p-hoa", "decision:deny")
    ]


async def test_an_officer_of_one_place_sees_entries_about_its_people_alone(
    site: Site, visitors: Visitors
) -> None:
    def settle(tx: Transaction) -> None:
        tx.execute(
            "INSERT INTO place (place_id, code, name, folded, level, kind, valid_from, source)"
            " VALUES ('pl-1', '1', 'Xã', 'xa', 'commune', '', '2020-01-01', '')"
        )
        tx.execute("INSERT INTO place_ancestor VALUES ('pl-1', 'pl-1', 0)")
        tx.execute("UPDATE person SET place_id = 'pl-1' WHERE person_id = 'p-hoa'")

    await site.database.write(settle)
    await site.services.audit.record(
        entry(site.now_ms, target="tag-a"),
        entry(site.now_ms, target="tag-b", person_id="p-linh"),
        entry(site.now_ms, target="tag-c", person_id=""),
    )
    page = await (await officer(site, visitors, place_id="pl-1")).get("/privacy/audit")
    assert set(re.findall(r"tag-(\w)", plain(await page.text()))) == {"a"}


@pytest.mark.asvs("16.4.1")
async def test_what_a_stranger_put_into_the_log_is_text_on_the_page(
    site: Site, visitors: Visitors
) -> None:
    await site.services.audit.record(
        entry(site.now_ms, target="<script>x</script>", person_id='"><b>', actor_id="'&?#/")
    )
    html = await (await (await officer(site, visitors)).get("/privacy/audit")).text()
    assert "<script>x" not in html
    assert "<b>" not in html
    assert "/privacy/audit?person=%22%3E%3Cb%3E" in html
    assert "/privacy/audit?account=%27%26%3F%23/" in html


@pytest.mark.parametrize("path", ["/patient/readers", "/privacy/audit"])
async def test_pages_are_whole_in_english(site: Site, visitors: Visitors, path: str) -> None:
    await site.services.audit.record(entry(site.now_ms))
    who = await (visitors.patient() if "patient" in path else officer(site, visitors))
    who.http.cookie_jar.update_cookies({"lang": "en"})
    said = plain(await (await who.get(path)).text())
    assert "Opened the monitoring page" in said
    assert re.findall(r"[ăâđêôơưạảấầẩẫậắằẳẵặẹẻẽếềểễệịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ]\w*", said) == []


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("action", [*AuditAction])
def test_every_action_has_words(locale: str, action: AuditAction) -> None:
    assert texts(locale).has(f"audit: {action}")
