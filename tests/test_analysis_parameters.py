"""The distributions of gamma and beta, and the figures drawn of them."""

import numpy as np
import pytest

import analysis
from analysis.figures.parameters import AUTHORS
from film import InputError

EIGHT = [f"{o}_{a}" for o in ("query", "equal") for a in ("color", "material", "shape", "size")]


@pytest.fixture(scope="module")
def parameters() -> analysis.Parameters:
    rng = np.random.default_rng(0)
    gamma, beta = rng.normal(1, 2, (400, 3, 20)), rng.normal(-1, 1, (400, 3, 20))
    gamma[:, 1], beta[:, 1] = 1, 0  # a block that is not modulated
    gamma[:, 2, 7] *= 3
    texts = np.array(
        [f"Is thing {row} behind it?" if row % 4 == 0 else f"Thing {row}?" for row in range(400)]
    )
    types = np.array([EIGHT[row % 8] for row in range(400)])
    return analysis.measure_parameters(
        texts, {"type": types}, gamma.astype("f2"), beta.astype("f2"), "400 questions"
    )


def test_everything_is_counted_once(parameters):
    assert parameters.modulated == (0, 2)
    assert parameters.counts["gamma"].sum(axis=1).tolist() == [8000, 0, 8000]
    values = parameters.gamma[:, [0, 2]].astype(float)
    found = parameters.statistics["gamma"]
    assert (found.low, found.high) == (values.min(), values.max())
    assert found.negative == pytest.approx((values < 0).mean())
    assert found.mean == pytest.approx(values.mean(), abs=1e-3)
    assert abs(found.mode - 1) < 1
    assert 0 < found.negative_margin < 0.03
    assert parameters.mean["beta"][0] == pytest.approx(parameters.beta[:, 0].astype(float).mean(axis=0))
    assert parameters.block_statistics("gamma", 2).high > parameters.block_statistics("gamma", 0).high


def test_the_maps_that_vary_most(parameters):
    assert 7 in parameters.most_varied(2, 3)
    assert 4 in parameters.most_varied(2, 3, chosen=4)
    assert len(parameters.most_varied(0)) == 16


def test_nothing_to_count_is_refused():
    nothing = np.zeros((0, 2, 3))
    with pytest.raises(InputError, match="no questions"):
        analysis.measure_parameters(np.array([]), {}, nothing, nothing, "")
    still = np.ones((9, 2, 3))
    with pytest.raises(InputError, match="depends on the question"):
        analysis.measure_parameters(np.arange(9), {}, still, still, "")


def test_histograms_share_what_they_should(parameters):
    both = analysis.parameter_histograms(parameters)
    assert [sum(trace.y) for trace in both.data] == pytest.approx([1, 1])
    blocks = analysis.block_histograms(parameters, "gamma", dark=True)
    assert len(blocks.data) == 2
    assert blocks.layout.xaxis2.matches == "x"
    assert blocks.layout.yaxis2.matches == "y"
    assert [title.text for title in blocks.layout.annotations] == ["block 1", "block 3"]
    moments = analysis.map_moments(parameters)
    assert sum(sum(trace.y) for trace in moments.data) == 4 * 2 * 20
    table = analysis.histogram_table(parameters)
    assert table["count"].sum() == 2 * 2 * 8000
    assert set(table["block"]) == {1, 3}
    assert len(analysis.moment_table(parameters)) == 40


def test_a_point_for_each_question_and_map(parameters):
    rows = np.array([3, 4, 8, 11])
    by_map = analysis.gamma_against_beta(parameters, 2, [1, 7], rows=rows)
    assert [trace.name for trace in by_map.data] == ["map 1", "map 7"]
    assert by_map.data[1].customdata.tolist() == [[3, 7], [4, 7], [8, 7], [11, 7]]
    assert by_map.data[1].x[0] == pytest.approx(float(parameters.gamma[3, 2, 7]), abs=1e-3)
    assert len({trace.type for trace in by_map.data}) == 1
    by_word = analysis.gamma_against_beta(parameters, 2, [7], color="word", word="Behind", rows=rows)
    without, with_it = by_word.data
    assert (len(without.x), len(with_it.x)) == (2, 2)
    assert "behind" in with_it.text[0]
    by_type = analysis.gamma_against_beta(parameters, 2, [7], color="type")
    behind, own = by_type.data[::2], by_type.data[1::2]  # a panel each, all others faint behind
    assert sorted(trace.name for trace in own) == sorted(EIGHT)
    assert {trace.name for trace in behind} == {"all"}
    assert len({trace.xaxis for trace in own}) == len(EIGHT)
    assert [one.text for one in by_type.layout.annotations] == [trace.name for trace in own]
    assert sum(len(trace.x) for trace in own) == len(parameters)
    assert {by_type.layout[f"xaxis{number}"].matches for number in range(2, 9)} == {"x"}
    marks = [trace.marker.symbol for trace in by_word.data]
    assert marks[0] != marks[1]  # not told by colour alone
    table = analysis.point_table(parameters, 2, [1, 7], rows)
    assert len(table) == 8
    assert table["map"].tolist() == [1, 7] * 4
    assert table["gamma"][1] == pytest.approx(float(parameters.gamma[3, 2, 7]))


def test_blocks_beside_the_authors(parameters):
    found = analysis.block_groupings(
        parameters.texts,
        parameters.labels["type"],
        parameters.gamma,
        parameters.beta,
        most=200,
        seed=0,
        trials=20,
    )
    assert [one.name for one in found] == ["block 1", "block 3"]
    assert found[0].type.questions == 200
    drawn = analysis.grouping_by_block(found)
    theirs = [trace for trace in drawn.data if trace.customdata is not None]
    assert len(theirs) == 5
    assert list(theirs[0].y) == [row[0] for row in AUTHORS]
    assert list(drawn.layout.xaxis.ticktext) == ["block 1", "block 3"]
    assert len(analysis.grouping_by_block(found, authors=False).data) == 8
