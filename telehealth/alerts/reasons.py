"""Coded reasons of what people do to alerts; their texts are in the translation catalogue."""

from enum import StrEnum
from typing import Final


class AcceptReason(StrEnum):
    """What the one who accepts is going to do; texts under `accept.<code>`."""

    CALLING = "calling"
    WATCHING = "watching"
    SENDING_STATION = "sending_station"
    SENDING_EMERGENCY = "sending_emergency"
    CONSULTING = "consulting"


class ResolveReason(StrEnum):
    """How it ended; texts under `resolve.<code>`."""

    IMPROVED = "improved"
    ADVISED = "advised"
    TREATED_AT_HOME = "treated_at_home"
    REFERRED = "referred"
    MEASURED_AGAIN_NORMAL = "measured_again_normal"
    DEVICE_FIXED = "device_fixed"
    CAUSE_GONE = "cause_gone"


class NoiseReason(StrEnum):
    """This was noise, because; texts under `noise.<code>`."""

    MOTION = "motion"
    COLD_FINGER = "cold_finger"
    PROBE_MISPLACED = "probe_misplaced"
    DEVICE_FAULT = "device_fault"
    WRONG_PERSON = "wrong_person"
    USUAL_FOR_PERSON = "usual_for_person"
    TEST = "test"


CodedReason = AcceptReason | ResolveReason | NoiseReason
_GROUPS: Final = {AcceptReason: "accept", ResolveReason: "resolve", NoiseReason: "noise"}


def message_id(reason: CodedReason) -> str:
    """Return the entry of the translation catalogue for a coded reason."""
    return f"{_GROUPS[type(reason)]}.{reason.value}"
