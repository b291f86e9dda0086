"""The fuzzers' targets on bytes that hypothesis invents, and on mangled vectors; a small budget."""

import json
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.seeds import seeds
from tests.fuzz.targets import TARGETS

VECTORS: Final = Path(__file__).parents[1] / "vectors"


@pytest.mark.parametrize("family", TARGETS)
@given(data=st.binary(max_size=200))
@settings(max_examples=150, deadline=None)
def test_any_bytes_whatever_are_decoded_or_refused(family: str, data: bytes) -> None:
    TARGETS[family](data)


@pytest.mark.parametrize("family", TARGETS)
def test_there_are_seeds_and_the_targets_take_them(family: str) -> None:
    found = seeds(family)
    assert found
    for seed in found:
        TARGETS[family](seed)


@pytest.mark.parametrize("family", TARGETS)
@given(st.data())
@settings(max_examples=150, deadline=None)
def test_a_seed_that_is_bent_is_decoded_or_refused(family: str, data: st.DataObject) -> None:
    seed = bytearray(data.draw(st.sampled_from(seeds(family))))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, max(0, len(seed) - 1)))
        seed[at : at + 1] = data.draw(st.binary(max_size=3))
    TARGETS[family](bytes(seed))


def test_the_vectors_are_read_as_they_lie() -> None:
    lines = (VECTORS / "oximeters" / "nonin.jsonl").read_text(encoding="utf-8").splitlines()
    first = bytes.fromhex("".join(json.loads(lines[0])["chunks"]))
    assert any(seed.endswith(first) for seed in seeds("oximeters"))
