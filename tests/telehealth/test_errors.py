"""Errors: one stable code each, and what is refused is named with its limit and value."""

import pytest

from telehealth.errors import (
    DecodeError,
    IllegalTransitionError,
    NotAllowedError,
    NotFoundError,
    RefusedError,
    TelehealthError,
    UnavailableError,
    code_of,
)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NotAllowedError("no"), "not_allowed"),
        (NotFoundError("none"), "not_found"),
        (IllegalTransitionError("raised", "resolve"), "illegal_transition"),
        (UnavailableError("later"), "unavailable"),
        (RefusedError("age", "at most 120", 130), "refused"),
        (DecodeError("short"), "bad_message"),
        (TelehealthError("other"), "failed"),
    ],
)
def test_every_error_has_its_code(error: TelehealthError, code: str) -> None:
    assert isinstance(error, TelehealthError)
    assert code_of(error) == code


def test_an_illegal_transition_names_state_and_action() -> None:
    error = IllegalTransitionError("raised", "resolve")
    assert (error.state, error.action) == ("raised", "resolve")
    assert str(error) == "no resolve from raised"
    assert str(IllegalTransitionError("a", "b", "too early")) == "no b from a: too early"


def test_a_refusal_names_field_limit_and_value() -> None:
    error = RefusedError("age", "at most 120", 130)
    assert (error.field, error.limit, error.value) == ("age", "at most 120", 130)
    assert str(error) == "age: at most 120, got 130"
