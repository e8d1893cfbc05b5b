"""The paper's Tables 2 and 3 trained anew, at one budget: `python -m film train-ablations`.

Every row is a change of `NetworkConfig`, trained from answers alone on attribute maps drawn from scenes,
with the same data, samples and seeds. The paper trained each on CLEVR's pictures to convergence, so orders
compare, not decimals.
"""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from film.checkpoint import load
from film.clevr.data.corpus import Corpus
from film.clevr.rules import FEWEST, MOST
from film.config import LossWeights, NetworkConfig
from film.errors import InputError
from film.evaluation import constant_guess
from film.files import write_atomically
from film.intervals import clustered_mean
from film.training.auxiliary import TrainingLoss
from film.training.batches import BatchSampler
from film.training.loop import Report, start
from film.training.recipes import recipe

BEST = "best"
AT_ONCE = 256  # questions


@dataclass(frozen=True)
class Ablation:
    """A row of a table: what it is called, what of the network it changes, and the paper's accuracy."""

    name: str
    about: str
    changes: Mapping[str, Any]
    paper: float | None  # per cent on CLEVR's validation split; None where the paper has no such row


def _modulated(*blocks: bool) -> dict[str, Any]:
    return {"modulated": blocks}


TABLE_2 = (
    Ablation(BEST, "the whole network", {}, 97.4),
    Ablation("beta-zero", "gamma only: beta is 0", {"beta": "zero"}, 96.9),
    Ablation("gamma-one", "beta only: gamma is 1", {"gamma": "one"}, 95.9),
    Ablation("gamma-sigmoid", "gamma in 0..1", {"gamma": "sigmoid", "gamma_offset": 0.0}, 95.9),
    Ablation("gamma-tanh", "gamma in -1..1", {"gamma": "tanh", "gamma_offset": 0.0}, 96.3),
    Ablation("gamma-exp", "gamma above 0", {"gamma": "exp", "gamma_offset": 0.0}, 96.3),
    Ablation("film-at-output", "FiLM after the residual addition", {"film_at": "output"}, 96.6),
    Ablation("film-at-relu", "FiLM after ReLU-2", {"film_at": "relu"}, 97.7),
    Ablation("film-at-conv", "FiLM after Conv-2, before batch norm", {"film_at": "conv"}, 97.1),
    Ablation("film-at-input", "FiLM before Conv-1", {"film_at": "input"}, 95.0),
    Ablation("three-blocks", "no FiLM in block 4", _modulated(True, True, True, False), 96.8),
    Ablation("two-blocks", "no FiLM in blocks 3 and 4", _modulated(True, True, False, False), 96.5),
    Ablation("one-block", "no FiLM in blocks 2 to 4", _modulated(True, False, False, False), 97.3),
    Ablation("no-film", "no FiLM: the question is not heard", _modulated(False, False, False, False), 21.4),
    Ablation(
        "one-by-one", "1x1 convolutions, no coordinates", {"kernel": 1, "coordinates": False}, 95.3
    ),
    Ablation("no-coordinates", "no coordinates", {"coordinates": False}, None),
    Ablation("no-residual", "no residual connection", {"residual": False}, 94.0),
    Ablation("no-batch-norm", "no batch norm", {"batch_norm": False}, 93.7),
    Ablation("concat", "gamma and beta as maps beside Conv-2's input", {"film_at": "concat"}, None),
)  # fmt: skip
_DEPTHS = {1: 93.5, 2: 97.1, 3: 96.7, 4: 97.4, 5: 97.4, 6: 97.7, 7: 97.4, 8: 97.6, 12: 96.9}
TABLE_3 = tuple(
    Ablation(
        BEST if blocks == 4 else f"blocks-{blocks}",
        f"{blocks} blocks" if blocks > 1 else "1 block",
        {"blocks": blocks, "modulated": (True,) * blocks},
        paper,
    )
    for blocks, paper in _DEPTHS.items()
)
TABLES = {2: TABLE_2, 3: TABLE_3}


def chosen_rows(table: int, names: Sequence[str] = ()) -> list[Ablation]:
    """The rows to train, the whole network first: every other row is held against it; all by default.

    Raises:
        InputError: there is no such table or row.
    """
    if table not in TABLES:
        raise InputError(f"--table {table} was given; the paper's ablations are in 2 and 3.")
    rows = {row.name: row for row in TABLES[table]}
    if unknown := [name for name in names if name not in rows]:
        raise InputError(f"Table {table} has no row {unknown[0]!r}; choose from {', '.join(rows)}.")
    wanted = [BEST, *(name for name in names or rows if name != BEST)]
    return [rows[name] for name in dict.fromkeys(wanted)]


def train_ablations(
    out: Path,
    data: Sequence[Path],
    validation: Path,
    *,
    table: int = 2,
    rows: Sequence[str] = (),
    samples: int = 3_000_000,
    seeds: int = 1,
    changes: Sequence[str] = (),
    precision: str = "auto",
    time_limit: float = float("inf"),
    report: Report = print,
) -> bool:
    """Train the rows of a table, or go on; the table is written anew after each. True when all are done.

    Args:
        out: folder of a folder a row and seed, and of `table-2.json` and `table-2.csv`.
        data: packed corpora to train on. validation: one to measure on, every question of it.
        seeds: networks of each row; all rows have their first before one has its second.
        changes: of every row alike, as `Recipe.changed` takes them.
        time_limit: seconds.

    Raises:
        InputError: a row is unknown, a corpus does not fit, or a folder holds runs of another budget.
    """
    began = time.monotonic()
    base = recipe("scenes").changed(changes)
    training = replace(base.training, samples=samples, loss=LossWeights())
    wanted, corpus = chosen_rows(table, rows), Corpus.open(validation)
    trained_on = Corpus.join(*map(Corpus.open, data))
    taught = _taught(trained_on)
    asked = {
        "data": [header["files"]["answer.npy"]["sha256"] for header in trained_on.headers],
        "samples": samples,
        "changes": list(changes),
        "validation": corpus.header["files"]["answer.npy"]["sha256"],
    }
    for seed in range(seeds):
        for row in wanted:
            folder = out / row.name / f"seed-{seed}"
            if _measured(folder, asked) is None:
                network = replace(base.network, **row.changes)
                left = time_limit - (time.monotonic() - began)
                report(f"{row.name}, seed {seed}: {row.about}")
                done = left > 0 and start(
                    folder, network, replace(training, seed=seed), data, validation,
                    resume=(folder / "state.pt").exists(), precision=precision, time_limit=left,
                    report=report,
                )  # fmt: skip
                if not done:
                    return False
                _measure(folder, corpus, asked)
            _write(out, table, wanted, corpus, asked, seeds, taught)
    return True


def _measured(folder: Path, asked: Mapping[str, Any]) -> np.ndarray | None:
    """Whether each validation question was answered rightly, (Q,); None where it is still to be measured."""
    path = folder / "measured.json"
    if not path.exists():
        return None
    found = json.loads(path.read_text("utf-8"))
    if {name: found.get(name) for name in asked} != asked:
        raise InputError(
            f"{folder} was trained or measured otherwise (samples, --set, data or validation corpus); choose "
            "another folder for this table."
        )
    right = np.ones(found["questions"], bool)
    right[found["wrong"]] = False
    return right


def _measure(folder: Path, corpus: Corpus, asked: Mapping[str, Any]) -> None:
    right = right_answers(folder / "checkpoint", corpus)
    found = {**asked, "questions": len(right), "wrong": np.flatnonzero(~right).tolist()}
    write_atomically(folder / "measured.json", lambda path: path.write_text(json.dumps(found)))


@torch.inference_mode()
def right_answers(checkpoint: Path, corpus: Corpus) -> np.ndarray:
    """Whether a network answers each question of a corpus rightly, from attribute maps or pictures: (Q,)."""
    network, card = load(checkpoint)
    config = network.config
    sampler = BatchSampler(
        corpus, torch.device("cpu"), with_pictures=config.picture == "pixels",
        size=(config.width, config.height), fit=card.fit,
    )  # fmt: skip
    objective = TrainingLoss(network, LossWeights(), 0).eval()
    picture_of = torch.from_numpy(np.array(corpus.picture)).long()
    parts = []
    for first in range(0, len(corpus), AT_ONCE):
        rows = torch.arange(first, min(first + AT_ONCE, len(corpus)))
        parts.append(objective(sampler.batch(picture_of[rows], rows, 1))["right"].numpy())
    return np.concatenate(parts)


def _taught(corpus: Corpus) -> str:
    """What the networks were taught, in words."""
    most = max(header["recipe"].get("most_objects", MOST) for header in corpus.headers)
    objects = "" if most == MOST else f" of {FEWEST} to {most} objects each"
    return f"answers alone, on attribute maps of {corpus.picture_count:,} scenes{objects}"


def _write(
    out: Path,
    table: int,
    rows: Sequence[Ablation],
    corpus: Corpus,
    asked: Mapping[str, Any],
    seeds: int,
    taught: str,
) -> None:
    """The table of what has been measured so far, as JSON with the curves and as CSV."""
    found: dict[str, np.ndarray] = {}
    for row in rows:
        runs = [_measured(out / row.name / f"seed-{seed}", asked) for seed in range(seeds)]
        if there := [run for run in runs if run is not None]:
            found[row.name] = np.stack(there)  # (seeds, Q)
    lines = [
        line_of(row, found[row.name], found[BEST][: len(found[row.name])], np.asarray(corpus.picture))
        for row in rows
        if row.name in found
    ]
    said = {
        "table": table,
        **asked,
        "questions": len(corpus),
        "pictures": corpus.picture_count,
        "taught": taught,
        "guess": constant_guess(corpus.answer.tolist(), corpus.family.tolist(), np.ones(len(corpus), bool)),
        "rows": lines,
        "curves": {
            f"{row.name}, seed {seed}": curve
            for row in rows
            for seed in range(seeds)
            if (curve := _curve(out / row.name / f"seed-{seed}" / "history.csv"))
        },
    }
    place = out / f"table-{table}.json"
    if place.exists() and (remark := json.loads(place.read_text("utf-8")).get("remark")):
        said["remark"] = remark  # by hand: what else there is to know of these runs
    text = json.dumps(said, indent=1)
    write_atomically(place, lambda path: path.write_text(text + "\n"))

    def write(path: Path) -> None:
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(lines[0]))
            writer.writeheader()
            writer.writerows(lines)

    write_atomically(out / f"table-{table}.csv", write)


def line_of(row: Ablation, right: np.ndarray, best: np.ndarray | None, owner: np.ndarray) -> dict[str, Any]:
    """A line of the table, shares of 1; intervals are over pictures, for these trained networks.

    Args:
        right, best: bool (seeds, Q), of the row and of the whole network, on the same questions.
        owner: (Q,), the picture of each question.
    """
    share, low, high = clustered_mean(right.mean(axis=0), owner)
    if low is not None and high is not None:  # no share lies outside of these
        low, high = max(low, 0.0), min(high, 1.0)
    line: dict[str, Any] = {
        "row": row.name, "about": row.about, "paper": row.paper, "seeds": len(right),
        "by_seed": [round(float(value), 5) for value in right.mean(axis=1)],
        "accuracy": share, "low": low, "high": high,
        "difference": None, "difference_low": None, "difference_high": None,
    }  # fmt: skip
    if best is not None and row.name != BEST:
        names = ("difference", "difference_low", "difference_high")
        less = clustered_mean(right.mean(axis=0) - best.mean(axis=0), owner)
        line |= dict(zip(names, less, strict=True))
    return line


def _curve(path: Path) -> list[list[float]]:
    """Samples and validation accuracy, as often as the run looked."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row.get("validation accuracy")]
    return [[int(row["samples"]), round(float(row["validation accuracy"]), 4)] for row in rows]


def network_of(row: Ablation) -> NetworkConfig:
    """The network of a row, as `train_ablations` builds it without other changes."""
    return replace(recipe("scenes").network, **row.changes)
