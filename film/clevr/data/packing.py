"""Make packed corpora: the part shared by generated and by packed CLEVR folders."""

from __future__ import annotations

import io
import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from film.clevr.data.corpus import (
    FORMAT,
    MANIFEST,
    PICTURE_ARRAYS,
    QUESTION_ARRAYS,
    VERSION,
    sha256,
)
from film.clevr.data.encoding import QuestionRecord, question_arrays, scene_arrays
from film.clevr.data.folder import Split
from film.clevr.data.question_json import GivenQuestion
from film.clevr.data.resumable import (
    BigArray,
    DoneMarks,
    ResumableFolder,
    in_parallel,
    npy_bytes,
    npy_header,
    write_part,
    writing,
)
from film.clevr.data.verify import STRANGERS
from film.clevr.json_values import brief
from film.clevr.language.families import FAMILIES, match
from film.clevr.language.programs import ANSWERS, GROUPS, Program, program_to_json, question_type, run
from film.clevr.language.tokens import SPECIAL, split_words, word_table
from film.clevr.language.word_tree import WORDS
from film.clevr.pictures import fit, kept_middle, open_picture
from film.clevr.scene_json import scene_to_json
from film.clevr.scenes import Scene
from film.errors import InputError
from film.progress import Stages, stage

CHUNK = 250  # pictures whose small files are kept together
BLOCK = 4  # pictures that are made, written and marked together


@dataclass(frozen=True)
class Entry:
    """A picture's scene and questions on the way into a corpus.

    `centres`: float (n, 3), column and row in 0..1 and depth of the objects.
    """

    filename: str
    scene: Scene | None
    centres: np.ndarray | None
    questions: Sequence[QuestionRecord]


class Packing:
    """A packed corpus in the making.

    `count`: pictures of this corpus or shard; `size`: (width, height) of the pictures, None for none.
    """

    def __init__(
        self, out: Path, recipe: dict[str, Any], count: int, size: tuple[int, int] | None, masks: bool = False
    ) -> None:
        self.resumable = ResumableFolder(out, recipe, MANIFEST)
        self.count, self.size = count, size
        self.chunks = range(-(-count // recipe["chunk"]))
        self._big: dict[str, BigArray] = {}
        if size is None or self.resumable.finished:
            self.done = np.ones(count, bool)
            return
        shape = (count, size[1], size[0])
        arrays = {"pictures": (*shape, 3)} | ({"masks": shape} if masks else {})
        for name, full_shape in arrays.items():
            self._big[name] = BigArray(self._place(name), full_shape)
        marks = self.resumable.folder / "pictures.done"
        if any(big.fresh for big in self._big.values()):
            marks.unlink(missing_ok=True)
        self._marks = DoneMarks(marks, count)
        self.done = self._marks.done

    def missing_chunks(self) -> list[int]:
        return [chunk for chunk in self.chunks if not self.resumable.chunk(chunk).exists()]

    def missing_pictures(self) -> np.ndarray:
        """Numbers of the pictures that are still to be made."""
        return np.flatnonzero(~self.done)

    def put_pictures(self, rows: Sequence[int] | np.ndarray, **values: np.ndarray) -> None:
        """`pictures` uint8 (n, H, W, 3) and, where the corpus has them, `masks` uint8 (n, H, W)."""
        with writing(self.resumable.out):
            for name, big in self._big.items():
                big.put(rows, values[name])
            self._marks.set(rows)

    def finish(self, header: dict[str, Any], progress: Stages | None = None) -> None:
        """Join the chunks, hash the files, seal the corpus."""
        out = self.resumable.out
        folders = [self.resumable.chunk(chunk) for chunk in self.chunks]
        names = [n for n in PICTURE_ARRAYS if n not in ("pictures", "masks")] + list(QUESTION_ARRAYS)
        steps, report = len(names) + 3, stage(progress, "joining")
        with writing(out):
            for step, name in enumerate(names):
                report(step, steps)
                _join_arrays([folder / f"{name}.npy" for folder in folders], out / f"{name}.npy")
            for name in ("questions.parquet", "pictures.parquet"):
                _join_tables([folder / name for folder in folders], out / name)
            for name, big in self._big.items():
                if big.path.parent != out:
                    os.replace(big.path, out / f"{name}.npy")
            report(steps - 1, steps)
            files = [*(f"{name}.npy" for name in names), "questions.parquet", "pictures.parquet"]
            files += [f"{name}.npy" for name in self._big]
            entries = {
                n: {"bytes": (out / n).stat().st_size, "sha256": sha256(out / n)} for n in sorted(files)
            }
            questions = len(np.load(out / "answer.npy", mmap_mode="r"))
        self.resumable.close(
            {
                "format": FORMAT,
                "version": VERSION,
                **header,
                "pictures": self.count,
                "questions": questions,
                "picture_size": list(self.size) if self.size else None,
                "answers": list(ANSWERS),
                "files": entries,
            }
        )
        report(steps, steps)

    def _place(self, name: str) -> Path:
        """Big arrays move out of the workshop last; a kill may have come right after."""
        final = self.resumable.out / f"{name}.npy"
        return final if final.exists() else self.resumable.folder / f"{name}.npy"


def chunk_files(entries: Sequence[Entry], first: int, words: Sequence[str]) -> dict[str, bytes]:
    """All small files of a chunk; `first`: the number of its first picture in this corpus or shard."""
    ids = {word: i for i, word in enumerate(words)}
    pictures = [scene_arrays(e.scene, e.centres) if e.scene else _NO_SCENE for e in entries]
    asked = [question for entry in entries for question in entry.questions]
    numbers = [first + k for k, entry in enumerate(entries) for _ in entry.questions]
    rows = question_arrays(asked, ids)
    arrays = {
        "objects": np.stack([objects for objects, _ in pictures]),
        "positions": np.stack([positions for _, positions in pictures]),
        "picture": np.array(numbers, np.int32),
        **{name: getattr(rows, name) for name in QUESTION_ARRAYS if name != "picture"},
    }
    files = {f"{name}.npy": npy_bytes(array) for name, array in arrays.items()}
    files["questions.parquet"] = _questions_table(asked, numbers)
    files["pictures.parquet"] = _pictures_table(entries)
    return files


_NO_SCENE = scene_arrays(Scene(objects=()), None)


def _questions_table(asked: Sequence[QuestionRecord], numbers: Sequence[int]) -> bytes:
    import pyarrow as pa

    programs = [q.program for q in asked]
    types = [question_type(p) if p else None for p in programs]
    columns = {
        "text": pa.array([q.text for q in asked], pa.string()),
        "answer": pa.array([q.answer for q in asked], pa.string()),
        "family": pa.array([q.family for q in asked], pa.int16()),
        "type": pa.array(types, pa.string()),
        "group": pa.array([GROUPS[t] if t else None for t in types], pa.string()),
        "length": pa.array([len(split_words(q.text)) for q in asked], pa.int16()),
        "depth": pa.array([program_depth(p) if p else None for p in programs], pa.int16()),
        "picture": pa.array(numbers, pa.int32()),
        "program": pa.array([_compact(program_to_json(p)) if p else None for p in programs], pa.string()),
    }
    return _parquet(pa.table(columns))


def _pictures_table(entries: Sequence[Entry]) -> bytes:
    import pyarrow as pa

    columns = {
        "filename": pa.array([e.filename for e in entries], pa.string()),
        "scene": pa.array(
            [_compact(scene_to_json(e.scene)) if e.scene else None for e in entries], pa.string()
        ),
    }
    return _parquet(pa.table(columns))


def _parquet(table: Any) -> bytes:
    import pyarrow.parquet

    buffer = io.BytesIO()
    pyarrow.parquet.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def program_depth(program: Program) -> int:
    """Nodes on the longest way from a scene node to the last one."""
    depths: list[int] = []
    for node in program:
        depths.append(1 + max((depths[i] for i in node.inputs), default=0))
    return depths[-1]


def _join_arrays(parts: Sequence[Path], out: Path) -> None:
    """Put arrays below each other; narrower ones (of tokens) are filled up with zeros."""
    arrays = [np.load(part, mmap_mode="r") for part in parts]
    shape = tuple(max(sizes) for sizes in zip(*(array.shape[1:] for array in arrays), strict=True))
    dtype = np.result_type(*arrays)

    def write(part: Path) -> None:
        with open(part, "wb") as file:
            file.write(npy_header((sum(map(len, arrays)), *shape), dtype))
            for array in arrays:
                pad = [(0, 0), *((0, full - size) for full, size in zip(shape, array.shape[1:], strict=True))]
                file.write(np.ascontiguousarray(np.pad(array, pad), dtype).tobytes())

    write_part(out, write)


def _join_tables(parts: Sequence[Path], out: Path) -> None:
    """Put Parquet files below each other, a row group each: single rows are then cheap to read."""
    import pyarrow.parquet as parquet

    def write(whole: Path) -> None:
        with parquet.ParquetWriter(whole, parquet.read_schema(parts[0]), compression="zstd") as writer:
            for part in parts:
                writer.write_table(parquet.read_table(part))

    write_part(out, write)


# --- packing a CLEVR folder -----------------------------------------------------------------------


def pack(
    split: Split,
    out: str | Path,
    *,
    size: tuple[int, int] | None = (192, 128),
    words: Sequence[str] | None = None,
    workers: int = 1,
    progress: Stages | None = None,
) -> None:
    """Pack one split of a CLEVR folder, once; run it again after a kill and it goes on.

    `size`: (width, height) of the packed pictures, None to leave them out. `words`: the question
    vocabulary in the order of ids, by default CLEVR's own; words outside become <UNK>. Packed are
    the pictures that a question asks about, in the order of their names, or all if the split has
    no questions. Scenes, answers and programs are packed where the split has them.
    """
    words = tuple(words) if words is not None else word_table(WORDS)
    if words[: len(SPECIAL)] != SPECIAL:
        raise InputError(f"The vocabulary starts with {words[:4]}; it must start with {SPECIAL}.")
    names, question_count, questions_in_order = _survey(split.filenames("questions"))
    seen, _, scenes_in_order = _survey(split.filenames("scenes"))
    in_order = questions_in_order, scenes_in_order
    filenames = sorted(names) if question_count else list(split.pictures)
    if not filenames:
        raise InputError(f"Split {split.name} of {split.folder} has neither questions nor pictures to pack.")
    if seen and seen.isdisjoint(filenames):
        raise InputError(
            f"The scenes of split {split.name} in {split.folder} are of other pictures, such as {min(seen)}, "
            f"than the rest, such as {filenames[0]}; put the scenes of the same split and run there, or none."
        )
    numbers = {name: number for number, name in enumerate(filenames)}
    source = open_picture(split.picture_path(filenames[0])).shape[1::-1] if size else (480, 320)
    recipe = {
        "command": "pack",
        "folder": split.folder.name,
        "split": split.name,
        "size": size,
        "pictures": len(filenames),
        "questions": question_count,
        "vocabulary": len(words),
        "chunk": CHUNK,
    }
    packing = Packing(Path(out), recipe, len(filenames), size)
    if packing.resumable.finished:
        return
    paths = (
        [split.picture_path(name) for name in filenames] if size else []
    )  # all there, before the work starts
    missing, report = set(packing.missing_chunks()), stage(progress, "scenes and questions")
    for chunk, entries in enumerate(_entries(split, filenames, numbers, in_order, source, size)):
        report(min(chunk * CHUNK, len(filenames)), len(filenames))
        if chunk in missing:
            packing.resumable.put_chunk(chunk, chunk_files(entries(), chunk * CHUNK, words))
    rows = packing.missing_pictures()
    tasks = (
        (block, [paths[row] for row in block], size)
        for block in np.split(rows, range(BLOCK, len(rows), BLOCK))
    )
    done, report = len(filenames) - len(rows), stage(progress, "pictures")
    if size:
        for (block, *_), pictures in in_parallel(_fitted, tasks, workers):
            packing.put_pictures(block, pictures=pictures)
            done += len(block)
            report(done, len(filenames))
    packing.finish({"split": split.name, "words": list(words)}, progress)


def words_of(split: Split, least: int) -> tuple[str, ...]:
    """CLEVR's words by id, then, sorted, those of a split that come `least` times or more.

    Raises:
        InputError: `least` is below 1.
    """
    if least < 1:
        raise InputError(f"--new-words {least} was given; a word comes once or oftener: use 1 or more.")
    known = word_table(WORDS)
    counts = Counter(word for question in split.questions() for word in split_words(question.text))
    return (*known, *sorted(word for word in counts if counts[word] >= least and word not in known))


def _fitted(_rows: np.ndarray, paths: Sequence[Path], size: tuple[int, int]) -> np.ndarray:
    return np.stack([fit(open_picture(path), *size) for path in paths])  # (n, H, W, 3)


def _survey(filenames: Iterable[str]) -> tuple[set[str], int, bool]:
    """The different names, how many items have one, and whether they come in the order of the names."""
    names: set[str] = set()
    count, last, in_order = 0, "", True
    for name in filenames:
        names.add(name)
        count += 1
        in_order, last = in_order and last <= name, name
    return names, count, in_order


def _entries(
    split: Split,
    filenames: Sequence[str],
    numbers: Mapping[str, int],
    in_order: tuple[bool, bool],
    source: tuple[int, int],
    size: tuple[int, int] | None,
) -> Iterator[Callable[[], list[Entry]]]:
    """What makes the entries of each chunk, in order; a chunk that is there already costs only the reading.

    Files in picture order, which CLEVR's are, are streamed; others are sorted in memory.
    """
    questions = _by_number(split.questions() if split.question_files else (), numbers, in_order[0])
    scenes = _by_number(split.scenes() if split.scene_files else (), numbers, in_order[1])
    for first in range(0, len(filenames), CHUNK):
        here = filenames[first : first + CHUNK]
        asked, seen = questions(first + len(here)), scenes(first + len(here))

        def entries(
            first: int = first,
            here: Sequence[str] = here,
            asked: Mapping[int, list[GivenQuestion]] = asked,
            seen: Mapping[int, list[Scene]] = seen,
        ) -> list[Entry]:
            result = []
            for number, name in enumerate(here, first):
                scene = seen[number][0] if seen.get(number) else None
                centres = file_centres(scene, source, size or source) if scene else None
                result.append(
                    Entry(name, scene, centres, [understood(q, scene) for q in asked.get(number, ())])
                )
            _must_belong([question for entry in result for question in entry.questions], split)
            return result

        yield entries


def _must_belong(questions: Sequence[QuestionRecord], split: Split) -> None:
    """Refuse scenes of another run, in which most questions have no answer."""
    lengths = [(len(q.program or ()), len(q.outputs)) for q in questions if q.outputs]
    lost = sum(done < steps for steps, done in lengths)
    if lost > STRANGERS * len(lengths):
        raise InputError(
            f"{lost:,} of {len(lengths):,} questions of split {split.name} in {split.folder} have no "
            "answer in its scenes, as where pictures of two runs have the same names; put the questions' own "
            "scenes there, or none."
        )


def _by_number(
    items: Iterable[Any], numbers: Mapping[str, int], in_order: bool
) -> Callable[[int], dict[int, list[Any]]]:
    """take(end): the items of all pictures before `end` that were not taken yet, by picture number."""
    pairs = ((numbers[item.filename], item) for item in items if item.filename in numbers)
    stream = iter(pairs if in_order else sorted(pairs, key=lambda pair: pair[0]))
    ahead = next(stream, None)

    def take(end: int) -> dict[int, list[Any]]:
        nonlocal ahead
        taken: dict[int, list[Any]] = {}
        while ahead is not None and ahead[0] < end:
            taken.setdefault(ahead[0], []).append(ahead[1])
            ahead = next(stream, None)
        return taken

    return take


def file_centres(scene: Scene, source: tuple[int, int], size: tuple[int, int]) -> np.ndarray | None:
    """Object centres from a file's pixels, as fractions of the fitted picture: (n, 3), None if not given."""
    if any(thing.pixel is None for thing in scene.objects):
        return None
    pixels = np.array([thing.pixel for thing in scene.objects], float).reshape(-1, 3)
    width, height = source
    kept = kept_middle(source, size)
    pixels[:, 0] = (pixels[:, 0] - width / 2) / kept[0] + 0.5
    pixels[:, 1] = (pixels[:, 1] - height / 2) / kept[1] + 0.5
    return pixels


class Understood(NamedTuple):
    """A file's question with what follows from its program and scene."""

    text: str
    answer: str | None
    family: int | None
    slots: Mapping[str, str | None]
    program: Program | None
    outputs: tuple[Any, ...]


def understood(given: GivenQuestion, scene: Scene | None) -> Understood:
    """Find the slots and, when the scene is known, what each step of the program yields."""
    program, family, slots = given.program, given.family, None
    if program is not None:
        slots = None if family is None else FAMILIES[family].match(program)
        if slots is None and (matched := match(program)):  # the file names no family, or another one
            family, slots = matched[0].index, matched[1]
    if given.answer is not None and given.answer not in ANSWERS:
        raise InputError(
            f"The question {brief(given.text)} about {given.filename} has the answer {brief(given.answer)}, "
            f"which is none of CLEVR's {len(ANSWERS)}; correct or remove it."
        )
    # Without slots it is not known which step belongs to which noun phrase.
    outputs = run(program, scene).outputs if program and scene and slots is not None else ()
    return Understood(given.text, given.answer, family, slots or {}, program, outputs)
