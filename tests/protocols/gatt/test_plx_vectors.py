"""The shared vectors of the pulse oximeter service; the page's script reads the same ones."""

from pathlib import Path

from tests.vectors_made import PLX, plx_lines, sfloat_hash, text_of

SCRIPTS_TEST = Path(__file__).parents[3] / "webui" / "client" / "test" / "vectors.test.ts"


def test_the_vectors_are_what_the_codec_says_today() -> None:
    assert PLX.read_text(encoding="utf-8") == text_of(plx_lines())


def test_right_and_wrong_measurements_occur() -> None:
    assert {line["says"] is None for line in plx_lines()} == {True, False}
    assert len(plx_lines()) >= 60


def test_all_sfloat_values_have_the_hash_that_the_script_is_held_to() -> None:
    assert f'"{sfloat_hash()}"' in SCRIPTS_TEST.read_text(encoding="utf-8")
