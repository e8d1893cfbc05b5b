"""How faithful maps are, and how long they take: all methods on the same points.

    python -m benchmarks.layouts [--points 100000] [--methods tsne umap pacmap pca tsne-sklearn]

The points are 90 clusters in 9 families on curved manifolds of 2 to 6 dimensions in 256, with noise,
as 90 families of questions might lie. Or lay out an extraction: --extraction FOLDER --space both:4.
scikit-learn's t-SNE is run on 10,000 of the points at most, for it takes minutes on so many. Methods that
compile (UMAP, PaCMAP) are run first on 2,000 points, and that time is given apart.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from analysis import LayoutRecipe, open_extraction, quality, vectors
from analysis.corpus.layout import COMPONENTS, _fit, _Reduced

COMPILED = ("umap", "pacmap")
MOST_SKLEARN = 10_000


def clusters(count: int, dimensions: int, seed: int) -> np.ndarray:
    """Points (count, dimensions), float32, on 90 curved pieces that belong to 9 families."""
    rng = np.random.default_rng(seed)
    families = rng.normal(size=(9, dimensions)) * 2
    points = np.empty((count, dimensions), np.float32)
    for own in np.array_split(rng.permutation(count), 90):
        kind = rng.integers(9)
        inner = rng.uniform(-1, 1, (len(own), rng.integers(2, 7)))
        curved = np.concatenate([inner, np.sin(2 * inner), inner**2], axis=1)
        directions = rng.normal(size=(curved.shape[1], dimensions)) / 2
        centre = families[kind] + rng.normal(size=dimensions)
        points[own] = centre + curved @ directions + 0.15 * rng.normal(size=(len(own), dimensions))
    return points


def fit(points: np.ndarray, method: str, seed: int) -> np.ndarray:
    if method != "tsne-sklearn":
        return _fit(points, LayoutRecipe(method=method, seed=seed))
    from sklearn.manifold import TSNE

    reduced = _Reduced.of(points, COMPONENTS).points
    return TSNE(random_state=seed, init="pca", n_jobs=-1).fit_transform(reduced)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=100_000)
    parser.add_argument("--dimensions", type=int, default=256)
    parser.add_argument("--methods", nargs="+", default=["pca", "pacmap", "tsne", "umap", "tsne-sklearn"])
    parser.add_argument("--extraction")
    parser.add_argument("--space", default="both")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if options.extraction:
        points = vectors(open_extraction(options.extraction), options.space)[: options.points]
    else:
        points = clusters(options.points, options.dimensions, options.seed)
    print(f"{len(points):,} points in {points.shape[1]} dimensions, seed {options.seed}")
    heads = f"{'method':14}{'points':>9}{'wall s':>9}{'cpu s':>9}{'compile s':>11}"
    print(heads + f"{'trust@15':>10}{'recall@15':>11}")
    for method in options.methods:
        these = points[:MOST_SKLEARN] if method == "tsne-sklearn" else points
        compiling = 0.0
        if method in COMPILED:
            began = time.perf_counter()
            fit(points[:2000], method, options.seed)
            compiling = time.perf_counter() - began
        map_grid, busy = time.perf_counter(), time.process_time()
        places = fit(these, method, options.seed)
        map_grid, busy = time.perf_counter() - map_grid, time.process_time() - busy
        known = quality(these, places, options.seed)
        print(
            f"{method:14}{len(these):9,}{map_grid:9.1f}{busy:9.1f}{compiling:11.1f}"
            f"{known['trustworthiness']:10.4f}{known['neighbour_recall']:11.3f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
