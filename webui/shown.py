"""Small words for values on a page: what a template may ask, in the reader's language."""

from collections.abc import Sequence
from typing import Final

import msgspec
from markupsafe import Markup

from telehealth.alerts.lifecycle import TRANSITIONS, Action, State
from telehealth.store.queries.screens import AlertShown, PersonRow, ReasonShown
from webui.i18n import Texts

OFFERED = (Action.ACCEPT, Action.ACT, Action.RESOLVE, Action.NOISE)
_BY_HOLDER = frozenset({Action.ACT, Action.RESOLVE, Action.NOISE})


def number(value: float | None, language: Texts) -> str:
    """Return a value without a needless decimal; a dash where nothing is known."""
    if value is None:
        return "–"
    text = f"{value:.0f}" if float(value).is_integer() else f"{value:.1f}"
    return text.replace(".", ",") if language.locale == "vi" else text


def signed_number(value: float, language: Texts) -> str:
    """Return a difference with its sign."""
    sign = "+" if value > 0 else "−" if value < 0 else "±"
    return sign + number(abs(value), language)


def reason_text(reason: ReasonShown, language: Texts) -> str:
    """Return why, in words."""
    return language.t(
        f"reason.{reason.code}",
        value=number(reason.value, language),
        limit=number(reason.limit, language),
    )


def about(row: PersonRow, language: Texts) -> str:
    """Return age, sex and day of illness in one line."""
    parts = [age_text(row.age_months, language)]
    if row.sex in ("female", "male"):
        parts.append(language.t(f"sex.{row.sex}"))
    if row.day_of_illness is not None:
        parts.append(language.t("person.day_of_illness", n=row.day_of_illness))
    return " · ".join(parts)


def age_text(months: int | None, language: Texts) -> str:
    """Return an age in years, or in months below three years."""
    if months is None:
        return language.t("person.age_unknown")
    if months < 36:
        return language.t("person.age_months", n=months)
    return language.t("person.age_years", n=months // 12)


def offered(status: str, *, holder: bool) -> list[str]:
    """Return what may be done to an alert of a status, by the table of its life."""
    return [
        action.value
        for action in OFFERED
        if (State(status), action) in TRANSITIONS
        and (holder or action not in _BY_HOLDER)
        and not (holder and action is Action.ACCEPT)
    ]


def actions_for(alert: AlertShown, account_id: str) -> list[str]:
    """Return what this account may do to an alert now."""
    return offered(alert.status, holder=alert.accepted_by_id == account_id)


_BROWSERS = (
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("coc_coc_browser/", "Cốc Cốc"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)


def browser_name(user_agent: str) -> str:
    """Return a browser and system that a person recognises; else the first words as they are."""
    browser = next((name for sign, name in _BROWSERS if sign in user_agent), user_agent[:40])
    system = next((name for sign, name in _SYSTEMS if sign in user_agent), "")
    return " · ".join(part for part in (browser, system) if part) or "–"


def spark_path(values: Sequence[float | None], *, low: float = 86.0, high: float = 100.0) -> str:
    """Return the `d` of a sparkline in a box of 48 by 28; a gap lifts the pen."""
    commands: list[str] = []
    pen_down = False
    for x, value in enumerate(values):
        if value is None:
            pen_down = False
            continue
        y = (high - min(high, max(low, value))) / (high - low) * 24 + 2
        commands.append(f"{'L' if pen_down else 'M'}{x} {y:.1f}")
        if not pen_down:
            commands.append(f"L{x + 0.01} {y:.1f}")
        pen_down = True
    return "".join(commands)


def as_json(value: object) -> Markup:
    """Return JSON that is safe inside a script element."""
    text = msgspec.json.encode(value).decode()
    return Markup(text.replace("<", "\\u003c"))  # noqa: S704 - "<" is escaped


NAVIGATION: Final = {
    "doctor": (("/doctor", "Patients"), ("/emergency", "Emergency")),
    "patient": (
        ("/patient", "My readings"),
        ("/patient/consents", "My consents"),
        ("/patient/readers", "Who has looked"),
        ("/patient/requests", "My data"),
    ),
    "nurse": (("/station", "Station"), ("/emergency", "Emergency")),
    "coordinator": (("/station", "Station"), ("/station/pairs", "Alike records")),
    "administrator": (
        ("/admin", "Overview"),
        ("/admin/accounts", "Accounts"),
        ("/admin/gateways", "Gateways"),
        ("/admin/devices", "Devices"),
        ("/admin/programmes", "Programmes"),
        ("/admin/places", "Places"),
        ("/admin/retention", "Retention"),
    ),
    "privacy_officer": (
        ("/privacy/emergencies", "Emergency accesses"),
        ("/privacy/requests", "Requests"),
        ("/privacy/audit", "Audit log"),
    ),
}
"""The links at the top of each role's pages: path and text."""
