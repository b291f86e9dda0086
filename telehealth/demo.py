"""`telehealth run --demo`: a commune of twelve invented people, each wearing a virtual oximeter.

Everything between finger and screen is the product's own: the oximeters are read over (virtual)
Bluetooth by the real gateway, which enrols and uploads over the real WebSocket. Two days of calm
history go through the real intake first. Only the physiology runs faster than the clock. Part of
the composition root: the one other place that knows `devices`.
"""

import asyncio
import base64
import contextlib
import secrets
import shutil
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

from devices.identity import Identity, IdentityError, enrol, load_identity
from devices.settings import Settings as GatewaySettings
from devices.simulator.episodes import STEADY
from devices.simulator.physiology import Pace, VirtualVitals, history
from protocols.uplink import Batch, Refusal, WireReading, encode, epoch_ms
from telehealth import cases, clock, demo_people, gateways, keys, loans, programmes
from telehealth.access import accounts
from telehealth.access.passwords import hash_now, new_password
from telehealth.access.policy import Role
from telehealth.demo_people import CAST, DOCTOR, PROGRAMME, Part
from telehealth.intake import Upload, take_in
from telehealth.keys import Keyring
from telehealth.people import places
from telehealth.serving import Listening, be_a_server, configure_logging, listening
from telehealth.settings import Settings
from telehealth.store.database import Database, Transaction
from telehealth.store.queries import uploads

FOLDER: Final = Path("var/demo")
HISTORY: Final = timedelta(days=2)
HISTORY_STEP: Final = timedelta(minutes=2)
PACE: Final = 60.0
"""An hour of illness passes in a minute."""
_STEPS_AT_ONCE: Final = 5
_INSTANT: Final = timedelta(microseconds=1)


class LogIn(NamedTuple):
    """Who can log in to the demo, with a password made at this start."""

    whom: str
    login: str
    password: str


async def run(settings: Settings, *, fresh: bool) -> None:
    """Serve the demo until cancelled, and print how to see it."""
    if fresh:
        shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True, exist_ok=True)
    local = settings.model_copy(
        update={
            "database": f"sqlite:///{FOLDER}/telehealth.sqlite",
            "host": "127.0.0.1",
            "keys": FOLDER / "keys.json",
            "audit_checkpoints": FOLDER / "audit" / "checkpoints.jsonl",
            "second_factor": "offered",
        }
    )
    if not local.keys.exists():
        keys.save(local.keys, Keyring.new(clock.now_ms()))
    configure_logging("WARNING")
    async with demonstration(local, FOLDER) as (server, log_ins):
        be_a_server()
        print(_welcome(server.origin, log_ins), flush=True)  # noqa: T201 - the command's answer
        await asyncio.Event().wait()


@contextlib.asynccontextmanager
async def demonstration(
    settings: Settings, folder: Path, *, pace: float = PACE
) -> AsyncIterator[tuple[Listening, list[LogIn]]]:
    """Run server, ward and gateway, illness `pace` times as fast as the clock; yields log-ins."""
    async with listening(settings) as server:
        database = server.services.database
        log_ins = await database.write(populate)
        start = await database.read(lambda r: r.now)
        if not await database.read(lambda r: r.rows("SELECT 1 FROM reading LIMIT 1")):
            await load_history(database, start)
        identity = await _identity(server, folder / "gateway")
        printed = [one for one in log_ins if one.whom]
        virtual = [one for one in log_ins if not one.whom]
        living = [
            asyncio.create_task(_read_the_ward(identity, folder / "gateway", pace)),
            *(asyncio.create_task(_answer_calls(server.origin, one)) for one in virtual),
        ]
        try:
            yield server, printed
        finally:
            for task in living:
                task.cancel()
            await asyncio.gather(*living, return_exceptions=True)


def populate(tx: Transaction) -> list[LogIn]:
    """Make the commune, or give its accounts new passwords where it is there already.

    Returns:
        First the log-ins that are printed, then those of the virtual people.
    """
    everybody = [*demo_people.LOGINS, *(part.login for part in demo_people.VIRTUAL)]
    passwords = {login: new_password() for login in everybody}
    if tx.rows("SELECT 1 FROM programme WHERE programme_id = ?", (PROGRAMME.programme_id,)):
        for login, password in passwords.items():
            tx.execute(
                "UPDATE account SET password_hash = ? WHERE login = ?",
                (hash_now(password), login),
            )
    else:
        _found(tx, passwords)
    return [
        LogIn(demo_people.LOGINS.get(login, ""), login, passwords[login]) for login in everybody
    ]


def _found(tx: Transaction, passwords: dict[str, str]) -> None:
    places.add_places(tx, demo_people.PLACES, source="demo")
    commune = tx.rows("SELECT place_id FROM place WHERE code = ?", (demo_people.HOME,))[0][0]
    programmes.create(tx, replace(PROGRAMME, place_id=commune))

    def account(login: str, name: str, role: Role, **more: Any) -> str:
        new = accounts.NewAccount(
            login=login,
            display_name=name,
            role=role,
            password_hash=hash_now(passwords[login]),
            **more,
        )
        return accounts.create(tx, new)

    doctor = account(*DOCTOR, Role.DOCTOR, programme_id=PROGRAMME.programme_id)
    for login, name, role, _ in demo_people.STAFF:
        account(login, name, role, place_id=commune)
    account("quantri", "Quản trị (giả định)", Role.ADMINISTRATOR)
    today = tx.now.date()
    since_ms = epoch_ms(tx.now - HISTORY) - 1
    for part in CAST:
        person = cases.add_person(tx, replace(part.person, place_id=commune, created_by="demo"))
        account(part.login, part.person.display_name, Role.PATIENT, person_id=person)
        onset = today - timedelta(days=part.day_of_illness)
        cases.open_case(tx, person, PROGRAMME.programme_id, doctor_id=doctor, onset=onset)
        loan = loans.lend(tx, part.device_id, person, "demo")
        tx.execute("UPDATE device_loan SET from_ms = ? WHERE loan_id = ?", (since_ms, loan))


async def load_history(database: Database, start: datetime) -> None:
    """Take in two calm days before `start`, each reading as if it had come in its own time."""
    gateway_id, stream_id = await database.write(_history_streams)
    nobody = _Nobody()
    seq = 0
    at = start - HISTORY
    while at < start:
        until = min(at + HISTORY_STEP * _STEPS_AT_ONCE, start)
        group: list[Upload] = []
        for part in CAST:
            seq += 1
            batch = _past(part, seq, at, until, start)
            group.append(
                Upload(nobody, gateway_id, stream_id, "backlog", seq, encode(batch), batch)
            )
        await database.write(lambda tx, group=group, at=until: _as_of(tx, at, group))  # type: ignore[misc]
        at = until
    await database.write(lambda tx: gateways.revoke(tx, gateway_id))


class _Nobody:
    """History has no connection that waits for an answer."""

    def committed(self, stream: str, seq: int, refused: Sequence[Refusal], count: int) -> None: ...

    def refused(self, error: Exception, count: int) -> None: ...

    def revoked(self, count: int) -> None: ...

    def rewound(self, stream: str, acked: int, count: int) -> None: ...


def _as_of(tx: Transaction, at: datetime, group: Sequence[Upload]) -> None:
    past = Transaction(tx.connection, tx.vault)
    past.now_ms = epoch_ms(at)
    take_in(past, group)


def _history_streams(tx: Transaction) -> tuple[str, int]:
    """Return a gateway that only ever brought the past, and its one stream."""
    code = gateways.new_enrolment(tx, "demo")
    public_key = base64.b64encode(secrets.token_bytes(32)).decode()
    gateway_id = gateways.enrol(tx, code, public_key, "Lịch sử (giả định)")
    return gateway_id, uploads.open_stream(tx, gateway_id, "backlog", "demo-history")[0]


def _past(part: Part, seq: int, at: datetime, until: datetime, start: datetime) -> Batch:
    """Return the readings of one device after `at`, up to and with `until`."""
    patient = part.patient(STEADY)
    began = start - HISTORY
    shown = history(patient, at - began + HISTORY_STEP, until - began + _INSTANT, HISTORY_STEP)
    readings = [_minute(began + elapsed, vitals) for elapsed, vitals in shown]
    return Batch("backlog", seq, part.device_id, epoch_ms(at), readings=readings)


def _minute(at: datetime, vitals: VirtualVitals) -> WireReading:
    return WireReading(
        kind="minute",
        at=epoch_ms(at),
        spo2_percent=round(vitals.spo2_percent),
        pulse_per_min=round(vitals.pulse_per_min),
        perfusion_index_percent=round(vitals.perfusion_index_percent, 1),
        quality_share=1.0,
    )


async def _identity(server: Listening, folder: Path) -> Identity:
    """Return the gateway's identity, enrolled over HTTP as any gateway is."""
    with contextlib.suppress(IdentityError):
        known = load_identity(folder)
        if known.server == server.origin:
            return known
    code = await server.services.database.write(lambda tx: gateways.new_enrolment(tx, "demo"))
    return await enrol(server.origin, code, "Trạm y tế (giả định)", folder)


async def _read_the_ward(identity: Identity, folder: Path, pace: float) -> None:
    """Be the station's gateway, in reach of twelve oximeters, until cancelled."""
    from devices.gateway import Gateway  # noqa: PLC0415 - bleak and Bumble are slow to load
    from devices.simulator.ward import VirtualWard  # noqa: PLC0415

    began = asyncio.get_running_loop().time()

    def elapsed() -> timedelta:
        return HISTORY + timedelta(seconds=asyncio.get_running_loop().time() - began)

    wearings = [part.wearing(HISTORY) for part in CAST]
    settings = GatewaySettings(batch_seconds=1.0, max_connections=len(CAST))
    async with VirtualWard(wearings, elapsed=elapsed, pace=Pace(pace, begins=HISTORY)) as ward:
        gateway = Gateway(
            identity,
            folder,
            settings,
            backends=ward.backends,
        )
        await gateway.run()


async def _answer_calls(origin: str, log_in: LogIn) -> None:
    """Be a virtual person who takes the doctor's call, until cancelled."""
    from devices.simulator.call_answerer import CallAnswerer  # noqa: PLC0415 - only the demo's
    from devices.simulator.call_peer import only_loopback  # noqa: PLC0415

    only_loopback()
    await CallAnswerer(origin, log_in.login, log_in.password).run()


def _welcome(origin: str, log_ins: Sequence[LogIn]) -> str:
    width = max(len(one.whom) for one in log_ins)
    lines = [f"  {whom:<{width}}  {login:<12} {password}" for whom, login, password in log_ins]
    return "\n".join(
        [
            "",
            f"Telehealth demo: {origin}/login",
            "Twelve invented people; nothing here listens beyond this machine.",
            "",
            *lines,
            "",
            "The others answer the doctor's call by themselves, with a moving picture.",
            "Within two minutes one person desaturates silently, one probe falls off and one",
            "device goes silent. Stop with Ctrl-C; start anew with: make run ARGS=--fresh",
        ]
    )
