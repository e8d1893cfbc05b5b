"""Tables with their recipe inside: whole, or refused."""

import shutil

import pandas as pd
import pyarrow.parquet as parquet
import pytest

from analysis import find_evidence, find_maps
from analysis.interventions.word_reading import find_word_reading
from analysis.tables import read_tables, write_tables
from film import InputError, find, load


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


@pytest.mark.parametrize("name", ["answers", "probes", "maps", "maps_effects", "word_reading"])
def test_the_bundled_study_has_its_columns(tmp_path, name):
    """Take one away, and the page that needs it says so."""
    shutil.copytree(find(), tmp_path / "net")
    weights = load(tmp_path / "net")[1].weights
    openers = {"a": find_evidence, "p": find_evidence, "m": find_maps, "w": find_word_reading}
    opened = openers[name[0]]
    opened(tmp_path / "net", weights)
    path = tmp_path / "net" / "study" / f"{name}.parquet"
    whole = parquet.read_table(path)
    candidates = ("right", "accuracy", "effect", "delta", "share")
    first = next(column for column in candidates if column in whole.column_names)
    parquet.write_table(whole.drop_columns(first), path)
    with pytest.raises(InputError, match=f"no column '{first}'"):
        opened(tmp_path / "net", weights)
