"""What a running server is made of; the composition root fills it, handlers are given it."""

import asyncio
from dataclasses import dataclass, field

from telehealth.audit.log import AuditLog
from telehealth.bus import Bus
from telehealth.clock import Clock
from telehealth.intake import Intake
from telehealth.settings import Settings
from telehealth.store.database import Database
from telehealth.uplinks import Uplink


@dataclass(frozen=True, slots=True)
class Services:
    """The parts that handlers may use."""

    settings: Settings
    clock: Clock
    database: Database
    bus: Bus
    intake: Intake
    audit: AuditLog
    uplinks: dict[str, Uplink] = field(default_factory=dict)
    """The newest connection of each gateway; a second one replaces the first."""
    loops: tuple[asyncio.Task[None], ...] = ()
    """Intake, timers, outbox, audit, keys: none of them ever ends by itself."""

    def dead_loops(self) -> list[str]:
        """Return the names of loops that have ended; the server is then not ready."""
        return [loop.get_name() for loop in self.loops if loop.done()]
