"""What a study's labels have to do with its layers: which maps differ between them, and what a probe reads.

Rows that are modulated alike are one condition, however often they occur: they are counted once for each
value of a label, and are never split between what a probe is trained and tested on. Numbers of more than
five values are told as thirds.

Which maps differ  Cliff's delta of a map's gamma, or beta, between conditions with a value of the label and
    all others; `p_family` is corrected for all maps, values and labels of the study, so that a study whose
    labels mean nothing has any finding in at most 5 of 100 cases.
What a probe reads  A logistic regression on the gammas, betas or both of a layer, tested on conditions that
    it was not trained on, beside the commonest label and the same probe on shuffled labels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.corpus.extraction import Extraction, vectors
from analysis.corpus.probes import FOLDS, ProbeTask, run_probes
from analysis.corpus.schema import label_values
from analysis.statistics import contrast_test
from analysis.tables import read_tables, write_tables
from film import Cancel, InputError, Progress, stop_if

PROBES, CONTRASTS = "probes.parquet", "contrasts.parquet"
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
    recipe: seed, rows, conditions, and `left_out`: label -> why it, or a value, was not measured.
    """

    contrasts: pd.DataFrame
    probes: pd.DataFrame
    recipe: Mapping[str, Any]

    def left_out(self, label: str) -> str:
        """Why a label, or some of it, could not be measured; empty where all could."""
        return str(self.recipe["left_out"].get(label, ""))

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
    condition = conditions_of(study)
    left_out: dict[str, str] = {}
    contrasts = []
    for done, (name, values) in enumerate(texts.items()):
        stop_if(cancel)
        contrasts.append(_contrasts(study, name, values, condition, left_out, len(texts), trials, seed))
        if progress:
            progress(done + 1, 2 * len(texts))
    found = pd.concat(contrasts, ignore_index=True) if contrasts else _contrast_table([])
    probed = _probes(study, texts, condition, left_out, seed, cancel) if probes else pd.DataFrame()
    if progress:
        progress(1, 1)
    recipe = {
        "weights": study.recipe["weights"], "questions": study.recipe["questions"], "seed": seed,
        "rows": len(study), "conditions": int(condition.max(initial=-1)) + 1, "trials": trials,
        "left_out": left_out,
    }  # fmt: skip
    return LabelEvidence(found, probed, recipe)


def conditions_of(study: Extraction) -> np.ndarray:
    """Numbers from 0 on for rows whose gammas and betas are alike, to four places: int (rows,)."""
    values = vectors(study, "both").round(4) + 0.0  # -0 is 0
    return np.asarray(pd.factorize(np.array([row.tobytes() for row in values], object))[0])


# --- Which maps differ ----------------------------------------------------------------------------


def _contrasts(
    study: Extraction,
    label: str,
    values: np.ndarray,
    condition: np.ndarray,
    left_out: dict[str, str],
    labels: int,
    trials: int,
    seed: int,
) -> pd.DataFrame:
    known = np.flatnonzero(values != "")
    rows = known[pd.DataFrame({"v": values[known], "c": condition[known]}).drop_duplicates().index]
    names = np.unique(values[rows])
    if not 2 <= len(names) <= MOST_VALUES:
        few = "one value only" if len(names) < 2 else f"{len(names)} values, more than {MOST_VALUES}"
        left_out[label] = f"It has {few}, so nothing was compared."
        return _contrast_table([])
    having = values[rows][:, None] == names
    numbers = vectors(study.take(rows), "both")
    # Each label's family is all of its values and maps; labels are many looks again (Bonferroni).
    tested = contrast_test(having, numbers, trials=max(trials, 200 * labels), seed=seed)
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
            "conditions": len(rows),
            "z": np.abs(tested.z.ravel()),
        }
    )
    found = found[found["z"] > 0].sort_values("z", ascending=False, kind="stable")
    return found.drop(columns="z").reset_index(drop=True)


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
    condition: np.ndarray,
    left_out: dict[str, str],
    seed: int,
    cancel: Cancel | None,
) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    count = int(condition.max()) + 1
    if count < 2 * FOLDS:
        for name in labels:
            left_out.setdefault(name, f"Probes need {2 * FOLDS} conditions that differ; there are {count}.")
        return pd.DataFrame()
    fold_of = rng.permutation(count) % FOLDS
    own = fold_of[condition]
    folds = [(np.flatnonzero(own != fold), np.flatnonzero(own == fold)) for fold in range(FOLDS)]
    tasks = []
    for name, values in labels.items():
        if name in left_out:
            continue
        seen = pd.DataFrame({"v": values, "c": condition}).groupby("v")["c"].nunique()
        scarce = [value for value in seen.index if value != "" and seen[value] < FOLDS]
        values = np.where(np.isin(values, scarce), "", values)
        if scarce:
            left_out[name] = (
                f"Probes leave out {len(scarce)} of {int((seen.index != '').sum())} values that fewer than "
                f"{FOLDS} conditions have."
            )
        mine = [(train[values[train] != ""], test[values[test] != ""]) for train, test in folds]
        if all(len(test) and len(np.unique(values[train])) > 1 for train, test in mine):
            control = _shuffled(values, condition, rng)
            tasks.append(ProbeTask(name, values, control, mine, [], condition, condition))
        else:
            left_out[name] = f"Probes need {FOLDS} conditions or more with each of two values."
    if not tasks:
        return pd.DataFrame()
    return run_probes(list(_spaces(study)), tasks, folds, cancel=cancel)


def _shuffled(values: np.ndarray, condition: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Labels moved about among rows that have one; rows of one condition that are alike stay alike."""
    known = np.flatnonzero(values != "")
    pairs = pd.factorize(pd.MultiIndex.from_arrays([condition[known], values[known]]))[0]
    first = np.unique(pairs, return_index=True)[1]
    drawn = values[known][first][rng.permutation(len(first))]
    found = values.copy()
    found[known] = drawn[pairs]
    return found


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
    write_tables(folder, {CONTRASTS: found.contrasts, PROBES: found.probes}, found.recipe, _NOTE)
    return found


def read_labels(folder: str | Path, study: Extraction) -> LabelEvidence | None:
    """What `keep_labels` kept; None where there is none, or it is of another study.

    Raises:
        InputError: a file is damaged.
    """
    if not any((Path(folder) / name).is_file() for name in (CONTRASTS, PROBES)):
        return None
    tables, notes = read_tables(folder, (CONTRASTS, PROBES), _NOTE, "analysis.write_study")
    if any(notes[0].get(name) != study.recipe[name] for name in ("weights", "questions")):
        return None
    if "left_out" not in notes[0]:
        raise InputError(f"{CONTRASTS} in {folder} is damaged; write the study again.")
    return LabelEvidence(tables[0], tables[1], notes[0])
