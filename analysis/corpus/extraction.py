"""What a network makes of many questions: gammas, betas and GRU states, beside a table of the questions.

An extraction is a folder, written once and then only read:

    gamma.npy, beta.npy   float16 (questions, blocks, maps)     memory-mapped when opened
    state.npy             float16 (questions, hidden)           gamma and beta are a function of it
    pooled.npy            float16 (questions, blocks, maps)     where pictures were looked at, else not there
    table.parquet         one row a question, see `Extraction`
    extraction.json       the recipe, and the size of each file; written last: a folder that has it is whole

Gamma and beta need no picture. A folder with the states alone is enough where the network is at
hand; the bundled study is kept so.

That is version 1. Version 2 (`analysis.write_study`, docs/study-format.md) is of any FiLM network: its rows
need be no questions, its layers may differ in width, its arrays are float32, and it may have no states.
"""

from __future__ import annotations

import json
import os
import platform
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.corpus.question_set import QuestionSet, question_set
from analysis.corpus.schema import Schema
from analysis.tables import no_numbers
from film import (
    BigArray,
    Cancel,
    InputError,
    Progress,
    ResumableFolder,
    Session,
    command,
    stop_if,
    write_atomically,
)

if TYPE_CHECKING:
    import pandas as pd

MANIFEST, FORMAT, VERSION = "extraction.json", "film-lens extraction", 1
OF_ANY_NETWORK = 2  # the version of what `write_study` writes
SPACES = ("gamma", "beta", "both", "maps", "state")  # all but the state also for one block, as "both:4"
ARRAYS = ("gamma", "beta", "state", "pooled")
TABLE = "table.parquet"
COLUMNS = ("text", "type", "group", "family", "length", "depth", "answer", "picture", "prediction")
CHUNK = 16384  # questions read together, and lost when a run is cut off
UNANSWERED = -1


@dataclass(frozen=True, eq=False)
class Extraction:
    """What a network makes of many questions. Row i is one question everywhere.

    table: its index is a question's id. Columns: text, type (13), group (5), family (0..89, -1 where it is
        not known), length (words), depth (longest chain of program steps), answer (the true one), prediction,
        picture (file name or number), attribute (color, shape, size or material that is asked for or
        compared, "" in other questions) and operation (query, equal, count, exist, compare). What is not
        known is None, "" in type, group, attribute and operation, 0 in depth.
    gamma, beta: (questions, blocks, maps), float16 or float32, perhaps memory-mapped; (rows, all maps) in a
        study of a network whose layers may differ in width (`Layers.of` reads both).
    state: (questions, hidden), the GRU state that gamma and beta are a function of; None where a study of
        another network has none.
    recipe: hash of weights and questions, source, seed, count and versions.
    pooled: (questions, blocks, maps), each map's greatest value over places after a block, or its mean, as
        the network's classifier pools; NaN where a question has no picture. None where none was looked at.
    """

    table: pd.DataFrame
    gamma: np.ndarray
    beta: np.ndarray
    state: np.ndarray | None
    recipe: dict[str, Any]
    pooled: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.table)

    @property
    def schema(self) -> Schema:
        """What the rows are called, and their labels and layers."""
        return Schema.of(self.recipe, self.gamma.shape)

    def has_word(self, word: str) -> np.ndarray:
        """Which questions hold this whole word, in whatever case: bool (questions,)."""
        wanted = re.compile(rf"(?<!\w){re.escape(word.strip())}(?!\w)", re.IGNORECASE)
        return np.fromiter((wanted.search(text) is not None for text in self.table["text"]), bool, len(self))

    def take(self, rows: Sequence[int] | np.ndarray | slice) -> Extraction:
        """Some of the questions, by position or mask; they keep their ids."""
        rows = np.arange(len(self))[rows]
        pooled = None if self.pooled is None else self.pooled[rows]
        state = None if self.state is None else self.state[rows]
        return Extraction(
            self.table.iloc[rows], self.gamma[rows], self.beta[rows], state, self.recipe, pooled
        )


def vectors(extraction: Extraction, space: str) -> np.ndarray:
    """The questions as points of a space: float32 (questions, d), not scaled.

    Args:
        space: one of SPACES; "both" is gamma and beta joined, "maps" the pooled activations. With ":1",
            ":2" ... that block's alone.

    Raises:
        InputError: there is no such space, or no pictures were looked at.
    """
    kind, _, block = space.partition(":")
    layers = extraction.schema.layers
    if kind not in SPACES or (kind == "state" and block):
        raise InputError(
            f"There is no space {space!r}; choose {', '.join(SPACES)}, or one block's, such as both:1."
        )
    if block and not (block.isdecimal() and 1 <= int(block) <= len(layers)):
        raise InputError(
            f"There is no block {block!r} for {space!r}; this network has blocks 1 to {len(layers)}."
        )
    if kind == "state":
        if extraction.state is None:
            raise InputError("This study has no states, only gammas and betas; choose gamma, beta or both.")
        return np.asarray(extraction.state, np.float32)
    if kind == "maps" and (
        extraction.pooled is None or np.isnan(layers.of(extraction.pooled, 0)[:, 0]).any()
    ):
        raise InputError(
            "Maps have activations only where a picture was looked at, and that is not so for all of these "
            "questions; extract them with --predict from data with pictures."
        )
    names = {"both": ("gamma", "beta"), "maps": ("pooled",)}.get(kind, (kind,))
    arrays = [getattr(extraction, name) for name in names]
    parts = [
        layers.of(values, int(block) - 1) if block else values.reshape(len(extraction), -1)
        for values in arrays
    ]
    joined = np.empty((len(extraction), sum(part.shape[1] for part in parts)), np.float32)
    return np.concatenate(parts, axis=1, out=joined, casting="same_kind")


# --- making one -----------------------------------------------------------------------------------


def extract(
    session: Session,
    questions: QuestionSet | Sequence[str],
    folder: str | Path,
    *,
    predict: bool = False,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> Extraction:
    """Read questions with a network and keep what it makes of them in a folder.

    A run that was cut off goes on where it stopped, and one that is finished is only opened. Under
    torchrun every process takes its share of the chunks; the folder must be the same for all.

    Args:
        questions: see `analysis.sample_questions` and `analysis.read_questions`; texts alone are parsed.
        predict: also answer those questions whose picture is known, and keep their pooled activations.
        progress: called with how many questions of this process's share are done, and of how many.

    Raises:
        InputError: the folder holds something else, the disk is full, or a question cannot be read.
        Cancelled: `cancel` said so.
    """
    asked = questions if isinstance(questions, QuestionSet) else question_set(questions)
    if not len(asked):
        raise InputError("There are no questions to extract; give some.")
    if predict and asked.picture_of is None:
        raise InputError(
            f"No pictures come with these questions ({asked.source}), so there is nothing to answer about; "
            "leave --predict out or give data with pictures."
        )
    folder, rank, world = Path(folder), *_share()
    recipe = _recipe(session, asked, predict)
    if rank:
        _wait(lambda: (folder / ".making" / "ready").exists() or (folder / MANIFEST).exists(), cancel)
    resumable = ResumableFolder(folder, recipe, MANIFEST, shared=rank > 0)
    if resumable.finished:
        return open_extraction(folder)
    count, config = len(asked), session.config
    shapes: dict[str, tuple[int, ...]] = {
        "gamma": (count, config.blocks, config.maps),
        "beta": (count, config.blocks, config.maps),
        "state": (count, config.state),
    }
    arrays = {name: BigArray(folder / f"{name}.npy", shape, np.float16) for name, shape in shapes.items()}
    if predict:
        arrays["pooled"] = BigArray(folder / "pooled.npy", shapes["gamma"], np.float16)
        arrays["prediction"] = BigArray(resumable.folder / "prediction.npy", (count,), np.int16)
    if not rank:
        (resumable.folder / "ready").touch()
    chunks = [range(start, min(start + CHUNK, count)) for start in range(0, count, CHUNK)]
    share = list(enumerate(chunks))[rank::world]
    done, of = 0, sum(len(rows) for _, rows in share)
    for number, rows in share:
        stop_if(cancel)
        if not resumable.chunk(number).exists():
            part = asked.table.iloc[rows.start : rows.stop]
            for name, values in _read(session, list(part["text"])).items():
                arrays[name].put(rows, values)
            if predict:
                codes, pooled = answers_and_maps(session, part, asked, cancel)
                arrays["prediction"].put(rows, codes)
                arrays["pooled"].put(rows, pooled)
            resumable.put_chunk(number, {})  # a mark, made only now that the rows are on the disk
        done += len(rows)
        if progress:
            progress(done, of)
    if rank:
        _wait((folder / MANIFEST).exists, cancel)
        return open_extraction(folder)
    _wait(lambda: all(resumable.chunk(number).exists() for number in range(len(chunks))), cancel)
    table = asked.table.assign(prediction=None)
    if predict:
        codes = np.load(resumable.folder / "prediction.npy")
        table["prediction"] = [None if code == UNANSWERED else session.answers[code] for code in codes]
    table.to_parquet(folder / TABLE, compression="zstd", index=False)
    kept = [name for name in ARRAYS if name in arrays]
    resumable.close({**header(folder, kept), "versions": versions()})
    return open_extraction(folder)


def extract_here(session: Session, asked: QuestionSet) -> Extraction:
    """The same for a few thousand questions, in memory."""
    arrays = _read(session, list(asked.table["text"]))
    recipe = {**_recipe(session, asked, False), "versions": versions()}
    return Extraction(asked.table.assign(prediction=None), **arrays, recipe=recipe)


def _share() -> tuple[int, int]:
    """(rank, processes) as torchrun says them."""
    return int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))


def _wait(ready: Callable[[], bool], cancel: Cancel | None) -> None:
    """For the other processes; torchrun ends all when one fails."""
    while not ready():
        stop_if(cancel)
        time.sleep(0.05)


def _recipe(session: Session, asked: QuestionSet, predict: bool) -> dict[str, Any]:
    return {
        "network": session.card.name,
        "weights": session.card.weights,
        "questions": asked.hash,
        "source": asked.source,
        "seed": asked.seed,
        "count": len(asked),
        "blocks": session.config.blocks,
        "maps": session.config.maps,
        "hidden": session.config.state,
        "predicted": predict,
    }


def versions() -> dict[str, str]:
    """Of what made an extraction."""
    import pandas
    import torch

    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "pandas": pandas.__version__,
    }


def _read(session: Session, texts: list[str]) -> dict[str, np.ndarray]:
    """`gamma`, `beta`, `state` of some questions, float16; a word that the network lacks is <UNK> to it."""
    states = session.encode(texts, lenient=True)
    modulation = session.modulation_of(states)
    gamma, beta = modulation.gamma.numpy(), modulation.beta.numpy()
    return {"gamma": _half(gamma), "beta": _half(beta), "state": _half(states)}


def _half(values: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        half = values.astype(np.float16)
    if not np.isfinite(half).all():
        raise InputError(
            f"The network gives values up to {np.abs(values).max():.3g}, more than a float16 holds (65504); "
            "it cannot be studied so: check its training."
        )
    return half


def answers_and_maps(
    session: Session, part: pd.DataFrame, asked: QuestionSet, cancel: Cancel | None
) -> tuple[np.ndarray, np.ndarray]:
    """Index into the session's answers for each question, int16, and pooled activations, float16.

    UNANSWERED and NaN where no picture is known.
    """
    assert asked.picture_of is not None
    config = session.config
    codes = np.full(len(part), UNANSWERED, np.int16)
    pooled = np.full((len(part), config.blocks, config.maps), np.nan, np.float16)
    pool = np.mean if config.pooling == "mean" else np.max
    names = [f"block{block}.out" for block in range(1, config.blocks + 1)]
    for picture, own in part.reset_index(drop=True).groupby("picture", sort=False):
        stop_if(cancel)
        modulation = session.modulate(list(own["text"]), lenient=True)
        for row, answer in zip(
            own.index, session.answer(asked.picture_of(picture), modulation, names), strict=True
        ):
            codes[row] = session.answers.index(answer.answer)
            pooled[row] = _half(np.array([pool(answer.activations[name], axis=(1, 2)) for name in names]))
    return codes, pooled


# --- keeping and opening --------------------------------------------------------------------------


def header(folder: Path, arrays: Sequence[str], version: int = VERSION) -> dict[str, Any]:
    """What extraction.json says of the files that lie there."""
    names = (*(f"{name}.npy" for name in arrays), TABLE)
    return {
        "format": FORMAT,
        "version": version,
        "files": {name: (folder / name).stat().st_size for name in names},
    }


def write_small(extraction: Extraction, folder: str | Path) -> None:
    """Keep an extraction without gamma and beta, which the network makes again of the states in no time."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MANIFEST).unlink(missing_ok=True)
    np.save(folder / "state.npy", np.asarray(extraction.state, np.float16))
    extraction.table.to_parquet(folder / TABLE, compression="zstd", index=False)
    recipe = {name: value for name, value in extraction.recipe.items() if name != "versions"}
    told = {**header(folder, ("state",)), "versions": extraction.recipe["versions"], "recipe": recipe}
    write_atomically(folder / MANIFEST, lambda path: path.write_text(json.dumps(told, indent=1)))


def open_extraction(folder: str | Path, session: Session | None = None) -> Extraction:
    """Open what `extract` or `write_small` kept; arrays are memory-mapped.

    Args:
        session: the network, where the folder has no gammas and betas of its own.

    Raises:
        InputError: it is missing, unfinished, cut off, or of another network than the session's.
    """
    folder = Path(folder)
    told = read_header(folder)
    recipe, files = {**told["recipe"], "versions": told["versions"]}, told["files"]
    if session is not None and session.card.weights != recipe["weights"]:
        raise InputError(
            f"{folder} was extracted with another network ({recipe['network']} {recipe['weights'][:12]}, not "
            f"{session.card.weights[:12]}); extract it again with this one."
        )
    table = _read_table(folder, recipe)
    rows, of_any = recipe["count"], told["version"] == OF_ANY_NETWORK
    maps = (sum(wide for _, wide in recipe["layers"]),) if of_any else (recipe["blocks"], recipe["maps"])
    shapes = dict.fromkeys(ARRAYS, (rows, *maps)) | {"state": (rows, recipe["hidden"])}
    kind = np.float32 if of_any else np.float16
    arrays: dict[str, Any] = {
        name: _mapped(folder, name, shapes[name], kind) for name in ARRAYS if f"{name}.npy" in files
    }
    if "state" not in arrays:
        if not of_any:
            raise InputError(f"{folder} has no states; extract it again.")
        arrays["state"] = None
    if "gamma" not in arrays or "beta" not in arrays:
        if session is None:
            raise InputError(f"{folder} keeps states alone; open it with the network that they are of.")
        modulation = session.modulation_of(np.array(arrays["state"], np.float32))
        arrays["gamma"], arrays["beta"] = modulation.gamma.numpy(), modulation.beta.numpy()
    return Extraction(table, recipe=recipe, **arrays)


def read_header(folder: Path) -> dict[str, Any]:
    """extraction.json of a folder that is whole. Raises InputError as `open_extraction` does."""
    path = folder / MANIFEST
    if not path.is_file():
        if (folder / ".making").is_dir():
            raise InputError(
                f"The extraction {folder} is not finished; run the command that makes it again to go on."
            )
        raise InputError(
            f"There is no extraction in {folder} ({MANIFEST} is not there); make one with "
            f"`{command('analysis', 'extract')}`."
        )
    try:
        told = json.loads(path.read_text("utf-8"))
        known = told["format"] == FORMAT
        version, files, recipe = told["version"], dict(told["files"]), dict(told["recipe"])
        texts = all(isinstance(recipe[name], str) for name in ("network", "weights", "questions", "source"))
        numbers = isinstance(recipe["count"], int) and isinstance(recipe["hidden"], int)
        numbers = numbers and all(isinstance(size, int) for size in files.values())
        described = _of_any_network(recipe) if version == OF_ANY_NETWORK else _of_blocks(recipe)
        whole = texts and numbers and described and isinstance(told["versions"], dict) and TABLE in files
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        raise InputError(f"{path} is damaged; make the extraction again.") from None
    if not known or not whole:
        raise InputError(
            f"{path} is not of an extraction; give a folder that `{command('analysis', 'extract')}` made."
        )
    if version not in (VERSION, OF_ANY_NETWORK):
        raise InputError(
            f"{folder} is an extraction of version {version}, this program reads {VERSION} and "
            f"{OF_ANY_NETWORK}; make it again."
        )
    for name, size in files.items():
        there = (folder / name).stat().st_size if (folder / name).is_file() else None
        if there != size:
            has = "is missing" if there is None else f"has {there:,} bytes and should have {size:,}"
            raise InputError(f"{folder / name} {has}; copy or make the extraction again.")
    result: dict[str, Any] = told
    return result


def _of_blocks(recipe: dict[str, Any]) -> bool:
    return isinstance(recipe["blocks"], int) and isinstance(recipe["maps"], int)


def _of_any_network(recipe: dict[str, Any]) -> bool:
    named = [
        *recipe["categories"],
        *recipe["numbers"],
        recipe["noun"],
        *(name for name, _ in recipe["layers"]),
    ]
    wide = all(isinstance(maps, int) and maps > 0 for _, maps in recipe["layers"])
    return all(isinstance(name, str) for name in named) and wide and isinstance(recipe["words"], bool)


def _read_table(folder: Path, recipe: dict[str, Any]) -> pd.DataFrame:
    import pandas as pd

    try:
        table = pd.read_parquet(folder / TABLE)
    except Exception as error:  # a damaged file fails in many ways
        raise InputError(f"{folder / TABLE} is damaged ({error}); make the extraction again.") from None
    needed = ("text", *recipe["categories"], *recipe["numbers"]) if "layers" in recipe else COLUMNS
    if len(table) != recipe["count"] or not {*needed} <= {*table}:
        raise InputError(f"{folder / TABLE} does not belong to its extraction; make it again.")
    if wrong := no_numbers(table, recipe["numbers"] if "layers" in recipe else ("family", "length", "depth")):
        raise InputError(f"{folder / TABLE}: {wrong}; make the extraction again.")
    return table


def _mapped(folder: Path, name: str, shape: tuple[int, ...], kind: type) -> np.ndarray:
    path = folder / f"{name}.npy"
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # a broken header fails in many ways
        raise InputError(f"{path} is damaged ({type(error).__name__}); make the extraction again.") from None
    if array.shape != shape or array.dtype != kind:
        raise InputError(
            f"{path} has the shape {array.shape} of {array.dtype} and should have {shape} of "
            f"{kind.__name__}; make the extraction again."
        )
    starts = range(0, len(array), CHUNK) if name == "state" else ()
    if not all(np.isfinite(array[start : start + CHUNK]).all() for start in starts):
        raise InputError(f"{path} holds values that are no numbers; make the extraction again.")
    result: np.ndarray = array
    return result
