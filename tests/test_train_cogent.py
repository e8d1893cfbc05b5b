"""Condition A learned, condition B met: a whole small run, cut off and gone on with."""

import json
from pathlib import Path

import pytest
from test_ablation_tables import TINY

import analysis.interventions.zero_shot as zero_shot
from analysis.__main__ import main as measure
from film.__main__ import main
from film.clevr.data.corpus import Corpus


@pytest.mark.slow
def test_a_run_is_cut_off_and_gone_on_with(tmp_path, capsys):
    def run(*more: str) -> int:
        return main(
            [
                "train-cogent", "--out", str(tmp_path), "--samples", "320", "--scenes", "12",
                "--tested", "12", "--steps", "20", "40", "--precision", "float32", *more, "--set", *TINY,
            ]
        )  # fmt: skip

    assert run("--time-limit", "0") == 0
    assert "stopped in time" in capsys.readouterr().out
    assert run() == 0
    assert "finished" in capsys.readouterr().out
    found = json.loads((tmp_path / "cogent.json").read_text())
    assert [row["from_b"] for row in found["rows"]] == [0, 20, 40]
    assert found["rows"][0]["paper"] == {"A": 98.3, "B": 75.6}
    for row in found["rows"]:
        for condition in "AB":
            assert row[condition]["asked"] == 120
            assert 0 <= row[condition]["low"] <= row[condition]["accuracy"] <= row[condition]["high"] <= 1
    allowed = {"A": {"gray", "blue", "brown", "yellow"}, "B": {"red", "green", "purple", "cyan"}}
    for condition, colors in allowed.items():
        scenes = list(Corpus.open(tmp_path / "corpora" / f"test{condition}").scenes())
        cubes = [thing.color for scene in scenes for thing in scene.objects if thing.shape == "cube"]
        assert cubes
        assert set(cubes) <= colors
    _tried_by_analogy(tmp_path, found["rows"], capsys)
    weights = tmp_path / "taught-a" / "checkpoint" / "weights.safetensors"
    before = weights.stat().st_mtime_ns
    assert run() == 0  # what is done is not done again
    assert weights.stat().st_mtime_ns == before
    assert run("--seed", "1") == 2
    assert "a run of other numbers" in capsys.readouterr().err


def _tried_by_analogy(folder: Path, trained: list[dict], capsys) -> None:
    """The zero-shot analogy on each network: the same questions and answers as training tested it on."""
    assert measure(["zero-shot", str(folder)]) == 0
    assert "B: 120 questions" in capsys.readouterr().out
    found = json.loads((folder / "cogent-zero-shot.json").read_text())
    whole = {(row["run"], row["test"]): row for row in found["rows"] if row["among"] == "all"}
    assert len(whole) == 2 * len(trained)
    for row in trained:
        for condition in "AB":
            own = whole[row["run"], condition]
            assert own["asked"] == row[condition]["asked"]
            assert own["own"] == row[condition]["accuracy"]
            assert (own["own_low"], own["own_high"]) == (row[condition]["low"], row[condition]["high"])
    assert whole["taught-a", "B"]["paper"] == [75.6, 78.8]
    before = (folder / "cogent-zero-shot.json").read_bytes()
    with pytest.MonkeyPatch.context() as patch:  # what is measured is not measured again
        patch.setattr(zero_shot, "ask_zero_shot", None)
        assert measure(["zero-shot", str(folder)]) == 0
    assert (folder / "cogent-zero-shot.json").read_bytes() == before
