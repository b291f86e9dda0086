"""The rules of an import: each problem named with its line, field, limit and value."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import pytest

from telehealth.people.places_check import (
    PlaceRow,
    PlacesRefusedError,
    Problem,
    Ref,
    SuccessorRow,
    Successors,
    is_day,
    new_id,
    plan,
)
from telehealth.people.places_tree import EARLIEST, Node

REFORM = "2025-07-01"
VN = PlaceRow("VN", "Việt Nam", "country", line=2)
HA_GIANG = PlaceRow("02", "Tỉnh Hà Giang", "province", "tỉnh", Ref("VN"), valid_to=REFORM, line=3)
TUYEN_QUANG = PlaceRow("08", "Tỉnh Tuyên Quang", "province", "tỉnh", Ref("VN"), REFORM, line=4)
VI_XUYEN = PlaceRow(
    "030", "Huyện Vị Xuyên", "district", "huyện", Ref("02"), valid_to=REFORM, line=5
)
OLD = PlaceRow("00892", "Xã Việt Lâm", "commune", "xã", Ref("030"), valid_to=REFORM, line=6)
NEW = PlaceRow("00892", "Xã Việt Lâm", "commune", "xã", Ref("08"), REFORM, line=7)
ALL = (VN, HA_GIANG, TUYEN_QUANG, VI_XUYEN, OLD, NEW)


def but(row: PlaceRow, **changes: Any) -> PlaceRow:
    return dataclasses.replace(row, **changes)


def problems(
    *rows: PlaceRow,
    follow: tuple[SuccessorRow, ...] = (),
    known: tuple[Node, ...] = (),
    known_follow: Mapping[str, Successors] | None = None,
) -> list[tuple[int, str]]:
    with pytest.raises(PlacesRefusedError) as refused:
        plan(rows, follow, known, known_follow)
    return [(problem.line, problem.field) for problem in refused.value.problems]


def heir(row: PlaceRow, code: str, *, default: bool = True, level: str = "") -> SuccessorRow:
    return SuccessorRow(row.key, Ref(code, level), default, row.line)


def test_a_sound_import_is_planned_parents_first() -> None:
    done = plan(tuple(reversed(ALL)), (heir(OLD, "00892"), heir(HA_GIANG, "08")))
    order = [row.key for row, _ in done.rows]
    assert order.index(VN.key) < order.index(HA_GIANG.key) < order.index(VI_XUYEN.key)
    assert order.index(VI_XUYEN.key) < order.index(OLD.key)
    assert done.successors == {
        new_id(OLD.key): ((new_id(NEW.key), True),),
        new_id(HA_GIANG.key): ((new_id(TUYEN_QUANG.key), True),),
    }
    assert {node.parent_id for _, node in done.rows if node.code == "00892"} == {
        new_id(VI_XUYEN.key),
        new_id(TUYEN_QUANG.key),
    }


def test_a_known_place_keeps_its_id_and_may_be_a_parent() -> None:
    known = (Node("pl-mine", *VN.key), Node("pl-tq", *TUYEN_QUANG.key, None, "pl-mine"))
    done = plan((TUYEN_QUANG, NEW), (), known)
    assert {node.place_id for _, node in done.rows} == {"pl-tq", new_id(NEW.key)}
    assert next(n for _, n in done.rows if n.level == "commune").parent_id == "pl-tq"


@pytest.mark.parametrize(
    ("row", "field"),
    [
        (but(VN, code=""), "code"),
        (but(VN, code="A B"), "code"),
        (but(VN, code="x" * 65), "code"),
        (but(VN, name="  "), "name"),
        (but(VN, name="x" * 201), "name"),
        (but(VN, name="Việt\x00Nam"), "name"),
        (but(VN, kind="x" * 41), "kind"),
        (but(VN, level="region"), "level"),
        (but(VN, valid_from="2025-02-30"), "valid_from"),
        (but(VN, valid_from="20250701"), "valid_from"),
        (but(VN, valid_to="2025-W27-2"), "valid_to"),
        (but(VN, valid_to=EARLIEST), "valid_to"),
        (but(VN, latitude=90.1, longitude=0.0), "latitude"),
        (but(VN, latitude=0.0, longitude=-180.1), "longitude"),
        (but(VN, latitude=float("nan"), longitude=0.0), "latitude"),
        (but(VN, latitude=1.0), "latitude"),
    ],
)
def test_a_field_that_does_not_fit_is_named(row: PlaceRow, field: str) -> None:
    assert problems(row) == [(2, field)]


def test_the_last_fields_that_fit_are_taken() -> None:
    edge = but(VN, code="x" * 64, name="x" * 200, kind="x" * 40, valid_to="1900-01-02",
               latitude=-90.0, longitude=180.0)  # fmt: skip
    assert len(plan((edge,), ()).rows) == 1


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("2024-02-29", True), ("2025-02-29", False), ("2025-7-1", False), ("2025-07-01x", False)],
)
def test_a_day_is_one_of_the_calendar(text: str, is_one: bool) -> None:
    assert is_day(text) is is_one


def test_an_unknown_parent_is_named_with_its_line() -> None:
    with pytest.raises(PlacesRefusedError) as refused:
        plan((VN, but(NEW, parent=Ref("99"))), ())
    assert refused.value.problems == [
        Problem(7, "parent_code", "a known place of a larger or the same level", "99")
    ]
    assert "line 7: parent_code" in str(refused.value)


def test_a_parent_must_be_there_on_each_day_of_its_child() -> None:
    assert problems(VN, HA_GIANG, but(VI_XUYEN, valid_to="2025-07-02")) == [(5, "parent_code")]
    assert len(plan((VN, HA_GIANG, VI_XUYEN), ()).rows) == 3


def test_a_smaller_place_is_no_parent() -> None:
    assert problems(VN, but(HA_GIANG, parent=Ref("030", "district")), VI_XUYEN)[0] == (
        3,
        "parent_code",
    )


def test_a_code_that_two_levels_share_must_be_named_with_its_level() -> None:
    province = PlaceRow("7", "Tỉnh Bảy", "province", line=2)
    district = PlaceRow("7", "Huyện Bảy", "district", parent=Ref("7"), line=3)
    commune = PlaceRow("70", "Xã Bảy", "commune", parent=Ref("7"), line=4)
    assert problems(province, district, commune) == [(4, "parent_code")]
    done = plan((province, district, but(commune, parent=Ref("7", "district"))), ())
    assert done.rows[-1][1].parent_id == new_id(district.key)


def test_a_place_inside_itself_is_named_once() -> None:
    a = PlaceRow("a", "Nhà A", "site", parent=Ref("b"), line=2)
    b = PlaceRow("b", "Nhà B", "site", parent=Ref("c"), line=3)
    c = PlaceRow("c", "Nhà C", "site", parent=Ref("a"), line=4)
    tail = PlaceRow("d", "Nhà D", "site", parent=Ref("a"), line=5)
    assert problems(a, b, c, tail) == [(2, "parent_code")]
    own = PlaceRow("e", "Nhà E", "site", parent=Ref("e"), line=6)
    assert problems(own) == [(6, "parent_code")]


def test_the_same_place_twice_in_a_file_is_named_also_without_lines() -> None:
    assert problems(VN, but(VN, line=9)) == [(9, "code")]
    assert problems(but(VN, line=0), but(VN, line=0)) == [(0, "code")]


def test_one_code_of_one_level_is_not_there_twice_at_a_time() -> None:
    ends_later = but(OLD, valid_to="2025-07-02", parent=None)
    assert problems(VN, TUYEN_QUANG, ends_later, NEW) == [(7, "valid_from")]
    assert problems(VN, TUYEN_QUANG, but(ends_later, valid_to=None), NEW) == [(7, "valid_from")]
    assert len(plan((VN, TUYEN_QUANG, but(OLD, parent=None), NEW), ()).rows) == 4


def test_an_import_may_not_end_a_place_before_its_known_child() -> None:
    known = (Node("vn", *VN.key), Node("tq", *TUYEN_QUANG.key, None, "vn"))
    assert problems(but(VN, valid_to="2030-01-01"), known=known) == [(2, "valid_to")]


def test_several_successors_have_exactly_one_default() -> None:
    two = (but(NEW, code="00895"), NEW)
    both = [heir(OLD, "00892", default=d) for d in (True, False)]
    for a, b in ((True, True), (False, False)):
        follow = (heir(OLD, "00892", default=a), heir(OLD, "00895", default=b))
        assert problems(*ALL[:5], *two, follow=follow) == [(6, "successor_codes")]
    done = plan((*ALL[:5], *two), (both[0], heir(OLD, "00895", default=False)))
    assert len(done.successors[new_id(OLD.key)]) == 2
    assert problems(*ALL, follow=tuple(both)) == [(6, "successor_codes")]


@pytest.mark.parametrize(
    ("of", "code"),
    [(OLD, "99999"), (NEW, "00892"), (OLD, "030")],
    ids=["unknown", "of a place that has not ended", "of a place that has ended too"],
)
def test_a_successor_that_cannot_follow_is_named(of: PlaceRow, code: str) -> None:
    assert problems(*ALL, follow=(heir(of, code),)) == [(of.line, "successor_codes")]


def test_a_successor_of_another_level_is_taken_when_no_other_bears_the_code() -> None:
    done = plan(ALL, (heir(VI_XUYEN, "00892"),))
    assert done.successors[new_id(VI_XUYEN.key)] == ((new_id(NEW.key), True),)


def test_a_place_that_bad_fields_kept_out_is_not_blamed_twice() -> None:
    bad = but(OLD, name="")
    assert problems(*ALL[:4], bad, NEW, follow=(heir(bad, "00892"),)) == [(6, "name")]


def test_an_import_may_not_bring_back_a_place_that_others_follow() -> None:
    done = plan(ALL, (heir(OLD, "00892"),))
    known = tuple(node for _, node in done.rows)
    follows = {new_id(HA_GIANG.key): ((new_id(TUYEN_QUANG.key), True),)}
    revived = but(HA_GIANG, valid_to=None)
    assert problems(revived, known=known, known_follow=follows) == [(3, "valid_to")]


def test_every_problem_of_a_file_is_listed_by_line() -> None:
    rows = (VN, but(TUYEN_QUANG, level="x"), but(VI_XUYEN, parent=Ref("?")), but(OLD, name=""))
    assert problems(*rows) == [(4, "level"), (5, "parent_code"), (6, "name")]


def test_a_long_value_is_shortened_in_the_message() -> None:
    assert len(str(Problem(1, "name", "short", "x" * 5_000))) < 200
