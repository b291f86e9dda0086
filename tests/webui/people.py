"""A small commune for tests: two programmes, three doctors, five persons in different states."""

import json
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import SQLModel

from protocols.uplink import instant
from telehealth.access.passwords import hash_now
from telehealth.store import tables
from telehealth.store.database import Database, Transaction
from telehealth.vitals.carry import Number
from telehealth.vitals.levels import Level
from telehealth.vitals.state import PersonState, encode_state
from tests import rows

PASSWORD = "correct-horse-9"  # noqa: S105 - of a test
MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the commune, as the test wants them."""

    person_id: str
    name: str
    birth_date: str
    sex: str
    spo2: tuple[float, ...]
    """One value each half hour, the last one now."""
    pulse: float
    level: Level
    programme: str = "binh-minh"
    doctor: str = "ac-doctor"
    silent_for_ms: int = 0


FALLING = (97, 97, 96, 96, 95, 94, 93, 92, 91, 90)
COMMUNE = (
    Person("p-hoa", "Lò Thị Hoà", "1951-03-02", "female", FALLING, 108, Level.RED),
    Person("p-nam", "Nguyễn Văn Nam", "1958-08-19", "male", (96, 95, 94, 94), 92, Level.ORANGE),
    Person("p-linh", "Vàng Thị Linh", "1996-01-30", "female", (98, 98, 97, 98), 76, Level.GREEN),
    Person(
        "p-duc", "Trần Minh Đức", "1984-11-11", "male", (98, 97, 98), 71, Level.GREY,
        silent_for_ms=5 * HOUR,
    ),
    Person(
        "p-far", "Hà Văn Xa", "1970-05-05", "male", (97, 97), 80, Level.GREEN, "far", "ac-far",
    ),
)  # fmt: skip

REASONS = [
    {"code": "spo2_red", "parameter": "spo2_percent", "value": 90, "limit": 92,
     "source": "QĐ 3646/QĐ-BYT (2021-07-31), very high risk"},
    {"code": "news2_single_three", "parameter": "news2_single", "value": 3, "limit": 3,
     "source": "NEWS2, Royal College of Physicians (2017-12), chart 2, thresholds and triggers"},
]  # fmt: skip


async def settle(database: Database, now_ms: int) -> None:
    """Write the whole commune, as of now."""
    await database.write(lambda tx: _write(tx, now_ms))


def _write(tx: Transaction, now_ms: int) -> None:
    hashed = hash_now(PASSWORD)
    put(
        tx,
        *(
            tables.Programme(
                programme_id=key,
                name=name,
                place=name,
                rule_pack="moh-vn-261@2022-01-31",
                cadence_s=2 * 3_600,
                valid_from_ms=now_ms - 90 * DAY,
            )
            for key, name in (("binh-minh", "Xã Bình Minh"), ("far", "Xã Xa"))
        ),
    )
    for person in COMMUNE:
        rows.person(
            tx,
            person.person_id,
            person.name,
            person.birth_date,
            sex=person.sex,
            created_ms=now_ms - 10 * DAY,
        )
    _write_accounts(tx, hashed, now_ms)
    for number, person in enumerate(COMMUNE):
        _write_person(tx, number, person, now_ms)
    _write_alerts(tx, now_ms)


def put(tx: Transaction, *rows: SQLModel) -> None:
    """Write rows of tables."""
    tx.session.add_all(rows)
    tx.session.flush()


def _write_accounts(tx: Transaction, hashed: str, now_ms: int) -> None:
    wanted: list[tuple[str, str, str, str, str | None, str | None]] = [
        ("ac-doctor", "bs.mai", "BS. Mai", "doctor", None, "binh-minh"),
        ("ac-cover", "bs.tuan", "BS. Tuấn", "doctor", None, "binh-minh"),
        ("ac-far", "bs.xa", "BS. Xa", "doctor", None, "far"),
        ("ac-hoa", "hoa", "", "patient", "p-hoa", None),
        ("ac-linh", "linh", "", "patient", "p-linh", None),
        ("ac-admin", "quantri", "Quản trị", "administrator", None, None),
        ("ac-officer", "baove", "Cán bộ Riêng Tư", "privacy_officer", None, None),
        ("ac-nurse", "dd.lan", "ĐD. Lan", "nurse", None, None),
    ]
    for account_id, login, name, role, person_id, programme_id in wanted:
        rows.account(
            tx,
            account_id,
            role,
            login=login,
            display_name=name,
            password_hash=hashed,
            person_id=person_id,
            programme_id=programme_id,
            created_ms=now_ms - DAY,
        )


def _write_person(tx: Transaction, number: int, person: Person, now_ms: int) -> None:
    device_id = f"ox-{number:02d}"
    newest_ms = now_ms - person.silent_for_ms - MINUTE
    put(
        tx,
        tables.Case(
            case_id=f"c-{person.person_id}",
            person_id=person.person_id,
            programme_id=person.programme,
            assigned_doctor_id=person.doctor,
            onset_date=_local_day(now_ms - (3 + number) * DAY),
            opened_ms=now_ms - 3 * DAY,
        ),
        tables.Device(
            device_id=device_id,
            model="PLX",
            serial=f"{number:04d}",
            battery_percent=80,
            connected=not person.silent_for_ms,
            seen_ms=newest_ms,
            registered_ms=now_ms - 9 * DAY,
        ),
        tables.DeviceLoan(
            loan_id=f"ln-{number}",
            device_id=device_id,
            person_id=person.person_id,
            from_ms=now_ms - 9 * DAY,
            decided_by="ac-admin",
        ),
        tables.PersonStateRow(
            person_id=person.person_id,
            state=encode_state(
                PersonState(
                    level=max(int(person.level), 0),
                    newest_ms=newest_ms,
                    spo2=Number(person.spo2[-1], newest_ms),
                    pulse=Number(person.pulse, newest_ms),
                )
            ),
            level=max(int(person.level), 0),
            last_reading_ms=newest_ms,
            changed_in=tx.number,
        ),
    )
    put(tx, *_history(person, device_id, newest_ms, tx.number))


def _local_day(at_ms: int) -> str:
    return instant(at_ms).astimezone(ZoneInfo("Asia/Ho_Chi_Minh")).date().isoformat()


def _history(person: Person, device_id: str, newest_ms: int, number: int) -> list[SQLModel]:
    """A steady day, then what the test wants, a reading each half hour; one remark of each kind."""
    values = (person.spo2[0],) * (60 - len(person.spo2)) + person.spo2
    found: list[SQLModel] = []
    for steps_back, spo2 in enumerate(reversed(values)):
        at_ms = newest_ms - steps_back * 30 * MINUTE
        found.append(
            reading(
                person.person_id,
                device_id,
                at_ms,
                spo2,
                person.pulse - steps_back % 5,
                number,
                late=steps_back == 7,
                time_uncertain=steps_back == 9,
                gate="rejected" if steps_back == 5 else "accepted",
                gate_reasons="finger_off" if steps_back == 5 else None,
            )
        )
    return found


def reading(
    person_id: str,
    device_id: str,
    at_ms: int,
    spo2: float,
    pulse: float,
    number: int,
    **more: Any,
) -> tables.ReadingRow:
    """One minute of somebody."""
    level = 3 if spo2 <= 92 else 2 if spo2 <= 94 else 1 if spo2 <= 96 else 0
    return tables.ReadingRow(
        **{
            "device_id": device_id,
            "person_id": person_id,
            "kind": "minute",
            "measured_ms": at_ms,
            "received_ms": at_ms + 2_000,
            "spo2_percent": spo2,
            "spo2_min_percent": spo2 - 1,
            "pulse_per_min": pulse,
            "perfusion_index_percent": 3.4,
            "level": level,
            "news2_lower": level,
            "news2_upper": level + 5,
            "rule_pack": "moh-vn-261@2022-01-31",
            "content_key": f"{device_id}{at_ms}".encode(),
            "changed_in": number,
            **more,
        }
    )


def alert(alert_id: str, person_id: str | None, now_ms: int, **more: Any) -> tables.AlertRow:
    """A red alert that people have been told about, unless said otherwise."""
    return tables.AlertRow(
        **{
            "alert_id": alert_id,
            "subject_id": person_id or "ox-lost",
            "person_id": person_id,
            "device_id": "ox-00",
            "cause": "vitals",
            "kind": "physiological",
            "priority": "high",
            "level": 3,
            "status": "notified",
            "owner_id": "ac-doctor",
            "reasons": json.dumps(REASONS).encode(),
            "rule_pack": "moh-vn-261@2022-01-31",
            "measured_ms": now_ms - 3 * MINUTE,
            "raised_ms": now_ms - 3 * MINUTE,
            "clock_ms": now_ms - 3 * MINUTE,
            **more,
        }
    )


def _write_alerts(tx: Transaction, now_ms: int) -> None:
    number = tx.number
    orange = [REASONS[0] | {"code": "spo2_orange", "value": 94, "limit": 94}]
    silent = [REASONS[0] | {"code": "device_silent", "value": 5, "limit": 3, "source": ""}]
    put(
        tx,
        alert("al-hoa", "p-hoa", now_ms, awaiting_repeat=True, changed_in=number),
        alert(
            "al-nam", "p-nam", now_ms, level=2, priority="medium", status="accepted",
            reasons=json.dumps(orange).encode(), accepted_by="ac-doctor", owner_id="ac-doctor",
            accepted_ms=now_ms - MINUTE, accept_reason="watching",
            review_ms=now_ms + 2 * HOUR, changed_in=number,
        ),
        alert(
            "al-duc", "p-duc", now_ms, cause="device_silent", kind="technical", priority="low",
            level=1, reasons=json.dumps(silent).encode(),
            raised_ms=now_ms - 2 * HOUR, changed_in=number,
        ),
        alert("al-far", "p-far", now_ms, changed_in=number),
    )  # fmt: skip
    put(
        tx,
        tables.AlertEventRow(
            alert_id="al-hoa", at_ms=now_ms - 3 * MINUTE, action="raise", before="raised",
            after="raised", level=3, step=0,
        ),
        tables.AlertEventRow(
            alert_id="al-hoa", at_ms=now_ms - 3 * MINUTE, action="notify", before="raised",
            after="notified", level=3, step=0,
        ),
        tables.Gateway(
            gateway_id="gw-ban", name="Hộp thu bản Nà Lộc", public_key=b"k" * 32,
            software="0.1.0", enrolled_ms=now_ms - 9 * DAY, seen_ms=now_ms - 20_000,
        ),
        tables.Gateway(
            gateway_id="gw-tram", name="Trạm y tế", public_key=b"l" * 32, software="0.1.0",
            enrolled_ms=now_ms - 9 * DAY, seen_ms=now_ms - 3 * HOUR,
        ),
    )  # fmt: skip
