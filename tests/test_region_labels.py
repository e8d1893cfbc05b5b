"""Names of dense regions: a planted word is found where it is, and hardly any where there is nothing."""

import numpy as np
import pandas as pd
import pytest

from analysis import Extraction, color_by_category, describe_labels, name_places, region_labels
from analysis.corpus.layout import Layout, LayoutRecipe
from analysis.corpus.question_features import count_features
from analysis.corpus.region_labels import HALF, LEVEL, dense_regions

COUNT = 3000


def study(texts: list[str]) -> Extraction:
    rows = len(texts)
    table = pd.DataFrame({"text": texts, "type": "count", "length": [len(text.split()) for text in texts]})
    one = np.random.default_rng(1).normal(size=(rows, 1, 2)).astype(np.float32)
    return Extraction(table, one, one, np.zeros((rows, 1), np.float32), {})


def layout(places: np.ndarray) -> Layout:
    return Layout(places.astype(np.float32), np.arange(len(places)), LayoutRecipe("both", "pca"))


@pytest.fixture
def scattered() -> tuple[np.ndarray, list[str]]:
    """Places, and questions that have nothing to do with them."""
    rng = np.random.default_rng(0)
    colors = rng.choice(["red", "blue", "green", "cyan"], COUNT)
    things = rng.choice(["cube", "sphere", "cylinder"], COUNT)
    texts = [f"How many {color} {thing}s?" for color, thing in zip(colors, things, strict=True)]
    return rng.normal(0, 10, (COUNT, 2)), texts


def test_a_planted_word_names_its_region_and_no_other(scattered):
    places, texts = scattered
    places[:20] = np.array([60, 60]) + np.random.default_rng(2).normal(0, 0.1, (20, 2))
    texts[:20] = ["Is there a purple cube?"] * 20
    found = region_labels(count_features(study(texts)), layout(places))
    first = found[0]  # the densest
    assert "purple" in first.text
    assert first.x == pytest.approx(60, abs=0.5)
    assert first.share == 1
    assert first.p <= LEVEL
    assert first.elsewhere == pytest.approx(20 / COUNT)
    assert not any("purple" in other.text for other in found[1:])
    said = describe_labels(found)
    assert f"{len(found)} dense regions of 20 questions" in said


def test_where_words_lie_anywhere_hardly_a_region_has_a_name(scattered):
    places, texts = scattered
    found = region_labels(count_features(study(texts)), layout(places))
    assert len(found) <= 8  # of 40, as there are seven words and as many pairs of them to choose from
    assert all(one.share >= HALF and one.p <= LEVEL for one in found)
    assert "No dense region" in describe_labels(())


def test_dense_regions_are_dense_and_apart(scattered):
    places, _ = scattered
    regions = dense_regions(places, 20)
    radius = [np.linalg.norm(places[region] - places[region[0]], axis=1).max() for region in regions]
    assert radius == sorted(radius)
    for number, region in enumerate(regions):
        for denser in range(number):
            apart = np.linalg.norm(places[region[0]] - places[regions[denser][0]])
            assert apart > 2 * radius[denser] * (1 - 1e-6)


def test_names_stand_where_their_points_prevail():
    rng = np.random.default_rng(3)
    centres = np.array([[0, 0], [10, 0], [0, 10], [10, 10]])
    places = np.concatenate([centre + rng.normal(0, 0.2, (50, 2)) for centre in centres])
    coloring = color_by_category(pd.Series(["a"] * 100 + ["b"] * 50 + ["c"] * 49 + ["d"]), "letter")
    found = name_places(places, coloring)
    assert [name for *_, name in found][:3] == ["a", "b", "c"]
    assert sorted(name for *_, name in found) == ["a", "a", "b", "c"]  # "d" prevails nowhere
    for x, y, name in found:
        near = np.linalg.norm(centres - (x, y), axis=1)
        assert near.min() < 1
        assert "aabc"[near.argmin()] == name
