"""What is measured of networks from other seeds: the answers are the trainer's, and what is kept stays."""

from dataclasses import replace

import pytest
from tiny import tiny_card, tiny_network

from benchmarks import seeds
from benchmarks.kept import read
from film import WORDS, Corpus, save, word_table
from film.clevr.data.generate import DatasetRecipe, generate
from film.training.ablations import right_answers
from film.training.batches import SCENE_MAPS


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return generate(tmp_path_factory.mktemp("seeds") / "val", DatasetRecipe(12, 10, size=None, seed=5))


def trained(folder, seed):
    words = word_table(WORDS)
    network = tiny_network(
        seed, blocks=2, modulated=(True, True), words=len(words), picture="features", width=15, height=10,
        channels=SCENE_MAPS, stem=((8, 3, 1),),
    )  # fmt: skip
    save(folder, network, replace(tiny_card(network, words=words), recipe={"seed": seed, "samples_seen": 5}))
    return folder


def test_networks_of_other_seeds_stand_side_by_side(tmp_path, corpus):
    folders = [trained(tmp_path / str(seed), seed) for seed in (1, 2)]
    page = tmp_path / "page.md"
    page.write_text("<!-- table: seeds -->\n\n<!-- end of table -->\n")
    kept = ["--json", str(tmp_path / "kept.json"), "--pictures", "12", "--questions", "60"]
    seeds.main([str(folders[0]), "--data", str(corpus), *kept])
    first = read(tmp_path / "kept.json")
    seeds.main([*map(str, folders), "--data", str(corpus), "--page", str(page), *kept])
    found = read(tmp_path / "kept.json")
    assert found["seed 1"] == first["seed 1"]
    for folder, own in zip(folders, found.values(), strict=True):
        right = right_answers(folder, Corpus.open(corpus)).mean()
        assert own["rows"]["right, %"].split(" ")[0] == f"{100 * right:.1f}"
    assert found["seed 1"]["rows"] != found["seed 2"]["rows"]
    assert "2 networks, 0.0 M questions each; answers of all questions about 12 scenes" in page.read_text()
    assert seeds.table(found) in page.read_text()
