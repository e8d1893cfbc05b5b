"""How well a network generalises: CLEVR's questions, CLOSURE's, and CoGenT's conditions A and B.

    CLEVR       questions as CLEVR asks them about the gallery's pictures
    CLOSURE     its seven kinds of question, which put CLEVR's phrases together in ways CLEVR never does
                (Bahdanau et al. 2019), about the same pictures
    CoGenT A    CLEVR's questions about scenes whose cubes and cylinders have the colours of condition A
    CoGenT B    the same with the colours of the two swapped (Johnson et al. 2017, section 4.7)

All are made here, with a seed. Each test is a table kept beside the checkpoint, so that a run that was cut
off goes on with the next.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.corpus.accuracy import accuracy_by, gallery_questions, versions
from analysis.corpus.question_set import SCENE
from analysis.tables import read_tables, write_tables
from film import (
    CLOSURE_FAMILIES,
    CLOSURE_NAMES,
    GROUP_NAMES,
    GROUPS,
    PAPER,
    Card,
    GivenQuestion,
    Question,
    Questions,
    QuestionSampler,
    Session,
    Stages,
    answer_all,
    bundled,
    command,
    constant_guess,
    find,
    gallery,
    name_of,
    read_picture,
    render,
    sample_closure,
    sample_scene,
    scene_to_text,
    write_atomically,
)

FOLDER = "study"
TRAINED = "ablations"  # beside the bundled networks: results of networks that were trained for a comparison
_COLUMNS = "text kind family answer prediction probability picture right"
CLOSURE_EACH = 256  # questions of each of CLOSURE's kinds, or a little more: as many of each family
ASKED_EACH = 10  # questions about a drawn picture
SAMPLES = 16  # light paths a pixel, as in pictures for training
_NOTE = b"film-lens generalisation"
# Per cent: the paper's network trained on condition A, tested on A and on B (Figure 9).
PAPER_COGENT = {"CoGenT A": 98.3, "CoGenT B": 75.6}
Asked = tuple[Questions, list[str], list[str]]  # with the kind and the family of each question


def measure_generalisation(
    session: Session,
    folder: str | Path,
    *,
    questions: int = 1000,
    seed: int = 0,
    progress: Stages | None = None,
) -> dict[str, pd.DataFrame]:
    """Put all tests to a network, those that are not kept yet, and keep them beside it.

    Args:
        folder: of the checkpoint; a table a test is written into its `study`.
        questions: of CLEVR and of each condition of CoGenT, about a tenth as many pictures.

    Returns:
        A table a test: text, kind, family, answer (the true one), prediction, probability, right, picture
        (its key in a view: of the gallery, or of a scene).
    """
    found = {}
    for test, make in _TESTS.items():
        asked_for = {"weights": session.card.weights, "test": test, "asked": questions, "seed": seed}
        kept = find_test(folder, test, session.card.weights)
        same = kept is not None and {name: kept[1].get(name) for name in asked_for} == asked_for
        if kept is not None and same and not _is_former(kept[0]):
            found[test] = kept[0]
            continue
        asked, kinds, families = make(session, questions, seed)
        if kept is not None and same and (named := _with_scenes(kept[0], asked)) is not None:
            write_tables(Path(folder) / FOLDER, {file_of(test): named}, kept[1], _NOTE)
            found[test] = named
            continue
        given, chance = answer_all(
            session, asked, progress=progress(f"questions of {test}") if progress else None
        )
        table = pd.DataFrame(
            {
                "text": [question.text for question in asked.questions],
                "kind": kinds,
                "family": families,
                "answer": [str(question.answer) for question in asked.questions],
                "prediction": given,
                "probability": chance,
                "picture": [question.filename for question in asked.questions],
            }
        )
        table["right"] = table["prediction"] == table["answer"]
        recipe = {**asked_for, "pictures": int(table["picture"].nunique()), "versions": versions()}
        write_tables(Path(folder) / FOLDER, {file_of(test): table}, recipe, _NOTE)
        found[test] = table
    return found


def _is_former(table: pd.DataFrame) -> bool:
    """Are the pictures of a condition named "A-3", as an earlier version did, which says nothing of them?"""
    return bool(table["picture"].str.fullmatch(r"[AB]-\d+").any())


def _with_scenes(table: pd.DataFrame, asked: Questions) -> pd.DataFrame | None:
    """A table of the earlier version with its scenes; None where other questions would be asked today.

    Args:
        asked: the same test with the same seed, made again.
    """
    texts, answers = ([getattr(one, name) for one in asked.questions] for name in ("text", "answer"))
    if texts != table["text"].tolist() or answers != table["answer"].tolist():
        return None
    return table.assign(picture=[one.filename for one in asked.questions])


def file_of(test: str) -> str:
    """The file of a test in a study."""
    return f"generalisation_{test.lower().replace(' ', '_')}.parquet"


def find_test(folder: str | Path, test: str, weights: str) -> tuple[pd.DataFrame, dict[str, Any]] | None:
    """A test's table and recipe; None where it was not measured, or for other weights.

    Raises:
        InputError: the file is damaged.
    """
    study = Path(folder) / FOLDER
    if not (study / file_of(test)).is_file():
        return None
    make_it = command("analysis", "generalisation", name_of(folder))
    tables, recipes = read_tables(
        study, (file_of(test),), _NOTE, make_it, {file_of(test): _COLUMNS}, "probability"
    )
    return (tables[0], recipes[0]) if recipes[0].get("weights") == weights else None


def find_generalisation(folder: str | Path, weights: str) -> dict[str, pd.DataFrame]:
    """The tables of all tests measured of these weights, by the test's name.

    `attrs` of each has the `seed`, and how many questions were `asked` for (`measure_generalisation`).
    """
    found = {}
    for test in _TESTS:
        if (kept := find_test(folder, test, weights)) is not None:
            found[test], recipe = kept
            found[test].attrs |= {"seed": recipe["seed"], "asked": recipe["asked"]}
    return found


def by_kind(test: str, table: pd.DataFrame) -> pd.DataFrame:
    """Accuracy of a test by kind of question, all of them first.

    Returns:
        The columns of `accuracy_by`, test, guess (the share that is right when every family's most frequent
        answer is always said: what can be had without a picture) and paper (per cent; nan where there is
        none).
    """
    whole, parts = accuracy_by(table, ""), accuracy_by(table, "kind")
    order = CLOSURE_NAMES if test == "CLOSURE" else GROUP_NAMES
    rows = pd.concat([whole, parts.set_index("value").loc[[k for k in order if k in set(parts["value"])]]
                      .reset_index()], ignore_index=True)  # fmt: skip
    truth, families, kinds = (table[name].tolist() for name in ("answer", "family", "kind"))
    among = [np.array([value in ("all", kind) for kind in kinds]) for value in rows["value"]]
    paper = _paper(test)
    return rows.assign(
        test=test,
        guess=[constant_guess(truth, families, mask) for mask in among],
        paper=[paper.get(value, np.nan) for value in rows["value"]],
    )


def _paper(test: str) -> Mapping[str, float]:
    if test == "CLEVR":
        return dict(zip(("all", *GROUP_NAMES), PAPER["FiLM, pixels"], strict=True))
    return {"all": PAPER_COGENT[test]} if test in PAPER_COGENT else {}


# --- What is asked --------------------------------------------------------------------------------


def _clevr(session: Session, count: int, seed: int) -> Asked:
    asked = gallery_questions(count, seed)
    return asked, *_groups(asked)


def _groups(asked: Questions) -> tuple[list[str], list[str]]:
    return [GROUPS[str(q.type)] for q in asked.questions], [str(q.family) for q in asked.questions]


def _closure(session: Session, count: int, seed: int) -> Asked:
    exhibits = {f"gallery-{exhibit.number}": exhibit for exhibit in gallery()}
    scenes = [exhibit.scene.replaced(filename=name) for name, exhibit in exhibits.items()]
    first = CLOSURE_FAMILIES[0].index
    questions, kinds, families = [], [], []
    for kind in CLOSURE_NAMES:
        each = -(-CLOSURE_EACH // sum(family.file == kind for family in CLOSURE_FAMILIES))
        for scene, question in sample_closure(scenes, kind, each, seed):
            questions.append(_given(question, scene.filename))
            kinds.append(kind)
            families.append(f"{kind} {CLOSURE_FAMILIES[question.family - first].file_index}")
    return Questions(questions, lambda name: read_picture(exhibits[name].picture_path)), kinds, families


def _given(question: Question, filename: str) -> GivenQuestion:
    return GivenQuestion(question.text, filename, question.answer, question.program, question.family)


def _cogent(condition: str) -> Callable[[Session, int, int], Asked]:
    def asked(session: Session, count: int, seed: int) -> Asked:
        pictures = max(1, count // ASKED_EACH)
        chance = np.random.default_rng((seed, ord(condition)))
        sampled = [sample_scene(chance, condition=condition) for _ in range(pictures)]
        scenes = {SCENE + scene_to_text(scene): (n, scene) for n, scene in enumerate(sampled)}
        sampler = QuestionSampler(int(chance.integers(2**31)))
        questions = [
            _given(question, name)
            for name, (_, scene) in scenes.items()
            for question in sampler.sample(scene, ASKED_EACH)
        ]
        config = session.config
        crops = config.picture == "pixels" and session.card.fit == "crop"
        size = (config.width, config.height) if crops else (480, 320)

        def picture(name: str) -> np.ndarray:
            number, scene = scenes[name]
            return render(scene, *size, samples=SAMPLES, seed=number, threads=1).picture

        found = Questions(questions, picture)
        return found, *_groups(found)

    return asked


_TESTS: dict[str, Callable[[Session, int, int], Asked]] = {
    "CLEVR": _clevr,
    "CLOSURE": _closure,
    "CoGenT A": _cogent("A"),
    "CoGenT B": _cogent("B"),
}
TESTS = tuple(_TESTS)


# --- All networks, and networks that differ in one thing ------------------------------------------


def overview(folders: Mapping[str, Path]) -> pd.DataFrame:
    """The tests of several networks, all questions together: a row a network and test that was measured.

    Args:
        folders: checkpoints by the name they are shown under.

    Returns:
        Columns network, taught, test, accuracy, low, high (shares of 1), guess, paper (per cent), asked,
        pictures.

    Raises:
        InputError: a file is damaged.
    """
    rows = []
    for name, folder in folders.items():
        path = folder / "card.json"
        card = Card.from_json(json.loads(path.read_text("utf-8")), str(path))
        for test, table in find_generalisation(folder, card.weights).items():
            rows.append({"network": name, "taught": card.taught, **by_kind(test, table).iloc[0].to_dict()})
    names = ("network", "taught", "test", "accuracy", "low", "high", "guess", "paper", "asked", "pictures")
    return pd.DataFrame(rows, columns=list(names))


def trained_anew(table: int) -> tuple[pd.DataFrame, dict[str, Any]] | None:
    """The paper's Table 2 or 3 as it was trained here, and what of; None where none comes with the project.

    Returns:
        A row a network: row, about, seeds, accuracy, low, high, difference (from the whole network, with
        difference_low and difference_high; shares of 1) and paper (per cent); and the samples, pictures and
        questions it comes from, with its curves: a table of network, samples (millions) and accuracy.
    """
    said = _trained_here(f"table-{table}.json")
    if said is None:
        return None
    points = [
        (network, samples / 1e6, accuracy)
        for network, curve in said.pop("curves", {}).items()
        for samples, accuracy in curve
    ]
    said["curves"] = pd.DataFrame(points, columns=["network", "samples", "accuracy"])
    return pd.DataFrame(said.pop("rows")), said


def taught_a() -> tuple[pd.DataFrame, dict[str, Any]] | None:
    """A network taught CoGenT's condition A, before and after it learned on from B; None where none is here.

    Returns:
        A row a network and condition: value (what it is), from_b (B's questions it learned on from), test (A
        or B), accuracy, low, high (shares of 1), asked and paper (per cent); and the numbers it comes from.
    """
    said = _trained_here("cogent.json")
    if said is None:
        return None
    rows = [
        {
            "value": f"{test} after {row['from_b']:,} of B" if row["from_b"] else f"{test}, taught A alone",
            "from_b": row["from_b"], "test": test, **row[test],
            "paper": (row["paper"] or {}).get(test, np.nan),
        }
        for test in "AB"
        for row in said["rows"]
    ]  # fmt: skip
    return pd.DataFrame(rows), {name: value for name, value in said.items() if name != "rows"}


def zero_shot() -> tuple[pd.DataFrame, dict[str, Any]] | None:
    """The analogy of section 4.5 tried on those networks (`measure_zero_shot`); None where none is here.

    Returns:
        Its rows, with paper_own and paper_sum (per cent, nan where there is none), and the rest of it.
    """
    said = _trained_here("cogent-zero-shot.json")
    if said is None:
        return None
    rows = pd.DataFrame(said.pop("rows"))
    paper = [pair or (np.nan, np.nan) for pair in rows.pop("paper")]
    numbers = rows.columns.difference(["run", "weights", "test", "among"])
    return rows.astype(dict.fromkeys(numbers, float)).assign(
        **dict(zip(("paper_own", "paper_sum"), zip(*paper, strict=True), strict=True))
    ), said


def keep_run(folder: str | Path) -> Path:
    """Copy what was measured of a run of `film train-cogent` to where `taught_a` and `zero_shot` find it.

    Returns:
        The folder, which lies beside the bundled networks.

    Raises:
        InputError: no network comes with this copy.
    """
    out = find().parent / TRAINED
    out.mkdir(exist_ok=True)
    for name in ("cogent.json", "cogent-zero-shot.json"):
        write_atomically(out / name, partial(shutil.copyfile, Path(folder) / name))
    return out


def _trained_here(name: str) -> dict[str, Any] | None:
    """A file of results that lies beside the bundled networks."""
    there = bundled()
    path = there[0].parent / TRAINED / name if there else Path()
    return json.loads(path.read_text("utf-8")) if path.is_file() else None
