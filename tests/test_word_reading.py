"""Which maps read which word: planted effects are found, donors at random are not, and runs go on."""

import json
import re
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from tiny import tiny_card, tiny_network

from analysis import (
    WordReading,
    average_effects,
    find_word_reading,
    measure_word_reading,
    write_word_reading,
)
from analysis.__main__ import main
from analysis.interventions import pair_tests, word_reading
from analysis.interventions.pairs import KINDS, MinimalPair, sample_pairs
from analysis.interventions.patching import Patching, patch_pairs, same_type_donors
from analysis.interventions.word_reading import read_from
from analysis.writes import where_pairs
from film import (
    ATTRIBUTES,
    InputError,
    Modulation,
    Session,
    Vocabulary,
    find,
    gallery,
    load,
    read_picture,
    save,
)
from film.clevr.language.word_tree import WORDS

BLOCKS, MAPS, PICTURES, EACH = 2, 6, 30, 4


def planted(seed: int, size: float) -> tuple[list[MinimalPair], Patching, Patching]:
    """Pairs of changes of colour and shape; map 3 of block 2 moves colour pairs by `size` logits."""
    rng = np.random.default_rng(seed)
    pairs = [
        MinimalPair(f"p{picture}", f"s{number}", f"t{number}", "1", "2", kind, ("a", "b"), "count")
        for picture in range(PICTURES)
        for number, kind in enumerate(("color", "color", "shape", "shape"))
    ]
    count = len(pairs)
    about = rng.normal(0, 0.5, PICTURES).repeat(EACH)  # questions of one picture go together

    def patched(effect: float) -> Patching:
        maps = rng.normal(0, 0.5, (count, BLOCKS, MAPS)) + about[:, None, None] * rng.normal(
            size=(BLOCKS, MAPS)
        )
        colour = np.array([pair.kind == "color" for pair in pairs])
        maps[colour, 1, 3] += effect
        target = np.zeros(count)
        return Patching(
            "both", (("1", "2"),) * count, np.full(count, 5.0), target,
            {"denoising": maps}, {"denoising": maps.sum(axis=2)},
        )  # fmt: skip

    return pairs, patched(size), patched(0.0)


def test_a_planted_map_is_found_and_nothing_else():
    found = read_from(*planted(1, 1.5))
    claimed = found[found["claimed"] & (found["map"] >= 0)]
    assert {(row.kind, row.block, row.map) for row in claimed.itertuples()} == {
        ("color", 2, 3),
        ("any", 2, 3),
    }
    row = claimed[claimed["kind"] == "color"].iloc[0]
    assert row["effect"] == pytest.approx(1.5, abs=0.4)
    assert row["share"] == pytest.approx(1.5 / 5, abs=0.1)
    blocks = found[(found["map"] < 0) & (found["kind"] == "color")]
    assert blocks["low"].notna().all()
    assert (blocks["low"] <= blocks["share"]).all()


COLORS = ATTRIBUTES["color"]


class Switched(Session):
    """Its gammas are all 1, but for map 3 of block 2: the first color word in a question sets that one."""

    def modulate(self, questions, *, lenient=False):
        one = Modulation.identity(len(questions), self.config.blocks, self.config.maps)
        for row, text in enumerate(questions):
            named = [COLORS.index(word) for word in text.rstrip("?").split() if word in COLORS]
            one.gamma[row, 1, 3] = 2.0 * (named[0] - 3.5) if named else 0.0
        return one


def test_one_map_that_one_word_switches_is_found_in_a_network_and_nothing_else(monkeypatch):
    words = Vocabulary.of(WORDS).tokens
    network = tiny_network(words=len(words))
    with torch.no_grad():
        network.classifier.layers[-1].weight.mul_(100)
    session = Switched((network, tiny_card(network, words=words)), "cpu")
    exhibits = {f"gallery-{exhibit.number}": exhibit for exhibit in gallery()}
    scenes = [(name, exhibit.scene) for name, exhibit in exhibits.items()]

    def as_it_answers(*given, **how):
        """Pairs whose answers are the network's own, so that there is something to recover."""
        found = []
        for pair in sample_pairs(*given, **how, kinds=("color", "shape")):
            maps = session.encode_picture(exhibits[pair.picture].picture_path)
            logits, _ = session.classify(maps, session.modulate([pair.source, pair.target]))
            said = [session.answers[best] for best in logits.argmax(axis=1)]
            found.append(replace(pair, source_answer=said[0], target_answer=said[1]))
        return found

    monkeypatch.setattr(word_reading, "sample_pairs", as_it_answers)
    found = measure_word_reading(
        session, scenes, lambda name: read_picture(exhibits[name].picture_path), pairs=240
    ).table
    claimed = {(row.kind, row.block, row.map) for row in found[found["claimed"]].itertuples()}
    assert claimed == {(kind, 2, number) for kind in ("color", "any") for number in (-1, 3)}
    others = found[(found["block"] != 2) | ~found["map"].isin([-1, 3])]
    np.testing.assert_allclose(others["share"], 0, atol=1e-4)
    switched = found.query("kind == 'color' and map == 3 and block == 2")
    assert switched["share"].item() == pytest.approx(1, abs=1e-3)


@pytest.mark.slow
def test_shuffled_donors_are_claimed_in_at_most_one_run_of_twenty(monkeypatch):
    monkeypatch.setattr(pair_tests, "RESAMPLED", 2)  # what is claimed does not depend on the intervals
    runs = [read_from(*planted(seed, 0.0), seed=seed)["claimed"].any() for seed in range(200)]
    assert np.mean(runs) <= 0.05


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reading")
    words = Vocabulary.of(WORDS).tokens
    network = tiny_network(words=len(words))
    with torch.no_grad():
        network.classifier.layers[-1].weight.mul_(100)  # answers that are logits apart
    save(folder, network, tiny_card(network, words=words, name="tiny"))
    return folder


def measured(session, workshop=None, **given):
    exhibits = {f"gallery-{exhibit.number}": exhibit for exhibit in gallery()[:12]}
    scenes = [(name, exhibit.scene) for name, exhibit in exhibits.items()]
    return measure_word_reading(
        session, scenes, lambda name: read_picture(exhibits[name].picture_path), pairs=60,
        workshop=workshop, **given,
    )  # fmt: skip


def test_a_run_that_was_cut_off_goes_on(checkpoint, tmp_path):
    session, seen = Session(checkpoint, "cpu"), []

    class Stop(Exception):
        pass

    def stop(done: int, of: int) -> None:
        seen.append(done)
        if len(seen) == 2:
            raise Stop

    with pytest.raises(Stop):
        measured(session, tmp_path, progress=stop)
    kept = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("chunk-*.npz")}
    assert len(kept) == 2
    whole = measured(session, tmp_path)
    assert all((tmp_path / name).stat().st_mtime_ns == time for name, time in kept.items())
    fresh = measured(session)
    np.testing.assert_allclose(whole.table["share"], fresh.table["share"], atol=1e-5)
    assert set(whole.table["kind"]) <= {*KINDS, "any"}
    write_word_reading(checkpoint / "study", whole)
    read = find_word_reading(checkpoint, session.card.weights)
    assert read is not None
    assert len(read.table) == len(whole.table)
    assert find_word_reading(checkpoint, "another") is None
    (checkpoint / "study" / "word_reading.parquet").write_bytes(b"cut off")
    with pytest.raises(InputError, match=re.escape(f"patch {checkpoint} --pairs 300")):
        find_word_reading(checkpoint, session.card.weights)


def test_too_few_pairs_end_in_a_sentence(checkpoint):
    session = Session(checkpoint, "cpu")
    scenes, picture = [("one", gallery()[0].scene)], read_picture(gallery()[0].picture_path)
    with pytest.raises(InputError, match="No other question of the type"):
        measure_word_reading(session, scenes, lambda name: picture, pairs=1)
    pair = sample_pairs(scenes, 1, 0)[0]
    with pytest.raises(InputError, match="take more pairs"):
        same_type_donors(session, {}, 0)(pair, session.modulate([pair.source, pair.target], lenient=True))
    with pytest.raises(InputError, match="others to draw from"):
        average_effects(session, [(0, lambda: picture, [pair.source])], [])


def test_commands(checkpoint, tmp_path, capsys):
    picture, out = str(gallery()[0].picture_path), tmp_path / "patch.json"
    asked = ["--source", "How many red cubes are there?", "--target", "How many red spheres are there?"]
    assert main(["patch", str(checkpoint), "--picture", picture, *asked, "--answers", "1", "2",
                 "--json", str(out)]) == 0  # fmt: skip
    told = json.loads(out.read_text())
    assert np.shape(told["recovered"]) == (3, 8)
    assert len(told["recovered_blocks"]) == 3
    assert told["metric"]["answers"] == ["1", "2"]
    assert np.shape(told["controls"]["random direction of the same size"]["recovered"]) == (3, 8)
    assert main(["patch", str(checkpoint)]) == 2
    assert "--pairs for many" in capsys.readouterr().err
    out = tmp_path / "ablate.json"
    assert main(["ablate", str(checkpoint), "--questions", "80", "--noise", "1", "--json", str(out)]) == 0
    rows = json.loads(out.read_text())["rows"]
    assert {"what", "block", "value", "right", "low", "high"} <= set(rows[0])
    assert rows[0]["what"] == "none"
    assert main(["ablate", str(checkpoint), "--noise", "-1"]) == 2


def test_gamma_or_beta_of_many_pairs_is_patched_alone(checkpoint, tmp_path, monkeypatch):
    patched = set()

    def seen(session, pairs, picture_of, parameters, **how):
        patched.add(parameters)
        return patch_pairs(session, pairs, picture_of, parameters, **how)

    monkeypatch.setattr(pair_tests, "TRIALS", 50)
    monkeypatch.setattr(word_reading, "patch_pairs", seen)
    out = tmp_path / "gamma.json"
    asked = ["patch", str(checkpoint), "--pairs", "40", "--parameters", "gamma"]
    assert main([*asked, "--out", str(tmp_path / "kept"), "--json", str(out)]) == 0
    assert patched == {"gamma"}
    told = json.loads(out.read_text())
    assert (told["parameters"], told["pairs"]) == ("gamma", 40)
    kept = pd.read_parquet(tmp_path / "kept" / "word_reading.parquet")
    np.testing.assert_allclose([row["share"] for row in told["rows"]], kept["share"], atol=1e-5)


def test_one_parameter_alone_does_not_take_the_place_of_both_in_the_study(checkpoint):
    def where(**given):
        options = {
            "pairs": 40, "out": None, "parameters": "both", "checkpoint": str(checkpoint), "controls": False,
        }  # fmt: skip
        return where_pairs(Namespace(**options | given))

    assert where() == [checkpoint / "study"]
    assert where(parameters="gamma") == []
    assert where(parameters="gamma", out="there") == [Path("there")]
    assert where(pairs=None) == []
    assert where(controls=True) == []


def test_results_that_would_be_kept_nowhere_are_refused_before_the_work(checkpoint, monkeypatch, capsys):
    monkeypatch.setattr(word_reading, "gallery_word_reading", None)  # would fail if it were called
    assert main(["patch", str(checkpoint), "--pairs", "40", "--parameters", "gamma"]) == 2
    assert "--out or --json" in capsys.readouterr().err


def test_a_table_of_one_parameter_is_not_taken_for_both(tmp_path):
    table = read_from(*planted(1, 1.5))
    for parameters, found in (("both", True), ("gamma", False), ("beta", False)):
        recipe = {"weights": "w", "parameters": parameters}
        write_word_reading(tmp_path / "study", WordReading(table, recipe))
        assert (find_word_reading(tmp_path, "w") is not None) == found
    write_word_reading(tmp_path / "study", WordReading(table, {"weights": "w"}))  # of an earlier version
    assert find_word_reading(tmp_path, "w") is not None


def test_the_bundled_network_s_words_are_read_in_its_first_block():
    folder = find()
    found = find_word_reading(folder, load(folder)[1].weights)
    assert found is not None
    blocks = found.table[(found.table["kind"] == "any") & (found.table["map"] < 0)].set_index("block")
    assert blocks["share"].idxmax() == 1
    assert blocks.loc[1, "low"] > blocks["high"].drop(1).max()
