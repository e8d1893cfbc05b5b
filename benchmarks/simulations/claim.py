"""Networks of which the paper's claim (attribute first, operation last) is true or false by construction."""

from __future__ import annotations

import numpy as np

from analysis.corpus.claim import Verdict, attribute_then_operation
from analysis.corpus.grouping import ATTRIBUTES, OPERATIONS, attributes_and_operations, grouping

EIGHT = [f"{operation}_{attribute}" for operation in OPERATIONS for attribute in ATTRIBUTES]
Sizes = tuple[float, float]  # how far attributes and operations lie apart in a block
TRUE: dict[str, tuple[Sizes, Sizes]] = {
    "attributes twice as far apart as operations, then the reverse": ((2.0, 1.0), (1.0, 2.0)),
    "by a third": ((4 / 3, 1.0), (1.0, 4 / 3)),
}
FALSE: dict[str, tuple[Sizes, Sizes]] = {
    "the reverse": ((1.0, 2.0), (2.0, 1.0)),
    "attributes throughout": ((2.0, 1.0), (2.0, 1.0)),
    "neither": ((1.0, 1.0), (1.0, 1.0)),
    "true of the first block alone, neither in the last": ((2.0, 1.0), (1.0, 1.0)),
    "true of the last block alone, neither in the first": ((1.0, 1.0), (1.0, 2.0)),
}


def block(rng: np.random.Generator, attribute: float, operation: float, types: np.ndarray) -> np.ndarray:
    """A block's vectors of questions: places of attributes and operations this far apart, and noise.

    Every type has a place of its own too, and neighbours share both attribute and operation. All places lie
    on axes at right angles, so that distances of centres are these and no others.
    """
    _, attributes, operations = attributes_and_operations(types)
    names = [np.unique(labels, return_inverse=True)[1] for labels in (attributes, operations, types)]
    axes = np.linalg.qr(rng.normal(size=(24, 14)))[0].T
    points, start = rng.normal(0, 0.15, (len(types), 24)), 0
    for size, codes in zip((attribute, operation, 0.3), names, strict=True):
        points += size * axes[start + codes]
        start += codes.max() + 1
    return points


def verdict_of(seed: int, first: Sizes, last: Sizes, *, each: int = 25, trials: int = 500) -> Verdict:
    """What is said of a network with such a first and last block, from so many questions of each type."""
    rng, types = np.random.default_rng(seed), np.repeat(EIGHT, each)
    found = [
        grouping(name, block(rng, *sizes, types), types, seed=seed, trials=trials, with_clusters=False)
        for name, sizes in (("block 1", first), ("block 4", last))
    ]
    return attribute_then_operation(found[0], found[1], seed=seed)
