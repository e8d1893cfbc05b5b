"""Maps in order: planted structure comes out on top, and nothing where there is none."""

import numpy as np
import pytest

from analysis import RANKED_BY, Population, bimodality, rank_maps


def planted(seed: int = 0) -> Population:
    rng = np.random.default_rng(seed)
    count = 800
    colors = rng.choice(["red", "blue"], count)
    kinds = rng.choice(["count", "exist", "query_color"], count)
    longer = rng.integers(0, 9, count)
    texts = np.array(
        [f"{c} {' '.join(['thing'] * n)}" for c, n in zip(colors, longer, strict=True)], dtype=object
    )
    gamma = rng.normal(size=(count, 2, 4)).astype(np.float16)
    gamma[:, 0, 1] += (8 * (colors == "red")).astype(np.float16)  # two peaks, by a word
    gamma[:, 1, 2] += (3 * (kinds == "exist")).astype(np.float16)
    beta = rng.normal(size=(count, 2, 4)).astype(np.float16)
    beta[:, 1, 3] += longer.astype(np.float16)
    beta[:, 0, 0] = 1
    return Population(gamma, beta, texts, kinds.astype(object), "weights", 0)


@pytest.mark.parametrize(
    ("by", "block", "number"),
    [("bimodality", 0, 1), ("gamma by words", 0, 1), ("gamma by type", 1, 2), ("beta by length", 1, 3)],
)
def test_what_is_planted_comes_first_and_passes_the_null_alone(by, block, number):
    found = rank_maps(planted())
    first = found.table.sort_values(by, ascending=False).iloc[0]
    assert (first["block"], first["map"]) == (block + 1, number)
    assert found.values(by, block)[number] == first[by]
    assert set(found.columns()) <= set(RANKED_BY)
    if by in found.null:
        assert list(found.table[by] > found.null[by]) == [
            (b, m) == (block + 1, number)
            for b, m in zip(found.table["block"], found.table["map"], strict=True)
        ]
        others = found.table.drop(index=first.name)[by]
        assert abs(others.mean()) < 0.01  # adjusted: nothing explained is 0 on average


def test_bimodality_of_known_distributions():
    rng = np.random.default_rng(0)
    columns = [rng.normal(size=20_000), rng.uniform(size=20_000), rng.integers(0, 2, 20_000), np.ones(20_000)]
    found = bimodality(np.stack(columns, axis=1))
    np.testing.assert_allclose(found, [1 / 3, 5 / 9, 1, 0], atol=0.02)
