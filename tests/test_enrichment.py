"""Why are these together: what is planted is found, and nothing is invented."""

import numpy as np
import pandas as pd
import pytest

from analysis.corpus import enrichment as enrich
from analysis.corpus.extraction import Extraction
from analysis.corpus.question_features import FEWEST
from film import InputError

COLORS = ("red", "blue", "green", "cyan")
THINGS = ("cube", "sphere", "cylinder", "thing")
PLANTED = {("gamma", 1, 3): -2.0, ("beta", 0, 5): 3.0}  # of questions about equal colours, in deviations


def synthetic(count: int = 2000, blocks: int = 2, maps: int = 16, seed: int = 0) -> Extraction:
    """Questions of four types; equal_color moves two maps, length none, and maps are noise otherwise."""
    rng = np.random.default_rng(seed)
    types = rng.choice(["count", "exist", "query_size", "equal_color"], count, p=(0.4, 0.3, 0.2, 0.1))
    patterns = {
        "count": "How many look like a {} {}?",
        "exist": "Is there a {} {}?",
        "query_size": "What size is the {} {}?",
        "equal_color": "Is the {} {} of the same color as the other one?",
    }
    texts = [patterns[kind].format(rng.choice(COLORS), rng.choice(THINGS)) for kind in types]
    table = pd.DataFrame(
        {
            "text": texts,
            "type": types,
            "group": [kind.partition("_")[0] for kind in types],
            "family": rng.integers(0, 10, count),
            "length": [len(text.split()) for text in texts],
            "depth": rng.integers(2, 12, count),
            "answer": rng.choice(["yes", "no", "2", None], count),
        }
    )
    arrays = {kind: rng.normal(size=(count, blocks, maps)) for kind in ("gamma", "beta")}
    for (kind, block, number), shift in PLANTED.items():
        arrays[kind][types == "equal_color", block, number] += shift
    gamma, beta = (arrays[kind].astype(np.float16) for kind in ("gamma", "beta"))
    return Extraction(table, gamma, beta, np.zeros((count, 1), np.float16), {})


@pytest.fixture(scope="module")
def study() -> Extraction:
    return synthetic()


def test_random_selections_have_no_findings(study):
    """1,000 of them, small ones and halves; at most one in twenty shows anything."""
    rng = np.random.default_rng(1)
    sizes = np.geomspace(FEWEST, 1000, 1000).astype(int)
    features = enrich.prepare_why(study, seed=7)
    some = [rng.choice(len(study), size, replace=False) for size in sizes]
    found = [len(enrich._compare(study, features, rows, enrich.TRIALS, 7)) > 0 for rows in some]
    assert np.mean(found) <= 0.05


def test_all_that_is_planted_is_found_and_nothing_else(study):
    rows = np.flatnonzero(study.table["type"] == "equal_color")
    why = enrich.why_together(study, rows, seed=0)
    names = set(zip(why.table["kind"], why.table["feature"], strict=True))
    assert ("type", "equal_color") in names
    assert {("gamma", "block 2, map 3"), ("beta", "block 1, map 5")} <= names
    assert {("phrase", "same color"), ("count", "length")} <= names
    # No other map, no colour, thing, depth or answer: those are the same in all types.
    assert len([kind for kind, _ in names if kind in ("gamma", "beta")]) == len(PLANTED)
    assert not {kind for kind, _ in names} & {"family", "answer"}
    assert not {name for kind, name in names if kind == "word"} & set(COLORS + THINGS)
    assert ("count", "depth") not in names
    assert why.sentence.startswith(
        f"{len(rows)} of 2,000 questions: all are of type equal_color (none of the rest)"
    )
    assert "beta of block 1, map 5 is" in why.sentence
    assert "sd higher" in why.sentence


def test_effects_are_what_they_say(study):
    from scipy.stats import hypergeom, mannwhitneyu

    rows = np.flatnonzero(study.table["type"] == "equal_color")[:120]
    rest = np.setdiff1d(np.arange(len(study)), rows)
    table = enrich.why_together(study, rows, trials=100, seed=0).table.set_index(["kind", "feature"])
    here = study.gamma[:, 1, 3].astype(float)
    line = table.loc[("gamma", "block 2, map 3")]
    u = mannwhitneyu(here[rows], here[rest], use_continuity=False)
    assert line["effect"] == pytest.approx(2 * u.statistic / (len(rows) * len(rest)) - 1, abs=1e-3)
    assert line["p"] == pytest.approx(u.pvalue, rel=0.02)
    assert line["sd"] == pytest.approx((here[rows].mean() - here[rest].mean()) / here.std(), abs=1e-3)
    line = table.loc[("type", "equal_color")]
    total = int((study.table["type"] == "equal_color").sum())
    assert line["selection"] == 1
    assert line["effect"] == pytest.approx(1 - (total - 120) / len(rest))
    assert line["p"] == pytest.approx(2 * hypergeom.sf(119, len(study), total, 120), rel=1e-6)
    assert (table["q"] >= table["p"]).all()
    assert (table["effect"].abs().diff().dropna() <= 1e-12).all()


def test_exact_tails():
    from scipy.stats import hypergeom

    total = np.array([3, 50, 200, 500, 999])
    for count in (5, 80, 600):
        low, high = np.maximum(0, count + total - 1000), np.minimum(total, count)
        for hits in (low, high, (low + high) // 2, np.minimum(high, count * total // 1000 + 1)):
            p = enrich._hypergeometric(hits, count, total, 1000)
            upper = hypergeom.sf(hits - 1, 1000, total, count)
            lower = hypergeom.cdf(hits, 1000, total, count)
            assert p == pytest.approx(np.minimum(1, 2 * np.minimum(upper, lower)), rel=1e-6)


def test_a_description_is_worded_as_one(study):
    rows = np.flatnonzero(study.table["type"] == "equal_color")
    why = enrich.why_together(study, rows, trials=50, seed=0)
    assert [asked for asked, _ in why.statements()] == ["What they share"]
    assert "more than in scattered questions" in why.describe()
    assert "Any region of a projection has such a list" in why.describe()
    scattered = np.random.default_rng(0).choice(len(study), 150, replace=False)
    nothing = enrich.why_together(study, scattered, trials=50, seed=0)
    assert nothing.table.empty
    assert "nothing sets them apart" in nothing.sentence


def test_the_same_seed_gives_the_same(study):
    rows = np.arange(100)
    first, second = (enrich.why_together(study, rows, trials=50, seed=3) for _ in range(2))
    assert first.sentence == second.sentence
    assert first.table.equals(second.table)
    assert "50 random selections, seed 3" in first.describe()


def test_a_mask_is_a_selection_too(study):
    mask = study.table["type"].to_numpy() == "count"
    by_mask = enrich.why_together(study, mask, trials=50, seed=0)
    assert by_mask.sentence == enrich.why_together(study, np.flatnonzero(mask), trials=50, seed=0).sentence
    assert by_mask.selected == mask.sum()


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.arange(3), "select at least 5"),
        (np.array([], int), "0 of 2,000"),
        (np.arange(1998), "leave out at least 5"),
        (np.array([0, 1, 2, 3, 4, 2000]), "between 0 and 1999"),
    ],
)
def test_impossible_selections_are_refused(study, rows, message):
    with pytest.raises(InputError, match=message):
        enrich.why_together(study, rows)
