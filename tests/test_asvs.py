"""docs/asvs.csv is whole and true: every line of OWASP ASVS 5.0 up to level 2 has its proof.

A line is shown by tests that carry it (`@pytest.mark.asvs("7.2.4")`) or by a heading of our
documents, or it does not apply, with the reason. What does not hold is `open`, and on docs/asvs.md.
"""

import ast
import csv
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from telehealth.access import password_rules

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
COLUMNS = ["id", "level", "requirement", "applies", "how", "where", "note"]
HOWS = {"test": "yes", "document": "yes", "open": "yes", "not applicable": "no"}
LEVELS = {
    "1.1": "22", "1.2": "1111122223", "1.3": "112222222223", "1.4": "222", "1.5": "123",
    "2.1": "122", "2.2": "112", "2.3": "12223", "2.4": "23",
    "3.1": "3", "3.2": "113", "3.3": "12223", "3.4": "11222233", "3.5": "11122333", "3.6": "3",
    "3.7": "22333",
    "4.1": "12233", "4.2": "23333", "4.3": "22", "4.4": "1222",
    "5.1": "2", "5.2": "112333", "5.3": "113", "5.4": "222",
    "6.1": "122", "6.2": "111111112222", "6.3": "11223333", "6.4": "112233", "6.5": "22222333",
    "6.6": "2223", "6.7": "33", "6.8": "2222",
    "7.1": "222", "7.2": "1111", "7.3": "22", "7.4": "11222", "7.5": "223", "7.6": "22",
    "8.1": "1233", "8.2": "1123", "8.3": "133", "8.4": "23",
    "9.1": "111", "9.2": "1222",
    "10.1": "22", "10.2": "223", "10.3": "22223", "10.4": "1111122222233333", "10.5": "22222",
    "10.6": "22", "10.7": "222",
    "11.1": "2233", "11.2": "22233", "11.3": "11233", "11.4": "1222", "11.5": "23", "11.6": "23",
    "11.7": "33",
    "12.1": "12233", "12.2": "11", "12.3": "22223",
    "13.1": "2333", "13.2": "222223", "13.3": "2233", "13.4": "1222233",
    "14.1": "22", "14.2": "12223333", "14.3": "122",
    "15.1": "12233", "15.2": "12233", "15.3": "1222222", "15.4": "3333",
    "16.1": "2", "16.2": "22222", "16.3": "2222", "16.4": "222", "16.5": "2223",
    "17.1": "23", "17.2": "22223333", "17.3": "22",
}  # fmt: skip
"""The level of each requirement of a section, in their order (ASVS 5.0.0, May 2025)."""
WANTED = {
    f"{section}.{number}": int(level)
    for section, levels in LEVELS.items()
    for number, level in enumerate(levels, start=1)
    if level != "3"
}


@dataclass(frozen=True, slots=True)
class Line:
    """One requirement, and where it is shown."""

    id: str
    level: str
    requirement: str
    applies: str
    how: str
    where: str
    note: str


def _read() -> list[Line]:
    with (DOCS / "asvs.csv").open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        assert rows.fieldnames == COLUMNS
        return [Line(**row) for row in rows]


LINES = _read()
TESTED = [line for line in LINES if line.how == "test"]
OPEN = [line for line in LINES if line.how == "open"]


def by_id(line: Line) -> str:
    return line.id


@cache
def marks() -> dict[str, list[str]]:
    """Return which lines each test of ours carries, by its place: read, not imported."""
    found: dict[str, list[str]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        module = ast.parse(path.read_text(encoding="utf-8"))
        for scope, body in _bodies(module):
            for node in body:
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    place = "::".join([path.relative_to(ROOT).as_posix(), *scope, node.name])
                    found[place] = [one for mark in node.decorator_list for one in _lines(mark)]
    return found


def _bodies(module: ast.Module) -> list[tuple[list[str], list[ast.stmt]]]:
    classes = [node for node in module.body if isinstance(node, ast.ClassDef)]
    return [([], module.body), *(([one.name], one.body) for one in classes)]


def _lines(mark: ast.expr) -> list[str]:
    if not isinstance(mark, ast.Call) or ast.unparse(mark.func) != "pytest.mark.asvs":
        return []
    assert mark.args, "a mark without a line"
    assert not mark.keywords
    given = [ast.literal_eval(one) for one in mark.args]
    assert all(isinstance(one, str) for one in given)
    return given


def test_every_line_up_to_level_two_stands_once_with_its_level() -> None:
    assert (len(LEVELS), len(WANTED)) == (80, 253)
    assert sum(level == 1 for level in WANTED.values()) == 70
    assert [(line.id, int(line.level)) for line in LINES] == list(WANTED.items())


@pytest.mark.parametrize("line", LINES, ids=by_id)
def test_a_line_says_whether_it_applies_how_it_is_shown_and_where(line: Line) -> None:
    assert HOWS[line.how] == line.applies
    assert len(line.requirement) > 15
    assert line.where.strip()


@pytest.mark.parametrize("line", TESTED, ids=by_id)
def test_a_tested_line_names_tests_that_are_there_and_carry_it(line: Line) -> None:
    for place in line.where.split():
        assert place in marks(), place
        assert line.id in marks()[place], f'{place} lacks @pytest.mark.asvs("{line.id}")'


def test_a_test_carries_no_line_that_does_not_name_it() -> None:
    named = defaultdict(set)
    for line in TESTED:
        for place in line.where.split():
            named[place].add(line.id)
    for place, carried in marks().items():
        assert len(carried) == len(set(carried)), place
        assert set(carried) == named[place], place


@cache
def headings(page: str) -> frozenset[str]:
    """Return the anchors of a page's headings, as GitHub and most others make them."""
    text = re.sub(r"```.*?```", "", (DOCS / page).read_text(encoding="utf-8"), flags=re.DOTALL)
    found = re.findall(r"^#+ +(.+?) *$", text, flags=re.MULTILINE)
    return frozenset(re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in found)


@pytest.mark.parametrize("line", [one for one in LINES if one.how == "document"], ids=by_id)
def test_a_documented_line_points_to_headings_that_are_there(line: Line) -> None:
    for place in line.where.split():
        found = re.fullmatch(r"docs/([\w-]+\.md)#([\w-]+)", place, re.ASCII)
        assert found is not None, place
        assert found[2] in headings(found[1]), place


@pytest.mark.parametrize("line", [one for one in LINES if one.applies == "no"], ids=by_id)
def test_a_line_that_does_not_apply_says_why(line: Line) -> None:
    assert len(line.where.split()) >= 3
    assert "::" not in line.where


def test_what_is_open_stands_on_the_page_and_nothing_else_does() -> None:
    page = (DOCS / "asvs.md").read_text(encoding="utf-8")
    section = page.partition("\n## Open\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (\d+\.\d+\.\d+) \| ([12]) \|", section, flags=re.MULTILINE)
    for line in OPEN:
        print(f"open: {line.id} (level {line.level}): {line.where}")  # noqa: T201 - for who asks
    assert sorted(rows) == sorted((line.id, line.level) for line in OPEN)


def test_the_page_counts_the_lines_as_they_are() -> None:
    page = (DOCS / "asvs.md").read_text(encoding="utf-8")
    for how, count in Counter(line.how for line in LINES).items():
        assert f"| {how} | {count} |" in page


def test_the_page_lists_the_words_that_passwords_may_not_rest_on() -> None:
    page = (DOCS / "asvs.md").read_text(encoding="utf-8")
    section = page.partition("\n## Words that no password may rest on\n")[2].partition("\n## ")[0]
    assert re.findall(r"`([a-z]+)`", section) == list(password_rules._COMMON)
