"""The parts of a report that are of a network's answers, and of what probes read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from analysis.corpus.accuracy import (
    accuracy_by,
    beside_paper,
    confusion,
    is_clevrs,
    told_left_out,
    wrong_answers,
)
from analysis.corpus.calibration import calibration
from analysis.corpus.probes import what_is_linear
from analysis.figures import evidence as proofs, probes as read_off
from analysis.report_page import Drawn, Section, html, missing, table
from analysis.study import Study
from film import GROUP_NAMES, GROUPS, percent

ERRORS = 20  # wrong answers that are listed
ERROR_COLUMNS = {
    "text": "question", "answer": "true", "prediction": "predicted", "probability": "confidence",
}  # fmt: skip


def answers_section(study: Study) -> Iterator[Section]:
    """How often the answers are right, by what they are about, and how sure the network is of them."""
    if study.evidence is None:
        yield from missing(study, "Accuracy", "evidence")
        return
    answers, recipe = study.evidence.answers, study.evidence.recipe
    whole, curve = accuracy_by(answers, "").iloc[0], calibration(answers)
    confused = confusion(answers)
    groups, kinds = (accuracy_by(answers, column) for column in ("group", "type"))
    clevrs = is_clevrs(answers)
    order = sorted(kinds["value"], key=lambda kind: (GROUP_NAMES.index(GROUPS[kind]), kind))
    along = [
        (accuracy_by(answers, column, least=20), axis)
        for column, axis in (("length", "words in the question"), ("depth", "program depth"))
    ]
    yield Section(
        "Accuracy",
        f"{whole['accuracy']:.1%} of {_asked(recipe)}, 95 % interval in per cent {whole['interval']} "
        f"(Wilson's, for questions that come several to a picture). {told_left_out(recipe)}",
        (
            (
                proofs.accuracy_rows(groups, paper=("FiLM", "Human") if clevrs else (), order=GROUP_NAMES),
                "By group, beside the paper's Table 1 (on CLEVR's test set: compare the order)."
                if clevrs
                else "By group; not all questions are of CLEVR's 90 families, so the paper's are left out.",
                groups,
            ),
            (proofs.accuracy_rows(kinds, order=order), "By type of question.", kinds),
            *(
                (proofs.accuracy_line(table, axis), f"By {axis}; fewer than 20 questions left out.", table)
                for table, axis in along
                if len(table)
            ),
            *(
                (
                    html("<h3>Beside the paper, %</h3>"),
                    table(beside_paper(answers, study.session.card.accuracy)),
                )
                if clevrs
                else ()
            ),
            (
                proofs.confusion_heatmap(confused),
                "Confusion matrix: rows are true answers, columns predicted ones.",
                confused.rename_axis("true").reset_index(),
            ),
            (
                proofs.calibration_curve(curve),
                f"Confidence beside accuracy: {curve.describe()}.",
                curve.curve,
            ),
            html("<h3>The {} most confident errors</h3>", ERRORS),
            table(_most_confident(wrong_answers(answers))),
        ),
        sample=_asked(recipe),
    )


def _asked(recipe: Mapping[str, Any]) -> str:
    """What the answers of this evidence were asked of."""
    return (
        f"{recipe['questions']:,} questions about {recipe['pictures']:,} pictures "
        f"({recipe['source']}, seed {recipe['seed']})"
    )


def _most_confident(wrong: pd.DataFrame) -> pd.DataFrame:
    shown = wrong[list(ERROR_COLUMNS)].head(ERRORS)
    return shown.assign(probability=shown["probability"].map(percent)).rename(columns=ERROR_COLUMNS)


def probes_section(study: Study) -> Iterator[Section]:
    """What linear probes read off every space and block."""
    if study.evidence is None:
        return
    probes = study.evidence.probes
    names = list(dict.fromkeys(probes["target"]))
    yield Section(
        "What a linear probe reads",
        "Logistic regressions tested on pictures they were not trained on. Hollow marks: the same on labels "
        "drawn once for each question family; crosses: on families not trained on. "
        f"{what_is_linear(study.session.config)}",
        (
            (read_off.probe_overview(probes), "Accuracies in per cent; colour is selectivity.", probes),
            *(_target(probes, name) for name in names),
        ),
        sample=_asked(study.evidence.recipe),
    )


def _target(probes: pd.DataFrame, name: str) -> Drawn:
    return (
        read_off.probe_chart(probes, name),
        f"Linear probes for “{name}”.",
        probes[probes["target"] == name],
    )


def probe_section(study: Study, target: str) -> Iterator[Section]:
    """The probes of one target; nothing where it was not probed."""
    if study.evidence is None or target not in set(study.evidence.probes["target"]):
        return
    yield Section(
        "What a linear probe reads",
        what_is_linear(study.session.config),
        (_target(study.evidence.probes, target),),
        sample=_asked(study.evidence.recipe),
    )
