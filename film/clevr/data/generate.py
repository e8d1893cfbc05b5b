"""Make CLEVR data from nothing: scenes, questions and pictures, as a CLEVR folder or a packed corpus.

Picture k is a pure function of the recipe and k; the questions of each `chunk` of pictures, over
which CLEVR balances answers, one of the recipe and the chunk. So a run may be cut into shards, killed
and taken up again, and spread over any number of processes without changing a byte of the result.
"""

from __future__ import annotations

import io
import itertools
import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from film.clevr.data.packing import BLOCK, CHUNK, Entry, Packing, chunk_files
from film.clevr.data.resumable import ResumableFolder, in_parallel, write_file, writing
from film.clevr.language.programs import program_to_json
from film.clevr.language.sampler import Question, QuestionSampler
from film.clevr.language.tokens import word_table
from film.clevr.language.word_tree import WORDS
from film.clevr.rendering.render import render
from film.clevr.rules import FEWEST, MOST, sample_scene
from film.clevr.scene_json import scene_from_json, scene_to_json
from film.clevr.scenes import Scene, project
from film.errors import InputError
from film.progress import Stages, stage

# Samples a pixel. Training pictures keep a little grain, as CLEVR's own have; clean ones are to look at.
SAMPLES = {"training": 16, "clean": 256}
PACKED_SIZE, FOLDER_SIZE = (192, 128), (480, 320)
FOLDER_MANIFEST = "recipe.json"


@dataclass(frozen=True)
class DatasetRecipe:
    """Everything the result depends on.

    `layout`: "clevr" for a CLEVR v1.0 folder, "packed" for a packed corpus. `size`: (width, height)
    in pixels, None for no pictures. `condition`: None, or "A" or "B" of CLEVR-CoGenT. `chunk`:
    pictures after which the balance of families and answers starts anew, 250 in CLEVR. `again`: with 1,
    2, ... other questions are drawn about the very same pictures. `most_objects`: in a scene; CLEVR has 10.
    """

    pictures: int
    questions: int = 10
    size: tuple[int, int] | None = PACKED_SIZE
    layout: str = "packed"
    split: str = "train"
    condition: str | None = None
    seed: int = 0
    quality: str = "training"
    chunk: int = CHUNK
    again: int = 0
    most_objects: int = MOST

    def __post_init__(self) -> None:
        def check(good: bool, given: str, expected: str) -> None:
            if not good:
                raise InputError(f"{given} was given; {expected}.")

        check(1 <= self.pictures <= 10_000_000, f"--pictures {self.pictures}", "make 1 to 10 million")
        check(0 <= self.questions <= 85, f"--questions {self.questions}", "ask 0 to 85 about each picture")
        if self.size is not None:
            width, height = self.size
            good = 16 <= width <= 4096 and 16 <= height <= 4096
            check(good, f"--size {width}x{height}", "use 16 to 4096 pixels each way, such as 192x128")
        check(self.layout in ("clevr", "packed"), f"--format {self.layout}", "use clevr or packed")
        check(
            self.split.isalnum(),
            f"--split {self.split!r}",
            "use letters and digits only, such as train or valB",
        )
        check(self.condition in (None, "A", "B"), f"--condition {self.condition}", "use A or B")
        check(0 <= self.seed < 2**63, f"--seed {self.seed}", "use 0 or more")
        check(self.quality in SAMPLES, f"--quality {self.quality}", f"use {' or '.join(SAMPLES)}")
        check(self.again >= 0, f"--again {self.again}", "use 0 or more")
        check(
            FEWEST <= self.most_objects <= MOST,
            f"--most-objects {self.most_objects}",
            f"use {FEWEST} to {MOST}",
        )
        check(self.chunk >= 1, f"--chunk {self.chunk}", "use at least 1; CLEVR has 250")

    def filename(self, number: int) -> str:
        return f"CLEVR_{self.split}_{number:06d}.png"

    def random(self, purpose: str, number: int) -> np.random.SeedSequence:
        """Independent randomness for each purpose, number and split, all from the one seed."""
        return np.random.SeedSequence(
            (self.seed, zlib.crc32(self.split.encode()), zlib.crc32(purpose.encode()), number)
        )

    def seed_for(self, purpose: str, number: int) -> int:
        return int(self.random(purpose, number).generate_state(1)[0])


@dataclass(frozen=True)
class Shard:
    """The pictures one of `of` machines makes: whole chunks, next to each other. `number` counts from 1."""

    number: int = 1
    of: int = 1

    def chunks(self, recipe: DatasetRecipe) -> range:
        total = -(-recipe.pictures // recipe.chunk)
        if not 1 <= self.number <= self.of:
            raise InputError(
                f"--shard {self.number}/{self.of} was given; use 1/{self.of} to {self.of}/{self.of}."
            )
        if self.of > total:
            raise InputError(
                f"--shard {self.number}/{self.of} was given and there are only {total} chunks of "
                f"{recipe.chunk} pictures; use at most {total} shards."
            )
        return range(total * (self.number - 1) // self.of, total * self.number // self.of)

    def folder(self, out: Path) -> Path:
        return out if self.of == 1 else out / f"shard-{self.number:03d}-of-{self.of:03d}"


def generate(
    out: str | Path,
    recipe: DatasetRecipe,
    *,
    shard: Shard | None = None,
    workers: int = 1,
    progress: Stages | None = None,
) -> Path:
    """Make the data set, or go on making it; returns the folder that was written.

    Raises InputError when `out` holds something else, when the disk is full, or when a worker dies;
    what is finished is kept for the next run.
    """
    shard = shard or Shard()
    chunks = shard.chunks(recipe)
    first, end = chunks.start * recipe.chunk, min(chunks.stop * recipe.chunk, recipe.pictures)
    folder = shard.folder(Path(out))
    kind = _Packed if recipe.layout == "packed" else _ClevrFolder
    product = kind(folder, recipe, shard, range(first, end))
    if product.resumable.finished:
        return folder

    missing = [c for c in chunks if not product.resumable.chunk(c - chunks.start).exists()]
    done, report = len(chunks) - len(missing), stage(progress, "scenes and questions")
    for (_, chunk, *_), files in in_parallel(_make_chunk, ((recipe, c, first) for c in missing), workers):
        product.resumable.put_chunk(chunk - chunks.start, files)
        done += 1
        report(min(done * recipe.chunk, end - first), end - first)

    if recipe.size is not None:
        left = product.missing_pictures()
        done, report = end - first - len(left), stage(progress, "pictures")
        for (_, scenes), values in in_parallel(_make_pictures, product.picture_tasks(left), workers):
            product.put_pictures(scenes, values)
            done += len(scenes)
            report(done, end - first)
    product.finish(progress)
    return folder


# --- what the worker processes do: pure functions of the recipe -----------------------------------


def make_scene(recipe: DatasetRecipe, number: int) -> Scene:
    """Scene `number` of a data set; its view and object pixels are for the recipe's picture size."""
    rng = np.random.default_rng(recipe.random("scene", number))
    scene = sample_scene(rng, condition=recipe.condition, most=recipe.most_objects)
    scene = scene.located(*(recipe.size or FOLDER_SIZE))
    return scene.replaced(index=number, split=recipe.split, filename=recipe.filename(number))


def object_centres(scene: Scene, width: int, height: int) -> np.ndarray:
    """Column, row (pixels) and depth of each object's centre: float (n, 3)."""
    return project(scene.view, [(thing.x, thing.y, thing.radius) for thing in scene.objects], width, height)


def _make_chunk(recipe: DatasetRecipe, chunk: int, shard_start: int) -> dict[str, bytes]:
    """The small files of a chunk: its scenes and, in the layout's form, their questions."""
    first = chunk * recipe.chunk
    numbers = range(first, min(first + recipe.chunk, recipe.pictures))
    scenes = [make_scene(recipe, number) for number in numbers]
    purpose = f"questions-{recipe.again}" if recipe.again else "questions"
    sampler = QuestionSampler(recipe.seed_for(purpose, chunk))
    asked = [sampler.sample(scene, recipe.questions) if recipe.questions else [] for scene in scenes]
    scene_items = [scene_to_json(scene) for scene in scenes]
    files = {"scenes.json": json.dumps(scene_items).encode()}
    if recipe.layout == "clevr":
        items = [
            question_to_json(question, scene, scene.index * recipe.questions + k)
            for scene, questions in zip(scenes, asked, strict=True)
            for k, question in enumerate(questions)
        ]
        return files | {"questions.json": json.dumps(items).encode()}
    width, height = recipe.size or FOLDER_SIZE
    entries = [
        Entry(scene.filename, scene, object_centres(scene, width, height) / (width, height, 1), questions)
        for scene, questions in zip(scenes, asked, strict=True)
    ]
    return files | chunk_files(entries, first - shard_start, word_table(WORDS))


def _make_pictures(
    recipe: DatasetRecipe, scenes: Sequence[Scene]
) -> list[tuple[np.ndarray, np.ndarray, bytes]]:
    """Picture, object mask and (for a CLEVR folder) the PNG file of each scene."""
    assert recipe.size is not None
    made = []
    for scene in scenes:
        rendering = render(
            scene,
            *recipe.size,
            samples=SAMPLES[recipe.quality],
            seed=recipe.seed_for("picture", scene.index),
            threads=1,  # processes share the work, not threads
        )
        png = b""
        if recipe.layout == "clevr":
            buffer = io.BytesIO()
            Image.fromarray(rendering.picture).save(buffer, "PNG", optimize=True)
            png = buffer.getvalue()
        made.append((rendering.picture, rendering.objects, png))
    return made


def question_to_json(question: Question, scene: Scene, number: int) -> dict[str, Any]:
    """A question as in the released files."""
    return {
        "question_index": number,
        "question_family_index": question.family,
        "image_index": scene.index,
        "image_filename": scene.filename,
        "split": scene.split,
        "question": question.text,
        "answer": question.answer,
        "program": program_to_json(question.program),
    }


# --- the two layouts ------------------------------------------------------------------------------


class _Product:
    """A data set in one of the two layouts, in the making; `numbers` are its pictures."""

    resumable: ResumableFolder

    def __init__(self, recipe: DatasetRecipe, shard: Shard, numbers: range) -> None:
        self.recipe, self.shard, self.numbers = recipe, shard, numbers
        self.record = {"command": "generate", **asdict(recipe)}
        if recipe.most_objects == MOST:  # as folders of earlier versions have it
            del self.record["most_objects"]

    def missing_pictures(self) -> list[int]:
        raise NotImplementedError

    def put_pictures(
        self, scenes: Sequence[Scene], made: Sequence[tuple[np.ndarray, np.ndarray, bytes]]
    ) -> None:
        raise NotImplementedError

    def finish(self, progress: Stages | None) -> None:
        raise NotImplementedError

    def picture_tasks(self, numbers: Sequence[int]) -> Iterable[tuple[DatasetRecipe, list[Scene]]]:
        """Blocks of the scenes that still want a picture, read back from the chunks."""
        wanted = set(numbers)
        for chunk in range(-(-len(self.numbers) // self.recipe.chunk)):
            start = self.numbers.start + chunk * self.recipe.chunk
            here = [n for n in range(start, min(start + self.recipe.chunk, self.numbers.stop)) if n in wanted]
            if not here:
                continue
            items = json.loads((self.resumable.chunk(chunk) / "scenes.json").read_bytes())
            scenes = [scene_from_json(items[n - start]) for n in here]
            for k in range(0, len(scenes), BLOCK):
                yield self.recipe, scenes[k : k + BLOCK]


class _Packed(_Product):
    def __init__(self, folder: Path, recipe: DatasetRecipe, shard: Shard, numbers: range) -> None:
        super().__init__(recipe, shard, numbers)
        self.packing = Packing(folder, self.record, len(numbers), recipe.size, masks=True)
        self.resumable = self.packing.resumable

    def missing_pictures(self) -> list[int]:
        return [self.numbers[row] for row in self.packing.missing_pictures()]

    def put_pictures(
        self, scenes: Sequence[Scene], made: Sequence[tuple[np.ndarray, np.ndarray, bytes]]
    ) -> None:
        pictures, masks, _ = zip(*made, strict=True)
        rows = [scene.index - self.numbers.start for scene in scenes]
        self.packing.put_pictures(rows, pictures=np.stack(pictures), masks=np.stack(masks))

    def finish(self, progress: Stages | None) -> None:
        self.packing.finish(
            {
                "split": self.recipe.split,
                "words": list(word_table(WORDS)),
                "shard": [self.shard.number, self.shard.of],
                "first_picture": self.numbers.start,
            },
            progress,
        )


class _ClevrFolder(_Product):
    def __init__(self, folder: Path, recipe: DatasetRecipe, shard: Shard, numbers: range) -> None:
        super().__init__(recipe, shard, numbers)
        self.folder = folder
        self.resumable = ResumableFolder(folder, self.record, FOLDER_MANIFEST)
        self.images = folder / "images" / recipe.split
        with writing(folder):
            if recipe.size is not None and not self.resumable.finished:
                self.images.mkdir(parents=True, exist_ok=True)

    def missing_pictures(self) -> list[int]:
        there = {path.name for path in self.images.iterdir()}
        return [number for number in self.numbers if self.recipe.filename(number) not in there]

    def put_pictures(
        self, scenes: Sequence[Scene], made: Sequence[tuple[np.ndarray, np.ndarray, bytes]]
    ) -> None:
        with writing(self.folder):
            for scene, (_, _, png) in zip(scenes, made, strict=True):
                write_file(self.images / scene.filename, png)

    def finish(self, progress: Stages | None) -> None:
        info = {
            "split": self.recipe.split,
            "version": "1.0",
            "made by": "film generate",
            "recipe": self.record,
        }
        with writing(self.folder):
            for part in self.images.glob("*.part"):  # of a killed run
                part.unlink()
            for kind in ("scenes", "questions"):
                (self.folder / kind).mkdir(exist_ok=True)
                chunks = range(-(-len(self.numbers) // self.recipe.chunk))
                lists = (
                    (self.resumable.chunk(c) / f"{kind}.json").read_bytes().strip()[1:-1] for c in chunks
                )
                body = _between(b",\n", (items for items in lists if items))
                start = f'{{"info": {json.dumps(info)}, "{kind}": ['.encode()
                name = f"CLEVR_{self.recipe.split}_{kind}.json"
                write_file(self.folder / kind / name, itertools.chain([start], body, [b"]}\n"]))
        self.resumable.close({"shard": [self.shard.number, self.shard.of]})


def _between(mark: bytes, items: Iterable[bytes]) -> Iterable[bytes]:
    for number, item in enumerate(items):
        yield mark + item if number else item
