"""The invented country is as it says, and no figure stands where somebody was not found."""

import json
import os
import random
import sqlite3
from collections import Counter
from pathlib import Path

import pytest

from benchmarks import people, people_names, people_population
from benchmarks.databases import Databases
from telehealth.access.policy import Action
from telehealth.access.scope import Scope
from telehealth.people import search
from telehealth.store import migrate
from telehealth.store.database import Database, Reader


def test_family_names_are_as_frequent_as_the_table_says() -> None:
    dice = random.Random(3)  # noqa: S311 - invented people
    names = [people_names.draw(dice).name for _ in range(20_000)]
    counted = Counter(name.split()[0] for name in names)
    for family in ("Nguyễn", "Trần", "Lê", "Phạm"):
        percent = 100 * counted[family] / len(names)
        assert percent == pytest.approx(people_names.percent_of_family(family), abs=1.5)
    assert people_names.percent_of_family("Nguyễn") == pytest.approx(38, abs=1.5)


def test_the_same_seed_draws_the_same_people() -> None:
    dice, again = random.Random(4), random.Random(4)  # noqa: S311 - invented people
    names = [people_names.draw(dice).name for _ in range(50)]
    assert [people_names.draw(again).name for _ in range(50)] == names
    assert len(set(names)) > 25


async def test_the_filled_database_has_its_indexes_back_and_everybody_is_found(
    tmp_path: Path,
) -> None:
    databases = Databases("", tmp_path)
    vault = people_population.new_vault()
    async with databases.empty() as url:
        country = await people_population.fill(url, vault, 600, drawn=300)
        await migrate.check(url)
        assert len(country.people) == 300
        database = Database(url, vault)

        def look(reader: Reader) -> None:
            assert reader.rows("SELECT count(*) FROM person") == [(600,)]
            assert reader.rows("SELECT count(*) FROM person_identifier") == [(1200,)]
            dice = random.Random(1)  # noqa: S311 - which searches
            for wanted in people.searches(country, dice, 2):
                scope = Scope(wanted.actor, Action.SEE_IDENTITY, reader.now_ms)
                found = search.search(reader, scope, wanted.text)
                there = wanted.person_id in {one.person_id for one in found.people}
                assert there or found.more, wanted

        try:
            await database.read(look)
        finally:
            await database.close()
    assert os.listdir(tmp_path) == []


async def test_rows_are_made_as_the_product_makes_them(tmp_path: Path) -> None:
    databases = Databases("", tmp_path)
    vault = people_population.new_vault()
    async with databases.empty() as url:
        await people_population.fill(url, vault, 30, drawn=1)
        database = Database(url, vault)
        try:
            assert (await database.write(lambda tx: search.reindex(tx, ""))).changed == 0
        finally:
            await database.close()
        with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
            query = "SELECT token, bucket, person_id FROM person_token ORDER BY 1, 2, 3"
            before = connection.execute(query).fetchall()
            ids = [row[0] for row in connection.execute("SELECT person_id FROM person")]
        connection.close()
        database = Database(url, vault)
        try:
            await database.write(lambda tx: search.index_people(tx, ids))
            after = await database.read(lambda reader: reader.rows(query))
        finally:
            await database.close()
        assert [tuple(row) for row in after] == before


def test_the_command_writes_the_fixed_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written = tmp_path / "figures.json"
    arguments = ["--people", "600", "--rounds", "1", "--each", "1"]
    code = people.main([*arguments, "--folder", str(tmp_path / "work"), "--json", str(written)])
    said = capsys.readouterr()
    assert (code, said.err) == (0, "")
    names = {figure["name"] for figure in json.loads(written.read_text())}
    assert {"search_p99_ms_sqlite", "search_p50_ms_sqlite", "search_slowest_p99_ms_sqlite"} <= names
    assert said.out.startswith("search_p99_ms_sqlite: ")
    assert list((tmp_path / "work").iterdir()) == []


def test_somebody_who_is_not_found_is_no_measurement(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "search", lambda *_: search.Found((), more=False))
    arguments = ["--people", "600", "--rounds", "1", "--each", "1"]
    code = people.main([*arguments, "--folder", str(tmp_path)])
    said = capsys.readouterr()
    assert (code, said.out) == (1, "")
    assert said.err.startswith("bench people: cannot measure: ")
    assert "was not found" in said.err
