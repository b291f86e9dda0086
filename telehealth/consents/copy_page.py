"""The copy as a page that anybody can read or print, in Vietnamese or English. No script, no style.

Readings are told by day (lowest, highest, how many); each single one is in the CSV beside it. The
times are those of the place.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, tzinfo
from html import escape
from typing import Final
from zoneinfo import ZoneInfo

from telehealth.consents import copy_rows, copy_schema
from telehealth.store.database import Reader

ZONE: Final[tzinfo] = ZoneInfo("Asia/Ho_Chi_Minh")
_Words = dict[str, str]
WORDS: Final[dict[str, _Words]] = {
    "vi": {
        "title": "Bản sao dữ liệu của tôi", "made": "Lập lúc", "name": "Họ và tên",
        "birth_date": "Ngày sinh", "sex": "Giới tính", "address": "Địa chỉ", "place": "Nơi ở",
        "identifiers": "Giấy tờ và số điện thoại", "cases": "Đợt theo dõi",
        "loans": "Máy đo đã mượn",
        "days": "Số đo theo ngày", "alerts": "Cảnh báo", "calls": "Cuộc gọi video",
        "consents": "Những điều đã đồng ý", "requests": "Yêu cầu của tôi",
        "exports": "Dữ liệu đã gửi đi", "looks": "Ai đã xem hoặc sửa", "kind": "Loại",
        "value": "Số", "programme": "Chương trình", "state": "Tình trạng", "from": "Từ",
        "to": "Đến", "device": "Máy", "day": "Ngày", "count": "Số lần đo",
        "spo2": "Oxy máu (SpO₂, %)", "pulse": "Mạch (lần/phút)", "cause": "Lý do",
        "level": "Mức", "closed": "Kết thúc", "item": "Nội dung", "given": "Đồng ý lúc",
        "withdrawn": "Rút lại lúc", "recipient": "Gửi cho", "basis": "Căn cứ", "at": "Lúc",
        "action": "Việc", "who": "Ai", "role": "Chức vụ", "decision": "Cho phép",
        "none": "Không có.", "male": "nam", "female": "nữ", "unknown": "chưa rõ",
    },
    "en": {
        "title": "A copy of my data", "made": "Made", "name": "Name",
        "birth_date": "Date of birth", "sex": "Sex", "address": "Address", "place": "Place",
        "identifiers": "Papers and telephone numbers", "cases": "Times of care",
        "loans": "Devices borrowed", "days": "Readings by day", "alerts": "Alerts",
        "calls": "Video calls", "consents": "What was agreed to", "requests": "My requests",
        "exports": "Data that was sent on", "looks": "Who looked or changed", "kind": "Kind",
        "value": "Number", "programme": "Programme", "state": "State", "from": "From",
        "to": "To", "device": "Device", "day": "Day", "count": "Readings",
        "spo2": "Blood oxygen (SpO₂, %)", "pulse": "Pulse (a minute)", "cause": "Why",
        "level": "Level", "closed": "Closed", "item": "What", "given": "Agreed",
        "withdrawn": "Withdrawn", "recipient": "Sent to", "basis": "Basis", "at": "When",
        "action": "What", "who": "Who", "role": "Role", "decision": "Allowed",
        "none": "None.", "male": "male", "female": "female", "unknown": "unknown",
    },
}  # fmt: skip
_HEAD: Final = (
    '<!doctype html>\n<html lang="{locale}"><head><meta charset="utf-8">\n'
    '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    "<title>{title}</title></head>\n<body>\n<h1>{title}</h1>\n<p>{made}: {at}</p>\n"
)


def lines(
    reader: Reader,
    person: copy_schema.Person,
    days: Iterable[Sequence[object]],
    made_at: datetime,
    locale: str,
) -> Iterator[str]:
    """Yield the page piece by piece; `days` is what `by_day` made of the readings."""
    t, key = WORDS[locale], person.person_id
    yield _HEAD.format(locale=locale, title=escape(t["title"]), made=t["made"], at=_time(made_at))
    yield "<dl>\n"
    own = (person.name, person.birth_date, t.get(person.sex), person.address, person.place)
    for name, value in zip(("name", "birth_date", "sex", "address", "place"), own, strict=True):
        yield f"<dt>{t[name]}</dt><dd>{_text(value)}</dd>\n"
    yield "</dl>\n"
    yield from _table(
        t, "identifiers", ("kind", "value"),
        ((i.kind, i.value) for i in copy_rows.identifiers(reader, key)),
    )  # fmt: skip
    yield from _table(
        t, "cases", ("programme", "state", "from", "to"),
        ((c.programme, c.state, c.opened_at, c.closed_at) for c in copy_rows.cases(reader, key)),
    )  # fmt: skip
    yield from _table(
        t, "loans", ("device", "from", "to"),
        ((loan.device_id, loan.from_at, loan.to_at) for loan in copy_rows.loans(reader, key)),
    )  # fmt: skip
    yield from _table(t, "days", ("day", "count", "spo2", "pulse"), days)
    yield from _table(
        t, "alerts", ("at", "cause", "level", "state", "closed"),
        ((a.raised_at, a.cause, a.level, a.status, a.closed_at)
         for a in copy_rows.alerts(reader, key)),
    )  # fmt: skip
    yield from _table(
        t, "calls", ("at", "state", "closed"),
        ((c.requested_at, c.state, c.ended_at) for c in copy_rows.calls(reader, key)),
    )  # fmt: skip
    yield from _table(
        t, "consents", ("item", "given", "withdrawn"),
        ((c.text.partition("\n")[0], c.given_at, c.withdrawn_at)
         for c in copy_rows.consents(reader, key)),
    )  # fmt: skip
    yield from _table(
        t, "requests", ("kind", "state", "from", "to"),
        ((r.kind, r.state, r.opened_at, r.closed_at) for r in copy_rows.tickets(reader, key)),
    )  # fmt: skip
    yield from _table(
        t, "exports", ("at", "kind", "recipient", "basis"),
        ((e.made_at, e.kind, e.recipient, e.basis) for e in copy_rows.exports(reader, key)),
    )  # fmt: skip
    yield from _table(
        t, "looks", ("at", "action", "who", "role", "decision"),
        ((k.at, k.action, k.who, k.role, k.decision) for k in copy_rows.looks(reader, key)),
    )  # fmt: skip
    yield "</body></html>\n"


def by_day(readings: Iterable[copy_schema.Reading]) -> Iterator[Sequence[object]]:
    """Yield each day's count and ranges; readings come in the order they were measured.

    A reading that the quality gate rejected counts, its values do not.
    """
    day: date | None = None
    count, spo2, pulse = 0, list[float](), list[float]()
    for reading in readings:
        at = reading.measured_at.astimezone(ZONE).date()
        if at != day:
            if day is not None:
                yield day, count, _range(spo2), _range(pulse)
            day, count, spo2, pulse = at, 0, [], []
        count += 1
        if reading.gate != "rejected":
            spo2 += [] if reading.spo2_percent is None else [reading.spo2_percent]
            pulse += [] if reading.pulse_per_min is None else [reading.pulse_per_min]
    if day is not None:
        yield day, count, _range(spo2), _range(pulse)


def _range(values: Sequence[float]) -> str | None:
    return f"{min(values):.0f}–{max(values):.0f}" if values else None


def _table(
    t: _Words, name: str, columns: Sequence[str], rows: Iterable[Sequence[object]]
) -> Iterator[str]:
    yield f"<h2>{escape(t[name])}</h2>\n"
    is_empty = True
    for row in rows:
        if is_empty:
            heads = "".join(f'<th scope="col">{escape(t[c])}</th>' for c in columns)
            yield f"<table>\n<tr>{heads}</tr>\n"
            is_empty = False
        yield "<tr>" + "".join(f"<td>{_text(value)}</td>" for value in row) + "</tr>\n"
    yield f"<p>{t['none']}</p>\n" if is_empty else "</table>\n"


def _text(value: object) -> str:
    if value is None or value == "":
        return "–"
    if isinstance(value, datetime):
        return _time(value)
    if isinstance(value, date):
        return f"{value:%d/%m/%Y}"
    return escape(str(value))


def _time(at: datetime) -> str:
    return f"{at.astimezone(ZONE):%H:%M %d/%m/%Y}"
