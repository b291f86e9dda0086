"""Errors of the server, each with a stable `code` that messages, logs and close codes rest on."""

from typing import ClassVar

from protocols.errors import DecodeError, TelehealthError

__all__ = [
    "BreakGlassError",
    "ConsentWithdrawnError",
    "DecodeError",
    "IllegalTransitionError",
    "KeysError",
    "NotAllowedError",
    "NotFoundError",
    "RefusedError",
    "TelehealthError",
    "UnavailableError",
    "code_of",
]


class NotAllowedError(TelehealthError):
    """This person may not do this."""

    code: ClassVar[str] = "not_allowed"


class BreakGlassError(NotAllowedError):
    """Not as it stands; in an emergency this role may break the glass to this person."""

    code: ClassVar[str] = "break_glass"

    def __init__(self, words: str, person_id: str) -> None:
        super().__init__(words)
        self.person_id = person_id


class NotFoundError(TelehealthError):
    """There is no such thing, or none that this person may know of."""

    code: ClassVar[str] = "not_found"


class IllegalTransitionError(TelehealthError):
    """Not now: the life cycle has no such step from where the thing stands."""

    code: ClassVar[str] = "illegal_transition"

    def __init__(self, state: str, action: str, why: str = "") -> None:
        super().__init__(f"no {action} from {state}" + (f": {why}" if why else ""))
        self.state = state
        self.action = action


class ConsentWithdrawnError(IllegalTransitionError):
    """The person took back their consent to this; they may still ask for it themselves."""

    code: ClassVar[str] = "consent_withdrawn"


class UnavailableError(TelehealthError):
    """Not now; trying later may help."""

    code: ClassVar[str] = "unavailable"


class KeysError(TelehealthError):
    """The operator's keys are missing or do not fit; names the key, never its secret."""

    code: ClassVar[str] = "keys"


class RefusedError(TelehealthError):
    """Input of a person or an operator that cannot be taken: which field, what limit, what came."""

    code: ClassVar[str] = "refused"

    def __init__(self, field: str, limit: str, value: object) -> None:
        super().__init__(f"{field}: {limit}, got {value!r}")
        self.field = field
        self.limit = limit
        self.value = value


def code_of(error: TelehealthError) -> str:
    """Return the stable code of an error: its own, `bad_message` for a codec's, else `failed`."""
    own: object = getattr(error, "code", None)
    if isinstance(own, str):
        return own
    return "bad_message" if isinstance(error, DecodeError) else "failed"
