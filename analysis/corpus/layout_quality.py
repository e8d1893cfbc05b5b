"""How faithful a projection is to the space that it shows."""

from __future__ import annotations

import numpy as np

NEIGHBOURS = 15  # that quality is measured by
SAMPLE = 1000  # questions that quality is measured on


def quality(points: np.ndarray, places: np.ndarray, seed: int, sample: int = SAMPLE) -> dict[str, float]:
    """How faithful places (n, 2) are to points (n, d), on a random sample of the questions.

    Returns:
        `trustworthiness`: 1 where no question has neighbours on the projection that are far in the space,
        about 0.5 by chance (Venna and Kaski 2001); `neighbour_recall`: the share of the 15 nearest in the
        space that are among the 15 nearest on the projection; `recall_by_chance`; and `measured_on` how many.
    """
    n = len(points)
    count = min(NEIGHBOURS, (n - 1) // 3)
    chosen = np.random.default_rng(seed).choice(n, min(sample, n), replace=False)
    points = points - points.mean(axis=0)
    squares, flat = np.einsum("ij,ij->i", points, points), np.einsum("ij,ij->i", places, places)
    too_far, kept = 0.0, 0
    for start in range(0, len(chosen), 100):
        rows = chosen[start : start + 100]
        here = np.arange(len(rows))[:, None]
        apart = squares - 2 * points[rows] @ points.T  # (100, n), the row's own square left out
        on_map = flat - 2 * places[rows] @ places.T
        apart[here[:, 0], rows] = on_map[here[:, 0], rows] = -np.inf  # a question is nearest to itself
        near = np.argpartition(apart, count, axis=1)[:, : count + 1]
        near_on_map = np.argpartition(on_map, count, axis=1)[:, : count + 1]
        for one, (true, shown) in enumerate(zip(near, near_on_map, strict=True)):
            kept += len(np.intersect1d(true, shown)) - 1
            ranks = (apart[one] < apart[one, shown][:, None]).sum(axis=1)  # 0 for itself
            too_far += np.maximum(ranks - count, 0).sum()
    scale = 2 / (len(chosen) * count * (2 * n - 3 * count - 1))
    return {
        "trustworthiness": float(1 - scale * too_far),
        "neighbour_recall": kept / (len(chosen) * count),
        "recall_by_chance": count / (n - 1),
        "measured_on": len(chosen),
    }
