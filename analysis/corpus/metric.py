"""By which distance questions are compared: as Euclidean distances of points, which every method takes."""

from __future__ import annotations

import numpy as np

# As settings name them, and in words; Euclidean if nothing else is asked for.
METRICS = {"euclidean": "Euclidean", "cosine": "cosine", "correlation": "correlation"}


def by_metric(points: np.ndarray, metric: str) -> np.ndarray:
    """Points (n, d) whose Euclidean distances have the order of the metric's between these.

    Between vectors of length 1 the squared Euclidean distance is twice the cosine distance, and the distance
    by correlation is the cosine distance of vectors less their own means. A vector of length 0 stays what it
    is, as far from all others.
    """
    if metric == "euclidean":
        return points
    if metric == "correlation":
        points = points - points.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(points, axis=1, keepdims=True)
    found: np.ndarray = points / np.where(lengths > 0, lengths, 1)
    return found
