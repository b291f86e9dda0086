"""Whatever is asked under `/api/v1/`, fitting the document or not, the answer is as it says.

`make soak` does the same as every role, on both engines, with many more examples.
"""

from pathlib import Path

import pytest

from telehealth.access.policy import Role
from tests.api.commune import NOBODY, served
from tests.api.fuzzing import fuzz

EXAMPLES = 8
SEED = 20_261_123
PLACES = "GET /api/v1/places"
REACHED = [
    (
        Role.DOCTOR,
        {
            "GET /api/v1/persons/{person_id}/series",
            "POST /api/v1/alerts/{alert_id}",
            "GET /api/v1/calls/{room_id}",
            PLACES,
        },
    ),
    (Role.PATIENT, {"POST /api/v1/calls", "GET /api/v1/calls/{room_id}"}),
    (
        Role.NURSE,
        {"POST /api/v1/people/search", "POST /api/v1/people/alike", "POST /api/v1/qr", PLACES},
    ),
    (Role.ADMINISTRATOR, {PLACES}),
    (NOBODY, set()),
]
"""Each role, and where it has to have arrived: a run that is only refused shows nothing."""


@pytest.mark.flow
@pytest.mark.parametrize(("role", "reached"), REACHED, ids=[role for role, _ in REACHED])
async def test_every_answer_is_one_that_the_document_tells(
    role: str, reached: set[str], tmp_path: Path
) -> None:
    async with served("sqlite", tmp_path) as site:
        found = await fuzz(site, tmp_path, role, examples=EXAMPLES, seed=SEED)
    assert found.failures == (), found.said
    assert found.is_whole
    assert found.cases > 500
    assert reached <= {operation for operation, number in found.accepted.items() if number}
