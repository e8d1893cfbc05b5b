"""Contours of density hold the share of points that they name; shapes stay within their square."""

import re
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from analysis import SHAPES, color_by_category, density_contours, describe_contours, layout_svg, outline
from analysis.figures.density import SHARES
from analysis.figures.palette import NEUTRAL


def inside(points: np.ndarray, lines: tuple[np.ndarray, ...]) -> np.ndarray:
    """Which points lie within closed lines, by the even-odd rule."""
    found = np.zeros(len(points), bool)
    x, y = points.T
    for line in lines:
        for (x0, y0), (x1, y1) in pairwise(line):
            with np.errstate(divide="ignore", invalid="ignore"):
                crossed = ((y0 > y) != (y1 > y)) & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
            found ^= crossed
    return found


@pytest.fixture(scope="module")
def places() -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.concatenate([rng.normal(0, 1, (3000, 2)), rng.normal(9, 2, (1000, 2))]).astype(np.float32)


def test_contours_hold_their_shares(places):
    contours = density_contours(places)
    assert [contour.share for contour in contours] == list(SHARES)
    for contour in contours:
        assert all((line[0] == line[-1]).all() for line in contour.lines)  # closed
        assert inside(places, contour.lines).mean() == pytest.approx(contour.share, abs=0.03)
    dense = np.concatenate(contours[0].lines)
    assert np.linalg.norm(dense, axis=1).max() < 2  # about the denser of the two heaps alone
    assert "25%, 50%, 75% and 95% of the questions" in describe_contours()


def test_points_at_one_place_have_a_contour():
    assert density_contours(np.ones((20, 2), np.float32))[0].lines


def test_shapes_lie_in_their_square_and_differ():
    ways = [outline(number, 1) for number in range(len(SHAPES))]
    assert len(set(ways)) == len(ways)
    for corners in SHAPES.values():
        assert all(abs(x) <= 1.1 and abs(y) <= 1.1 for x, y in corners)


def test_categories_differ_in_shape_where_there_are_as_many():
    rng = np.random.default_rng(1)
    table = color_by_category(pd.Series(rng.choice(list("abcdef"), 300)), "letter")
    assert len(set(table.shapes)) == 6


def test_what_has_no_name_of_its_own_is_a_circle():
    many = color_by_category(pd.Series([str(number) for number in range(30)] * 2), "number")
    assert many.palette[-1] == NEUTRAL
    assert many.shapes[-1] == 0
    assert 0 not in many.shapes[:-1]


def test_the_svg_has_every_point_in_its_shape(places):
    coloring = color_by_category(pd.Series(np.repeat(["a", "b", "c", "d"], 1000)), "heap")
    drawn = layout_svg(places, coloring, caption=["one"], labels=[(0, 0, "a & b")], contours=True)
    assert "a &amp; b" in drawn
    for code, color in enumerate(coloring.palette):
        (way,) = re.findall(rf'<path d="([^"]*)" [^>]*="{color}"[^>]*opacity="0.85"', drawn)
        assert way.count("M") == 1000
        assert ("h0" in way) == (coloring.shapes[code] == 0)
