"""What a study's labels have to do with its layers: which maps differ between them, and what a probe reads.

Rows that are modulated alike are one condition, however often they occur: they are counted once for each
value of a label, and are never split between what a probe is trained and tested on. Rows of one group (a
subject, a run) are one cluster in the same way, see `analysis.adapter.dependence`. Between the values of
a label numbers of more than five values are told as thirds.

Which maps differ  Cliff's delta of a map's gamma, or beta, between conditions with a value of the label and
    all others; `p_family` is corrected for all maps, values and labels of the study, so that a study whose
    labels mean nothing has any finding in at most 5 of 100 cases. With groups: between
    groups' means where a label is the group's; where it changes within most, the mean of each group's delta.
What a probe reads  A logistic regression on the gammas, betas or both of a layer, tested on conditions that
    it was not trained on, beside the commonest label and the same probe on shuffled labels. Numbers of more
    than five values: a ridge regression in its place, see `analysis.adapter.regression`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.adapter.dependence import FEWEST, clusters_of, conditions_of, constant_within, moved
from analysis.adapter.regression import by_cluster, regressions
from analysis.corpus.extraction import Extraction, vectors
from analysis.corpus.probes import FOLDS, Fold, ProbeTask, run_probes
from analysis.corpus.schema import FEW, Schema, label_values
from analysis.statistics import FamilyResult, cliffs_delta, cluster_sums, contrast_test, sign_flip_test
from analysis.tables import read_tables, write_tables
from film import Cancel, InputError, Progress, stop_if

PROBES, CONTRASTS, REGRESSIONS = "probes.parquet", "contrasts.parquet", "regressions.parquet"
LEVEL = 0.05
MOST = 2000  # rows that are looked at
TRIALS = 999
MOST_VALUES = 50  # of a label
_NOTE = b"film-lens labels"


@dataclass(frozen=True, eq=False)
class LabelEvidence:
    """What labels have to do with layers.

    contrasts: a row for every label, value, layer, map (from 0) and kind (gamma or beta), the strongest of a
        label first: effect (Cliff's delta, -1..1), p and p_family, conditions (how many were compared).
    probes: as `analysis.probe` gives them; "block" is the layer's number from 1, 0 for all together. Empty
        where nothing could be probed.
    regressions: as `analysis.adapter.regression.regressions` gives them, of numbers; empty likewise.
    recipe: seed, rows, conditions, clusters (what counts as one), and `left_out`: label -> why it, or a
        value, was not measured.
    """

    contrasts: pd.DataFrame
    probes: pd.DataFrame
    regressions: pd.DataFrame
    recipe: Mapping[str, Any]

    def left_out(self, label: str) -> str:
        """Why a label, or some of it, could not be measured; empty where all could."""
        return str(self.recipe["left_out"].get(label, ""))

    def sample(self, schema: Schema) -> str:
        """What was looked at, in words."""
        rows, differing = self.recipe["rows"], self.recipe["conditions"]
        alike = "" if rows == differing else f", {differing:,} of them modulated differently"
        groups = f", {self.recipe['clusters']:,} groups of {schema.groups}" if schema.groups else ""
        return f"{rows:,} {schema.nouns}{alike}{groups}"

    def of_label(self, label: str) -> pd.DataFrame:
        """Its contrasts, strongest first, one for each map and kind: of the value it differs most for."""
        own = self.contrasts[self.contrasts["label"] == label]
        return own.drop_duplicates(["layer", "map", "kind"]).reset_index(drop=True)


def measure_labels(
    study: Extraction,
    *,
    seed: int = 0,
    trials: int = TRIALS,
    probes: bool = True,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> LabelEvidence:
    """Compare maps between a study's labels, and probe its layers for them.

    Of more than 2,000 rows, 2,000 drawn with the seed. `trials`: shuffles behind each p; more are taken where
    there are many labels.

    Raises:
        Cancelled: `cancel` said so.
    """
    schema = study.schema
    labels = {name: label_values(study.table, schema, name) for name in schema.labels}
    if len(study) > MOST:
        rows = np.sort(np.random.default_rng(seed).choice(len(study), MOST, replace=False))
        study, labels = study.take(rows), {name: column.iloc[rows] for name, column in labels.items()}
    texts = {name: column.to_numpy(str) for name, column in labels.items()}
    condition, cluster = conditions_of(study), clusters_of(study)
    left_out: dict[str, str] = {}
    contrasts = []
    for done, (name, values) in enumerate(texts.items()):
        stop_if(cancel)
        contrasts.append(_contrasts(study, name, values, cluster, left_out, len(texts), trials, seed))
        if progress:
            progress(done + 1, 2 * len(texts))
    found = pd.concat(contrasts, ignore_index=True) if contrasts else _contrast_table([])
    probed = regressed = pd.DataFrame()
    if probes:
        probed, regressed = _probes(study, texts, cluster, left_out, seed, cancel)
    if progress:
        progress(1, 1)
    recipe = {
        "weights": study.recipe["weights"], "questions": study.recipe["questions"], "seed": seed,
        "rows": len(study), "conditions": _count(condition), "clusters": _count(cluster), "trials": trials,
        "left_out": left_out,
    }  # fmt: skip
    return LabelEvidence(found, probed, regressed, recipe)


def _count(numbers: np.ndarray) -> int:
    return int(numbers.max(initial=-1)) + 1


def what_counts(schema: Schema) -> str:
    """What counts as one in a study's statistics, in the plural."""
    return f"groups of {schema.groups}" if schema.groups else "conditions that differ"


# --- Which maps differ ----------------------------------------------------------------------------


def _contrasts(
    study: Extraction,
    label: str,
    values: np.ndarray,
    cluster: np.ndarray,
    left_out: dict[str, str],
    labels: int,
    trials: int,
    seed: int,
) -> pd.DataFrame:
    known = np.flatnonzero(values != "")
    if not 2 <= len(np.unique(values[known])) <= MOST_VALUES:
        count = len(np.unique(values[known]))
        few = "one value only" if count < 2 else f"{count} values, more than {MOST_VALUES}"
        left_out[label] = f"It has {few}, so nothing was compared."
        return _contrast_table([])
    numbers, owner = vectors(study, "both")[known], cluster[known]
    trials = max(trials, 200 * labels)
    names = np.unique(values[known])
    inside = bool(study.schema.groups) and _changes_within(values[known], owner)
    if inside:
        count, tested = _within_groups(values[known][:, None] == names, numbers, owner, trials, seed)
    else:
        numbers, own = _cells(numbers, values[known], owner, whole=bool(study.schema.groups))
        count, names = len(own), np.unique(own)
        # Each label's family is all of its values and maps; labels are many looks again (Bonferroni).
        tested = contrast_test(own[:, None] == names, numbers, trials=trials, seed=seed)
    if study.schema.groups and (count < FEWEST or len(names) < 2):
        how = "changes within" if inside else "keeps to one value in"
        left_out[label] = (
            f"It {how} {count} {what_counts(study.schema)}; a comparison needs {FEWEST} and two values, so "
            "nothing was compared."
        )
        return _contrast_table([])
    layers, maps = _places(study)
    wide = len(layers)
    found = pd.DataFrame(
        {
            "label": label,
            "value": np.repeat(names, 2 * wide),
            "layer": np.tile(layers, 2 * len(names)),
            "map": np.tile(maps, 2 * len(names)),
            "kind": np.tile(np.repeat(["gamma", "beta"], wide), len(names)),
            "effect": tested.effect.ravel(),
            "p": tested.p.ravel(),
            "p_family": np.minimum(1, labels * tested.p_family.ravel()),
            "conditions": count,
            "z": np.abs(tested.z.ravel()),
        }
    )
    found = found[found["z"] > 0].sort_values("z", ascending=False, kind="stable")
    return found.drop(columns="z").reset_index(drop=True)


def _changes_within(values: np.ndarray, cluster: np.ndarray) -> bool:
    """Whether a label changes within most clusters."""
    own = pd.DataFrame({"v": values, "c": cluster}).groupby("c")["v"].nunique()
    return bool((own > 1).sum() > len(own) / 2)


def _cells(
    numbers: np.ndarray, values: np.ndarray, cluster: np.ndarray, *, whole: bool
) -> tuple[np.ndarray, np.ndarray]:
    """The mean of each cluster's rows with a value, (cells, numbers), and the value, (cells,).

    `whole`: of clusters alone that keep to one value.
    """
    if whole:
        kept = constant_within(values, cluster)
        numbers, values, cluster = numbers[kept], values[kept], cluster[kept]
    codes, kinds = pd.factorize(pd.MultiIndex.from_arrays([cluster, values]))
    mean = cluster_sums(numbers, codes) / np.bincount(codes)[:, None]
    return mean, kinds.get_level_values(1).to_numpy(str)


def _within_groups(
    having: np.ndarray, numbers: np.ndarray, group: np.ndarray, trials: int, seed: int
) -> tuple[int, FamilyResult]:
    """How many groups a label changes in, and its test: each group's delta by itself, signs of whole groups
    exchangeable. What a group has throughout, and drifts of its own within it, are then no findings.

    Args:
        having: (rows, values). numbers: (rows, items).
    """
    members = [np.flatnonzero(group == one) for one in np.unique(group)]
    members = [rows for rows in members if len(np.unique(having[rows], axis=0)) > 1]
    deltas = np.array([cliffs_delta(having[rows], numbers[rows]) for rows in members])
    known = ~np.isnan(deltas)
    tested = sign_flip_test(np.nan_to_num(deltas).reshape(len(members), -1), trials=trials, seed=seed)
    effect = np.nan_to_num(deltas).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return len(members), replace(tested, effect=effect)


def _contrast_table(rows: list[Any]) -> pd.DataFrame:
    columns = ["label", "value", "layer", "map", "kind", "effect", "p", "p_family", "conditions"]
    return pd.DataFrame(rows, columns=columns)


def _places(study: Extraction) -> tuple[np.ndarray, np.ndarray]:
    """Layer's name and number of every map, in order."""
    layers = study.schema.layers
    return np.repeat(layers.names, layers.maps), np.concatenate([np.arange(maps) for maps in layers.maps])


# --- What a probe reads ---------------------------------------------------------------------------


def _probes(
    study: Extraction,
    labels: Mapping[str, np.ndarray],
    cluster: np.ndarray,
    left_out: dict[str, str],
    seed: int,
    cancel: Cancel | None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Probes of categories, and regressions of numbers."""
    count = _count(cluster)
    if count < 2 * FOLDS:
        for name in labels:
            left_out.setdefault(
                name, f"Probes need {2 * FOLDS} {what_counts(study.schema)}; there are {count}."
            )
        return pd.DataFrame(), pd.DataFrame()
    folds, spaces = by_cluster(cluster, seed), list(_spaces(study))
    numbers = {
        name: study.table[name].to_numpy(np.float64)
        for name in study.schema.numbers
        if study.table[name].nunique() > FEW
    }
    tasks = [
        task
        for name, values in labels.items()
        if name not in numbers and (task := _task(name, values, cluster, folds, left_out, study.schema, seed))
    ]
    probed = run_probes(spaces, tasks, folds, cancel=cancel) if tasks else pd.DataFrame()
    for task in tasks:
        probed.loc[probed["target"] == task.name, "majority"] = _commonest(task.labels)
    if not numbers:
        return probed, pd.DataFrame()
    return probed, regressions(spaces, numbers, folds, cluster, seed=seed, cancel=cancel)


def _commonest(values: np.ndarray) -> float:
    """The share of the commonest value. What is commonest among rows trained on is rarer among the rest."""
    counts = np.unique(values[values != ""], return_counts=True)[1]
    return float(counts.max() / counts.sum())


def _task(
    name: str,
    values: np.ndarray,
    cluster: np.ndarray,
    folds: list[Fold],
    left_out: dict[str, str],
    schema: Schema,
    seed: int,
) -> ProbeTask | None:
    """A label to probe for; None where there is too little, which `left_out` then says."""
    seen = pd.DataFrame({"v": values, "c": cluster}).groupby("v")["c"].nunique()
    scarce = [value for value in seen.index if value != "" and seen[value] < FOLDS]
    values = np.where(np.isin(values, scarce), "", values)
    few = f"{FOLDS} {what_counts(schema)}"
    if scarce:
        left_out.setdefault(
            name,
            f"Probes leave out {len(scarce)} of {int((seen.index != '').sum())} values that fewer than {few} "
            "have.",
        )
    mine = [(train[values[train] != ""], test[values[test] != ""]) for train, test in folds]
    if not all(len(test) and len(np.unique(values[train])) > 1 for train, test in mine):
        left_out[name] = f"Probes need {few} or more with each of two values."
        return None
    known, control = np.flatnonzero(values != ""), values.copy()
    control[known] = moved(values[known], cluster[known], trials=1, seed=seed)[0]
    return ProbeTask(name, values, control, mine, [], cluster, cluster)


def _spaces(study: Extraction) -> Iterator[tuple[str, int, np.ndarray]]:
    if study.state is not None:
        yield "state", 0, vectors(study, "state")
    layers = len(study.schema.layers)
    for layer in range(layers + 1) if layers > 1 else (0,):
        for space in ("gamma", "beta", "both"):
            yield space, layer, vectors(study, f"{space}:{layer}" if layer else space)


# --- Kept in the study ----------------------------------------------------------------------------


def keep_labels(
    folder: str | Path,
    study: Extraction,
    *,
    seed: int = 0,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> LabelEvidence:
    """Measure a study's labels and keep it in its folder."""
    found = measure_labels(study, seed=seed, progress=progress, cancel=cancel)
    tables = {CONTRASTS: found.contrasts, PROBES: found.probes, REGRESSIONS: found.regressions}
    write_tables(folder, tables, found.recipe, _NOTE)
    return found


def read_labels(folder: str | Path, study: Extraction) -> LabelEvidence | None:
    """What `keep_labels` kept; None where there is none, or it is of another study.

    Raises:
        InputError: a file is damaged.
    """
    if not any((Path(folder) / name).is_file() for name in (CONTRASTS, PROBES)):
        return None
    names = [CONTRASTS, PROBES]
    names += [REGRESSIONS] if (Path(folder) / REGRESSIONS).is_file() else []  # came with a later version
    tables, notes = read_tables(folder, names, _NOTE, "analysis.write_study")
    if any(notes[0].get(name) != study.recipe[name] for name in ("weights", "questions")):
        return None
    if "left_out" not in notes[0]:
        raise InputError(f"{CONTRASTS} in {folder} is damaged; write the study again.")
    return LabelEvidence(tables[0], tables[1], tables[2] if len(tables) > 2 else pd.DataFrame(), notes[0])
