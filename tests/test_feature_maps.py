import numpy as np
import pytest
from tiny import a_picture, tiny_card, tiny_network

from analysis import differences, film_effects, map_grid, order, over_picture, stage_names, stages_of
from analysis.figures.palette import color_table, diverging, ground, rgb
from analysis.question.feature_maps import CAPTION, GAP, colored, grid_shape, strongest
from film import InputError, Session


def planted() -> tuple[np.ndarray, ...]:
    """Four maps: untouched, doubled, inverted, shut off."""
    before = np.ones((4, 2, 3)) * np.array([1.0, 2.0, 0.5, 0.1])[:, None, None]
    after = before * np.array([1.0, 2.0, -1.0, 0.0])[:, None, None]
    return before, after, np.maximum(after, 0)


def test_orders_of_planted_maps():
    stages, gamma, beta = planted(), np.array([1.0, 2.0, -1.0, 0.0]), np.array([0.0, -1.0, 3.0, 0.0])
    assert order("map number", stages).tolist() == [0, 1, 2, 3]
    assert order("change", stages).tolist() == [1, 2, 3, 0]
    assert order("energy", stages).tolist() == [1, 0, 2, 3]  # equals by number
    assert order("gamma", stages, gamma).tolist() == [1, 0, 3, 2]
    assert order("beta", stages, beta=beta).tolist() == [2, 0, 3, 1]
    with pytest.raises(InputError, match="sorted by"):
        order("beauty", stages)


def test_census_of_planted_maps():
    gamma = np.array([[1.0, 2.0, -1.0, -3.0], [0.0, 0.5, 0.9, -0.1]])
    rectified = np.zeros((4, 2, 3))
    rectified[1, 1, 2] = 0.5
    first, second = film_effects(gamma, {0: rectified})
    assert (first.block, first.maps, first.amplified, first.inverted, first.silenced) == (0, 4, 2, 2, 3)
    assert (second.amplified, second.inverted, second.silenced) == (0, 1, None)


def test_a_wall_shows_every_value_as_a_crisp_square():
    maps = np.array([[[1.0, -1.0, 0.0]], [[0.5, 0.0, 0.0]]])  # (2, 1, 3)
    made = map_grid(maps, np.array([1, 0]), scale=1.0, across=400)
    cells, down, zoom = grid_shape(2, 1, 3, 400)
    assert made.picture.shape == (
        down * (zoom + CAPTION + GAP) + GAP, cells * (3 * zoom + GAP) + GAP, 3,
    )  # fmt: skip
    colors = {
        name: tuple(colored(np.array(value), 1.0))
        for name, value in (("up", 1.0), ("down", -1.0), ("half", 0.5))
    }
    first = made.picture[GAP : GAP + zoom, GAP : GAP + zoom]
    assert (first == colors["half"]).all()  # map 1 comes first
    places = [(place // cells, place % cells) for place in range(2)]
    top, left = GAP + places[1][0] * (zoom + CAPTION + GAP), GAP + places[1][1] * (3 * zoom + GAP)
    assert (made.picture[top : top + zoom, left : left + zoom] == colors["up"]).all()
    assert (made.picture[top : top + zoom, left + zoom : left + 2 * zoom] == colors["down"]).all()


@pytest.mark.parametrize("dark", [False, True])
def test_zero_is_the_ground_and_signs_are_told_apart(dark):
    assert tuple(colored(np.zeros(1), 1.0, dark)[0]) == rgb(ground(dark))
    low, high = colored(np.array([-5.0, 5.0]), 1.0, dark).astype(int)
    assert low[2] > low[0] or dark  # blue
    assert high[0] > high[2]  # orange
    assert tuple(low) == rgb(diverging(dark)[0])
    assert len(np.unique(color_table(dark), axis=0)) > 200


def test_a_map_over_the_picture():
    picture = np.random.default_rng(0).integers(0, 256, (40, 60, 3)).astype(np.uint8)
    values = np.zeros((2, 3))
    values[1, 2], values[0, 0] = 1.0, -1.0
    made = over_picture(values, picture, 1.0, line=2).astype(int)
    np.testing.assert_array_equal(made[:20, 20:], picture[:20, 20:])  # in its colours
    np.testing.assert_array_equal(made[20:, :40], picture[20:, :40])
    above, below = made[25:35, 45:55], made[5:15, 5:15]  # within the outlines
    assert (above[..., 0] - picture[25:35, 45:55, 0] > above[..., 2] - picture[25:35, 45:55, 2]).mean() > 0.5
    for channel in range(3):  # the picture is seen through it
        beside = np.corrcoef(above[..., channel].ravel(), picture[25:35, 45:55, channel].ravel())
        assert beside[0, 1] > 0.99
    assert below[..., 2].mean() > below[..., 0].mean()
    strong = [np.abs(made - rgb(diverging(False)[at])).sum(axis=2) == 0 for at in (0, 6)]
    whole, broken = strong[1][20, 40:].mean(), strong[0][19, :20].mean()
    assert whole == 1  # above zero the outline is whole, below it is broken
    assert 0 < broken < 1


def test_a_weak_map_has_no_outline():
    picture = np.full((20, 30, 3), 90, np.uint8)
    values = np.zeros((2, 3))
    values[1, 1] = 0.4
    made = over_picture(values, picture, 1.0)
    assert len(np.unique(made.reshape(-1, 3), axis=0)) == 2


def test_empty_maps_have_a_scale():
    assert strongest(np.zeros((3, 2, 2))) > 0
    assert map_grid(np.zeros((3, 2, 2)), np.arange(3), chosen=1, dark=True).picture.dtype == np.uint8


@pytest.mark.parametrize("film_at", ["input", "conv", "norm", "relu", "output", "concat"])
def test_stages_of_every_kind_of_block(film_at):
    network = tiny_network(film_at=film_at, modulated=(True, True, film_at == "concat"))
    session = Session((network, tiny_card(network)), "cpu")
    for block in range(3):
        names = stage_names(session.config, block).names
        answer = session.ask(a_picture(), "How many cubes are there?", record=names)
        before, after, _ = stages_of(answer.activations, session.config, block)
        assert all(
            maps.shape == before.shape for maps in stages_of(answer.activations, session.config, block)
        )
        if film_at in ("input", "conv", "norm", "relu") and block < 2:
            gamma, beta = answer.gamma[block, :, None, None], answer.beta[block, :, None, None]
            np.testing.assert_allclose(after, gamma * before + beta, atol=1e-5)


def test_a_question_reaches_nothing_before_the_first_film():
    network = tiny_network()
    session = Session((network, tiny_card(network)), "cpu")
    names = ["stem", "block1.norm", "block1.film", "block2.norm", "classifier.maps"]
    asked = ["How many cubes are there?", "What color is the large metal sphere?"]
    one, other = (session.ask(a_picture(), question, record=names) for question in asked)
    elsewhere = session.ask(a_picture(3), asked[0], record=names)
    by_question = differences(one.activations, other.activations, names)
    by_picture = differences(one.activations, elsewhere.activations, names)
    assert (by_question[:2] == 0).all()
    assert (by_question[2:] > 0).all()
    assert (by_picture > 0).all()
    np.testing.assert_array_equal(one.gamma, elsewhere.gamma)
    zero, planted = {"a": np.zeros((1, 2, 2))}, {"a": np.ones((1, 2, 2))}
    assert differences(planted, zero, ["a"]) == [1.0]
    assert differences(zero, zero, ["a"]) == [0.0]
