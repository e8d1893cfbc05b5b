"""Questions as points on a plane: PCA, t-SNE, UMAP and PaCMAP of any space of an extraction.

Every layout knows how it was made and how faithful it is, and a new question can be placed on it
without fitting anything again: at the median of the places of its nearest neighbours.

UMAP compiles for about a minute in each process, so it is for the command line, never for a click.
PaCMAP lays out a few thousand questions in seconds.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from analysis.corpus.compiled import compiled
from analysis.corpus.extraction import Extraction, vectors
from analysis.corpus.layout_quality import quality
from analysis.corpus.metric import METRICS, by_metric
from analysis.corpus.neighbours import nearest_to
from analysis.corpus.schema import Layers
from film import Cancel, InputError, Progress, stop_if

COMPONENTS = 50  # of the PCA that comes before the other methods; it costs no visible quality
PLACED_BY = 10  # neighbours that place a new question
STABILITY = "drawn_stability"  # its name among qualities

METHODS = {
    "pca": "PCA",
    "tsne": "t-SNE",
    "umap": "UMAP",
    "pacmap": "PaCMAP",
    "tsne-paper": "t-SNE with the authors' settings",
}
_PACKAGES = {
    "pca": "numpy",
    "tsne": "openTSNE",
    "umap": "umap-learn",
    "pacmap": "pacmap",
    "tsne-paper": "scikit-learn",
}

# What each method does if nothing else is asked for. The authors' settings are those of their
# published code: scikit-learn's t-SNE of the first 3,000 questions, neither scaled nor reduced.
SETTINGS: dict[str, dict[str, Any]] = {
    "pca": {},
    "tsne": {"components": COMPONENTS, "perplexity": 30, "exaggeration": 12, "early": 250, "iterations": 500},
    "umap": {"components": COMPONENTS, "n_neighbors": 15, "min_dist": 0.1},
    "pacmap": {"components": COMPONENTS, "n_neighbors": 10, "iterations": 450},
    "tsne-paper": {
        "perplexity": 350, "early_exaggeration": 4, "learning_rate": 500, "max_iter": 5000,
        "n_iter_without_progress": 50, "min_grad_norm": 1e-7, "init": "random", "angle": 0.5,
    },
}  # fmt: skip
PAPER_QUESTIONS, PAPER_SEED = 3000, 1

_BY_METRIC = ("tsne", "umap", "pacmap")  # PCA is of plain distances, as the authors' settings are

# What each setting may be: the least, the greatest, and whether it is a whole number. What is more than the
# questions at hand allow is cut down, and stands in the layout's recipe as it was used. Memory and time grow
# with neighbours times questions, and nobody can stop the search for neighbours: hence so few of them.
RANGES: dict[str, tuple[float, float, bool]] = {
    "components": (2, 10_000, True), "perplexity": (1, 10_000, False), "exaggeration": (1, 1000, False),
    "early": (0, 100_000, True), "iterations": (1, 100_000, True), "n_neighbors": (2, 200, True),
    "min_dist": (0, 1, False), "early_exaggeration": (1, 1000, False), "learning_rate": (0.01, 1e6, False),
    "max_iter": (250, 100_000, True), "n_iter_without_progress": (1, 100_000, True),
    "min_grad_norm": (0, 1, False), "angle": (0.01, 0.99, False),
}  # fmt: skip
_CHOICES: dict[str, tuple[str, ...]] = {"init": ("random", "pca"), "metric": tuple(METRICS)}
SEEDS = 2**32 - 3  # the largest seed: the libraries take it, and the two after it
FEW = 2000  # points which one thread lays out as fast: more would wait for one another


@dataclass(frozen=True)
class LayoutRecipe:
    """How to lay questions out: `space` and `method` (a key of METHODS), seed, and settings that differ.

    The setting metric, one of METRICS, stands among them only where it is not the usual one: projections
    that earlier versions kept are found by their settings.

    Raises:
        InputError: there is no such method or setting, or a value or the seed is out of its range.
    """

    space: str = "both"
    method: str = "tsne"
    seed: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise InputError(f"There is no method {self.method!r}; choose {', '.join(METHODS)}.")
        known = SETTINGS[self.method]
        names = [*known, *(["metric"] if self.method in _BY_METRIC else [])]
        for name, value in self.settings.items():
            if name not in names:
                raise InputError(
                    f"{METHODS[self.method]} has no setting {name!r}; it has {', '.join(names) or 'none'}."
                )
            if name in _CHOICES:
                if value not in _CHOICES[name]:
                    choices = " or ".join(_CHOICES[name])
                    raise InputError(f"The setting {name} cannot be {value!r}; it is {choices}.")
                continue
            least, most, whole = RANGES[name]
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if not (number and least <= value <= most and (not whole or value == int(value))):
                kind = "whole number" if whole else "number"
                raise InputError(
                    f"The setting {name} cannot be {value!r}; give a {kind} from {least:,} to {most:,}."
                )
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or not 0 <= self.seed <= SEEDS + 2:
            raise InputError(f"The seed cannot be {self.seed!r}; use a whole number from 0 to {SEEDS:,}.")
        settings = {**known, **self.settings}
        if settings.get("metric") == "euclidean":
            del settings["metric"]
        object.__setattr__(self, "settings", settings)

    def for_points(self, count: int, dimensions: int) -> LayoutRecipe:
        """The same, with what so many points of a space do not allow cut down to what they do."""
        most = {"perplexity": (count - 1) / 3, "n_neighbors": count - 1, "components": max(2, dimensions)}
        used = {name: min(value, most.get(name, value)) for name, value in self.settings.items()}
        return LayoutRecipe(self.space, self.method, self.seed, used)

    @property
    def metric(self) -> str:
        """What questions are compared by, one of METRICS."""
        return str(self.settings.get("metric", "euclidean"))

    @property
    def title(self) -> str:
        """A short name: "Block 4, t-SNE"."""
        return self.title_in(None)

    def title_in(self, layers: Layers | None) -> str:
        """The same with the layers' own names, where they have any: "Encoder 2, t-SNE"."""
        kind, _, block = self.space.partition(":")
        where, state = f"block {block}" if block else "all blocks", "GRU state"
        if layers is not None and layers != Layers.equal(len(layers), layers.maps[0]):
            where, state = layers.names[int(block) - 1] if block else "all layers", "state"
        what = {"both": where, "state": state, "maps": f"pooled maps of {where}"}
        what |= {kind: f"{kind} of {where}" for kind in ("gamma", "beta")}
        named = what.get(kind, self.space)
        return f"{named[:1].upper()}{named[1:]}, {METHODS[self.method]}"

    def describe(self) -> str:
        """One line for a figure."""
        told = [_told(name, value) for name, value in self.settings.items() if name != "metric"]
        if self.method in _BY_METRIC:
            told.append(_told("metric", self.metric))
        settings = ", ".join(told)
        named = f"{METHODS[self.method]} of {self.space}"
        return f"{named} ({settings}), seed {self.seed}" if settings else named


def _told(name: str, value: Any) -> str:
    """A setting in words."""
    return f"{METRICS[value]} distance" if name == "metric" else f"{name.replace('_', ' ')} {value}"


def layout_title(recipe: LayoutRecipe, extraction: Extraction, count: int | None = None) -> str:
    """What a layout is called among an extraction's: its space and method, and settings that are not usual.

    What so many questions do not allow is cut down first (`LayoutRecipe.for_points`): "Block 4, t-SNE,
    perplexity 50".

    Args:
        count: of the questions laid out; as many as `lay_out` takes if left out.
    """
    if count is None:
        count = _all_rows(extraction, recipe)
    space = recipe.space.replace("maps", "gamma")  # as many, and there before pictures were looked at
    dimensions = vectors(extraction.take([0]), space).shape[1]
    usual = LayoutRecipe(recipe.space, recipe.method).for_points(count, dimensions).settings
    used = recipe.for_points(count, dimensions).settings
    told = [
        _told(name, value if isinstance(value, str) else f"{value:g}")
        for name, value in used.items()
        if value != usual.get(name)
    ]
    return ", ".join([recipe.title_in(extraction.schema.layers), *told])


def _all_rows(extraction: Extraction, recipe: LayoutRecipe) -> int:
    """How many questions a layout is of where none are named."""
    return min(PAPER_QUESTIONS if recipe.method == "tsne-paper" else len(extraction), len(extraction))


@dataclass(eq=False)
class Layout:
    """Questions on a plane.

    places: (n, 2) float32. rows: (n,) positions in the extraction of the questions laid out.
    quality: see `quality`. origin: hashes of weights and questions, and versions.
    """

    places: np.ndarray
    rows: np.ndarray
    recipe: LayoutRecipe
    quality: dict[str, float] = field(default_factory=dict)
    origin: dict[str, Any] = field(default_factory=dict)
    _reduced: _Reduced | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.places)


@dataclass(frozen=True, eq=False)
class _Reduced:
    """Points along the axes of their greatest variance."""

    mean: np.ndarray  # (d,)
    axes: np.ndarray  # (d, components)
    points: np.ndarray  # (n, components) float32

    @staticmethod
    def of(points: np.ndarray, components: int, step: int = 1) -> _Reduced:
        """PCA by the covariance's eigenvectors, the same on every run; of every `step`-th point alone."""
        mean = points[::step].mean(axis=0, dtype=np.float64)
        around = points - mean.astype(np.float32)
        _, axes = np.linalg.eigh((around[::step].T @ around[::step]).astype(np.float64))
        axes = axes[:, ::-1][:, :components]
        # An eigenvector has no sign of its own: let its largest entry be positive.
        axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
        axes = axes.astype(np.float32)
        return _Reduced(mean.astype(np.float32), axes, around @ axes)


def lay_out(
    extraction: Extraction,
    recipe: LayoutRecipe,
    rows: np.ndarray | None = None,
    *,
    measure: bool = True,
    stability: bool = False,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> Layout:
    """Lay questions out on a plane.

    Args:
        rows: positions of the questions; all by default, the first 3,000 for the authors' settings.
        measure: also measure how faithful the projection is (some seconds).
        stability: also compare with a layout from another random start (see `stability_of`), which takes
            one more fit.
        progress: called with steps done and of how many. t-SNE takes many steps, and can be cancelled
            at each; the other methods can be between their parts only.

    Raises:
        InputError: there are too few questions, or they are all alike.
        Cancelled: `cancel` said so.
    """
    if rows is None:
        rows = np.arange(_all_rows(extraction, recipe))
    rows = np.asarray(rows)
    if len(rows) < 10:
        nouns = extraction.schema.nouns
        raise InputError(f"A projection of {len(rows)} {nouns} says nothing; take 10 or more.")
    points = vectors(_rows(extraction, rows), recipe.space)
    compared = by_metric(points, recipe.metric)
    rounding = 0.0 if compared is points else 1e-6
    if not (np.abs(compared - compared[0]) > rounding).any():
        raise InputError(
            f"These {extraction.schema.nouns} are all alike in {recipe.space}, so they have no projection."
        )
    recipe = recipe.for_points(*points.shape)
    _stop_and_say(cancel, progress, 0, 100)
    places = _fit(points, recipe, progress, cancel)
    layout = Layout(places, rows, recipe, {}, _origin(extraction, recipe))
    if measure:
        stop_if(cancel)
        layout.quality = quality(compared, places, recipe.seed)
    if stability:
        add_stability(layout, extraction, cancel)
    _stop_and_say(None, progress, 100, 100)
    return layout


def add_stability(layout: Layout, extraction: Extraction, cancel: Cancel | None = None) -> bool:
    """Measure the stability of a layout that lacks it; whether there was anything to do."""
    if STABILITY in layout.quality or layout.recipe.method == "pca":
        return False
    points = vectors(_rows(extraction, layout.rows), layout.recipe.space)
    layout.quality.pop("stability", None)  # what former versions measured, on other layouts of a sample
    layout.quality[STABILITY] = stability_of(points, layout.places, layout.recipe, cancel)
    return True


def _rows(extraction: Extraction, rows: np.ndarray) -> Extraction:
    whole = len(rows) == len(extraction) and bool((rows == np.arange(len(rows))).all())
    return extraction if whole else extraction.take(rows)


def _origin(extraction: Extraction, recipe: LayoutRecipe) -> dict[str, Any]:
    package = _PACKAGES[recipe.method]
    kept = {name: extraction.recipe.get(name) for name in ("weights", "questions", "source", "count")}
    return {**kept, "versions": {package: version(package), "numpy": np.__version__}}


def _stop_and_say(cancel: Cancel | None, progress: Progress | None, done: int, of: int) -> None:
    stop_if(cancel)
    if progress:
        progress(done, of)


# --- the methods ----------------------------------------------------------------------------------


def _fit(
    points: np.ndarray,
    recipe: LayoutRecipe,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
    *,
    random: bool = False,
) -> np.ndarray:
    """Places (n, 2) of points (n, d), around the origin. `random`: start t-SNE at random places."""
    settings = dict(recipe.settings)
    settings.pop("metric", None)
    points = reduced = by_metric(points, recipe.metric)
    if "components" in settings:
        components = int(settings.pop("components"))
        if points.shape[1] > components:
            reduced = _Reduced.of(points, components).points
        else:
            reduced = points - points.mean(axis=0)
    with threadpool_limits(_cores(len(points))):
        match recipe.method:
            case "pca":
                places = _Reduced.of(points, 2).points
            case "tsne":
                places = _tsne(reduced, settings, recipe.seed, progress, cancel, random)
            case "tsne-paper":
                places = _tsne_paper(reduced, settings, recipe.seed)
            case "umap":
                places = _umap(reduced, settings, recipe.seed)
            case _:
                places = _pacmap(reduced, settings, recipe.seed)
    if places.shape[1] < 2:
        places = np.pad(places, ((0, 0), (0, 2 - places.shape[1])))
    return np.ascontiguousarray(places - places.mean(axis=0), np.float32)


def _tsne(
    points: np.ndarray,
    settings: dict[str, Any],
    seed: int,
    progress: Progress | None,
    cancel: Cancel | None,
    random: bool,
) -> np.ndarray:
    from openTSNE import TSNEEmbedding, affinity, initialization

    early, late = int(settings["early"]), int(settings["iterations"])
    perplexity, jobs = float(settings["perplexity"]), _cores(len(points))
    near = affinity.PerplexityBasedNN(points, perplexity=perplexity, n_jobs=jobs, random_state=seed)
    if random:
        start = initialization.random(points, random_state=seed)
    else:
        start = initialization.rescale(_Reduced.of(points, 2).points.astype(np.float64))
    embedding = TSNEEmbedding(start, near, n_jobs=jobs, random_state=seed)
    done = 0

    def step(iteration: int, error: float, places: np.ndarray) -> bool:
        _stop_and_say(cancel, progress, min(10 + 80 * (done + iteration) // max(1, early + late), 90), 100)
        return False

    watch = {"callbacks": step, "callbacks_every_iters": 10}
    embedding = embedding.optimize(
        early, exaggeration=settings["exaggeration"], momentum=0.5, propagate_exception=True, **watch
    )
    done = early
    embedding = embedding.optimize(late, momentum=0.8, propagate_exception=True, **watch)
    return np.asarray(embedding)


def _tsne_paper(points: np.ndarray, settings: dict[str, Any], seed: int) -> np.ndarray:
    from sklearn.manifold import TSNE

    settings |= {name: int(value) for name, value in settings.items() if name != "init" and RANGES[name][2]}
    result: np.ndarray = TSNE(random_state=seed, n_jobs=_cores(len(points)), **settings).fit_transform(points)
    return result


def _umap(points: np.ndarray, settings: dict[str, Any], seed: int) -> np.ndarray:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that a seed makes it run on one core, as it should
        UMAP = compiled("umap").UMAP

        settings["n_neighbors"] = int(settings["n_neighbors"])
        result: np.ndarray = UMAP(random_state=seed, n_jobs=1, **settings).fit_transform(points)
        return result


def _pacmap(points: np.ndarray, settings: dict[str, Any], seed: int) -> np.ndarray:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        PaCMAP = compiled("pacmap").PaCMAP

        logging.getLogger("pacmap").setLevel(logging.ERROR)  # it warns of every seed
        fitted = PaCMAP(
            n_neighbors=int(settings["n_neighbors"]),
            num_iters=int(settings["iterations"]),
            random_state=seed,
            apply_pca=False,
            verbose=False,
        )
        result: np.ndarray = fitted.fit_transform(np.ascontiguousarray(points))
        return result


def _cores(points: int) -> int:
    """Threads for a fit: with one busy process beside it, every step would wait for the slowest of them."""
    if points <= FEW:
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


# --- how good it is -------------------------------------------------------------------------------


def stability_of(
    points: np.ndarray, places: np.ndarray, recipe: LayoutRecipe, cancel: Cancel | None = None
) -> float:
    """The share of neighbours on a layout that are neighbours from another random start too.

    Estimand: of the layout as it is drawn, with all of its points, beside one from the next seed.

    Args:
        points: (n, d). places: (n, 2), where `recipe` put them.
    """
    again = LayoutRecipe(recipe.space, recipe.method, recipe.seed + 1, dict(recipe.settings))
    other = _fit(points, again.for_points(*points.shape), cancel=cancel, random=True)
    return quality(places, other, recipe.seed)["neighbour_recall"]


# --- placing a new question -----------------------------------------------------------------------


def place(
    layout: Layout, extraction: Extraction, new_vectors: np.ndarray, count: int = PLACED_BY
) -> tuple[np.ndarray, np.ndarray]:
    """Where new questions lie on an existing projection: at the median of their neighbours' places.

    The neighbours are the nearest of the questions laid out, by the projection's metric, in the space
    reduced to 50 dimensions by PCA. That is as faithful as the methods' own transforms, and takes
    milliseconds.

    Args:
        new_vectors: (m, d), of the layout's space, as `vectors` gives them.

    Returns:
        Places (m, 2), and the neighbours' positions in the extraction (m, count), nearest first.

    Raises:
        InputError: the vectors are of another space.
    """
    reduced = layout._reduced
    if reduced is None:
        points = by_metric(vectors(_rows(extraction, layout.rows), layout.recipe.space), layout.recipe.metric)
        # Axes of 4,000 questions are as good for finding neighbours, and nobody waits for more.
        reduced = layout._reduced = _Reduced.of(points, COMPONENTS, max(1, len(points) // 4000))
    new = np.atleast_2d(np.asarray(new_vectors, np.float32))
    if new.shape[1] != len(reduced.mean):
        raise InputError(
            f"These vectors have {new.shape[1]} numbers, the projection's space {layout.recipe.space} has "
            f"{len(reduced.mean)}; give vectors of that space."
        )
    new = (by_metric(new, layout.recipe.metric) - reduced.mean) @ reduced.axes  # (m, components)
    near = nearest_to(reduced.points, new, min(count, len(layout)))
    return np.median(layout.places[near], axis=1).astype(np.float32), layout.rows[near]
