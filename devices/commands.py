"""What the server may ask of this gateway: show a prompt, make itself known, change a setting.

Theory of operation. A command comes at each connection until it is answered, so its outcome is
remembered by its id, in the spool, over a restart: it is done once and answered as often as it is
asked. What a gateway can do depends on what stands beside it: a screen on which somebody sees its
own page, or a program of the installer's that blinks, beeps or speaks.
"""

import asyncio
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from devices.clock import Moment
from devices.settings import Settings
from devices.spool import Spool
from devices.spool_thread import SpoolThread
from protocols.uplink import Command, CommandKind, Done, GatewayConfig, Outcome

logger = logging.getLogger(__name__)
HOOK_TIMEOUT_S: Final = 10.0
PROMPT_MS: Final = 15 * 60_000
"""How long somebody is asked to measure again."""
_REMEMBERED: Final = 50
_OUTCOMES: Final = "command_outcomes"
_CONFIG: Final = "commanded_config"
_UPDATE: Final = "newer_software"
_MODEL_FILE: Final = Path("/proc/device-tree/model")
"""Where boards such as a Raspberry Pi say what they are."""

Apply = Callable[[GatewayConfig], None]


class Commands:
    """Carries out what the server asks.

    Args:
        settings: what stands beside this gateway.
        spool: what is remembered over a restart.
        apply: takes a changed setting into use.
    """

    def __init__(self, settings: Settings, spool: SpoolThread, apply: Apply) -> None:
        self._settings = settings
        self._spool = spool
        self._apply = apply
        self._outcomes: dict[str, Outcome] = {}
        self._asked_ms: int | None = None
        self._newer = ""
        self._one_at_a_time = asyncio.Lock()
        self.model = machine_model()

    @property
    def abilities(self) -> list[CommandKind]:
        """Return the kinds of command that can be carried out here."""
        able: list[CommandKind] = ["configure", "update_notice"]
        if self._settings.has_screen or self._settings.measure_hook:
            able.append("measure")
        if self._settings.locate_hook:
            able.append("locate")
        return able

    async def remember(self) -> None:
        """Take up what was commanded before the last restart."""
        outcomes = await self._spool.call(Spool.setting, _OUTCOMES)
        self._outcomes = json.loads(outcomes) if outcomes else {}
        newer = await self._spool.call(Spool.setting, _UPDATE)
        self._newer = newer or ""
        config = await self._spool.call(Spool.setting, _CONFIG)
        if config:
            self._apply(msgspec.json.decode(config, type=GatewayConfig))

    def prompts(self, now: Moment) -> tuple[str, ...]:
        """Return what is to be shown to whoever stands before the gateway, Vietnamese first."""
        shown = []
        if self._asked_ms is not None and now.monotonic_ms - self._asked_ms < PROMPT_MS:
            shown.append("Bác sĩ nhờ đo lại ngay. (The doctor asks you to measure again now.)")
        if self._newer:
            shown.append(f"Có phần mềm mới: {self._newer}. (Newer software: {self._newer}.)")
        return tuple(shown)

    def measured(self) -> None:
        """Somebody has measured: the prompt has done its work."""
        self._asked_ms = None

    async def carry_out(self, command: Command, now: Moment) -> Done:
        """Do it, unless it was done before; returns what became of it, and never fails."""
        async with self._one_at_a_time:
            known = self._outcomes.get(command.id)
            if known is not None:
                return Done(command.id, known)
            outcome = await self._do(command, now)
            kept = [*self._outcomes.items(), (command.id, outcome)][-_REMEMBERED:]
            self._outcomes = dict(kept)
            await self._spool.call(Spool.remember, _OUTCOMES, json.dumps(self._outcomes))
        logger.info("command carried out", extra={"kind": command.kind, "outcome": outcome})
        return Done(command.id, outcome)

    async def _do(self, command: Command, now: Moment) -> Outcome:
        if command.kind not in self.abilities:
            return "not_able"
        match command.kind:
            case "measure":
                self._asked_ms = now.monotonic_ms
                return await self._hook(self._settings.measure_hook, command)
            case "locate":
                return await self._hook(self._settings.locate_hook, command)
            case "update_notice":
                self._newer = command.version
                await self._spool.call(Spool.remember, _UPDATE, command.version)
            case "configure":
                await self._configure(command.config or GatewayConfig())
        return "done"

    async def _configure(self, config: GatewayConfig) -> None:
        self._apply(config)
        before = await self._spool.call(Spool.setting, _CONFIG)
        whole = json.loads(before or "{}") | msgspec.to_builtins(config)
        await self._spool.call(Spool.remember, _CONFIG, json.dumps(whole))

    async def _hook(self, program: str, command: Command) -> Outcome:
        """Run the installer's program with the kind and the device; without one there is a page."""
        if not program:
            return "done"
        try:
            process = await asyncio.create_subprocess_exec(
                program,
                command.kind,
                command.device or "",
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
            )
        except OSError as error:
            logger.error("hook cannot run", extra={"kind": command.kind, "why": error.strerror})
            return "failed"
        try:
            async with asyncio.timeout(HOOK_TIMEOUT_S):
                status = await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
            logger.error("hook took too long", extra={"kind": command.kind})
            return "failed"
        return "done" if status == 0 else "failed"


def machine_model() -> str:
    """Return what the machine calls itself; empty where it does not say."""
    try:
        return _MODEL_FILE.read_text(encoding="utf-8", errors="replace").strip("\x00\n ")[:64]
    except OSError:
        return ""
