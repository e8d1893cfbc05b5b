"""Write CLOSURE's questions about given scenes, in files as its generator writes them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from film.clevr.language.closure import CLOSURE_FAMILIES, CLOSURE_NAMES, CLOSURE_TEMPLATES
from film.clevr.language.closure_sampler import ClosureSampler
from film.clevr.language.programs import program_to_json
from film.clevr.language.sampler import Question
from film.clevr.scenes import Scene
from film.errors import InputError
from film.files import write_atomically
from film.progress import Progress

PASSES = 20  # over all scenes, one question of a kind each at most, before fewer questions are taken


def sample_closure(
    scenes: Sequence[Scene], kind: str, each: int, seed: int = 0
) -> list[tuple[Scene, Question]]:
    """Questions of one kind, `each` for every family of it where the scenes allow so many; no question twice.

    Raises:
        InputError: there is no such kind, there are no scenes, or no questions are asked for.
    """
    if kind not in CLOSURE_NAMES:
        raise InputError(f"CLOSURE has no questions {kind!r}; use one of {', '.join(CLOSURE_NAMES)}.")
    if not scenes or each < 1:
        raise InputError(
            f"{each} questions about {len(scenes)} scenes were asked for; take at least one of each."
        )
    order = np.random.default_rng((seed, CLOSURE_NAMES.index(kind)))
    families = [family for family in CLOSURE_FAMILIES if family.file == kind]
    sampler = ClosureSampler(np.random.SeedSequence((seed, CLOSURE_NAMES.index(kind), 1)), families)
    asked: dict[tuple[int, str], tuple[Scene, Question]] = {}
    taken: Counter[int] = Counter()
    for _ in range(PASSES):
        before = len(asked)
        for place in order.permutation(len(scenes)).tolist():
            sampler.families = [family for family in families if taken[family.index] < each]
            for question in sampler.sample(scenes[place], 1):
                if (place, question.text) not in asked:
                    asked[place, question.text] = scenes[place], question
                    taken[question.family] += 1
        if len(asked) in (before, each * len(families)):
            break
    return list(asked.values())


def write_closure(
    scenes: Sequence[Scene], out: str | Path, each: int, seed: int = 0, progress: Progress | None = None
) -> dict[str, tuple[int, int]]:
    """The files of all seven kinds, `and_mat_spa_val.json` and so on, in a folder.

    Returns how many questions each kind has, and how many were wanted.

    Raises as `sample_closure` does, and InputError when the folder cannot be written.
    """
    counts = {}
    Path(out).mkdir(parents=True, exist_ok=True)
    for done, kind in enumerate(CLOSURE_NAMES, 1):
        asked = sample_closure(scenes, kind, each, seed)
        split = scenes[0].split
        text = json.dumps({"info": {"split": split}, "questions": closure_to_json(asked)})
        write_atomically(
            Path(out) / f"{kind}_{split}.json", partial(Path.write_text, data=text, encoding="utf-8")
        )
        counts[kind] = len(asked), each * sum(family.file == kind for family in CLOSURE_FAMILIES)
        if progress:
            progress(done, len(CLOSURE_NAMES))
    return counts


def closure_to_json(asked: Sequence[tuple[Scene, Question]]) -> list[dict[str, Any]]:
    """Questions as CLOSURE's generator lists them: families are counted inside their template file."""
    items = []
    for number, (scene, question) in enumerate(asked):
        family = CLOSURE_FAMILIES[question.family - CLOSURE_FAMILIES[0].index]
        items.append(
            {
                "split": scene.split,
                "image_filename": scene.filename,
                "image_index": scene.index,
                "image": Path(scene.filename).stem,
                "question": question.text,
                "program": program_to_json(question.program),
                "answer": question.answer,
                "template_filename": f"{CLOSURE_TEMPLATES[family.file]}.json",
                "question_family_index": family.file_index,
                "question_index": number,
            }
        )
    return items
