"""CoGenT as in the paper's Figure 9: condition A learned, condition B met: `python -m film train-cogent`.

One command makes corpora of both conditions, trains a network on A alone, tests it on A and B, and then lets
it learn on from growing numbers of B's questions, each time from the same network taught A. Networks answer
from attribute maps drawn from scenes, taught answers alone; `scenes` is the recipe. The paper's looked at
pictures of CLEVR, so shapes of curves compare, not decimals.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from film.clevr.data.corpus import Corpus
from film.clevr.data.generate import DatasetRecipe, generate
from film.config import LossWeights, TrainingConfig
from film.errors import InputError
from film.files import write_atomically
from film.intervals import clustered_share
from film.training.ablations import right_answers
from film.training.loop import Report, start
from film.training.recipes import recipe

RESULTS = "cogent.json"
ASKED_EACH = 10  # questions about a scene
STEPS = (100, 300, 1000, 3000, 10_000, 30_000)  # of B's questions to learn on from
EPOCHS = 10  # how often each of them is met, on average
RATE = 0.3  # of the recipe's learning rate, for learning on
# Per cent: the paper's network taught A on A and on B, and after 30,000 of B's questions (Figure 9, table).
PAPER = {0: {"A": 98.3, "B": 75.6}, 30_000: {"A": 80.8, "B": 96.9}}


def train_cogent(
    out: Path,
    *,
    samples: int = 3_000_000,
    scenes: int = 70_000,
    tested: int = 1000,
    steps: Sequence[int] = STEPS,
    changes: Sequence[str] = (),
    seed: int = 0,
    workers: int = 1,
    precision: str = "auto",
    time_limit: float = float("inf"),
    report: Report = print,
) -> bool:
    """Run all of it, or go on where it was stopped; `cogent.json` is written anew after each.

    Args:
        out: folder of the corpora, of the run `taught-a`, and of a run for each number of B's questions.
        samples: that the network sees of A. scenes: of A to train on, ten questions each; CLEVR-CoGenT has as
            many as the default. With 20,000 the network learns them by heart.
        tested: scenes of each condition to test on, ten questions each; never trained on.
        steps: numbers of B's questions to learn on from.
        changes: of the recipe, as `Recipe.changed` takes them.
        time_limit: seconds.

    Returns:
        Whether all is done.

    Raises:
        InputError: a number is no good, or the folder holds a run of other numbers.
    """
    if not steps or min(steps) < ASKED_EACH or sorted(set(steps)) != list(steps):
        raise InputError(
            f"--steps {' '.join(map(str, steps))} was given; give growing numbers from {ASKED_EACH} on."
        )
    ends = time.monotonic() + time_limit
    asked = {
        "samples": samples, "scenes": scenes, "tested": tested, "seed": seed, "changes": list(changes),
        "steps": list(steps),
    }  # fmt: skip
    found = _begun(out, asked)
    base = recipe("scenes").changed(changes)
    training = replace(base.training, samples=samples, seed=seed, loss=LossWeights())

    def made(name: str, condition: str, pictures: int) -> Path:
        wanted = DatasetRecipe(
            pictures=pictures, questions=ASKED_EACH, size=None, split=name, condition=condition, seed=seed
        )
        return generate(out / "corpora" / name, wanted, workers=workers)

    tests = {condition: made(f"test{condition}", condition, tested) for condition in "AB"}

    def learn(name: str, count: int, data: Path, how: TrainingConfig, initial: tuple[Path, ...]) -> bool:
        """Train and test one network, or go on with it; False where the time is up."""
        if any(row["run"] == name for row in found["rows"]):
            return True
        left = ends - time.monotonic()
        done = left > 0 and start(
            out / name, base.network, how, data, tests["A"], initial=initial,
            resume=(out / name / "state.pt").exists(), precision=precision, time_limit=left, report=report,
        )  # fmt: skip
        if not done:
            return False
        shares = {test: _share(out / name / "checkpoint", Corpus.open(path)) for test, path in tests.items()}
        found["rows"].append({"run": name, "from_b": count, "paper": PAPER.get(count), **shares})
        _write(out, found)
        report(f"{name}: A {shares['A']['accuracy']:.1%}, B {shares['B']['accuracy']:.1%}")
        return True

    taught = out / "taught-a" / "checkpoint"
    if not learn("taught-a", 0, made("trainA", "A", scenes), training, ()):
        return False
    slower = replace(training, learning_rate=RATE * training.learning_rate, warm_up=0)
    return all(
        learn(
            f"from-{count}-of-b", count, made(f"tuneB{count}", "B", -(-count // ASKED_EACH)),
            replace(slower, samples=EPOCHS * count), (taught,),
        )
        for count in steps
    )  # fmt: skip


def _begun(out: Path, asked: Mapping[str, Any]) -> dict[str, Any]:
    """What is measured already; nothing where the folder is new."""
    path = out / RESULTS
    if not path.is_file():
        out.mkdir(parents=True, exist_ok=True)
        return {**asked, "taught": "answers alone, on attribute maps of condition A", "rows": []}
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    if {name: found.get(name) for name in asked} != dict(asked):
        raise InputError(f"{out} holds a run of other numbers; give the same ones, or another folder.")
    return found


def _share(checkpoint: Path, corpus: Corpus) -> dict[str, Any]:
    share = clustered_share(right_answers(checkpoint, corpus), np.asarray(corpus.picture))
    return {"accuracy": share.accuracy, "low": share.low, "high": share.high, "asked": share.asked}


def _write(out: Path, found: Mapping[str, Any]) -> None:
    text = json.dumps(found, indent=1) + "\n"
    write_atomically(out / RESULTS, lambda path: path.write_text(text, encoding="utf-8"))
