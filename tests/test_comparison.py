"""Two networks beside each other, on networks whose differences are known."""

import copy
import json
from typing import Any

import numpy as np
import pytest
import torch
from tiny import tiny_card, tiny_network

import film
from analysis import (
    accuracy_difference,
    cluster_shuffles,
    compare,
    comparison_folder,
    find_comparison,
    gallery_questions,
    linear_cka,
    match_maps,
    write_comparison,
)
from analysis.__main__ import main
from analysis.comparison.alignment import align
from analysis.comparison.similarity import left_out_interval, similarity_table
from analysis.comparison.watching import cells, watch
from analysis.corpus.regions import untrained
from film import Cancelled, FiLMNetwork, InputError, Session, Vocabulary, save
from film.clevr.language.word_tree import WORDS as ALL_WORDS

WORDS = Vocabulary.of(ALL_WORDS).tokens


def session(folder, network, **card):
    save(folder, network, tiny_card(network, words=WORDS, **card), half=False)
    return Session(folder, "cpu")


def lacking(word):
    """A network that has never met a word."""
    words = tuple(each for each in WORDS if each != word)
    found = tiny_network(4, words=len(words))
    return found, tiny_card(found, words=words, name="strange")


def network(seed=0, **changes):
    return tiny_network(seed, words=len(WORDS), **changes)


def permuted(original: FiLMNetwork, seed: int) -> tuple[FiLMNetwork, np.ndarray]:
    """The same function with the maps of every block in another order: (blocks, maps), new to former."""
    found, rng = copy.deepcopy(original), np.random.default_rng(seed)
    config = original.config
    orders = np.stack([rng.permutation(config.maps) for _ in range(config.blocks)])
    film = found.question_encoder.to_film
    former = None
    block: Any
    with torch.no_grad():
        for block, order in zip(found.blocks, orders, strict=True):
            if former is not None:
                block.conv1.weight[:, : config.maps] = block.conv1.weight[:, former]
            for name in ("weight", "bias"):
                getattr(block.conv1, name).copy_(getattr(block.conv1, name)[order])
                getattr(block.conv2, name).copy_(getattr(block.conv2, name)[order])
            block.conv2.weight.copy_(block.conv2.weight[:, order])
            for name in ("running_mean", "running_var"):
                getattr(block.norm, name).copy_(getattr(block.norm, name)[order])
            former = order
        found.classifier.project.weight[:, : config.maps] = found.classifier.project.weight[:, former]
        for values in (film.weight, film.bias):
            parts = values.view(config.blocks, 2, config.maps, -1)
            for number, order in enumerate(orders):
                parts[number] = parts[number][:, order]
    return found.eval(), orders


@pytest.fixture(scope="module")
def asked():
    return gallery_questions(240)


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    return session(tmp_path_factory.mktemp("one"), network(1), name="one")


@pytest.fixture(scope="module")
def same(one, asked):
    return compare(one, one, asked, "the gallery", layout="pca")


# --- The parts ------------------------------------------------------------------------------------


def test_shuffles_move_whole_clusters():
    clusters = np.repeat(np.arange(20), 3)
    for order in cluster_shuffles(clusters, trials=5, seed=0):
        assert sorted(order) == list(range(60))
        moved = clusters[order].reshape(20, 3)
        assert (moved == moved[:, :1]).all()
        assert (moved[:, 0] != np.arange(20)).sum() > 10
    uneven = np.repeat(np.arange(4), [1, 5, 2, 7])
    for order in cluster_shuffles(uneven, trials=5, seed=0):
        assert sorted(order) == list(range(15))


def test_an_accuracy_difference_covers_the_truth():
    """Two networks whose errors share pictures; the interval is held to the difference they truly have."""
    rng, covered, times = np.random.default_rng(0), 0, 400
    pictures, each = 60, 8
    owner = np.repeat(np.arange(pictures), each)
    for _ in range(times):
        hard = np.repeat(rng.beta(1, 12, pictures), each)  # how hard a picture is, for both
        wrong = rng.random(len(owner)) < hard
        one = ~(wrong | (rng.random(len(owner)) < 0.02))
        other = ~((wrong & (rng.random(len(owner)) < 0.6)) | (rng.random(len(owner)) < 0.02))
        truth = 0.4 * (1 / 13) * 0.98
        found = accuracy_difference(one, other, owner)
        covered += found.low <= truth <= found.high
    assert 0.92 <= covered / times <= 0.99


def test_no_difference_is_said_with_an_interval_unless_pictures_are_few():
    right = np.ones(200, bool)
    found = accuracy_difference(right, right, np.repeat(np.arange(40), 5))
    assert found.value == 0
    assert found.low < 0 < found.high
    few = accuracy_difference(right, right, np.repeat(np.arange(4), 50))
    assert few.low is None
    assert "4 pictures" in few.reason


def test_cka_is_that_of_the_unbiased_kernels():
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(30, 5)) + 2, rng.normal(size=(30, 7))
    y[:, :3] += x[:, :3]

    def hsic(k, other):
        k, other = k - np.diag(np.diag(k)), other - np.diag(np.diag(other))
        n, ones = len(k), np.ones(len(k))
        found = np.trace(k @ other) + (ones @ k @ ones) * (ones @ other @ ones) / ((n - 1) * (n - 2))
        return (found - 2 / (n - 2) * (ones @ k @ other @ ones)) / (n * (n - 3))

    k, other = x @ x.T, y @ y.T
    expected = hsic(k, other) / np.sqrt(hsic(k, k) * hsic(other, other))
    assert linear_cka(x, y) == pytest.approx(expected, rel=1e-4)
    turn = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    assert linear_cka(x, 3 * x @ turn + 1) == pytest.approx(1, abs=1e-4)
    wide = rng.normal(size=(40, 2000)), rng.normal(size=(40, 2000))
    assert abs(linear_cka(*wide)) < 0.1  # plain CKA of these is 0.98
    assert np.isnan(linear_cka(x, np.ones((30, 2))))
    with pytest.raises(InputError, match="same four questions"):
        linear_cka(x, y[:5])


def test_fewer_questions_of_the_untrained_network_estimate_the_same():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(2000, 12))
    other, before = x + rng.normal(size=x.shape), x + 2 * rng.normal(size=x.shape)
    some, owner = np.sort(rng.permutation(2000)[:600]), np.arange(2000)

    def untrained_cka(spaces, rows):
        found = similarity_table(
            {"x": x}, {"x": other}, owner, untrained={"x": spaces}, untrained_rows=rows, trials=1, seed=0
        )
        return found["untrained"][0]

    assert untrained_cka(before[some], some) == pytest.approx(untrained_cka(before, None), abs=0.02)


def test_the_interval_of_cka_covers_what_many_pictures_give():
    """Nominal 95 %: pictures make their questions alike, and two of three causes are common to both."""
    rng = np.random.default_rng(8)
    mix = [rng.normal(size=(3, 6)) for _ in range(2)]

    def draw(pictures):
        owner = np.repeat(np.arange(pictures), 6)
        causes = rng.normal(size=(pictures, 4))[owner] + rng.normal(size=(len(owner), 4))
        return causes[:, :3] @ mix[0], causes[:, 1:] @ mix[1], owner

    truth = linear_cka(*draw(4000)[:2])
    covered, wide = 0, []
    for _ in range(200):
        one, other, owner = draw(60)
        low, high = left_out_interval([one], [other], owner, seed=0)
        covered += low[0, 0] <= truth <= high[0, 0]
        wide.append(high[0, 0] - low[0, 0])
    assert 0.9 <= covered / 200 <= 0.99
    assert np.median(wide) < 0.4
    few = left_out_interval([one[:30]], [other[:30]], owner[:30], seed=0)
    assert np.isnan(few).all()


def test_planted_partners_are_found_and_noise_has_none():
    rng = np.random.default_rng(0)
    owner = np.repeat(np.arange(40), 5)
    frame = rng.normal(size=(1, 6, 9))  # the same about every picture
    one = rng.normal(size=(200, 6, 9)) + 5 * frame
    order = rng.permutation(9)
    other = one[:, :, order] + 0.5 * rng.normal(size=one.shape)
    found = match_maps(one, other, owner, trials=40, seed=0)
    assert (order[found.partner] == np.arange(9)).all()
    assert (found.p_family < 0.05).all()
    noise = match_maps(one, rng.normal(size=one.shape) + 5 * frame, owner, trials=40, seed=0)
    assert (noise.p_family > 0.05).all()
    assert noise.null.min() < noise.correlation.mean() < noise.null.max() * 1.3
    dead = one.copy()
    dead[:, :, 2] = 0
    assert match_maps(dead, one, owner, trials=5, seed=0).partner[2] == -1


def test_layouts_are_turned_onto_each_other():
    rng = np.random.default_rng(1)
    places = rng.normal(size=(80, 2))
    turned = places @ np.array([[0.6, -0.8], [-0.8, -0.6]]) * 7 + 3
    found = align(places, turned, trials=99, seed=0)
    assert np.allclose(found.one, found.other, atol=1e-5)
    assert found.agreement.value == pytest.approx(1)
    assert found.agreement.p == 0.01
    apart = align(places, rng.normal(size=(80, 2)), trials=99, seed=0)
    assert apart.agreement.value < 0.4


def test_the_untrained_network_is_of_the_same_build_and_of_the_seed_alone(one, asked):
    some = film.Questions(asked.questions[:12], asked.picture)
    first, again, else_ = (watch(untrained(one, seed), some).gamma for seed in (3, 3, 4))
    assert first.shape == watch(one, some).gamma.shape
    assert np.array_equal(first, again)
    assert not np.allclose(first, else_)


def test_cells_average_every_place_once():
    weights = cells(5, 7, (2, 3))
    assert weights.shape == (35, 6)
    assert np.allclose(weights.sum(axis=0), 1)
    assert cells(1, 2, (2, 3)).shape == (2, 2)


# --- The whole ------------------------------------------------------------------------------------


def test_a_network_beside_itself_differs_in_nothing(same):
    assert "the untrained network: 240 of them" in same.lines()[-1]
    whole = same.accuracy.iloc[0]
    assert whole["difference"] == 0
    assert (whole["gained"], whole["lost"]) == (0, 0)
    assert same.differing.empty
    assert (same.parameters["difference"] == 0).all()
    matched = same.maps[same.maps["partner"] >= 0]
    assert len(matched) > 0.7 * len(same.maps)
    assert (matched["partner"] == matched["map"]).all()
    assert np.allclose(matched["correlation"], 1, atol=1e-3)
    own = same.similarity[same.similarity["one"] == same.similarity["other"]]
    assert np.allclose(own["cka"].dropna(), 1, atol=1e-3)
    assert np.allclose(own[["low", "high"]].dropna(), 1, atol=1e-2)
    assert (own["untrained"].dropna() < 0.999).all()
    assert same.recipe["alignment"]["agreement"] == pytest.approx(1)
    assert same.cannot == ()


def test_a_permuted_copy_is_recognised(one, asked, tmp_path):
    twin, orders = permuted(network(1), 5)
    other = session(tmp_path, twin)
    found = compare(one, other, asked, "the gallery", layout="pca")
    assert found.differing.empty  # it is the same function
    for block, order in enumerate(orders, start=1):
        rows = found.maps[(found.maps["block"] == block) & (found.maps["partner"] >= 0)]
        assert len(rows) >= 5
        assert (order[rows["partner"]] == rows["map"]).all()
        assert np.allclose(rows["correlation"], 1, atol=1e-3)
        assert np.allclose(rows["parameters"], 1, atol=1e-3)


def test_other_networks_differ_and_what_was_found_is_kept(one, asked, tmp_path):
    other = session(tmp_path / "other", network(2), name="other")
    told = []
    found = compare(
        one, other, asked, "the gallery", layout="pca", progress=lambda done, of: told.append(done / of)
    )
    assert told == sorted(told)
    assert told[-1] == 1
    differing = found.differing
    assert len(differing) == (found.questions["prediction_one"] != found.questions["prediction_other"]).sum()
    one_right = differing["right_one"] != differing["right_other"]
    assert one_right.is_monotonic_decreasing
    assert (found.maps.groupby("block")["partner"].nunique() <= found.maps.groupby("block").size()).all()
    json.dumps(found.to_json(), allow_nan=False)
    folder = tmp_path / "kept"
    place = comparison_folder(folder, other.card.weights)
    write_comparison(place, found)
    again = find_comparison(folder, one.card.weights, other.card.weights)
    assert again.recipe == json.loads(json.dumps(found.recipe))
    assert again.questions["text"].tolist() == found.questions["text"].tolist()
    assert find_comparison(folder, "others", other.card.weights) is None
    assert find_comparison(tmp_path, one.card.weights, other.card.weights) is None
    (place / "maps.parquet").write_bytes(b"nothing")
    with pytest.raises(InputError, match=r"maps\.parquet cannot be read"):
        find_comparison(folder, one.card.weights, other.card.weights)


def test_what_cannot_be_compared_is_said(one, asked, tmp_path):
    blind = session(
        tmp_path / "blind",
        network(3, picture="features", channels=18, width=15, height=10, stem=((8, 3, 1),), blocks=2,
                modulated=(True, True)),
        name="blind",
    )  # fmt: skip
    found = compare(one, blind, asked, "the gallery", layout="pca")
    assert found.accuracy.empty
    assert found.maps.empty
    assert found.differing.empty
    assert set(found.similarity["space"]) == {"gamma and beta"}
    assert len(found.similarity) == 3 * 2
    said = " ".join(found.cannot)
    assert "blind cannot look at these pictures" in said
    assert "one has 3 blocks and the other 2" in said
    json.dumps(found.to_json(), allow_nan=False)
    save(tmp_path / "strange", *lacking("matte"))
    strange = Session(tmp_path / "strange", "cpu")
    few = compare(one, strange, asked, "the gallery", layout="pca")
    assert "words that strange does not know" in " ".join(few.cannot)
    assert few.recipe["questions"] < few.recipe["given"] == 240


def test_it_stops_when_asked(one, asked):
    with pytest.raises(Cancelled):
        compare(one, one, asked, "the gallery", cancel=lambda: True)


def test_the_command_writes_what_it_says(one, tmp_path, capsys):
    other = tmp_path / "other"
    session(other, network(2))
    out, kept = tmp_path / "found.json", tmp_path / "kept"
    arguments = ["compare", one.checkpoint, str(other), "--questions", "80", "--device", "cpu"]
    assert main([*arguments, "--json", str(out), "--out", str(kept)]) == 0
    told = json.loads(out.read_text())
    assert told["questions"] == 80
    assert {"accuracy", "maps", "similarity", "differing", "grouping"} <= told.keys()
    assert "answered differently" in capsys.readouterr().out
    assert (kept / "questions.parquet").is_file()
    assert main([*arguments[:2], str(tmp_path / "nowhere")]) == 2
