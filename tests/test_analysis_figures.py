import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from test_analysis_population import planted
from tiny import a_picture, tiny_card, tiny_network

import analysis
from analysis import film_effects, standing, word_contributions
from film import Session


@pytest.fixture(scope="module")
def session() -> Session:
    network = tiny_network()
    return Session((network, tiny_card(network)), "cpu")


@pytest.mark.parametrize("dark", [False, True])
def test_heatmap_carries_ids_and_values(dark):
    values = np.array([[1.0, -2.0, 0.5], [0.0, 3.0, 1.0]])
    population = planted(np.random.default_rng(0).normal(size=(60, 2, 3)))
    here = standing(population, "gamma", values)
    figure = analysis.modulation_heatmap(values, "gamma", here, chosen=(1, 2), dark=dark)
    trace = figure.data[0]
    np.testing.assert_allclose(trace.z, values)
    points = figure.data[1]  # what is hovered over and clicked: a point on every cell, row after row
    assert list(points.customdata[1 * 3 + 2][:3]) == [2, 2, 1.0]  # block from 1, map from 0, value
    assert (points.x[5], points.y[5]) == (2, 1)
    assert trace.zmin == -trace.zmax
    by_z = analysis.modulation_heatmap(values, "gamma", here, show="z")
    np.testing.assert_allclose(by_z.data[0].z, here.z, atol=1e-3)
    assert len(figure.layout.shapes) == 1


def test_bars_stand_on_what_came_before(session):
    contributions = word_contributions(session, "What color is the cube?")
    lines = contributions.lines("gamma", 0, 1)
    bars = analysis.contribution_bars(lines, "gamma of block 1, map 1").data[0]
    assert len(bars.y) == len(lines) + 1
    np.testing.assert_allclose(
        np.array(bars.base[1:-1], float), [line.total for line in lines[:-1]], atol=1e-9
    )
    assert bars.y[-1] == pytest.approx(lines[-1].total)
    assert bars.base[-1] == 0


def test_every_figure_can_be_drawn(session):
    contributions = word_contributions(session, "How many red cubes are there?")
    answers = session.answer(a_picture(), contributions.stopped)
    population = planted(np.random.default_rng(1).normal(size=(40, 3, 8)))
    gamma, beta = contributions.gamma[-1], contributions.beta[-1]
    figures = [
        analysis.plane(gamma, beta, chosen=(0, 1)),
        analysis.population_histogram(population, "gamma", 1, 2, 0.3),
        analysis.film_effect_bars(film_effects(gamma)),
        analysis.reach(["stem", "block1"], np.array([0.0, 0.2]), np.array([0.5, 0.6])),
        analysis.word_path(contributions, "beta", 2),
        analysis.word_moves(contributions, "gamma"),
        analysis.prefix_answers(contributions.tokens, [answer.probabilities for answer in answers]),
    ]
    for figure in figures:
        assert isinstance(figure, go.Figure)
        assert figure.layout.paper_bgcolor == "rgba(0,0,0,0)"
        assert len(figure.to_json()) > 500
    plane = figures[0]
    assert [trace.xaxis for trace in plane.data] == ["x", "x", "x2", "x3"]  # a panel a block, and a ring
    assert [title.text for title in plane.layout.annotations] == ["block 1", "block 2", "block 3"]
    moves, path = figures[5].data[0], figures[4].data[0]
    assert np.shape(moves.z) == (3, len(contributions.tokens))
    assert np.shape(path.z) == (8, len(contributions.tokens))


def test_answers_shown_are_the_likeliest():
    rows = [{"yes": 0.7, "no": 0.2, "red": 0.1}, {"yes": 0.1, "no": 0.8, "red": 0.1}]
    figure = analysis.prefix_answers(["a", "b"], rows, most=2)
    assert list(figure.data[0].y) == ["no", "yes"]  # the final answer first
    assert list(figure.data[1].y) == ["yes", "no"]  # who wins at each word


def test_no_probability_is_rounded_away_on_hovering():
    chances = {"yes": 0.99999, "no": 0.00001}
    steps = pd.DataFrame(
        {"share": [0.0, 1.0], "answer": "yes"} | {name: [p, p] for name, p in chances.items()}
    )
    series = steps.rename(columns={name: f"p({name})" for name in chances}).assign(
        step=[0, 1], label=["a", "b"], truth=["yes", None], true_probability=[0.99999, np.nan]
    )
    right = pd.DataFrame({"right": True, "probability": 0.99999, "picture": range(40)})
    for figure in (
        analysis.answer_bars(chances), analysis.answers_side_by_side(chances, chances),
        analysis.prefix_answers(["is", "it"], [chances, chances]), analysis.interpolation_lines(steps),
        analysis.series_lines(series), analysis.calibration_curve(analysis.calibration(right, trials=3)),
    ):  # fmt: skip
        shown = [trace for trace in figure.data if trace.hovertemplate]
        assert "> 99.9 %" in str([np.asarray(trace.customdata).tolist() for trace in shown])
        for trace in shown:
            assert "%}" not in trace.hovertemplate
            assert "{x:" not in trace.hovertemplate or trace.hovertemplate.endswith("{x:.2f}<extra></extra>")


def test_an_answer_that_one_of_two_networks_lacks_has_no_probability():
    figure = analysis.answers_side_by_side({"yes": 0.9, "no": 0.1}, {"yes": 0.3, "perhaps": 0.7})
    for trace, written in zip(
        figure.data, (["90.0 %", "none", "10.0 %"], ["30.0 %", "70.0 %", "none"]), strict=True
    ):
        assert list(trace.y) == ["yes", "perhaps", "no"]
        assert list(trace.text) == list(trace.customdata) == written


def test_the_catalogue_is_complete():
    for name in analysis.__all__:
        assert getattr(analysis, name) is not None
    with pytest.raises(AttributeError, match="nothing"):
        _ = analysis.nothing  # type: ignore[attr-defined]


def test_the_browser_has_the_kinds_of_traces_that_figures_have_and_their_licences():
    root = Path(__file__).parents[1]
    code = "".join(file.read_text("utf-8") for file in (root / "analysis" / "figures").glob("*.py"))
    folder = root / "ui" / "figures" / "plotly"
    bundle = (folder / "bundle.js").read_text("utf-8")
    kinds = {kind.lower() for kind in re.findall(r"\bgo\.([A-Z]\w+)\(", code)} - {"figure"}
    assert {"bar", "scatter"} <= kinds
    assert [kind for kind in kinds if f'name:"{kind}"' not in bundle] == []
    version = json.loads((folder / "package.json").read_text("utf-8"))["dependencies"]["plotly.js"]
    assert f'"{version}"' in bundle
    assert f"=== plotly.js {version} (MIT) ===" in (folder / "LICENSES.txt").read_text("utf-8")


@pytest.mark.parametrize(
    ("said", "title"),
    [
        ("gamma of every map, a row a block.", "gamma of every map, a row a block"),
        ("Accuracy by type: count 90 %, exist 95 %.", "Accuracy by type"),
        ("Probes for “answer: a colour”; the best reads gamma.", "Probes for “answer: a colour”"),
        ("“There is a cube; what color is it?”: red.", "“There is a cube; what color is it?”"),
        ("One “quote that never ends; so", "One “quote that never ends"),
        ("", ""),
    ],
)  # fmt: skip
def test_a_figure_is_called_by_the_first_part_of_what_is_said_of_it(said, title):
    assert analysis.figure_title(said) == title
