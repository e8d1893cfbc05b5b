"""What the evidence page and the map cards keep: the tables beside a network, and counts in them."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

import analysis
from analysis import (
    Calibration,
    CounterfactualSet,
    Evidence,
    FolderQuestions,
    LabelEvidence,
    MapCards,
    MapRanking,
    Measured,
    ReportedPicture,
    Study,
    WordReading,
    accuracy_by,
    beside_paper,
    calibration,
    confusion,
    find_counterfactuals,
    find_evidence,
    find_maps,
    find_measured,
    find_word_reading,
    make_report,
    rank_maps,
)
from film import Progress, Questions, Session, must_be_sayable, unknown_words
from ui.cache import bench as shelf, folder, pictures
from ui.cache.networks import behind, measuring_population, population
from ui.state import ViewState
from ui.visited import Upload

LEAST = 20  # questions that a length or depth needs to be shown
KEPT, OWN = "kept", "folder"  # whose answers: of the study's pictures, of the visitor's folder
MOST = 3000  # questions about the visitor's folder
FOLDER_NOISE = (1.0, 2.0, 3.0)  # standard deviations of the ablations on it, which somebody waits for

# New files are seen without a restart: they are part of the key.
_KEYED: dict[Any, Callable[[Any], Any]] = {
    Study: lambda study: (str(study.folder), study.weights, study.written)
}


@st.cache_resource(show_spinner=False, max_entries=4, hash_funcs=_KEYED)
def evidence(study: Study) -> Evidence | None:
    """Answers and probes of a network; None where they were not measured.

    Raises:
        InputError: a file is damaged.
    """
    return find_evidence(study.folder, study.weights)


@st.cache_resource(show_spinner=False, max_entries=4, hash_funcs=_KEYED)
def cards(study: Study) -> MapCards | None:
    """The cards of a network's maps; None where they were not measured.

    Raises:
        InputError: a file is damaged.
    """
    return find_maps(study.folder, study.weights)


def gallery_maps(study: Study, question: str) -> np.ndarray | None:
    """Every map before its FiLM about every picture of the gallery, read behind the scenes; None meanwhile.

    float16 (pictures, blocks, maps, rows, columns). It takes a second or two, once a question.
    """
    made = reading_gallery(study, question)
    return made.result() if made.done() else None


@st.cache_resource(show_spinner=False, max_entries=4, hash_funcs=_KEYED)
def reading_gallery(study: Study, question: str) -> Future[np.ndarray]:
    session, config = study.session, study.session.config
    names = [analysis.stage_names(config, block).names[0] for block in range(config.blocks)]

    def of(number: int) -> np.ndarray:
        found = session.ask(pictures.picture(number), question, record=names).activations
        return np.stack([found[name][: config.maps] for name in names]).astype(np.float16)

    return behind(lambda: np.stack([of(exhibit.number) for exhibit in pictures.exhibits()]))


@st.cache_resource(show_spinner=False, max_entries=4, hash_funcs=_KEYED)
def word_reading(study: Study) -> WordReading | None:
    """Which blocks and maps read which kind of word; None where it was not measured.

    Raises:
        InputError: the file is damaged.
    """
    return find_word_reading(study.folder, study.weights)


def ranking(study: Study) -> MapRanking | None:
    """What the maps can be ranked by, measured behind the scenes in a second or two; None while that lasts.

    Raises:
        InputError: the map cards are damaged.
    """
    found = ranking_maps(study)
    return found.result() if found.done() else None


@st.cache_resource(show_spinner=False, max_entries=4, hash_funcs=_KEYED)
def ranking_maps(study: Study) -> Future[MapRanking]:
    measured = measuring_population(study)
    return behind(lambda: rank_maps(measured.result(), find_maps(study.folder, study.weights)))


def prepare(study: Study) -> None:
    """Begin with what takes seconds and what somebody may soon ask for, where the study is there for it."""
    if not study.alone and study.extraction is not None:
        ranking_maps(study)


@st.cache_resource(show_spinner=False, max_entries=4, hash_funcs=_KEYED)
def labels(study: Study) -> LabelEvidence | None:
    """What the labels of a study without its network have to do with its layers; None where not measured.

    Raises:
        InputError: a file is damaged.
    """
    return study.labels


@st.cache_resource(show_spinner=False, max_entries=4, hash_funcs=_KEYED)
def counterfactuals(study: Study) -> CounterfactualSet | None:
    """How consistent a network is on pairs of scenes; None where it was not measured.

    Raises:
        InputError: the file is damaged.
    """
    return find_counterfactuals(study.folder, study.weights)


@st.cache_resource(show_spinner=False, max_entries=16, hash_funcs=_KEYED)
def measured(study: Study, what: str) -> Measured | None:
    """What is kept of robustness, analogies or ablations; None where it was not measured.

    Raises:
        InputError: a file is damaged.
    """
    return find_measured(study.folder, what, study.weights)


@st.cache_resource(show_spinner=False, max_entries=16, hash_funcs=_KEYED)
def accuracy(study: Study, of: str, column: str) -> pd.DataFrame:
    """Accuracy by a column of the answers, "" for all of them.

    Args:
        of: KEPT, the pictures that were measured beforehand, or OWN, those of the visitor's folder.
    """
    return accuracy_by(answers(study, of), column, least=LEAST if column in ("length", "depth") else 1)


@st.cache_resource(show_spinner=False, max_entries=4, hash_funcs=_KEYED)
def paper(study: Study, of: str) -> pd.DataFrame:
    """The paper's table, this network's accuracies above it."""
    return beside_paper(answers(study, of), study.session.card.accuracy)


def is_clevrs(study: Study, of: str) -> bool:
    """May the paper's figures stand beside these answers? Only if each question is of CLEVR's families."""
    return analysis.is_clevrs(answers(study, of))


@st.cache_resource(show_spinner=False, max_entries=4, hash_funcs=_KEYED)
def unknown(study: Study, of: str) -> str:
    """In how many of the questions are words that the network does not know, and which; "" if in none."""
    asked = answers(study, of)
    return unknown_words(*study.session.vocabulary.unknown(asked["text"]), len(asked))


@st.cache_resource(show_spinner=False, max_entries=4, hash_funcs=_KEYED)
def confusions(study: Study, of: str) -> pd.DataFrame:
    return confusion(answers(study, of))


@st.cache_resource(show_spinner=False, max_entries=4, hash_funcs=_KEYED)
def calibrated(study: Study, of: str) -> Calibration:
    """Confidence beside accuracy."""
    return calibration(answers(study, of))


# --- Probes on request ------------------------------------------------------------------------------


@st.cache_resource(show_spinner=False, max_entries=4, hash_funcs=_KEYED)
def more_targets(study: Study) -> dict[str, str]:
    """What can be probed for beyond what was measured: names and what each stands for."""
    return analysis.more_targets(answers(study, KEPT))


def probed(study: Study, name: str, what: str, told: Progress) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The probes for one target of `more_targets`, in every space and across blocks.

    Raises:
        InputError: the study keeps no pooled maps.
    """
    kept = evidence(study)
    assert kept is not None
    observed = analysis.observed_again(study.session, study.where, kept)
    chosen = {name: analysis.target_of(kept.answers, what)}
    seed = int(kept.recipe["seed"])
    table = analysis.probe(observed, seed=seed, chosen=chosen, progress=lambda done, of: told(done, of + 3))
    across = analysis.probe_transfer(
        observed, seed=seed, chosen=chosen, progress=lambda done, of: told(9, 10)
    )
    return table, across


# --- The visitor's folder ---------------------------------------------------------------------------


def folder_key(study: Study) -> tuple[str, ...]:
    """Under what the answers about the visitor's folder are kept."""
    return "folder-accuracy", study.weights, os.environ.get(folder.PICTURES, "")


def folder_answers(study: Study, told: Progress) -> pd.DataFrame:
    """Ask the network the folder's questions, or CLEVR's about its scenes where it has none.

    Raises:
        InputError: nothing is known to be true of the folder's pictures, or the network has no such answers.
    """
    asked = _sayable(study.session)
    source = Path(os.environ[folder.PICTURES]).name
    return analysis.measure_answers(study.session, asked, source, progress=told)


def folder_questions(most: int = MOST) -> FolderQuestions:
    """The questions about the visitor's folder.

    Raises:
        InputError: nothing is known to be true of the folder's pictures.
    """
    return _folder_questions(os.environ[folder.PICTURES], most)


@st.cache_resource(show_spinner=False, max_entries=4)
def _folder_questions(path: str, most: int) -> FolderQuestions:
    return analysis.folder_questions(folder.album(), path, most)


def _sayable(session: Session, most: int = MOST) -> FolderQuestions:
    """They, if the network can say all their answers: others would count as its mistakes."""
    asked = folder_questions(most)
    must_be_sayable(asked.questions, session.answers)
    return asked


def ablations_key(study: Study, most: int) -> tuple[str | int, ...]:
    """Under what the ablations on the visitor's folder are kept."""
    return "folder-ablations", study.weights, os.environ.get(folder.PICTURES, ""), most


def folder_ablations(study: Study, most: int, told: Progress) -> Measured:
    """The standard ablations on up to so many questions about the visitor's folder.

    Raises:
        InputError: nothing is known to be true of the folder's pictures.
    """
    source = Path(os.environ[folder.PICTURES]).name
    return analysis.measure_ablations(
        study.session, _sayable(study.session, most), source, noise=FOLDER_NOISE, progress=told
    )


def asked_of(session: Session, of: str, most: int) -> Questions:
    """Questions about the gallery's pictures (KEPT), or the visitor's folder (OWN).

    Raises:
        InputError: nothing is known to be true of the folder's pictures.
    """
    return analysis.gallery_questions(most) if of == KEPT else _sayable(session, most)


def answers(study: Study, of: str) -> pd.DataFrame:
    """The answers that are shown: in the columns of `Observed.table`."""
    if of == OWN:
        found: pd.DataFrame = shelf.kept(folder_key(study), lambda: folder_answers(study, lambda *_: None))
        return found
    return _kept_answers(study, os.environ.get(folder.PICTURES, ""))


@st.cache_resource(show_spinner=False, max_entries=4, hash_funcs=_KEYED)
def _kept_answers(study: Study, opened: str) -> pd.DataFrame:
    """Those about the study's pictures, named as views name them while this folder is open."""
    kept = evidence(study)
    assert kept is not None
    keys = folder.keys_of(kept.answers["picture"].unique(), kept.recipe)
    return kept.answers.assign(picture=kept.answers["picture"].map(keys))


def report_of(study: Study, view: ViewState | None, upload: Upload | None = None) -> bytes:
    """The study, or one view, as a page of its own; a second or two, so only when it is asked for.

    Args:
        upload: the session's own picture, which the view may be of.
    """
    session = None if study.alone else study.session
    others = None if study.alone else population(study)
    shown = None
    if view is not None and not study.alone and view.picture.startswith(("folder-", "upload-")):
        there = pictures.shown(view.picture, upload)
        shown = ReportedPicture(there.title, there.why, there.pixels, there.scene)
    page = make_report(session, study.folder, view=view, shown=shown, population=others, grouping=False)
    return page.encode()
