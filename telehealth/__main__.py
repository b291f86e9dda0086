"""The command line, and the one composition root: here the parts of a server are put together."""

import asyncio
import importlib
import signal
import sys
from collections.abc import Coroutine
from typing import Annotated, Any

import typer

from protocols.errors import TelehealthError
from telehealth.settings import Settings

app = typer.Typer(
    help="Telehealth and home-F0 monitoring server.", no_args_is_help=True, add_completion=False
)
user_app = typer.Typer(help="Accounts.", no_args_is_help=True)
gateway_app = typer.Typer(help="Gateways.", no_args_is_help=True)
app.add_typer(user_app, name="user")
app.add_typer(gateway_app, name="gateway")


@app.command()
def serve() -> None:
    """Serve until stopped, on the address and database of the settings."""
    from telehealth import serving  # noqa: PLC0415 - each command loads only what it needs

    _run(serving.serve(Settings()), loop="uvloop")


@app.command()
def run(
    demo: Annotated[bool, typer.Option(help="A commune of twelve invented people.")] = False,
    fresh: Annotated[bool, typer.Option(help="With --demo: start anew.")] = False,
) -> None:
    """Serve; with --demo, beside a gateway that reads twelve virtual oximeters."""
    if fresh and not demo:
        raise typer.BadParameter("--fresh goes with --demo")
    if not demo:
        serve()
        return
    from telehealth import demo as demonstration  # noqa: PLC0415

    _run(demonstration.run(Settings(), fresh=fresh), loop="uvloop")


@app.command()
def migrate(
    down: Annotated[str, typer.Option(help="Migrate down to this revision.")] = "",
) -> None:
    """Bring the database to the newest schema."""
    from telehealth.store import migrate as migrations  # noqa: PLC0415

    url = Settings().database
    _run(migrations.downgrade(url, down) if down else migrations.upgrade(url))
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
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
