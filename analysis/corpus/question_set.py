"""The questions of an extraction, from wherever they come: sampled, a corpus, a CLEVR folder, a text file."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from film import (
    ATTRIBUTES,
    GROUPS,
    LONGEST_QUESTION,
    Cancel,
    Corpus,
    GivenQuestion,
    InputError,
    Progress,
    QuestionSampler,
    open_data,
    parse,
    plain_text,
    program_depth,
    questions_of,
    sample_scene,
    scene_from_text,
    scene_to_text,
    split_words,
    stop_if,
    type_of,
)

if TYPE_CHECKING:
    import pandas as pd

PER_SCENE = 20  # questions asked about each sampled scene
SCENE = "scene-"  # what the key of a scene's picture begins with (`analysis.PictureKey`)
LARGEST = 1 << 28  # bytes of a text file
TABLES = (".csv", ".tsv", ".xls", ".xlsx", ".ods", ".parquet")
BLANK = " ?.,;\t\r\x00"  # what a line may hold that says nothing


OPERATIONS = {
    **{kind: "compare" for kind, group in GROUPS.items() if group == "Compare Numbers"},
    **{kind: kind.partition("_")[0] for kind, group in GROUPS.items() if group != "Compare Numbers"},
}


@dataclass(frozen=True, eq=False)
class QuestionSet:
    """Questions with what is known of each: the table of an `Extraction` without predictions.

    source: in words, where they come from. seed: that they were sampled with, None where they were not.
    picture_of: from a value of the table's `picture` to the picture, uint8 (height, width, 3); None
        where there are no pictures.
    """

    table: pd.DataFrame
    source: str
    seed: int | None = None
    picture_of: Callable[[Any], np.ndarray] | None = None

    def __len__(self) -> int:
        return len(self.table)

    @property
    def hash(self) -> str:
        """SHA-256 of the texts in their order."""
        return hashlib.sha256("\n".join(self.table["text"]).encode()).hexdigest()


def sample_questions(
    count: int, seed: int, *, progress: Progress | None = None, cancel: Cancel | None = None
) -> QuestionSet:
    """Questions as CLEVR asks them, about sampled scenes, drawn when a picture is asked for.

    About 800 a second; a scene's picture takes a fifth of a second (`drawn_picture`).

    Raises:
        InputError: none are asked for.
        Cancelled: `cancel` said so.
    """
    _at_least_one(count)
    rng, sampler = np.random.default_rng(seed), QuestionSampler(seed)
    rows: list[tuple[Any, ...]] = []
    while len(rows) < count:
        stop_if(cancel)
        scene = sample_scene(rng)
        key = SCENE + scene_to_text(scene)
        for question in sampler.sample(scene, min(PER_SCENE, count - len(rows))):
            rows.append((question.text, question.family, question.program, question.answer, key))
        if progress:
            progress(len(rows), count)
    return QuestionSet(_table(rows), f"sampled as CLEVR asks, {PER_SCENE} a scene", seed, drawn_picture)


def drawn_picture(key: str) -> np.ndarray:
    """The picture of a sampled scene, uint8 (160, 240, 3): the same bytes wherever it is drawn.

    Args:
        key: "scene-" and the scene's text, as in the table of `sample_questions`.

    Raises:
        InputError: the text is no scene.
    """
    from film import scene_picture  # the path tracer's compiler is loaded when something is drawn

    return scene_picture(scene_from_text(key.removeprefix(SCENE)), "preview")


def read_questions(
    data: str | Path,
    count: int | None = None,
    split: str | None = None,
    *,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> QuestionSet:
    """The questions of a packed corpus, of a split of a CLEVR folder, or of a text file, a line each.

    Args:
        count: only the first so many; all by default.

    Raises:
        InputError: there are none, or they cannot be read.
        Cancelled: `cancel` said so.
    """
    if count is not None:
        _at_least_one(count)
    path = Path(data)
    if path.is_file() and not _is_json(path):
        numbers, texts = _lines(path)
        named = [f"Line {number} of {path}" for number in numbers[:count]]
        found = question_set(texts[:count], path.name, places=named, progress=progress, cancel=cancel)
    elif path.is_file():
        found = QuestionSet(_given(questions_of(path), count, progress, cancel), path.name)
    else:
        opened = open_data(path, split)
        if isinstance(opened, Corpus):
            found = _of_corpus(opened, path, count)
        else:
            pictures = opened.picture_of if opened.picture_folders else None
            table = _given(opened.questions(), count, progress, cancel)
            found = QuestionSet(table, f"{path.name}, {opened.name}", None, pictures)
    if not len(found):
        raise InputError(f"{path} holds no questions; give data that does.")
    return found


def question_set(
    texts: Sequence[str],
    source: str = "given texts",
    *,
    places: Sequence[str] | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> QuestionSet:
    """Questions of which only the text is known; those that CLEVR could ask are understood from it.

    A question that does not parse keeps an empty type. Parsing takes about a millisecond a question.

    Args:
        places: where each text stands, "Line 3 of questions.txt", for messages.

    Raises:
        InputError: a text is far too long for a question.
        Cancelled: `cancel` said so.
    """
    rows: list[tuple[Any, ...]] = []
    for done, text in enumerate(texts):
        if done % 128 == 0:
            stop_if(cancel)
            if progress:
                progress(done, len(texts))
        if (words := len(split_words(text))) > LONGEST_QUESTION:
            where = places[done] if places else f"Text {done}"
            raise InputError(
                f"{where} has {words:,} words; write a question of at most {LONGEST_QUESTION} there."
            )
        try:
            understood = parse(text)
            family = understood.family.index if understood.family.is_clevrs else None
            rows.append((text, family, understood.program, None, None))
        except InputError:  # not CLEVR's, or longer than any of its questions
            rows.append((text, None, None, None, None))
    return QuestionSet(_table(rows), source)


def _given(
    questions: Iterable[GivenQuestion], count: int | None, progress: Progress | None, cancel: Cancel | None
) -> pd.DataFrame:
    """Of questions as files give them, the first so many."""
    rows: list[tuple[Any, ...]] = []
    for question in islice(questions, count):
        if len(rows) % 1024 == 0:
            stop_if(cancel)
            if progress:
                progress(len(rows), count or 0)
        rows.append((question.text, question.family, question.program, question.answer, question.filename))
    return _table(rows)


def _is_json(path: Path) -> bool:
    with open(path, "rb") as file:
        return file.read(1 << 12).lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[")


def _lines(path: Path) -> tuple[list[int], list[str]]:
    """The numbers of the lines that say something, and what they say."""
    if path.suffix.lower() in TABLES:
        raise InputError(
            f"{path} is a table; give a text file with one question a line, such as its column of questions."
        )
    if path.stat().st_size > LARGEST:
        raise InputError(f"{path} has over {LARGEST >> 20} MB; give a text file with one question a line.")
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(
            f"{path} is no text in UTF-8; give a text file with one question a line, a packed corpus or a "
            "CLEVR folder."
        ) from None
    lines = {n: said.strip() for n, said in enumerate(text.split("\n"), 1) if plain_text(said).strip(BLANK)}
    if not lines:
        raise InputError(f"{path} holds no questions; write one on each line.")
    return list(lines), list(lines.values())


def _of_corpus(corpus: Corpus, path: Path, count: int | None) -> QuestionSet:
    table = corpus.table("text", "type", "group", "family", "length", "depth", "answer", "picture")[:count]
    table = table.assign(
        family=table["family"].fillna(-1).astype(np.int16),
        length=table["length"].astype(np.int16),
        depth=table["depth"].fillna(0).astype(np.int16),
        type=table["type"].fillna(""),
        group=table["group"].fillna(""),
    )
    pictures = None if corpus.pictures is None else lambda number: corpus.pictures[int(number)]  # type: ignore[index]
    return QuestionSet(_labelled(table), f"{path.name}, {corpus.name}", None, pictures)


def _table(rows: Iterable[tuple[Any, ...]]) -> pd.DataFrame:
    """Of (text, family, program, answer, picture) rows."""
    import pandas as pd

    rows = list(rows)
    types = [type_of(program, family) or "" for _, family, program, _, _ in rows]
    return _labelled(
        pd.DataFrame(
            {
                "text": [row[0] for row in rows],
                "type": types,
                "group": [GROUPS.get(kind, "") for kind in types],
                "family": np.array([-1 if row[1] is None else row[1] for row in rows], np.int16),
                "length": np.array([len(split_words(row[0])) for row in rows], np.int16),
                "depth": np.array([program_depth(row[2]) if row[2] else 0 for row in rows], np.int16),
                "answer": pd.Series([row[3] for row in rows], dtype=object),
                "picture": pd.Series([row[4] for row in rows], dtype=object),
            }
        )
    )


def _labelled(table: pd.DataFrame) -> pd.DataFrame:
    """The table with `attribute` and `operation`, which follow from the type."""
    last = {kind: kind.partition("_")[2] for kind in GROUPS}
    attribute = {kind: name if name in ATTRIBUTES else "" for kind, name in last.items()}
    return table.assign(
        attribute=table["type"].map(attribute).fillna(""), operation=table["type"].map(OPERATIONS).fillna("")
    )


def _at_least_one(count: int) -> None:
    if count < 1:
        raise InputError(f"{count} questions are none; ask for --questions 1 or more.")
