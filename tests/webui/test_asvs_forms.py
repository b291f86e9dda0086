"""What forms and addresses cannot be made to do: lines of OWASP ASVS 5.0 on input and log-ins."""

import logging
import re
import subprocess
import sys
from zoneinfo import ZoneInfo

import msgspec
import pytest

from telehealth.access.limits import RATES
from telehealth.consents import requests as tickets
from telehealth.store import tables
from telehealth.store.database import Database, Reader, Transaction
from tests.webui import people
from tests.webui.conftest import Site, Visitors
from tests.webui.pages import set_up_totp

HOA = {"login": "hoa", "password": people.PASSWORD}
INJECTIONS = [
    "' OR '1'='1", "hoa' --", "hoa'; DROP TABLE account; --", '" OR ""="', "%", "a\\",
]  # fmt: skip


@pytest.mark.asvs("1.2.4")
@pytest.mark.parametrize("text", INJECTIONS)
async def test_what_is_typed_is_a_value_to_the_database_and_never_a_part_of_the_question(
    site: Site, visitors: Visitors, text: str
) -> None:
    def names(reader: Reader) -> list[str]:
        return [row[0] for row in reader.rows("SELECT login FROM account ORDER BY login")]

    before = await site.database.read(names)
    stranger = visitors.stranger()
    assert (await stranger.post("/login", {"login": text, "password": text})).status == 403
    doctor = await visitors.doctor()
    found = await doctor.http.get(
        site.origin + "/api/v1/places",
        params={"q": text},
        headers={"Sec-Fetch-Site": "same-origin"},
    )
    assert found.status in (200, 422)
    if found.status == 200:
        assert (await found.json())["places"] == []
    assert (await doctor.get(f"/doctor/persons/{text.encode().hex()}")).status == 303
    assert await site.database.read(names) == before


@pytest.mark.asvs("15.3.7")
async def test_fields_in_the_address_do_not_count_as_fields_of_the_form(visitors: Visitors) -> None:
    stranger = visitors.stranger()
    answer = await stranger.post(f"/login?login=hoa&password={people.PASSWORD}")
    assert answer.status == 403
    answer = await stranger.post("/login?password=wrong&next=/security", HOA)
    assert (answer.status, answer.headers["Location"]) == (303, "/patient")


@pytest.mark.asvs("15.3.3")
async def test_a_form_sets_nothing_but_the_fields_that_it_has(
    site: Site, visitors: Visitors
) -> None:
    admin = await visitors.administrator()
    form = {"login": "bs.moi", "display_name": "BS. Mới", "role": "doctor"}
    more = {
        "password_temporary": "0",
        "password_hash": "x",
        "person_id": "p-hoa",
        "created_ms": "1",
    }
    assert (await admin.post("/admin/accounts", form | more)).status == 201
    made = await site.database.read(
        lambda r: r.rows(
            "SELECT password_temporary, person_id, password_hash, created_ms FROM account"
            " WHERE login = 'bs.moi'"
        )
    )
    assert bool(made[0][0]) is True
    assert made[0][1] is None
    assert made[0][2].startswith("$argon2id$")
    assert made[0][3] >= site.now_ms


@pytest.mark.asvs("2.4.1")
async def test_nobody_goes_through_numbers_to_find_out_who_is_known(visitors: Visitors) -> None:
    doctor = await visitors.doctor()
    burst = RATES["lookup"][0].burst
    for number in range(burst):
        form = {"kind": "citizen_id", "value": f"0010990{number:05d}"}
        assert (await doctor.post("/emergency", form)).status == 404
    late = await doctor.post("/emergency", {"kind": "citizen_id", "value": "001099099999"})
    assert late.status == 429


@pytest.mark.asvs("3.3.4", "14.2.1")
async def test_the_token_of_a_session_leaves_in_its_cookie_and_nowhere_else(
    visitors: Visitors,
) -> None:
    visitor = visitors.stranger()
    answer = await visitor.post("/login", HOA)
    token = answer.cookies["session"].value
    assert answer.cookies["session"]["httponly"]
    others = [value for name, value in answer.headers.items() if name != "Set-Cookie"]
    assert not any(token in value for value in others)
    for path in ("/patient", "/security", "/patient/requests"):
        page = await visitor.get(path)
        assert page.status == 200
        assert token not in await page.text()
        assert token not in str(page.headers)


@pytest.mark.asvs("6.2.10")
async def test_a_password_of_years_ago_still_opens(site: Site, visitors: Visitors) -> None:
    years_ago = site.now_ms - 5 * 365 * people.DAY
    await site.database.write(
        lambda tx: tx.execute("UPDATE account SET created_ms = ?", (years_ago,))
    )
    answer = await visitors.stranger().post("/login", HOA)
    assert (answer.status, answer.headers["Location"]) == (303, "/patient")


@pytest.mark.asvs("6.4.2")
def test_an_account_keeps_no_hint_and_no_secret_question() -> None:
    proofs = {"password_hash", "password_temporary", "totp", "totp_confirmed_ms", "totp_last_step"}
    who = {
        "account_id", "login", "display_name", "role", "person_id", "programme_id", "locale",
        "created_ms", "disabled_ms",
    }  # fmt: skip
    assert set(tables.Account.model_fields) == proofs | who


@pytest.mark.asvs("6.3.2", "13.2.3")
async def test_a_new_database_knows_nobody(database: Database) -> None:
    def counts(reader: Reader) -> set[int]:
        names = ("account", "gateway", "login_session", "recovery_code", "enrolment")
        return {len(reader.rows(f"SELECT * FROM {name}")) for name in names}  # noqa: S608

    assert await database.read(counts) == {0}


@pytest.mark.asvs("16.3.4", "16.5.1")
async def test_a_failure_nobody_foresaw_is_logged_whole_and_told_in_one_sentence(
    site: Site, visitors: Visitors, caplog: pytest.LogCaptureFixture
) -> None:
    doctor = await visitors.doctor()
    await site.database.write(lambda tx: tx.execute("ALTER TABLE alert RENAME TO alert_gone"))
    answer = await doctor.get("/doctor", Accept="application/json")
    assert answer.status == 500
    assert await answer.json() == {
        "error": {"code": "failed", "message": "the server failed; it has been logged"}
    }
    (record,) = [r for r in caplog.records if r.getMessage() == "request failed"]
    assert record.levelno == logging.ERROR
    assert record.exc_info is not None


_LOG = """
import logging
from telehealth.serving import configure_logging
configure_logging("INFO")
logging.getLogger("telehealth.example").warning(
    "gateway refused", extra={"code": "a\\n{\\"event\\": \\"forged\\"}\\r\\x1b[2J"}
)
"""


@pytest.mark.asvs("16.2.1", "16.2.2", "16.2.3", "16.2.4", "16.4.1")
def test_a_log_event_is_one_line_of_json_in_utc_whatever_stands_in_it() -> None:
    ended = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", _LOG], capture_output=True, text=True, check=True, timeout=30
    )
    (line,) = ended.stderr.splitlines()
    event = msgspec.json.decode(line)
    assert event["event"] == "gateway refused"
    assert event["code"] == 'a\n{"event": "forged"}\r\x1b[2J'
    assert (event["level"], event["logger"]) == ("warning", "telehealth.example")
    assert event["timestamp"].endswith("Z")
    assert line.isprintable()


@pytest.mark.asvs("3.2.1", "5.4.1", "5.4.2")
async def test_a_file_is_named_by_us_whatever_stands_in_the_address(
    site: Site, visitors: Visitors
) -> None:
    zone = ZoneInfo("Asia/Ho_Chi_Minh")

    def ready(tx: Transaction) -> str:
        key = tickets.ask(tx, "p-hoa", "copy", details="", opened_by="ac-hoa", zone=zone)
        tickets.move(tx, key, tickets.Action.ANSWER, by="ac-admin", outcome="Đã nhận.")
        tickets.move(tx, key, tickets.Action.DO, by="ac-admin", outcome="Tải tại đây.")
        return key

    key = await site.database.write(ready)
    patient = await visitors.patient()
    answer = await patient.get(f"/patient/requests/{key}/copy?filename=../evil.html")
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{key}.zip"'
    assert re.fullmatch(r"rq-[0-9a-f]{16}", key)
    for other in (f"{key}%22;filename=%22evil.html", f"{key}%0d%0aX: y", "..%2f..%2fetc"):
        refused = await patient.get(f"/patient/requests/{other}/copy")
        assert refused.status == 404
        assert "Content-Disposition" not in refused.headers


@pytest.mark.asvs("7.4.3")
async def test_after_a_factor_was_changed_all_other_sessions_are_one_press_away(
    site: Site, visitors: Visitors
) -> None:
    here, there = await visitors.doctor(), await visitors.doctor()
    await set_up_totp(site, "ac-doctor")
    removed = await here.post("/security/totp/remove")
    assert removed.headers["Location"] == "/security"
    html = await (await here.get("/security")).text()
    assert 'method="post" action="/sessions/end-others"' in html
    await here.post("/sessions/end-others")
    assert (await there.get("/doctor")).status == 303
    assert (await here.get("/doctor")).status == 200
