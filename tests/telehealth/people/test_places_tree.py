"""The dated tree: what lies beneath what, and what became of what."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telehealth.people.places_tree import EARLIEST, Node, Tree

REFORM = "2025-07-01"
BEFORE, AFTER = "2025-06-30", "2025-07-01"


def node(place_id: str, parent_id: str | None = None, *, to: str | None = None) -> Node:
    level = {"c": "country", "p": "province", "d": "district", "x": "commune"}[place_id[0]]
    since = REFORM if place_id.endswith("new") else EARLIEST
    return Node(place_id, level, place_id, since, to, parent_id)


REFORMED = (
    node("c"),
    node("p-ha-giang", "c", to=REFORM),
    node("d-vi-xuyen", "p-ha-giang", to=REFORM),
    node("x-viet-lam", "d-vi-xuyen", to=REFORM),
    node("x-gone-over", "d-vi-xuyen", to=REFORM),
    node("p-new", "c"),
    node("x-viet-lam-new", "p-new"),
    node("p-other-new", "c"),
    node("x-other-new", "p-other-new"),
)
HEIRS = {"p-ha-giang": "p-new", "x-viet-lam": "x-viet-lam-new", "x-gone-over": "x-other-new"}


def tree(on: str = AFTER) -> Tree:
    return Tree(REFORMED, HEIRS, on)


@pytest.mark.parametrize(
    ("on", "there", "ended"),
    [("2025-06-29", False, False), ("2025-06-30", True, False), ("2025-07-01", False, True)],
)
def test_a_place_is_there_from_its_first_day_and_not_on_the_day_it_is_no_more(
    on: str, there: bool, ended: bool
) -> None:
    one = Node("x", "commune", "1", "2025-06-30", "2025-07-01")
    assert (one.is_valid(on), one.has_ended(on)) == (there, ended)


@pytest.mark.parametrize(
    ("valid_from", "valid_to", "covered"),
    [
        ("2000-01-01", "2010-01-01", True),
        ("1999-12-31", "2010-01-01", False),
        ("2000-01-01", "2010-01-02", False),
        ("2000-01-01", None, False),
    ],
)
def test_a_place_covers_a_span_only_if_it_is_there_on_each_of_its_days(
    valid_from: str, valid_to: str | None, covered: bool
) -> None:
    assert Node("x", "commune", "1", "2000-01-01", "2010-01-01").covers(valid_from, valid_to) is (
        covered
    )
    assert Node("x", "commune", "1", "2000-01-01").covers("2000-01-01", None)


def test_a_place_is_beneath_itself_its_parents_and_what_took_over() -> None:
    assert tree().ancestors("x-viet-lam") == {
        "x-viet-lam": 0,
        "d-vi-xuyen": 1,
        "p-ha-giang": 2,
        "c": 3,
        "x-viet-lam-new": 1,
        "p-new": 2,
    }


def test_a_district_that_nothing_took_over_is_beneath_what_took_over_its_province() -> None:
    assert set(tree().ancestors("d-vi-xuyen")) == {"d-vi-xuyen", "p-ha-giang", "c", "p-new"}


def test_a_commune_that_went_elsewhere_is_not_beneath_the_heir_of_its_old_province() -> None:
    above = tree().ancestors("x-gone-over")
    assert "p-other-new" in above
    assert "p-new" not in above


def test_a_merger_to_come_changes_nothing_until_its_day() -> None:
    assert set(tree(BEFORE).ancestors("x-viet-lam")) == {
        "x-viet-lam", "d-vi-xuyen", "p-ha-giang", "c",
    }  # fmt: skip
    assert tree(BEFORE).branch("x-viet-lam") == "p-ha-giang"


@pytest.mark.parametrize(
    ("place_id", "branch"),
    [
        ("x-viet-lam", "p-new"),
        ("d-vi-xuyen", "p-new"),
        ("p-ha-giang", "p-new"),
        ("x-gone-over", "p-other-new"),
        ("x-other-new", "p-other-new"),
        ("p-other-new", "p-other-new"),
        ("c", "c"),
    ],
)
def test_the_branch_is_todays_province(place_id: str, branch: str) -> None:
    assert tree().branch(place_id) == branch


def test_an_unknown_place_is_beneath_nothing() -> None:
    assert tree().ancestors("x-nowhere") == {}
    assert tree().chain("x-nowhere") == []


def test_a_tree_of_any_depth_is_walked() -> None:
    deep = [Node("0", "site", "0", EARLIEST)]
    deep += [Node(str(i), "site", str(i), EARLIEST, None, str(i - 1)) for i in range(1, 1_500)]
    walked = Tree(deep, {}, AFTER)
    assert walked.ancestors("1499")["0"] == 1_499
    assert walked.branch("1499") == "0"


@given(st.data())
def test_each_ancestor_is_a_step_of_parents_or_heirs_away(data: st.DataObject) -> None:
    """Whatever a place is beneath is itself, its parent's own chain, or reached by the next."""
    count = data.draw(st.integers(2, 14))
    nodes: list[Node] = []
    heirs: dict[str, str] = {}
    for i in range(count):
        parent = data.draw(st.none() | st.integers(0, i - 1)) if i else None
        ends = data.draw(st.booleans())
        parent_id = None if parent is None else str(parent)
        nodes.append(Node(str(i), "site", str(i), EARLIEST, REFORM if ends else None, parent_id))
        if ends and i and data.draw(st.booleans()):
            heirs[str(i)] = str(data.draw(st.integers(0, i - 1)))
    walked = Tree(nodes, heirs, AFTER)
    for one in nodes:
        above = walked.ancestors(one.place_id)
        following = heirs.get(one.place_id, one.parent_id)
        own = {n.place_id for n in walked.chain(one.place_id)}
        beyond = set(walked.ancestors(following)) if following else set()
        assert set(above) == own | beyond
        assert walked.branch(one.place_id) in above
        assert min(above.values()) == above[one.place_id] == 0
