"""The atlas without a page: colours, filters, neighbours and the figure."""

import xml.etree.ElementTree as ElementTree

import numpy as np
import pandas as pd
import pytest

from analysis.corpus import atlas
from analysis.corpus.extraction import Extraction
from analysis.figures import atlas as figures
from film import InputError


@pytest.fixture
def study() -> Extraction:
    """Thirty questions in three well-parted groups."""
    rng = np.random.default_rng(0)
    kinds = np.repeat(["count", "exist", "query_color"], 10)
    text = [f"{kind} the {'left' if i % 2 else 'right'} cube {i}?" for i, kind in enumerate(kinds)]
    table = pd.DataFrame({"text": text, "type": kinds, "answer": None, "length": np.arange(30) % 25})
    values = (np.repeat(np.arange(3), 10)[:, None, None] * 5 + rng.normal(size=(30, 2, 4))).astype(np.float32)
    return Extraction(table, values, -values, values[:, 0], {})


def test_frequent_categories_get_a_colour_and_the_rest_are_other():
    values = pd.Series([f"kind {i}" for i in range(30) for _ in range(30 - i)])
    found = figures.color_by_category(values, "kind")
    assert len(found.names) == len(found.palette) == figures.MOST
    assert found.names[0] == "kind 0"
    assert found.names[-1] == "other (11 more)"
    assert len(set(found.palette)) == figures.MOST
    assert np.bincount(found.codes)[0] == 30
    assert np.bincount(found.codes)[-1] == sum(range(1, 12))


def test_unknown_values_have_a_name():
    found = figures.color_by_category(pd.Series(["yes", None, ""]), "answer")
    assert set(found.names) == {"yes", "unknown", "none"}


def test_few_numbers_stand_in_their_order_and_many_on_a_scale(study):
    few = figures.color_by_column(pd.DataFrame({"depth": [3, 1, 3, 2]}), "depth")
    assert few.names == ("1", "2", "3")
    assert few.codes.tolist() == [2, 0, 2, 1]
    many = figures.color_by_column(study.table, "length")
    assert many.scale is not None
    assert not many.names
    assert many.codes[24] == figures.STEPS - 1
    with pytest.raises(InputError, match="no column"):
        figures.color_by_column(study.table, "colour")


def test_a_scale_bears_what_is_constant_or_not_a_number():
    assert figures.color_by_value(np.zeros(5), "").codes.tolist() == [0] * 5
    assert figures.color_by_value(np.array([np.nan, 1.0, 2.0]), "").codes[0] == 0


def test_filters(study):
    assert atlas.matching(study, "type", "exist").sum() == 10
    assert atlas.matching(study, "word", "LEFT").sum() == 15
    assert atlas.matching(study, "word", "lef").sum() == 0
    assert atlas.matching(study, "text", "cube 1").sum() == 11
    assert atlas.matching(study, "text", "?").sum() == 30  # no pattern
    with pytest.raises(InputError, match="choose one of"):
        atlas.matching(study, "mood", "good")


def test_neighbours_are_those_of_the_full_space(study):
    rows, far = atlas.nearest(study, "gamma", 4, 9)
    assert set(rows) == set(range(10)) - {4}
    assert (np.diff(far) >= 0).all()
    assert far[0] == pytest.approx(np.linalg.norm(study.gamma[rows[0]] - study.gamma[4]))


def test_the_figure_has_every_point(study):
    places = np.random.default_rng(1).normal(size=(30, 2)).astype(np.float32)
    colors = figures.color_by_column(study.table, "type")
    selected = np.arange(30) < 12
    for coloring in (colors, figures.color_by_column(study.table, "length")):
        text = figures.layout_svg(places, coloring, caption=["t-SNE <of> gamma", "seed 0"], selected=selected)
        tree = ElementTree.fromstring(text)
        paths = [path for path in tree.findall(".//{*}path") if path.get("opacity")]
        assert sum(path.get("d").count("M") for path in paths) == 30
        assert sum(p.get("d").count("M") for p in paths if p.get("opacity") == "0.85") == 12
        words = [element.text for element in tree.findall(".//{*}text")]
        assert "t-SNE <of> gamma" in words
    assert text.count("NaN") == 0
