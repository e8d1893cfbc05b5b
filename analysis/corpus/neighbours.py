"""The nearest neighbours of questions, exact, by Euclidean distance: the one search that all projections use.

scikit-learn's exact search takes as long for all pairs of thousands of questions, but twice as long for a
few hundred of them and many times as long for one, which is what a page asks for: so it is done here.
"""

from __future__ import annotations

import numpy as np

from film import InputError

NEIGHBOURS = 10
_AT_ONCE = 512  # rows of the distance matrix held at a time


def neighbours(points: np.ndarray, count: int = NEIGHBOURS) -> np.ndarray:
    """The rows nearest to each row by Euclidean distance, nearest first, never itself: int (rows, count).

    Args:
        points: (rows, d); exact in any number of dimensions.

    Raises:
        InputError: there are too few rows.
    """
    rows = len(points)
    if not 0 < count < rows:
        raise InputError(f"{count} neighbours need more than {count} questions; there are {rows}.")
    exact = np.ascontiguousarray(points, np.float64 if points.shape[1] <= 3 else np.float32)
    exact = exact - exact.mean(axis=0)  # small numbers lose less when squared
    return nearest_to(exact, exact, count, itself=np.arange(rows))


def nearest_to(
    points: np.ndarray, targets: np.ndarray, count: int, *, itself: np.ndarray | None = None
) -> np.ndarray:
    """The rows of points nearest to each target, nearest first: int (targets, count).

    Args:
        points: (rows, d), best with their mean at zero: squares of large numbers lose digits.
        targets: (targets, d).
        itself: (targets,), the row of points that each target is, left out; none where targets are others.
    """
    squares = np.einsum("ij,ij->i", points, points)
    found = np.empty((len(targets), count), np.int32)
    for start in range(0, len(targets), _AT_ONCE):
        part = targets[start : start + _AT_ONCE]
        far = squares - 2 * part @ points.T  # the target's own square is left out: it orders nothing
        if itself is not None:
            far[np.arange(len(part)), itself[start : start + _AT_ONCE]] = np.inf
        nearest = np.argpartition(far, count - 1, axis=1)[:, :count]
        order = np.argsort(np.take_along_axis(far, nearest, axis=1), axis=1, kind="stable")
        found[start : start + _AT_ONCE] = np.take_along_axis(nearest, order, axis=1)
    return found
