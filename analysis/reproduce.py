"""What the README tells of a network, measured again.

`measure_results` makes what the study beside a checkpoint lacks (the long part, which goes on where it was
stopped), measures the rest and keeps the figures in study/results.json; `analysis.readme` makes tables of it.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.corpus.accuracy import DRAWN, GALLERY, accuracy_by, drawn_questions, gallery_questions
from analysis.corpus.claim import attribute_then_operation
from analysis.corpus.evidence import measure_evidence
from analysis.corpus.generalisation import TESTS, by_kind, find_test, measure_generalisation
from analysis.corpus.grouping import Grouping, Score, distinct, groupings
from analysis.corpus.map_cards import measure_maps, write_maps
from analysis.corpus.probes import bag_of_words
from analysis.corpus.regions import untrained_states
from analysis.corpus.study_groupings import MAP, SPACE, map_groupings, space_groupings, write_groupings
from analysis.interventions.ablation import measure_ablations
from analysis.interventions.analogies import gallery_analogies
from analysis.interventions.kept import Measured, find_measured, write_measured
from analysis.interventions.robustness import measure_robustness
from analysis.interventions.word_patching_of_pairs import gallery_word_patching
from analysis.interventions.word_reading import gallery_word_reading, write_word_reading
from analysis.scenes.counterfactual import (
    find_counterfactuals,
    sampled_counterfactuals,
    write_counterfactuals,
)
from analysis.study import FOLDER, Study, make_study
from film import InputError, Progress, Session, command, write_atomically

RESULTS = "results.json"
CLAIMED_ON = 3000  # different questions that the claim is counted on
Bars = Callable[[str], Progress]


def measure_results(session: Session, folder: str | Path, *, seed: int = 0, bars: Bars) -> dict[str, Any]:
    """Make what the study lacks, measure what the README tells, and keep it in study/results.json.

    Args:
        folder: the checkpoint's. Whatever of its study is of these weights stays as it is.
        bars: gives a `Progress` for each part by its name.
    """
    folder = Path(folder)
    out = folder / FOLDER
    make_study(session, out, seed=seed, progress=bars("study, in hundredths"))
    left_out = _complete(session, folder, seed, bars)
    study = Study(session, folder, seed)
    found = {
        "weights": study.weights,
        "seed": seed,
        "left out": left_out,
        "parameters": {kind: asdict(one) for kind, one in study.parameters.statistics.items()},
        "claim": _claim(study, seed, bars("claim")),
        "ablations": _ablations(study),
        "evidence": _evidence(study),
        "maps": _maps(study),
        "generalisation": _generalisation(study),
        "consistency": _consistency(study),
    }
    text = json.dumps(found, indent=1) + "\n"
    write_atomically(out / RESULTS, lambda path: path.write_text(text, encoding="utf-8"))
    return found


def _complete(session: Session, folder: Path, seed: int, bars: Bars) -> dict[str, str]:
    """Measure the parts that the study has not of these weights, each kept as soon as it is there.

    Returns:
        Part -> why it was left out: of a network that hardly tells questions apart, not everything can be
        measured.
    """
    left_out = {}
    out, weights = folder / FOLDER, session.card.weights
    study = Study(session, folder, seed)
    if study.groupings is None and study.extraction is not None:
        try:
            found = {
                SPACE: space_groupings(study.population, bars("blocks grouped")),
                MAP: map_groupings(study.extraction, study.layouts, bars("maps grouped")),
            }
            write_groupings(out, study.extraction, found)
        except InputError as error:
            left_out["groupings"] = str(error)
    if study.evidence is None or study.evidence.transfer is None:
        measure_evidence(session, out, drawn_questions(seed=seed), DRAWN, seed=seed, bars=bars)
    if study.cards is None:
        assert study.extraction is not None
        workshop = out / ".maps"
        cards = measure_maps(
            session, study.extraction, seed=seed, folder=workshop, progress=bars("feature maps")
        )
        write_maps(out, cards)
        shutil.rmtree(workshop, ignore_errors=True)
    if study.word_reading is None:
        workshop = out / ".patching"
        try:
            reading = gallery_word_reading(session, workshop, seed=seed, progress=bars("pairs patched"))
            write_word_reading(out, reading)
        except InputError as error:
            left_out["word reading"] = str(error)
        shutil.rmtree(workshop, ignore_errors=True)
    measure_generalisation(session, folder, seed=seed, progress=bars)
    if find_counterfactuals(folder, weights) is None:
        pairs = sampled_counterfactuals(
            session, seed=seed, workers=os.cpu_count() or 1, progress=bars("pictures drawn")
        )
        write_counterfactuals(out, pairs)
    for what, measure in KEPT_PARTS.items():
        if find_measured(folder, what, weights) is None:
            workshop = out / f".{what}"
            try:
                write_measured(out, what, measure(session, seed, workshop, bars(what)))
            except InputError as error:
                if what in TABLED:
                    raise
                left_out[what] = str(error)
            shutil.rmtree(workshop, ignore_errors=True)
    return left_out


def _gallery_ablations(session: Session, seed: int, _: Path, progress: Progress) -> Measured:
    return measure_ablations(session, gallery_questions(1000, seed), GALLERY, seed=seed, progress=progress)


def _gallery_analogies(session: Session, seed: int, _: Path, progress: Progress) -> Measured:
    return gallery_analogies(session, seed=seed, progress=progress)


def _gallery_robustness(session: Session, seed: int, _: Path, progress: Progress) -> Measured:
    return measure_robustness(session, gallery_questions(500, seed), GALLERY, seed=seed, progress=progress)


def _gallery_word_patching(session: Session, seed: int, workshop: Path, progress: Progress) -> Measured:
    return gallery_word_patching(session, seed=seed, workshop=workshop, progress=progress)


# What `analysis.interventions.kept` keeps -> how it is measured by seed, with a folder for what is half done.
KEPT_PARTS = {
    "ablate": _gallery_ablations, "analogies": _gallery_analogies, "robustness": _gallery_robustness,
    "patch-words": _gallery_word_patching,
}  # fmt: skip
TABLED = ("ablate",)  # without which the README's tables cannot be made


def _claim(study: Study, seed: int, progress: Progress) -> dict[str, Any]:
    """The first and the last block beside an untrained encoder and a bag of words, on the same questions."""
    known = study.population  # as on the page and in the kept groupings
    rows = distinct(list(known.texts), CLAIMED_ON, seed=seed)
    texts, types = pd.Series(known.texts[rows]), known.types[rows]
    last = known.gamma.shape[1] - 1

    def block(number: int) -> np.ndarray:
        values = (np.asarray(part[rows, number], np.float32) for part in (known.gamma, known.beta))
        return np.concatenate(list(values), axis=1)

    spaces = {
        "first block": block(0),
        "last block": block(last),
        "untrained encoder": untrained_states(study.session, texts.tolist(), seed),
        "bag of words": bag_of_words(texts),
    }
    found = groupings(spaces, types, seed=seed, with_clusters=False, progress=progress)
    verdict = attribute_then_operation(found[0], found[1], seed=seed)
    rows_of = {one.name: _row(one) for one in found}
    return {"questions": len(rows), "verdict": verdict.summary(), "spaces": rows_of}


def _row(one: Grouping) -> dict[str, dict[str, float]]:
    scores = {
        "pairs": one.centres.pairs, "among": one.centres.among, "difference": one.centres.by_attribute,
        "attribute": one.attribute,
    }  # fmt: skip
    return {name: _score(score) for name, score in scores.items()}


def _score(score: Score) -> dict[str, float]:
    kept = {"value": score.value, "low": score.low, "high": score.high}
    return kept if np.isnan(score.chance) else kept | {"chance": score.chance}


def _evidence(study: Study) -> dict[str, Any]:
    assert study.evidence is not None
    answers, recipe = study.evidence.answers, study.evidence.recipe
    columns = ["value", "right", "asked", "accuracy", "low", "high"]
    rows = pd.concat([accuracy_by(answers, ""), accuracy_by(answers, "group")])
    return {
        **{name: int(recipe[name]) for name in ("pictures", "questions", "seed")},
        "source": str(recipe["source"]),
        "rows": _records(rows[columns]),
    }  # fmt: skip


def _maps(study: Study) -> dict[str, Any]:
    assert study.cards is not None
    found, recipe = study.cards, study.cards.recipe
    named = {about: int((found.cards[about] != "unlabelled").sum()) for about in ("pictures", "language")}
    return {
        "maps": len(found.cards), "telling": len(found.telling), "reliability": list(recipe["reliability"]),
        "asked": int(recipe["asked"]), "scenes": int(recipe["scenes"]), "seed": int(recipe["seed"]),
        "labelled": named,
        "survives": {kind: list(counts) for kind, counts in recipe["survives"].items()},
    }  # fmt: skip


def _ablations(study: Study) -> dict[str, Any]:
    kept = find_measured(study.folder, "ablate", study.weights)
    assert kept is not None
    table = kept.tables["table"]
    rows = table[(table["group"] == "all") & (table["block"] == 0)]
    columns = ["what", "value", "accuracy", "low", "high", "change"]
    return {
        **{name: kept.recipe[name] for name in ("questions", "pictures", "source", "seed")},
        "rows": _records(rows[columns]),
    }


def _generalisation(study: Study) -> dict[str, Any]:
    found = {test: find_test(study.folder, test, study.weights) for test in TESTS}
    rows, recipes = [], []
    for test, kept in found.items():
        if kept is not None:
            rows.append(by_kind(test, kept[0]).iloc[:1])
            recipes.append(kept[1])
    columns = ["test", "accuracy", "low", "high", "asked", "pictures", "guess", "paper"]
    table = pd.concat(rows)[columns]
    return {"asked": int(table["asked"].sum()), "seed": int(recipes[0]["seed"]), "rows": _records(table)}


def _consistency(study: Study) -> dict[str, Any]:
    kept = find_counterfactuals(study.folder, study.weights)
    assert kept is not None
    return {
        **{name: kept.recipe[name] for name in ("pairs", "scenes", "source", "seed")},
        "rows": _records(kept.consistency()),
    }


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as JSON has them: null where a number is missing."""
    return list(json.loads(table.to_json(orient="records", double_precision=15)))


def read_results(folder: str | Path) -> dict[str, Any]:
    """What `measure_results` kept beside a checkpoint.

    Raises:
        InputError: there is nothing, or it is damaged.
    """
    path = Path(folder) / FOLDER / RESULTS
    try:
        found = json.loads(path.read_text("utf-8"))
        return dict(found)
    except (OSError, ValueError, TypeError):
        raise InputError(
            f"{path} is missing or damaged; make it with `{command('analysis', 'reproduce')}`."
        ) from None
