"""Which maps read which word: planted effects are found, donors at random are not, and runs go on."""

import json

import numpy as np
import pytest
import torch
from tiny import tiny_card, tiny_network

from analysis import find_word_reading, measure_word_reading, write_word_reading
from analysis.__main__ import main
from analysis.interventions.pairs import KINDS, MinimalPair
from analysis.interventions.patching import Patching
from analysis.interventions.word_reading import read_from
from film import Session, Vocabulary, find, gallery, load, read_picture, save
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


@pytest.mark.slow
def test_shuffled_donors_are_claimed_in_at_most_one_run_of_twenty():
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


def test_the_bundled_network_s_words_are_read_in_its_first_block():
    folder = find()
    found = find_word_reading(folder, load(folder)[1].weights)
    assert found is not None
    blocks = found.table[(found.table["kind"] == "any") & (found.table["map"] < 0)].set_index("block")
    assert blocks["share"].idxmax() == 1
    assert blocks.loc[1, "low"] > blocks["high"].drop(1).max()
