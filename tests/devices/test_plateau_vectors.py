"""The shared fingers say what this rule says; the page's script reads the same file."""

from tests.vectors_made import PLATEAU, plateau_lines, text_of


def test_the_vectors_are_what_the_rule_says_today() -> None:
    assert PLATEAU.read_text(encoding="utf-8") == text_of(plateau_lines())


def test_readings_and_reasons_both_occur() -> None:
    says = [said for line in plateau_lines() for said in line["says"]]
    assert any(said["spo2_percent"] is not None for said in says)
    assert any("NO_PLATEAU" in said["quality"] for said in says)
    assert any(not line["says"] for line in plateau_lines())
