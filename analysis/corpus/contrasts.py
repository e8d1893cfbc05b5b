"""What a map's value is compared between: objects by what they are, questions by their words and types.

The effect size is Cliff's delta within groups, so that what differs between groups alone counts for nothing:
objects are compared with objects of their scene, questions with questions of their family, since words and
templates go together. How much of the picture an object covers is taken off beforehand: a map that answers
every object alike reads higher where an object is large. Types of questions are what whole families have;
they are compared between the families' means.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.statistics import cliffs_delta, contrast_test, delta_resamples, without
from film import ATTRIBUTES, InputError, Scene

TRIALS, RESAMPLES = 300, 200
MEDIUM = 0.33  # the least |delta| that makes a label: "medium" in the usual reading
SURE = 0.05  # family-wise
RARE = 0.01  # words in fewer questions than this share are left out


@dataclass(frozen=True, eq=False)
class Contrast:
    """Every label against the rest, on every map: (values, maps) each.

    `delta`: Cliff's delta, within groups where there are any; nan where no group has some with the label and
    some without. `low`, `high`: its 95 % interval; `p`: family-wise over all values and maps. `plain`: the
    delta of all together, groups mixed and nothing taken off.
    """

    delta: np.ndarray
    low: np.ndarray
    high: np.ndarray
    p: np.ndarray
    plain: np.ndarray

    @property
    def sure(self) -> np.ndarray:
        """Which make a label: sure, and of medium size or more. Bool (values, maps)."""
        return np.asarray((self.p <= SURE) & (np.abs(np.nan_to_num(self.delta)) >= MEDIUM))


def contrast(
    labels: np.ndarray,
    readings: np.ndarray,
    groups: np.ndarray | None = None,
    *,
    by_group: bool = False,
    plain: np.ndarray | None = None,
    trials: int = TRIALS,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Contrast:
    """Compare those that have a label with those that have not.

    Args:
        labels: bool (n, values). Every value must be had by some and not by all.
        readings: (n, maps).
        groups: (n,), within which rows are compared and labels shuffled.
        by_group: draw whole groups for the intervals (objects of a scene) and not rows within each.
        plain: readings of which nothing is taken off, (n, maps); the same by default.
        trials: permutations of the labels, whose greatest |effect| is the null.
        resamples: of the bootstrap.

    Raises:
        InputError: a label is had by nobody or by all.
    """
    had = np.asarray(labels).sum(axis=0)
    if not len(labels) or (had == 0).any() or (had == len(labels)).any():
        raise InputError("A label that all or none have cannot be compared; leave it out.")
    found = contrast_test(labels, readings, groups, trials=trials, seed=seed)
    drawn = delta_resamples(labels, readings, groups, by_group=by_group, trials=resamples, seed=seed)
    low, high = np.nanpercentile(np.nan_to_num(drawn), [2.5, 97.5], axis=0)
    unknown = np.isnan(found.effect)
    low, high = np.where(unknown, np.nan, low), np.where(unknown, np.nan, high)
    mixed = cliffs_delta(labels, readings if plain is None else plain)
    return Contrast(found.effect, low, high, found.p_family, mixed)


def contrast_at_equal(
    covariate: np.ndarray, labels: np.ndarray, readings: np.ndarray, groups: np.ndarray, *, seed: int = 0
) -> Contrast:
    """`contrast` of objects within scenes at an equal covariate, such as how much of a picture they cover.

    A label has to hold both ways in which a covariate can be taken off (`analysis.statistics.without`): by a
    curve of all objects, under which a map that follows size alone would seem to tell near from far, and by
    a curve beside the labels, under which a map that follows cover alone would seem to tell large from small.
    Of both the smaller effect counts, with its interval, and the greater p; none where their signs differ.

    Args:
        covariate: (n,). labels: bool (n, values). readings: (n, maps). groups: (n,), the scene of each.
    """
    one, other = (
        contrast(
            labels, without(readings, covariate, beside), groups, by_group=True, plain=readings, seed=seed
        )
        for beside in (None, labels)
    )
    return _both(one, other)


def _both(one: Contrast, other: Contrast) -> Contrast:
    """What holds in both of two contrasts of the same labels and maps."""
    smaller = np.abs(other.delta) < np.abs(one.delta)
    apart = np.sign(one.delta) * np.sign(other.delta) < 0
    delta, low, high = (
        np.where(smaller, getattr(other, name), getattr(one, name)) for name in ("delta", "low", "high")
    )
    return Contrast(
        np.where(apart, 0, delta),
        np.where(apart, np.minimum(one.low, other.low), low),
        np.where(apart, np.maximum(one.high, other.high), high),
        np.where(apart, 1, np.maximum(one.p, other.p)),
        one.plain,
    )


def survival(found: Contrast, names: Sequence[tuple[str, str]]) -> dict[str, list[int]]:
    """Of each kind of label: how many plain effects are of medium size, and how many of those stay.

    The second number counts effects that are sure and of medium size within groups, on the same side.
    """
    large = np.abs(found.plain) >= MEDIUM
    stays = large & found.sure & (np.sign(found.plain) == np.sign(np.nan_to_num(found.delta)))
    kinds = np.array([kind for kind, _ in names])
    return {
        str(kind): [int(large[kinds == kind].sum()), int(stays[kinds == kind].sum())]
        for kind in dict.fromkeys(kinds)
    }


def contrast_types(
    types: np.ndarray, families: np.ndarray, gamma: np.ndarray, seed: int = 0
) -> tuple[list[tuple[str, str]], Contrast]:
    """Types of questions against one another, a family a row: its mean gamma.

    Args:
        types, families: (questions,). gamma: (questions, maps).
    """
    codes, of = np.unique(families, return_inverse=True)
    means = np.stack([gamma[of == one].mean(axis=0) for one in range(len(codes))])
    kinds = np.array([types[of == one][0] for one in range(len(codes))])
    names = [kind for kind in sorted(set(kinds)) if kind and 1 < (kinds == kind).sum() < len(kinds)]
    if not names:
        nothing = np.empty((0, gamma.shape[1]))
        return [], Contrast(nothing, nothing, nothing, nothing, nothing)
    labels = np.stack([kinds == name for name in names], axis=1)
    return [("type", name) for name in names], contrast(labels, means, seed=seed)


def joined(one: Contrast, other: Contrast) -> Contrast:
    """Two families of comparisons as one: each p is doubled, so that the level holds for both together."""
    parts = {
        name: np.concatenate([getattr(one, name), getattr(other, name)])
        for name in ("delta", "low", "high", "p", "plain")
    }
    return Contrast(**parts | {"p": np.minimum(1, 2 * parts["p"])})


# --- What is compared -----------------------------------------------------------------------------

PLACES = {"across": ("left", "right"), "depth": ("front", "back")}


def object_labels(
    scenes: Sequence[Scene], centres: Sequence[np.ndarray]
) -> tuple[list[tuple[str, str]], np.ndarray]:
    """Every object's attributes and half of the picture: their names, and bool (objects, values).

    Args:
        centres: of each scene's objects in the picture, (n, 2) in shares of width and height.
    """
    names = [(attribute, value) for attribute, values in ATTRIBUTES.items() for value in values]
    names += [(place, side) for place, sides in PLACES.items() for side in sides]
    rows = []
    for scene, places in zip(scenes, centres, strict=True):
        for thing, (across, down) in zip(scene.objects, places, strict=True):
            own = {name: getattr(thing, name) for name in ATTRIBUTES}
            own |= {"across": "left" if across < 0.5 else "right", "depth": "back" if down < 0.5 else "front"}
            rows.append([own[attribute] == value for attribute, value in names])
    return names, np.array(rows, dtype=bool)


def question_labels(table: pd.DataFrame) -> tuple[list[tuple[str, str]], np.ndarray]:
    """Words, neither rare nor everywhere, as ("word", "red"), and who has them: (questions, values)."""
    words = [frozenset(text.lower().replace("?", " ").replace(";", " ").split()) for text in table["text"]]
    known = sorted(set().union(*words))
    columns = {("word", word): np.array([word in here for here in words]) for word in known}
    kept = {name: column for name, column in columns.items() if RARE <= column.mean() <= 1 - RARE}
    return list(kept), np.stack(list(kept.values()), axis=1)


def labels_of(found: Contrast, names: Sequence[tuple[str, str]]) -> list[str]:
    """One label a map: its strongest sure effects, "unlabelled" where none is sure and at least medium."""
    labels = []
    for number in range(found.delta.shape[1]):
        column = np.nan_to_num(found.delta[:, number])
        best = [i for i in np.argsort(-np.abs(column), kind="stable") if found.sure[i, number]]
        if not best:
            labels.append("unlabelled")
            continue
        # A value that goes with the strongest one's opposite (small with large) says nothing new.
        kept: list[int] = []
        for i in best:
            if names[i][0] not in {names[j][0] for j in kept} or names[i][0] == "word":
                kept.append(i)
        labels.append(", ".join(f"{'+' if column[i] > 0 else '−'}{names[i][1]}" for i in kept[:3]))
    return labels
