"""Each estimand by simulation: what is planted is found, and where there is nothing the level is held."""

import numpy as np
import pytest
from scipy.stats import binom, mannwhitneyu

from analysis import ranking, statistics
from benchmarks.simulations.intervals import CORRELATIONS, PICTURES, QUESTIONS, SHARES, clustered, covered
from film import InputError, clustered_share, clustered_shares, share_difference

RUNS = 400


def at_most(count: int, runs: int, level: float = 0.05) -> bool:
    """Whether so many false positives are in keeping with the level (one chance in a thousand to fail)."""
    return count <= binom.ppf(0.999, runs, level)


# --- Intervals ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("correlation", CORRELATIONS)
@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("questions", QUESTIONS)
def test_intervals_of_shares_cover_the_truth(share, questions, correlation):
    rng, runs = np.random.default_rng(int(1000 * share) + questions), 3000
    held = covered(rng, share, PICTURES, questions, correlation, runs) / runs
    slack = 2 * np.sqrt(0.05 * 0.95 / runs)
    assert 0.93 - slack <= held <= 0.97 + slack


@pytest.mark.parametrize("pictures", [1, 5, 9])
def test_under_ten_clusters_there_is_no_interval(pictures):
    rng = np.random.default_rng(0)
    for share in (0.5, 1.0):
        right = rng.random(pictures * 10) < share
        found = clustered_share(right, np.repeat(np.arange(pictures), 10))
        assert found.low is None
        assert found.high is None
        assert f"{pictures} picture" in found.interval()
        assert found.asked == 10 * pictures
    values, owner = rng.normal(size=90), np.repeat(np.arange(9), 10)
    interval = statistics.cluster_bootstrap(lambda rows: values[rows].mean(), owner, trials=20, seed=0)
    assert (interval.low, interval.high) == (None, None)
    assert "under 10" in interval.reason
    with pytest.raises(InputError, match="under 10"):
        ranking.shrunken_means(values[:, None], owner)


def test_intervals_of_shares_at_the_ends():
    owner = np.repeat(np.arange(20), 5)
    shares = clustered_shares(
        np.arange(100) % 2 == 0, owner, {"even": np.arange(100) % 2 == 0, "odd": np.arange(100) % 2 == 1}
    )
    assert shares["even"].high == 1
    assert 0.85 < shares["even"].low < 1
    assert shares["odd"].low == 0
    assert 0 < shares["odd"].high < 0.15
    assert shares["even"].clusters == 20
    alike = clustered_share(np.repeat(np.arange(20) % 2 == 0, 5), owner)
    assert alike.design_effect > 4  # five equal questions are one
    alone = clustered_share(np.arange(100) % 2 == 0, np.arange(100))
    assert alone.design_effect == 1
    assert alike.high - alike.low > 2 * (alone.high - alone.low)


def test_a_difference_of_shares_covers_the_truth():
    rng = np.random.default_rng(14)
    owner, held, runs = np.repeat(np.arange(40), 5), 0, 1000
    for _ in range(runs):
        one, other = (clustered_share(clustered(rng, p, 40, 5, 0.1), owner) for p in (0.95, 0.9))
        _, low, high = share_difference(one, other)
        held += low <= 0.05 <= high
    assert 0.93 <= held / runs <= 0.985
    few = clustered_share(np.ones(8, bool), np.arange(8))
    assert share_difference(one, few)[1:] == (None, None)


def test_exact_interval():
    low, high = statistics.clopper_pearson(49, 50)
    assert (round(low, 3), round(high, 3)) == (0.894, 0.999)


def test_bootstrap_by_cluster_covers_the_truth():
    rng = np.random.default_rng(2)
    held, runs = 0, 200
    owner = np.repeat(np.arange(40), 5)
    for run in range(runs):
        clean = rng.normal(3, 1, 200) + np.repeat(rng.normal(0, 1, 40), 5)
        patched = 0.4 * clean + rng.normal(0, 1, 200) + np.repeat(rng.normal(0, 0.5, 40), 5)
        found = statistics.ratio_of_sums(patched, clean, owner, trials=300, seed=run)
        held += found.low <= 0.4 <= found.high
    assert 0.9 <= held / runs <= 0.99


def test_a_pooled_ratio_is_no_mean_of_ratios():
    above, below = np.array([1.0] * 20 + [5.0]), np.array([2.0] * 20 + [0.01])
    found = statistics.ratio_of_sums(above, below, np.arange(21), trials=200, seed=0)
    assert found.value == pytest.approx(25 / 40.01)
    assert found.high < 2 < np.mean(above / below)


# --- Nulls --------------------------------------------------------------------------------------------


def test_shuffles_stay_within_groups():
    groups = np.random.default_rng(0).integers(0, 7, 100)
    orders = list(statistics.shuffles(100, groups, trials=20, seed=1))
    for order in orders:
        assert (groups[order] == groups).all()
        assert (np.sort(order) == np.arange(100)).all()
    assert len({order.tobytes() for order in orders}) == 20
    again = list(statistics.shuffles(100, groups, trials=20, seed=1))
    assert all((a == b).all() for a, b in zip(orders, again, strict=True))


def difference(values):
    """Of labels: how far the means of values with and without it lie apart."""

    def of(labels):
        return abs(values[labels].mean() - values[~labels].mean())

    return of


def test_labels_that_go_with_scenes_need_shuffles_within_scenes():
    """Labels and values both differ between scenes and have nothing to do with one another within."""
    rng = np.random.default_rng(3)
    scenes, runs = np.repeat(np.arange(30), 8), 150
    free = within = found = 0
    for run in range(runs):
        # More of the label where, by scene, values happen to be high: a confound of scenes alone.
        offset = rng.normal(0, 1, 30)
        labels = rng.random(240) < np.repeat(0.5 + 0.3 * np.tanh(offset + rng.normal(0, 1, 30)), 8)
        values = rng.normal(0, 1, 240) + np.repeat(offset, 8)
        planted = values + labels

        centred = values - np.repeat(values.reshape(30, 8).mean(axis=1), 8)
        free += statistics.permutation_test(difference(values), labels, trials=99, seed=run).p <= 0.05
        within += (
            statistics.permutation_test(difference(centred), labels, scenes, trials=99, seed=run).p <= 0.05
        )
        found += (
            statistics.contrast_test(labels[:, None], planted[:, None], scenes, trials=99, seed=run).p[0, 0]
            <= 0.05
        )
    assert at_most(within, runs)
    assert free > 0.5 * runs
    assert found > 0.95 * runs


def test_signs_of_clusters_hold_the_level_where_signs_of_rows_do_not():
    rng = np.random.default_rng(4)
    owner = np.repeat(np.arange(25), 10)
    by_cluster = by_row = found = 0
    for run in range(RUNS):
        effects = np.repeat(rng.normal(0, 1, 25), 10)[:, None] + rng.normal(0, 0.5, (250, 1))
        by_cluster += statistics.sign_flip_test(effects, owner, trials=199, seed=run).p[0] <= 0.05
        by_row += statistics.sign_flip_test(effects, trials=199, seed=run).p[0] <= 0.05
        found += statistics.sign_flip_test(effects + 1, owner, trials=199, seed=run).p[0] <= 0.05
    assert at_most(by_cluster, RUNS)
    assert by_row > 0.3 * RUNS
    assert found > 0.95 * RUNS


def test_the_greatest_of_many_items_holds_the_family_wise_level():
    """Of 100 items, correlated and of unequal size, any one is called in at most 5 % of the runs."""
    rng = np.random.default_rng(5)
    owner, runs = np.repeat(np.arange(20), 4), 300
    scale = np.geomspace(0.01, 100, 100)
    any_p = any_family = planted = 0
    for run in range(runs):
        shared = np.repeat(rng.normal(0, 1, (20, 1)), 4, axis=0)
        effects = scale * (rng.normal(0, 1, (80, 100)) + shared)
        null = statistics.sign_flip_test(effects, owner, trials=299, seed=run)
        any_p += bool((null.p <= 0.05).any())
        any_family += bool((null.p_family <= 0.05).any())
        effects[:, 7] += 2.5 * scale[7]
        planted += statistics.sign_flip_test(effects, owner, trials=299, seed=run).p_family[7] <= 0.05
    assert at_most(any_family, runs)
    assert any_p > 0.2 * runs  # uncorrected, though items go together
    assert planted > 0.9 * runs
    assert statistics.family_wise(np.array([9.0]), rng.normal(size=(99, 5)))[0] == 0.01


def test_labels_held_to_the_greatest_of_all_labels_and_items():
    rng = np.random.default_rng(6)
    families, runs = rng.integers(0, 5, 300), 100
    wrong = found = 0
    for run in range(runs):
        having = rng.random((300, 8)) < 0.15 * (1 + families[:, None])  # labels go with families
        values = rng.normal(size=(300, 20)) + families[:, None]
        result = statistics.contrast_test(having, values, families, trials=99, seed=run)
        wrong += bool((result.p_family <= 0.05).any())
        values[:, 3] += 1.2 * having[:, 2]
        result = statistics.contrast_test(having, values, families, trials=99, seed=run)
        found += result.p_family[2, 3] <= 0.05
        assert result.effect[2, 3] > 0.3
    assert at_most(wrong, runs)
    assert found > 0.95 * runs


def test_what_is_not_known_is_no_finding():
    labels, values = np.arange(20) % 2 == 0, np.full((20, 1), np.nan)
    found = statistics.permutation_test(lambda _: np.nan, labels, trials=19, seed=0)
    assert found.p == 1
    null = np.random.default_rng(0).normal(size=(99, 2))
    assert statistics.family_wise(np.array([np.nan, 9.0]), null).tolist() == [1.0, 0.01]
    assert statistics.sign_flip_test(values, trials=19, seed=0).p_family.tolist() == [1.0]


def test_false_discoveries():
    rng = np.random.default_rng(7)
    p = np.concatenate([rng.random(900), rng.random(100) / 10_000])
    q = statistics.false_discovery_rates(p)
    assert (q[900:] <= 0.05).all()
    assert np.mean(np.flatnonzero(q <= 0.05) < 900) < 0.1
    assert len(statistics.false_discovery_rates(np.empty(0))) == 0


def test_regions_are_contiguous_and_a_random_one_is_not_special():
    rng = np.random.default_rng(8)
    places = rng.normal(size=(1500, 2))
    regions = statistics.random_regions(places, 50, trials=300, seed=1)
    assert regions.shape == (300, 50)
    far = np.linalg.norm(places[regions[0]] - places[regions[0, 0]], axis=1)
    assert far.max() <= np.sort(np.linalg.norm(places - places[regions[0, 0]], axis=1))[49] + 1e-9
    # A field that varies smoothly: every region differs from the rest, none is special.
    field = places[:, 0] + rng.normal(0, 0.3, 1500)

    def strength(field):
        def of(rows):
            return abs(field[rows].mean() - field.mean())

        return of

    called = [
        statistics.region_test(strength(field), region, places, trials=99, seed=n).p <= 0.05
        for n, region in enumerate(regions)
    ]
    assert at_most(sum(called), len(called))
    scattered = [rng.choice(1500, 50, replace=False) for _ in range(200)]
    usual = np.quantile([strength(field)(rows) for rows in scattered], 0.95)
    assert np.mean([strength(field)(region) > usual for region in regions]) > 0.7  # the wrong null
    planted = field.copy()
    planted[regions[0]] += 4
    result = statistics.region_test(strength(planted), regions[0], places, trials=99, seed=0)
    assert result.p <= 0.02
    assert result.percentile > 98
    with pytest.raises(InputError, match="does not fit"):
        statistics.random_regions(places, 1501, trials=1, seed=0)


# --- Effect sizes -------------------------------------------------------------------------------------


def test_cliffs_delta_counts_ties_for_neither():
    rng = np.random.default_rng(9)
    values, having = rng.integers(0, 5, (60, 3)).astype(float), rng.random((60, 2)) < 0.4
    found = statistics.cliffs_delta(having, values)
    for label in range(2):
        for item in range(3):
            one, other = values[having[:, label], item], values[~having[:, label], item]
            u = mannwhitneyu(one, other).statistic
            assert found[label, item] == pytest.approx(2 * u / (len(one) * len(other)) - 1)


def test_within_groups_a_difference_of_groups_is_none():
    rng = np.random.default_rng(10)
    groups = np.repeat([0, 1, 2], 200)
    having = rng.random(600) < np.array([0.1, 0.5, 0.9])[groups]
    values = 3.0 * groups + rng.normal(size=600)
    assert statistics.cliffs_delta(having[:, None], values[:, None])[0, 0] > 0.5
    assert abs(statistics.cliffs_delta(having[:, None], values[:, None], groups)[0, 0]) < 0.15
    assert statistics.cliffs_delta(having[:, None], (values + 9 * having)[:, None], groups)[
        0, 0
    ] == pytest.approx(1)
    # A label that is its group's name cannot be told from it.
    assert np.isnan(statistics.cliffs_delta((groups == 1)[:, None], values[:, None], groups)).all()
    result = statistics.contrast_test((groups == 1)[:, None], values[:, None], groups, trials=9, seed=0)
    assert result.p[0, 0] == 1


def test_what_a_covariate_says_is_taken_off():
    rng = np.random.default_rng(11)
    large = rng.random(800) < 0.5
    covered = np.exp(rng.normal(0, 0.5, 800) + 1.0 * large)
    alike = np.sqrt(covered) + rng.normal(0, 0.1, 800)
    values = np.stack([alike, alike + large], axis=1)
    plain = statistics.cliffs_delta(large[:, None], values)[0]
    adjusted = statistics.cliffs_delta(large[:, None], statistics.without(values, covered))[0]
    assert plain.min() > 0.7
    assert abs(adjusted[0]) < 0.15
    assert adjusted[1] > 0.5


# --- Ranks --------------------------------------------------------------------------------------------


def test_shrunken_means_are_nearer_to_the_truth_and_their_intervals_hold_it():
    rng = np.random.default_rng(12)
    truth = rng.normal(0, 0.5, 400)
    owner = np.repeat(np.arange(30), 4)
    noise = np.repeat(rng.normal(0, 2, (30, 400)), 4, axis=0) + rng.normal(0, 1, (120, 400))
    found = ranking.shrunken_means(truth + noise, owner)
    assert ((found.shrunken - truth) ** 2).mean() < 0.95 * ((found.mean - truth) ** 2).mean()
    assert 0.9 < np.mean((found.low <= truth) & (truth <= found.high)) < 0.99
    assert sorted(found.rank) == list(range(1, 401))
    assert found.rank[found.shrunken.argmax()] == 1
    assert 0.4 < found.signal < 0.8
    nothing = ranking.shrunken_means(noise - 0, owner)
    assert nothing.signal < 0.25
    assert nothing.shrunken.std() < 0.3 * nothing.mean.std()


def test_split_halves_agree_on_what_is_there():
    rng = np.random.default_rng(13)
    owner, truth = np.repeat(np.arange(40), 5), rng.normal(0, 1, 60)
    noise = np.repeat(rng.normal(0, 1, (40, 60)), 5, axis=0)
    value, low, high = ranking.split_half_correlation(truth + noise, owner, seed=0)
    assert value > 0.85
    assert low <= value <= high
    value, low, high = ranking.split_half_correlation(noise, owner, seed=0)
    assert abs(value) < 0.3
    assert low < 0 < high
    assert ranking.split_half_correlation(np.ones((40, 3)), seed=0)[0] == 0


def test_many_pooled_ratios_are_each_that_of_one_and_have_intervals_like_its():
    rng = np.random.default_rng(0)
    clusters, below = np.repeat(np.arange(30), 4), rng.uniform(1, 3, (120, 2))
    above = below * [0.5, 0.0] + rng.normal(0, 1, (120, 2))
    value, low, high = statistics.ratios_of_sums(above, below, clusters, seed=1)
    for item in range(2):
        one = statistics.ratio_of_sums(above[:, item], below[:, item], clusters, trials=1000, seed=1)
        assert value[item] == pytest.approx(one.value)
        assert (low[item], high[item]) == pytest.approx((one.low, one.high), abs=0.03)
    few = statistics.ratios_of_sums(above[:20], below[:20], clusters[:20], seed=1)
    assert np.isnan(few[1:]).all()
    assert np.isfinite(few[0]).all()
