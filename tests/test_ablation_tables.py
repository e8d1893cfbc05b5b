"""The paper's Tables 2 and 3, trained anew: which rows, what they change, and a whole small run."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from film.__main__ import main
from film.clevr.data.generate import DatasetRecipe, generate
from film.errors import InputError
from film.intervals import clustered_mean
from film.network import FiLMNetwork
from film.training.ablations import TABLE_2, TABLE_3, chosen_rows, line_of, network_of

TINY = [
    "network.embedding=8", "network.hidden_size=12", "network.maps=8", "network.stem=[[8,3,1]]",
    "network.classifier_maps=8", "network.classifier_units=[8]", "training.pictures=4",
]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("corpus") / "made"
    return generate(out, DatasetRecipe(pictures=12, questions=8, size=None, seed=4, most_objects=6))


@pytest.mark.parametrize("row", [*TABLE_2, *TABLE_3], ids=lambda row: row.about)
def test_every_row_is_a_network(row):
    config = replace(
        network_of(row), embedding=4, hidden_size=4, maps=4, stem=((4, 3, 1),), classifier_maps=4
    )
    network = FiLMNetwork(config)
    names = network.state_dict()
    for block, modulated in enumerate(config.modulated):  # a block without FiLM learns its own scale
        assert (f"blocks.{block}.norm.weight" in names) == (config.batch_norm and not modulated)


def test_rows_differ_from_the_whole_network_in_what_they_say():
    whole = network_of(TABLE_2[0])
    for row in TABLE_2[1:]:
        changed = {
            name: value for name, value in network_of(row).to_dict().items() if value != whole.to_dict()[name]
        }
        assert changed == row.changes
    assert [network_of(row).blocks for row in TABLE_3] == [1, 2, 3, 4, 5, 6, 7, 8, 12]


def test_rows_are_chosen_by_name_and_the_whole_network_always():
    assert [row.name for row in chosen_rows(2, ["concat", "best"])] == ["best", "concat"]
    assert len(chosen_rows(2)) == len(TABLE_2)
    with pytest.raises(InputError, match="no row 'gamma'; choose from best, beta-zero"):
        chosen_rows(2, ["gamma"])
    with pytest.raises(InputError, match="are in 2 and 3"):
        chosen_rows(4)


def test_a_paired_difference_is_surer_than_two_shares():
    chance = np.random.default_rng(0)
    owner = np.repeat(np.arange(200), 10)
    base = chance.random((1, 2000)) < np.repeat(chance.beta(8, 2, 200), 10)
    worse = base & (chance.random((1, 2000)) < 0.97)
    row = TABLE_2[1]
    line = line_of(row, worse, base, owner)
    assert line["difference"] == pytest.approx(worse.mean() - base.mean())
    assert line["difference_low"] < line["difference"] < line["difference_high"] < 0
    assert line["difference_high"] - line["difference_low"] < line["high"] - line["low"]
    assert clustered_mean(np.ones(9), np.arange(9)) == (1.0, None, None)


def test_the_interval_of_a_clustered_mean_covers():
    """Nominal 95 %, over 400 draws of 60 pictures whose questions are alike."""
    chance = np.random.default_rng(1)
    covered = 0
    for _ in range(400):
        values = (chance.normal(0.1, 0.3, (60, 1)) + chance.normal(0, 0.5, (60, 5))).ravel()
        _, low, high = clustered_mean(values, np.repeat(np.arange(60), 5))
        covered += low <= 0.1 <= high
    assert 0.92 <= covered / 400 <= 0.98


@pytest.mark.slow
def test_a_table_is_trained_cut_off_and_gone_on_with(tmp_path, folder, capsys):
    out = tmp_path / "out"

    def run(*more: str) -> int:
        return main(
            [
                "train-ablations", "--data", str(folder), "--validation", str(folder), "--out", str(out),
                "--rows", "gamma-one", "no-batch-norm", "--samples", "320", "--precision", "float32",
                *more, "--set", *TINY,
            ]
        )  # fmt: skip

    assert run("--time-limit", "0") == 0
    assert "stopped in time" in capsys.readouterr().out
    assert run() == 0
    assert "finished" in capsys.readouterr().out
    table = json.loads((out / "table-2.json").read_text())
    assert [row["row"] for row in table["rows"]] == ["best", "gamma-one", "no-batch-norm"]
    assert table["questions"] == 96
    assert table["taught"] == "answers alone, on attribute maps of 12 scenes of 3 to 6 objects each"
    assert 0.3 < table["guess"] < 1
    assert all(0 <= row["low"] <= row["accuracy"] <= row["high"] <= 1 for row in table["rows"])
    assert table["rows"][0]["difference"] is None
    assert all(curve[-1][0] == 320 for curve in table["curves"].values())
    with (out / "table-2.csv").open() as file:
        assert [row["paper"] for row in csv.DictReader(file)] == ["97.4", "95.9", "93.7"]

    weights = out / "best" / "seed-0" / "checkpoint" / "weights.safetensors"
    before = weights.stat().st_mtime_ns
    (out / "table-2.json").write_text(json.dumps(table | {"remark": "Begun otherwise."}))
    assert run("--seeds", "2") == 0  # what is done is not done again
    assert weights.stat().st_mtime_ns == before
    table = json.loads((out / "table-2.json").read_text())
    assert [len(row["by_seed"]) for row in table["rows"]] == [2, 2, 2]
    assert table["remark"] == "Begun otherwise."
    assert run("--samples", "640") == 2
    assert "trained or measured otherwise" in capsys.readouterr().err
