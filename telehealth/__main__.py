"""The command line, and the one composition root: here the parts of a server are put together."""

import asyncio
import importlib
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from pydantic_settings import SettingsError

from protocols.errors import TelehealthError
from telehealth.settings import Settings

app = typer.Typer(
    help="Telehealth and home-F0 monitoring server.", no_args_is_help=True, add_completion=False
)
user_app = typer.Typer(help="Accounts.", no_args_is_help=True)
gateway_app = typer.Typer(help="Gateways.", no_args_is_help=True)
app.add_typer(user_app, name="user")
app.add_typer(gateway_app, name="gateway")
places_app = typer.Typer(help="Places.", no_args_is_help=True)
app.add_typer(places_app, name="places")
audit_app = typer.Typer(help="The audit log.", no_args_is_help=True)
app.add_typer(audit_app, name="audit")
retention_app = typer.Typer(help="How long data is kept.", no_args_is_help=True)
app.add_typer(retention_app, name="retention")
keys_app = typer.Typer(help="The operator's keys.", no_args_is_help=True)
app.add_typer(keys_app, name="keys")


@app.command()
def init(
    folder: Annotated[Path, typer.Option(help="Where settings and keys are kept.")] = Path("var"),
    state: Annotated[
        Path | None, typer.Option(help="Where the server writes; default: the same folder.")
    ] = None,
    admin: Annotated[str, typer.Option(help="Log-in of the first administrator.")] = "admin",
    name: Annotated[str, typer.Option(help="Name of the administrator.")] = "Quản trị viên",
    origin: Annotated[str, typer.Option(help="https://… as browsers and gateways see it.")] = "",
    database: Annotated[str, typer.Option(help="sqlite:///PATH or postgresql://…")] = "",
    tls_cert: Annotated[Path | None, typer.Option(help="Certificate, PEM.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its private key, PEM.")] = None,
) -> None:
    """Make settings, keys, database and the first administrator; what is there stays."""
    from telehealth import installing  # noqa: PLC0415

    wanted = installing.Wanted(
        folder=folder,
        state=state,
        admin=admin,
        name=name,
        origin=origin,
        database=database,
        tls_cert=tls_cert,
        tls_key=tls_key,
    )
    for line in _run(installing.install(wanted)):
        typer.echo(line)


@app.command()
def serve(
    tls_cert: Annotated[Path | None, typer.Option(help="Certificate, PEM.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its private key, PEM.")] = None,
) -> None:
    """Serve until stopped; on SIGHUP read the certificate's and the keys' files again."""
    from telehealth import serving  # noqa: PLC0415 - each command loads only what it needs

    given = {name: path for name, path in (("tls_cert", tls_cert), ("tls_key", tls_key)) if path}
    _run(serving.serve(Settings.model_validate(given)), loop="uvloop")


@app.command()
def settings() -> None:
    """Print every setting with its default and meaning."""
    from telehealth import settings_reference  # noqa: PLC0415

    typer.echo(settings_reference.table())


@app.command()
def version(
    schema: Annotated[bool, typer.Option("--schema", help="Of the database instead.")] = False,
) -> None:
    """Print this release, or the newest schema that it knows."""
    from telehealth import installing  # noqa: PLC0415

    typer.echo(installing.newest_schema() if schema else installing.release())


@app.command()
def run(
    demo: Annotated[bool, typer.Option(help="A commune of twelve invented people.")] = False,
    fresh: Annotated[bool, typer.Option(help="With --demo: start anew.")] = False,
) -> None:
    """Serve; with --demo, beside a gateway that reads twelve virtual oximeters."""
    if fresh and not demo:
        raise typer.BadParameter("--fresh goes with --demo")
    if not demo:
        serve(None, None)
        return
    from telehealth import demo as demonstration  # noqa: PLC0415

    _run(demonstration.run(Settings(), fresh=fresh), loop="uvloop")


@app.command()
def migrate(
    down: Annotated[str, typer.Option(help="Migrate down to this revision.")] = "",
) -> None:
    """Bring the database to the newest schema."""
    from telehealth.store import migrate as migrations  # noqa: PLC0415

    _run(migrations.by_owner(Settings(), down))
    typer.echo("database migrated")


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def bench(context: typer.Context, name: str) -> None:
    """Measure NAME and print its figures (docs/performance.md)."""
    try:
        module = importlib.import_module(f"benchmarks.{name}")
    except ModuleNotFoundError as error:
        _fail(f"bench {name}: needs a checkout with the dev requirements ({error})")
    raise SystemExit(module.main(context.args))


@user_app.command("add")
def user_add(
    login: str,
    role: Annotated[str, typer.Option(help="doctor, patient or administrator")],
    name: Annotated[str, typer.Option(help="Name shown to others.")],
    person: Annotated[str, typer.Option(help="For a patient: the person's id.")] = "",
    programme: Annotated[str, typer.Option(help="For a doctor: the programme's id.")] = "",
) -> None:
    """Make an account; prints a random password once."""
    from telehealth import commands  # noqa: PLC0415

    password = _run(
        commands.add_user(
            Settings(), login=login, role=role, name=name, person=person, programme=programme
        )
    )
    typer.echo(f"{login}: {password}")


@places_app.command("import")
def places_import(
    source: Annotated[str, typer.Argument(help="vietnam, or a .csv or .geojson file.")],
    old: Annotated[bool, typer.Option(help="With vietnam: also the places before 2025.")] = False,
) -> None:
    """Import places or their boundaries, or name every problem and import nothing."""
    from telehealth.people import places_commands  # noqa: PLC0415

    typer.echo(str(_run(places_commands.import_places(Settings(), source, old=old))))


@places_app.command("find")
def places_find(text: str) -> None:
    """Find places by name, code or address, and what past ones are today."""
    from telehealth.people import places_commands  # noqa: PLC0415

    typer.echo("\n".join(_run(places_commands.find(Settings(), text))))


@places_app.command("list")
def places_list(code: Annotated[str, typer.Argument(help="CODE or LEVEL:CODE.")] = "") -> None:
    """List the places directly beneath one, or the topmost ones."""
    from telehealth.people import places_commands  # noqa: PLC0415

    typer.echo("\n".join(_run(places_commands.list_beneath(Settings(), code))))


@gateway_app.command("code")
def gateway_code() -> None:
    """Make a one-use enrolment code, good for ten minutes."""
    from telehealth import commands  # noqa: PLC0415

    typer.echo(_run(commands.enrolment_code(Settings())))


@gateway_app.command("revoke")
def gateway_revoke(gateway_id: str) -> None:
    """Put a gateway out, at once."""
    from telehealth import commands  # noqa: PLC0415

    _run(commands.revoke_gateway(Settings(), gateway_id))
    typer.echo(f"{gateway_id} revoked")


@audit_app.command("verify")
def audit_verify(
    checkpoints: Annotated[
        list[Path] | None, typer.Option(help="Checkpoint files in their order; or the setting's.")
    ] = None,
) -> None:
    """Check every entry, chain and checkpoint; exits 1 if anything was altered, cut or forged."""
    from telehealth.audit import commands  # noqa: PLC0415

    report = _run(commands.verify_with(Settings(), checkpoints or []))
    for finding in report.findings:
        typer.echo(str(finding))
    typer.echo(str(report))
    raise SystemExit(1 if report.findings else 0)


@audit_app.command("show")
def audit_show(
    person: Annotated[str, typer.Option(help="Only about this person.")] = "",
    actor: Annotated[str, typer.Option(help="Only by this account, gateway, command:NAME.")] = "",
    since: Annotated[str, typer.Option(help="2026-11-23, or a time with its zone.")] = "",
    limit: Annotated[int, typer.Option(help="At most so many, up to 500.")] = 100,
) -> None:
    """Print entries, newest first: ids only."""
    from telehealth.audit import commands  # noqa: PLC0415

    work = commands.show_with(Settings(), person=person, actor=actor, since=since, limit=limit)
    for line in _run(work):
        typer.echo(line)


@audit_app.command("checkpoint")
def audit_checkpoint() -> None:
    """Print the newest end of the log, to be written on paper."""
    from telehealth.audit import commands  # noqa: PLC0415

    for line in _run(commands.heads_with(Settings())):
        typer.echo(line)


@retention_app.command("run")
def retention_run() -> None:
    """Take away now what has been kept long enough, and print how many rows of each kind went."""
    from telehealth import retention_commands  # noqa: PLC0415

    for line in _run(retention_commands.run(Settings())):
        typer.echo(line)


@keys_app.command("show")
def keys_show() -> None:
    """List every key with its age and how much still needs it; never a secret."""
    from telehealth import key_commands  # noqa: PLC0415

    for line in _run(key_commands.show(Settings())) or ():
        typer.echo(line)


@keys_app.command("rotate")
def keys_rotate(
    part: Annotated[str, typer.Argument(help="data, index, audit or identity.")],
    stage: Annotated[
        bool, typer.Option(help="Only make the key, to copy the file to other machines first.")
    ] = False,
    force: Annotated[bool, typer.Option(help="identity: though gateways are left behind.")] = False,
) -> None:
    """Make a new key and bring everything under it, while the server runs."""
    from telehealth import commands, key_commands  # noqa: PLC0415

    if part == "identity":
        typer.echo(_run(commands.rotate_identity(Settings(), force=force)))
    else:
        _run(key_commands.rotate(Settings(), part, stage=stage, say=typer.echo))


@keys_app.command("reseal")
def keys_reseal(part: Annotated[str, typer.Argument(help="data or index.")]) -> None:
    """Go on with a rotation that was cut off: bring everything under the newest key."""
    from telehealth import key_commands  # noqa: PLC0415

    _run(key_commands.go_on(Settings(), part, say=typer.echo))


@keys_app.command("drop")
def keys_drop(key: Annotated[str, typer.Argument(help="The key's eight digits.")]) -> None:
    """Take away an old key that nothing needs any more."""
    from telehealth import key_commands  # noqa: PLC0415

    typer.echo(f"the {_run(key_commands.drop(Settings(), key))} key {key} is gone")


@keys_app.command("export")
def keys_export(
    first: Annotated[Path, typer.Option(help="The first custodian's file.")],
    second: Annotated[Path, typer.Option(help="The second custodian's file.")],
) -> None:
    """Give the keys to two custodians: two files to print, neither of which says anything."""
    from telehealth import key_commands  # noqa: PLC0415

    number = _run(key_commands.export(Settings(), first, second))
    typer.echo(f"export {number}: give {first} and {second} to two people and delete them here")


@keys_app.command("import")
def keys_import(
    first: Annotated[Path, typer.Option(help="One custodian's file.")],
    second: Annotated[Path, typer.Option(help="The other custodian's file.")],
    to: Annotated[Path, typer.Option(help="Where the keys go; nothing may be there.")],
) -> None:
    """Put the keys together again from both custodians' files."""
    from telehealth import key_commands  # noqa: PLC0415

    try:
        keyring = key_commands.take_in(first, second, to)
    except TelehealthError as error:
        _fail(str(error))
    typer.echo(f"keys at {to}, the newest data key {keyring.data[0].key_id.hex()}")


@app.command()
def backup(
    target: Annotated[Path, typer.Argument(help="A new FILE.tar, or a folder.")],
) -> None:
    """Copy the database into one archive while the server runs; the keys are never in it."""
    from telehealth import backup_commands  # noqa: PLC0415

    typer.echo(f"backup at {_run(backup_commands.back_up(Settings(), target))}")


@app.command()
def restore(
    source: Annotated[Path, typer.Argument(help="The archive.")],
    database: Annotated[str, typer.Option(help="An empty one: sqlite:///PATH or postgresql://…")],
) -> None:
    """Bring an archive back into an empty database, and prove it; exit 1 on any finding."""
    from telehealth import backup_commands  # noqa: PLC0415

    restored = _run(backup_commands.bring_back(Settings(), source, database))
    rows = sum(restored.manifest.tables.values())
    typer.echo(f"{rows} rows restored as of {restored.manifest.made_at}")
    for line in restored.findings:
        typer.echo(line)
    if restored.findings:
        _fail(f"{len(restored.findings)} findings")
    typer.echo(f"proven: counts, audit log, {restored.opened} sealed fields opened as a sample")


def _run(work: Coroutine[Any, Any, Any], *, loop: str = "asyncio") -> Any:
    """Run to the end, or until SIGINT or SIGTERM; an error of ours is one line and exit 1."""

    async def main() -> Any:
        task = asyncio.ensure_future(work)
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        try:
            return await task
        except asyncio.CancelledError:
            return None

    factory = importlib.import_module("uvloop").new_event_loop if loop == "uvloop" else None
    try:
        with asyncio.Runner(loop_factory=factory) as runner:
            return runner.run(main())
    except TelehealthError as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"{error}")


def _fail(line: str) -> Any:
    typer.echo(f"telehealth: {line}", err=True)
    sys.exit(1)


def main() -> None:
    """Run the command line; a setting that cannot be one is a line and exit 1, as any error."""
    try:
        app()
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False)[0]
        name = "_".join(str(part) for part in wrong["loc"]) or "settings"
        _fail(f"{name}: {wrong['msg']}")
    except (SettingsError, FileNotFoundError) as error:
        _fail(str(error))


if __name__ == "__main__":
    main()
