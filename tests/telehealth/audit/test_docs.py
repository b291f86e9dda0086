"""docs/audit.md is true: every action, finding and figure of the chain stands there as it is."""

import re
from pathlib import Path

from telehealth.audit.actions import AuditAction
from telehealth.audit.chain import FIELDS, MAX_TEXT_CHARS
from telehealth.audit.verifying import FindingKind

PAGE = (Path(__file__).parents[3] / "docs" / "audit.md").read_text()


def test_the_page_lists_every_action_with_its_kind_and_meaning() -> None:
    listed = re.findall(r"^\| `(\w+)` \| (\w+) \| (.+) \|$", PAGE, re.MULTILINE)
    assert listed == [(a.value, a.kind.value, a.meaning) for a in AuditAction]


def test_the_page_lists_every_finding() -> None:
    listed = re.findall(r"^\| `(\w+)` \| [^|]+ \|$", PAGE, re.MULTILINE)
    assert listed == [kind.value for kind in FindingKind]


def test_the_page_names_the_fields_of_the_mac_in_their_order() -> None:
    block = PAGE[PAGE.index("MessagePack [1,") : PAGE.index("session])")] + "session"
    named = [word.strip() for word in block.replace("\n", " ").split(",")][4:]
    assert [name.removesuffix("_id") for name in FIELDS] == named


def test_the_page_says_how_long_a_text_may_be() -> None:
    assert f"cut at {MAX_TEXT_CHARS} characters" in PAGE
