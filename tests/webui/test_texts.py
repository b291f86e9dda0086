"""Every text that a page can show is there, in both languages."""

import re
from enum import Enum
from pathlib import Path
from typing import get_args

import pytest

from protocols.phone import ShownCode
from protocols.reading import ReadingKind
from protocols.uplink import CommandKind, Outcome
from telehealth.access.break_glass import GlassReason
from telehealth.access.break_glass import Verdict as ReviewVerdict
from telehealth.access.policy import Role
from telehealth.alerts.lifecycle import Action, State
from telehealth.alerts.reasons import AcceptReason, NoiseReason, ResolveReason
from telehealth.vitals.decisions import Cause
from telehealth.vitals.levels import Level
from telehealth.vitals.parameters import ReasonCode
from telehealth.vitals.pocket import ASKED
from telehealth.vitals.quality import QualityReason, Verdict
from webui.i18n import LOCALES, is_key, texts, zone_of
from webui.pages import emergency

WEBUI = Path(__file__).parents[2] / "webui"
CALL = re.compile(r"""\bt\(\s*["']((?:[^"'\\]|\\.)+)["']\s*[,)]""")
PLACE = re.compile(r"\{([a-z0-9_]+)\}")


def asked_for() -> dict[str, str]:
    """Return each message id that templates and scripts ask for by its whole name, and where."""
    found: dict[str, str] = {}
    sources = [*(WEBUI / "templates").glob("*.html"), *(WEBUI / "client" / "src").rglob("*.ts")]
    for path in sources:
        for match in CALL.finditer(path.read_text(encoding="utf-8")):
            found[match.group(1)] = path.name
    return found


def built_from(prefix: str, codes: type[Enum]) -> list[str]:
    return [f"{prefix}.{code.value}" for code in codes]


DOING = (
    "connecting", "waiting", "finger_off", "searching", "weak", "moving", "measuring",
)  # fmt: skip
PROBLEMS = ("not_allowed", "switched_off", "not_found", "lost", "unreadable")
COMPOSED = [
    *built_from("reason", ReasonCode),
    *built_from("quality", QualityReason),
    *built_from("accept", AcceptReason),
    *built_from("resolve", ResolveReason),
    *built_from("noise", NoiseReason),
    *built_from("cause", Cause),
    *built_from("step", Action),
    *built_from("kind", ReadingKind),
    *built_from("role", Role),
    *built_from("glass", GlassReason),
    *built_from("verdict", ReviewVerdict),
    *(f"identifier.{kind}" for kind in emergency.KINDS),
    *(f"level.{level.name.lower()}" for level in Level),
    *(f"advice.{level.name.lower()}{part}" for level in Level for part in ("", "_title")),
    *(f"gate.{v.value}" for v in Verdict if v is not Verdict.ACCEPTED),
    *(f"status.{s.value}" for s in (State.RESOLVED, State.NOISE, State.MERGED)),
    *(f"gateway.{state}" for state in ("online", "silent", "never", "revoked")),
    *(f"connection.{state}" for state in ("on", "waiting", "lost", "ended")),
    *(
        f"sensor.{state}{part}"
        for state in ("on", "off", "none", "finger_off")
        for part in ("", "_hint")
    ),
    *(f"measure.advice.{level.name.lower()}" for level in Level if level is not Level.GREY),
    *(f"measure.{p.value}{part}" for p in ASKED for part in ("", "_unit")),
    *(f"measure.problem.{k}" for k in ("not_a_number", "out_of_range", "nothing", "differs")),
    *(f"measure.send.{s}" for s in ("idle", "sending", "offline", "signed_out", "refused")),
    *(f"bluetooth.doing.{d}" for d in DOING),
    *(f"bluetooth.hint.{hint}" for hint in ("finger", "wait", "push_in", "polish")),
    *(f"bluetooth.problem.{p}" for p in PROBLEMS),
    *(f"on_phone.{code}" for code in get_args(ShownCode)),
    *(f"remeasure.{state}" for state in ("shown", "sending", "told", "nobody")),
    *(f"command.{kind}" for kind in get_args(CommandKind)),
    *(f"command_state.{s}" for s in (*get_args(Outcome), "waiting", "past")),
    *(f"act.{part}{name}" for name in ("resolve", "noise") for part in ("", "how_", "do_")),
]


@pytest.mark.parametrize("locale", LOCALES)
def test_every_text_asked_for_is_there(locale: str) -> None:
    language = texts(locale)
    wanted = asked_for()
    assert len(wanted) > 150
    missing = {
        key: where
        for key, where in wanted.items()
        if not language.has(key) and (is_key(key) or locale != "en")
    }
    assert missing == {}


@pytest.mark.parametrize("locale", LOCALES)
def test_every_code_that_the_rules_know_has_a_text(locale: str) -> None:
    assert [key for key in COMPOSED if not texts(locale).has(key)] == []


def test_both_languages_have_the_same_keys_and_the_same_places() -> None:
    vi, en = texts("vi"), texts("en")
    keys = {key for key in vi.all() if is_key(key)}
    assert keys == {key for key in en.all() if is_key(key)}
    differing = {
        key for key in keys if set(PLACE.findall(vi.t(key))) != set(PLACE.findall(en.t(key)))
    }
    assert differing == set()


def test_no_text_is_left_that_nobody_asks_for() -> None:
    used = set(asked_for()) | set(COMPOSED)
    composed_elsewhere = (
        "error.", "error_hint.", "wrong.", "consult.", "ring.", "call.", "sex.", "audit: ",
        "audit purpose: ", "audit decision: ",
    )  # fmt: skip
    unused = {
        key
        for key in texts("vi").all()
        if key not in used and not key.startswith(composed_elsewhere)
    }
    named_in_code = {
        key
        for key in unused
        if any(
            f'"{key}"' in path.read_text(encoding="utf-8")
            for path in [*WEBUI.rglob("*.py"), *(WEBUI / "client" / "src").rglob("*.ts")]
        )
    }
    assert unused - named_in_code == set()


@pytest.mark.asvs("1.2.3")
def test_texts_for_scripts_cannot_end_their_element() -> None:
    for locale in LOCALES:
        assert "<" not in texts(locale).for_scripts


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "vừa xong"),
        (59, "vừa xong"),
        (60, "1 phút trước"),
        (3_599, "59 phút trước"),
        (3_600, "1 giờ trước"),
        (172_799, "47 giờ trước"),
        (172_800, "2 ngày trước"),
    ],
)
def test_an_age_is_told_in_the_largest_unit_that_says_enough(seconds: int, said: str) -> None:
    now_ms = 1_795_000_000_000
    assert texts("vi").age(now_ms - seconds * 1_000, now_ms) == said


def test_a_value_from_the_future_is_just_now_and_none_is_never() -> None:
    assert texts("en").age(2_000, 1_000) == "just now"
    assert texts("en").age(None, 1_000) == "none yet"


def test_times_are_of_the_place_in_24_hours() -> None:
    zone = zone_of("Asia/Ho_Chi_Minh")
    at_ms = 1_795_460_400_000  # 2026-11-23 19:00 UTC
    assert texts("vi").moment(at_ms, zone) == "02:00 · 24/11"
    assert texts("en").moment(at_ms, zone) == "02:00 · 24 Nov"


def test_an_unknown_language_is_vietnamese() -> None:
    assert texts("xx").t("level.red") == "Đỏ"
