"""Every family says what the shared vectors say (tests/vectors/README.md)."""

import importlib
import inspect

import pytest

from protocols.oximeters.stream import StreamParser
from tests.protocols.oximeters.vectors import Vector, families, forms_of, load_vectors, said_of

MODULES = {"contec": "emay"}
"""A family whose frames another family's module reads."""
FEWEST = 10

VECTORS = [vector for family in families() for vector in load_vectors(family)]


def parser_of(family: str) -> StreamParser:
    module = importlib.import_module(f"protocols.oximeters.{MODULES.get(family, family)}")
    parsers = [
        thing
        for _, thing in inspect.getmembers(module, inspect.isclass)
        if issubclass(thing, StreamParser) and thing.__module__ == module.__name__
    ]
    assert len(parsers) == 1, parsers
    parser: StreamParser = parsers[0]()
    return parser


@pytest.mark.parametrize("vector", VECTORS, ids=str)
def test_a_stream_says_what_its_vector_says(vector: Vector) -> None:
    said = said_of(parser_of(vector.family), vector.chunks)
    assert forms_of(said, vector.says) == list(vector.says)


@pytest.mark.parametrize("vector", VECTORS, ids=str)
def test_what_a_vector_says_does_not_depend_on_how_it_is_cut(vector: Vector) -> None:
    stream = b"".join(vector.chunks)
    whole = said_of(parser_of(vector.family), [stream])
    single = said_of(parser_of(vector.family), [bytes((octet,)) for octet in stream])
    assert forms_of(whole, vector.says) == forms_of(single, vector.says) == list(vector.says)


@pytest.mark.parametrize("family", families())
def test_each_family_has_enough_vectors_and_each_its_own_name(family: str) -> None:
    names = [vector.name for vector in load_vectors(family)]
    assert len(names) >= FEWEST
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("family", families())
def test_each_family_shows_what_is_no_frame(family: str) -> None:
    assert any(form["type"] == "garbage" for vector in load_vectors(family) for form in vector.says)
