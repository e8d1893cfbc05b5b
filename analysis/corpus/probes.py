"""What can be read off gamma, beta, the hidden state and pooled maps by a linear probe, beside controls.

A probe is a logistic regression trained on some pictures' questions and tested on other pictures', in
folds, so that every question is tested once. What it reads is there to be read; that the network uses it
is not shown (edits of gamma and beta show that). Four controls stand beside each accuracy:

    majority     always the commonest label
    bag          the same probe on the question's bag of words
    control      the same probe on labels drawn at random once for each question family, which it can learn as
                 well as any (Hewitt and Liang, "Designing and interpreting probes with control tasks", 2019);
                 `selectivity` is what the true labels gain over them
    held_out     the same probe tested on question families that it was not trained on

Words give most targets away by themselves: their bag of words is right throughout, and nothing can stand
above it; `analysis.corpus.probe_targets` says which targets are harder.
"""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from analysis.corpus.accuracy import Observed
from analysis.corpus.probe_targets import WORDS, targets
from film import (
    Cancel,
    InputError,
    NetworkConfig,
    Progress,
    Share,
    clustered_share,
    split_words,
    stop_if,
)

SPACES = ("state", "gamma", "beta", "both", "maps", "stem")
FOLDS = 5  # probes trained for each accuracy, each tested on the pictures the others were trained on
PENALTY = 0.1  # scikit-learn's C, on standardised values
STEPS, TOLERANCE = 300, 3e-3

_LINEAR = (
    "Gamma and beta are linear in the hidden state, so nothing can be read off them linearly that "
    "cannot be read off the state. Where a probe on gamma or beta does better than one on the state, that is "
    "the penalty's and the sample's doing: they put forward, or leave out, what the state also has."
)


def what_is_linear(config: NetworkConfig) -> str:
    """What a probe on gamma or beta can at most find, as against one on the state, in words."""
    bent = [kind for kind in ("gamma", "beta") if getattr(config, kind) in ("sigmoid", "tanh", "exp")]
    if not bent:
        return _LINEAR
    return (
        f"{' and '.join(bent).capitalize()} of this network is no linear function of the hidden state "
        f"({', '.join(getattr(config, kind) for kind in bent)}), so a linear probe may read more off it than "
        "off the state, though it holds no more."
    )


# --- What is probed, and for what -------------------------------------------------------------------


def spaces(observed: Observed) -> Iterator[tuple[str, int, np.ndarray]]:
    """Every (space, block, vectors (questions, d)); block 0 stands for all together, "stem" for no block."""
    pooled = observed.pooled
    blocks = observed.gamma.shape[1]
    yield "state", 0, observed.state
    for block in range(blocks + 1):
        part = slice(None) if block == 0 else slice(block - 1, block)
        gamma, beta = (_flat(values[:, part]) for values in (observed.gamma, observed.beta))
        yield "gamma", block, gamma
        yield "beta", block, beta
        yield "both", block, np.concatenate((gamma, beta), axis=1)
        yield "maps", block, _flat(pooled[:, 1:][:, part])
    yield "stem", 0, pooled[:, 0]


def _flat(values: np.ndarray) -> np.ndarray:
    return values.reshape(len(values), -1)


def bag_of_words(texts: pd.Series) -> np.ndarray:
    """How often each word stands in each text, float32 (questions, words); the words' order is lost."""
    from sklearn.feature_extraction.text import CountVectorizer

    counter = CountVectorizer(analyzer=lambda text: split_words(text.lower()), dtype=np.float32)
    bag: np.ndarray = counter.fit_transform(texts).toarray()
    return bag


Fold = tuple[np.ndarray, np.ndarray]  # rows to train on, rows to test on


def parted(table: pd.DataFrame, seed: int) -> list[Fold]:
    """Folds that test each question once: on other pictures than trained on, and on no text trained on.

    Raises:
        InputError: there are too few pictures.
    """
    owner, pictures = pd.factorize(table["picture"])
    if len(pictures) < 2 * FOLDS:
        raise InputError(
            f"Probes need questions about {2 * FOLDS} pictures or more; there are {len(pictures)}."
        )
    fold_of = np.random.default_rng(seed).permutation(len(pictures)) % FOLDS
    folds = []
    for fold in range(FOLDS):
        held = fold_of[owner] == fold
        known = set(table["text"][~held])
        folds.append((np.flatnonzero(~held), np.flatnonzero(held & ~table["text"].isin(known).to_numpy())))
    return folds


def parted_by_family(table: pd.DataFrame, seed: int) -> list[Fold]:
    """Folds that test each question once, on question families not trained on; a type's in all of them.

    A question whose family is not known is never tested.
    """
    families = table["family"].to_numpy()
    kinds = table.groupby("family")["type"].first()
    order = np.random.default_rng(seed).permutation(len(kinds))
    shuffled = kinds.iloc[order]
    # One type's families go to one fold after another, so that others of the type are left to train on.
    place = shuffled.groupby(shuffled).cumcount() + pd.factorize(shuffled)[0]
    fold_of = (place % FOLDS).to_dict()
    own = np.array([fold_of[family] if family >= 0 else -1 for family in families])
    return [(np.flatnonzero(own != fold), np.flatnonzero(own == fold)) for fold in range(FOLDS)]


def control_labels(labels: np.ndarray, families: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Labels that are the family's: families in random order, each given the label most is missing of.

    So every label is about as frequent as the true one, and a probe of noise does as well on both. A question
    of unknown family counts as one of its own; "" stays "".
    """
    known = labels != ""
    names = np.where(families >= 0, families, -1 - np.arange(len(families)))
    of = np.unique(names[known], return_inverse=True)[1]
    values, missing = np.unique(labels[known], return_counts=True)
    sizes, missing = np.bincount(of), missing.astype(float)
    drawn = np.empty(len(sizes), labels.dtype)
    for family in rng.permutation(len(sizes)):
        place = int(missing.argmax())
        drawn[family] = values[place]
        missing[place] -= sizes[family]
    found = labels.copy()
    found[known] = drawn[of]
    return found


# --- Probing ----------------------------------------------------------------------------------------


def rotated(values: np.ndarray, train: np.ndarray) -> np.ndarray:
    """Standardised by the training rows, then turned onto their principal axes: (questions, axes) float32.

    A penalised probe sees angles and lengths alone, which turning leaves as they are; it is trained many
    times faster on the few axes in which there is anything. Axes that hold less than a millionth of the
    greatest variance are rounding.
    """
    mean, deviation = values[train].mean(axis=0), values[train].std(axis=0)
    varies = deviation > 1e-6
    if not varies.any():
        return np.zeros((len(values), 1), np.float32)
    scaled = ((values - mean)[:, varies] / deviation[varies]).astype(np.float32)
    _, sizes, axes = np.linalg.svd(scaled[train], full_matrices=False)
    result: np.ndarray = scaled @ axes[sizes > 1e-3 * sizes[0]].T
    return result


def predict(values: np.ndarray, labels: np.ndarray, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """What a logistic regression trained on some rows says of others. Fewer than two labels: that one."""
    from sklearn.linear_model import LogisticRegression

    if len(np.unique(labels[train])) < 2:
        return np.repeat(labels[train][:1], len(test))
    probe = LogisticRegression(C=PENALTY, max_iter=STEPS, tol=TOLERANCE)
    result: np.ndarray = probe.fit(values[train], labels[train]).predict(values[test])
    return result


def probe(
    observed: Observed,
    *,
    seed: int = 0,
    words: Mapping[str, tuple[str, ...]] = WORDS,
    chosen: Mapping[str, pd.Series] | None = None,
    only: Collection[str] = SPACES,
    threads: int = 2,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> pd.DataFrame:
    """Train and test every probe.

    Args:
        seed: of the splits and the control's labels.
        words: name -> words of which a question has one or none.
        chosen: labels by the target's name, in place of those of `targets`.
        only: the spaces to probe.
        threads: spaces probed side by side.

    Returns:
        A row for every target, space and block, with columns target, space, block (0: all together),
        axes, tested (questions), pictures, labels (their number), accuracy, low, high (95 %, clustered
        by picture), control with its low and high, selectivity, held_out with its low and high (clustered by
        family; nan where families cannot be held out) and held_out_tested, and the same for all spaces:
        majority and bag, each with its low and high.

    Raises:
        InputError: there are too few pictures.
        Cancelled: `cancel` said so.
    """
    folds, apart, tasks = probe_tasks(observed.table, seed=seed, words=words, chosen=chosen)
    return run_probes(
        [space for space in spaces(observed) if space[0] in only],
        tasks, folds, apart, bag_of_words(observed.table["text"]), threads, progress, cancel,
    )  # fmt: skip


def probe_tasks(
    table: pd.DataFrame,
    *,
    seed: int,
    words: Mapping[str, tuple[str, ...]] = WORDS,
    chosen: Mapping[str, pd.Series] | None = None,
) -> tuple[list[Fold], list[Fold], list[ProbeTask]]:
    """Folds by picture, folds by family, and the targets that can be learnt and tested in the former."""
    folds, apart = parted(table, seed), parted_by_family(table, seed)
    owner, families = pd.factorize(table["picture"])[0], table["family"].to_numpy()
    rng = np.random.default_rng(seed)
    tasks = []
    for name, column in (targets(table, words) if chosen is None else chosen).items():
        labels = column.to_numpy(str)
        counts = labels != ""
        mine = [(train[counts[train]], test[counts[test]]) for train, test in folds]
        if all(len(test) and len(np.unique(labels[train])) > 1 for train, test in mine):
            control = control_labels(labels, families, rng)
            tasks.append(ProbeTask(name, labels, control, mine, _testable(labels, apart), owner, families))
    return folds, apart, tasks


def run_probes(
    spaces: Sequence[tuple[str, int, np.ndarray]],
    tasks: Sequence[ProbeTask],
    folds: Sequence[Fold],
    apart: Sequence[Fold] = (),
    bag: np.ndarray | None = None,
    threads: int = 2,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> pd.DataFrame:
    """Every task's probe in every space, in the columns of `probe`; nan in those of what is not given.

    Args:
        spaces: (space, block, vectors (rows, d)).
        folds: of all rows; a task has its own part of each. apart: folds of families.
        bag: a bag of words, (rows, words).
    """
    import sklearn.linear_model  # noqa: F401 - loaded once, here and not in the threads
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    def measure(space: str, block: int, values: np.ndarray) -> list[dict[str, Any]]:
        if cancel and cancel():
            return []
        turned = [rotated(values, train) for train, _ in folds]
        rows = [task.row(space, block, turned) for task in tasks]
        turned = [rotated(values, train) for train, _ in apart]
        return [row | task.held_out(turned) for row, task in zip(rows, tasks, strict=True)]

    def beside(bag: np.ndarray | None) -> list[dict[str, float]]:
        turned = None if bag is None else [rotated(bag, train) for train, _ in folds]
        return [task.controls(turned) for task in tasks]

    rows = []
    # Each probe's own algebra on one thread: several that want every core would wait for one another.
    with threadpool_limits(1), warnings.catch_warnings(), ThreadPoolExecutor(threads) as pool:
        # A probe that is still gaining a little after so many steps is as good as its neighbours.
        warnings.simplefilter("ignore", ConvergenceWarning)
        waiting = [pool.submit(measure, *space) for space in spaces]
        controlled = pool.submit(beside, bag)
        try:
            for done, found in enumerate(waiting, start=1):
                rows.append(found.result())
                if progress:
                    progress(done, len(waiting))
        except BaseException:  # a visitor who stops it does not wait for the rest
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        controls = controlled.result()
    stop_if(cancel)
    return pd.DataFrame([row | known for space in rows for row, known in zip(space, controls, strict=True)])


@dataclass(frozen=True, eq=False)
class ProbeTask:
    """One target: its labels, true and of the control, the folds' rows that have one, and of each row its
    picture and family. `apart`: folds of families, empty where these cannot be held out.
    """

    name: str
    labels: np.ndarray
    control: np.ndarray
    folds: list[Fold]
    apart: list[Fold]
    owner: np.ndarray
    families: np.ndarray

    def row(self, space: str, block: int, values: list[np.ndarray]) -> dict[str, Any]:
        """`values`: the space as `rotated` for each fold."""
        own, null = self._probed(values, self.labels), self._probed(values, self.control)
        tested = self._tested()
        return {
            "target": self.name,
            "space": space,
            "block": block,
            "axes": max(each.shape[1] for each in values),
            "tested": len(tested),
            "pictures": len(np.unique(self.owner[tested])),
            "labels": len(np.unique(self.labels[tested])),
            **_told("", own),
            **_told("control", null),
            "selectivity": own.accuracy - null.accuracy,
        }

    def held_out(self, values: list[np.ndarray]) -> dict[str, float]:
        """On families not trained on. `values`: the space as `rotated` for each fold of families."""
        pairs = [
            (predict(each, self.labels, train, test), test)
            for each, (train, test) in zip(values, self.apart, strict=False)
            if len(test)
        ]
        if not pairs:
            missing = float("nan")
            return {
                "held_out": missing,
                "held_out_low": missing,
                "held_out_high": missing,
                "held_out_tested": 0,
            }
        tested = np.concatenate([test for _, test in pairs])
        right = np.concatenate([said for said, _ in pairs]) == self.labels[tested]
        return _told("held_out", clustered_share(right, self.families[tested])) | {
            "held_out_tested": len(tested)
        }

    def controls(self, bag: list[np.ndarray] | None) -> dict[str, float]:
        def commonest(train: np.ndarray) -> str:
            names, counts = np.unique(self.labels[train], return_counts=True)
            result: str = names[counts.argmax()]
            return result

        missing = float("nan")
        words = {"bag": missing, "bag_low": missing, "bag_high": missing}
        always = [np.repeat(commonest(train), len(test)) for train, test in self.folds]
        if bag is not None:
            words = _told("bag", self._probed(bag, self.labels))
        return _told("majority", self._share(always, self.labels)) | words

    def _tested(self) -> np.ndarray:
        return np.concatenate([test for _, test in self.folds])

    def _probed(self, values: list[np.ndarray], labels: np.ndarray) -> Share:
        said = [predict(each, labels, *fold) for each, fold in zip(values, self.folds, strict=True)]
        return self._share(said, labels)

    def _share(self, said: list[np.ndarray], labels: np.ndarray) -> Share:
        tested = self._tested()
        right = np.concatenate(said) == labels[tested]
        owner = np.unique(self.owner[tested], return_inverse=True)[1]
        return clustered_share(right, owner)


def _testable(labels: np.ndarray, folds: list[Fold]) -> list[Fold]:
    """The folds' rows that have a label, tested only where others with the label are trained on."""
    found = []
    for train, test in folds:
        train, test = train[labels[train] != ""], test[labels[test] != ""]
        found.append((train, test[np.isin(labels[test], labels[train])]))
    return found if any(len(test) for _, test in found) else []


def _told(name: str, share: Share) -> dict[str, float]:
    start, missing = f"{name}_" if name else "", float("nan")
    low, high = (missing if end is None else end for end in (share.low, share.high))
    return {name or "accuracy": share.accuracy, f"{start}low": low, f"{start}high": high}
