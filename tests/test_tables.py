"""Tables with their recipe inside: whole, or refused."""

import shutil
from collections.abc import Callable
from functools import partial
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as parquet
import pytest

from analysis import (
    csv_file,
    find_counterfactuals,
    find_evidence,
    find_generalisation,
    find_maps,
    grid_table,
    parquet_file,
    small,
    table_source,
)
from analysis.interventions.kept import KEPT, find_measured
from analysis.interventions.word_reading import find_word_reading
from analysis.report_page import table as html_table
from analysis.tables import read_tables, write_tables
from film import InputError, find, load, percent


def _measured(what, folder, weights):
    return find_measured(folder, what, weights)


def test_a_column_that_is_gone_is_named(tmp_path):
    write_tables(
        tmp_path, {"a.parquet": pd.DataFrame({"right": [True], "text": ["x"]})}, {"seed": 3}, b"note"
    )
    wanted = {"a.parquet": "text right"}
    (table,), (recipe,) = read_tables(tmp_path, ["a.parquet"], b"note", "make it", wanted)
    assert (list(table), recipe) == (["right", "text"], {"seed": 3})
    whole = parquet.read_table(tmp_path / "a.parquet")
    parquet.write_table(whole.drop_columns("right"), tmp_path / "a.parquet")
    with pytest.raises(InputError, match=r"no column 'right'.*make it with `make it`"):
        read_tables(tmp_path, ["a.parquet"], b"note", "make it", wanted)
    table.drop(columns="right").to_parquet(tmp_path / "a.parquet")
    with pytest.raises(InputError, match="cannot be read"):
        read_tables(tmp_path, ["a.parquet"], b"note", "make it", wanted)


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), "x"])
def test_what_is_no_number_is_named_with_its_row(tmp_path, value):
    table = pd.DataFrame({"length": pd.Series([1, value, 3], dtype=object if value == "x" else None)})
    write_tables(tmp_path, {"a.parquet": table.astype(str) if value == "x" else table}, {}, b"note")
    with pytest.raises(InputError, match=r"length is no number in 1 of 3 rows, first in row 1; .*`make it`"):
        read_tables(tmp_path, ["a.parquet"], b"note", "make it", numbers="length other")


SOURCE = table_source("Right by type", "network 0123", "20 questions, seed 3")


@pytest.mark.parametrize("count", [0, 2])
def test_every_row_of_a_csv_says_where_it_is_from(count):
    table = pd.DataFrame({"right": [True, False], "text": ["a, b", "“c” · d"]}).head(count)
    read = pd.read_csv(BytesIO(csv_file(table, SOURCE)))
    assert list(read) == ["right", "text", "source"]
    assert read["source"].tolist() == ["Right by type · network 0123 · 20 questions · seed 3"] * count
    assert read["text"].tolist() == table["text"].tolist()


def test_a_column_called_source_is_kept():
    read = pd.read_csv(BytesIO(csv_file(pd.DataFrame({"source": [7]}), SOURCE)))
    assert read["source"].tolist() == [7]
    assert read["table_source"].str.startswith("Right by type").all()


def test_a_parquet_file_says_in_its_schema_where_it_is_from():
    table = pd.DataFrame({"type": pd.Categorical(["a", "b"])})
    file = BytesIO(parquet_file(table, SOURCE))
    told = parquet.read_schema(file).metadata
    assert {name.decode(): told[name].decode() for name in told if name != b"pandas"} == {
        "title": "Right by type", "network": "network 0123", "sample": "20 questions", "seed": "3",
    }  # fmt: skip
    assert pd.read_parquet(file).equals(table)  # its kinds of columns too, which pandas keeps there


def test_a_seed_in_a_question_is_no_seed_of_a_sample():
    asked = "“Is it 3, seed 4” about picture 5"
    assert table_source("x", "y", asked) == {"title": "x", "network": "y", "sample": asked}


OPENERS: dict[str, Callable[[Path, str], object]] = {
    "answers": find_evidence, "probes": find_evidence, "maps": find_maps, "maps_effects": find_maps,
    "word_reading": find_word_reading, "counterfactual": find_counterfactuals,
    "generalisation_clevr": find_generalisation,
    **{
        f"{what.replace('-', '_')}_{table}": partial(_measured, what)
        for what, tables in KEPT.items()
        for table in tables
    },
}  # fmt: skip


@pytest.mark.parametrize("name", OPENERS)
def test_the_bundled_study_has_its_columns(tmp_path, name):
    """Take one away, and the page that needs it says so."""
    shutil.copytree(find(), tmp_path / "net")
    weights = load(tmp_path / "net")[1].weights
    opened, path = OPENERS[name], tmp_path / "net" / "study" / f"{name}.parquet"
    assert opened(tmp_path / "net", weights)
    whole = parquet.read_table(path)
    candidates = ("right", "accuracy", "effect", "delta", "share", "question")
    first = next(column for column in candidates if column in whole.column_names)
    parquet.write_table(whole.drop_columns(first), path)
    with pytest.raises(InputError, match=f"no column '{first}'"):
        opened(tmp_path / "net", weights)


@pytest.mark.parametrize(
    ("share", "said"),
    [(0, "< 0.1 %"), (1e-9, "< 0.1 %"), (0.973, "97.3 %"), (0.9999, "> 99.9 %"), (1, "> 99.9 %")],
)
def test_a_probability_is_never_rounded_to_all_or_nothing(share, said):
    assert percent(share) == said


@pytest.mark.parametrize(
    ("p", "cell", "sentence"),
    [(0.03124, "0.0312", "p = 0.0312"), (1 / 2001, "0.0005", "p = 0.0005"), (1e-9, "< 0.0001", "p < 0.0001")],
)
def test_a_p_is_never_rounded_to_0(p, cell, sentence):
    assert small(p) == cell
    assert small(p, "p") == sentence


def test_a_report_rounds_no_probability_and_no_p_away():
    numbers = pd.DataFrame({"effect": [0.1234], "effect_p": [1 / 2001], "confidence_after": [0.99999]})
    assert "<td>0.12</td><td>0.0005</td><td>&gt; 99.9 %</td>" in html_table(numbers, "{:.2f}")


def test_grids_as_a_table():
    table = grid_table({"gamma": np.arange(6).reshape(2, 3), "beta": -np.arange(6).reshape(2, 3)})
    assert table.loc[table["gamma"] == 5].to_dict("records") == [
        {"row": 1, "column": 2, "gamma": 5, "beta": -5}
    ]
