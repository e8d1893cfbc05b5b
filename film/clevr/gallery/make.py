"""Choose the scenes of the gallery and make its files.

Nothing is placed by hand: each scene is drawn by the CLEVR rules and chosen, or changed and checked
against the rules, by a criterion written here.
"""

from __future__ import annotations

import io
import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from film.clevr.data.generate import SAMPLES, object_centres, question_to_json
from film.clevr.data.resumable import write_file, writing
from film.clevr.gallery import LABELS, SPLIT
from film.clevr.language.programs import run
from film.clevr.language.sampler import Question, QuestionSampler
from film.clevr.rendering.render import render, visible_pixels
from film.clevr.rules import change_object, problems, sample_scene
from film.clevr.scene_json import scene_to_json
from film.clevr.scenes import ATTRIBUTES, COLORS, Scene, View
from film.errors import InputError
from film.progress import Progress

WIDTH, HEIGHT = 480, 320
QUESTIONS = 10

Rule = Callable[[Scene], bool]


@dataclass(frozen=True)
class Draft:
    """A chosen scene; `pair`: how many places before it stands the scene it is to be compared with."""

    title: str
    why: str
    scene: Scene
    pair: int | None = None


def make_gallery(
    out: Path,
    seed: int = 0,
    samples: int = SAMPLES["clean"],
    progress: Progress | None = None,
) -> None:
    """Write the gallery's images/, scenes/, questions/ and labels to `out`."""
    drafts = list(choose(seed))
    scenes = [
        draft.scene.replaced(index=k, split=SPLIT, filename=f"CLEVR_{SPLIT}_{k:06d}.png")
        for k, draft in enumerate(drafts)
    ]
    asked = ask(scenes, [draft.pair for draft in drafts], seed)
    with writing(out):
        for kind in (f"images/{SPLIT}", "scenes", "questions"):
            (out / kind).mkdir(parents=True, exist_ok=True)
        finished = []
        for k, scene in enumerate(scenes):
            if progress:
                progress(k, len(scenes))
            finished.append(scene.located(WIDTH, HEIGHT))
            rendering = render(scene, WIDTH, HEIGHT, samples=samples, seed=seed + k)
            buffer = io.BytesIO()
            Image.fromarray(rendering.picture).save(buffer, "PNG", optimize=True)
            write_file(out / "images" / SPLIT / scene.filename, buffer.getvalue())
        info = {"split": SPLIT, "version": "1.0", "made by": "film gallery", "seed": seed, "samples": samples}
        lists = {
            "scenes": [scene_to_json(scene) for scene in finished],
            "questions": [
                question_to_json(question, scene, k * QUESTIONS + i)
                for k, (scene, questions) in enumerate(zip(finished, asked, strict=True))
                for i, question in enumerate(questions)
            ],
        }
        for kind, items in lists.items():
            lines = ",\n".join(json.dumps(item) for item in items)
            text = f'{{"info": {json.dumps(info)}, "{kind}": [\n{lines}\n]}}\n'
            write_file(out / kind / f"CLEVR_{SPLIT}_{kind}.json", text.encode())
        labels = [
            {
                "image_filename": scene.filename,
                "title": draft.title,
                "why": draft.why,
                "pair": None if draft.pair is None else k - draft.pair,
            }
            for k, (draft, scene) in enumerate(zip(drafts, finished, strict=True))
        ]
        write_file(out / LABELS, json.dumps({"exhibits": labels}, indent=1).encode() + b"\n")


# --- which scenes ---------------------------------------------------------------------------------


def choose(seed: int) -> Iterator[Draft]:
    """The scenes of the gallery, in order."""
    drawn = Draws(seed)

    for number, count in enumerate((5, 6, 7, 8), 1):
        yield Draft(
            f"An ordinary scene ({number})", f"{count} objects, as CLEVR draws them.", drawn.scene(count)
        )
    for number in (1, 2):
        yield Draft(f"Sparse ({number})", "Only three objects: nothing to confuse.", drawn.scene(3))
    for number in (1, 2, 3):
        yield Draft(f"Crowded ({number})", "Ten objects, the most CLEVR allows.", drawn.scene(10))
    for number, scene in enumerate(drawn.most_hidden(3), 1):
        yield Draft(
            f"Occluded ({number})",
            "An object of which little shows behind another: can it be counted?",
            scene,
        )

    for attribute, value, name in (
        ("material", "metal", "metal"),
        ("material", "rubber", "rubber"),
        ("shape", "sphere", "spheres"),
        ("shape", "cube", "cubes"),
        ("shape", "cylinder", "cylinders"),
        ("size", "small", "small"),
        ("size", "large", "large"),
        ("color", "cyan", "cyan"),
    ):
        why = f"Every object has the same {attribute}: naming it tells nothing apart, the rest must."
        yield Draft(f"All {name}", why, drawn.uniform(attribute, value))
    yield Draft(
        "Eight colors",
        "Each color once, shapes and materials mixed.",
        drawn.first(8, lambda s: len({o.color for o in s.objects}) == 8, prepare=rainbow),
    )
    yield Draft(
        "Twins",
        "Two objects alike in everything: only their places tell them apart.",
        drawn.first(6, lambda s: sorted(Counter(map(looks, s.objects)).values())[-1] == 2, prepare=with_twin),
    )
    yield Draft(
        "Near small, far large",
        "The far objects are large, the near ones small: size in the picture misleads.",
        drawn.first(6, near_small),
    )
    yield Draft(
        "A mirror",
        "A large metal sphere shows its neighbours again; a reflection is not to be counted.",
        drawn.first(6, mirror),
    )

    views = {
        "from the left": moved(View(), (-0.5, -0.5, -0.5)),
        "from the right": moved(View(), (0.5, 0.5, 0.5)),
    }
    base = drawn.first(5, lambda s: not any(problems(s.replaced(view=view)) for view in views.values()))
    for number, (name, view) in enumerate(views.items()):
        yield Draft(
            f"One scene {name}",
            "The same objects from the two ends of CLEVR's camera jitter: every answer stays.",
            base.replaced(view=view),
            pair=number or None,
        )

    pairs = [drawn.pair(attribute) for attribute in ("color", "material", "shape", "size", "color", "shape")]
    for number, (before, after, described) in enumerate([*pairs, drawn.removal()], 1):
        yield Draft(f"Pair {number}, before", f"Compare with the next: {described}.", before)
        yield Draft(
            f"Pair {number}, after", f"Compare with the one before: {described}, nothing else.", after, pair=1
        )


class Draws:
    """CLEVR scenes drawn one after the other, and the ways in which the gallery picks and changes them."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def scene(self, count: int) -> Scene:
        return sample_scene(self.rng, count=count)

    def first(self, count: int, rule: Rule, prepare: Callable[[Scene], Scene] = lambda scene: scene) -> Scene:
        """The first scene that is within CLEVR's rules and meets ours, after `prepare` has changed it."""
        for _ in range(20_000):
            scene = prepare(self.scene(count))
            if rule(scene) and not problems(scene):
                return scene
        raise InputError("No scene of the wanted kind was found; give another seed.")

    def uniform(self, attribute: str, value: str) -> Scene:
        """A scene whose objects all have the value."""

        def prepare(scene: Scene) -> Scene:
            for number in range(len(scene.objects)):
                scene = change_object(scene, number, check=False, **{attribute: value})
            return scene

        return self.first(4 if value == "large" else 6, lambda scene: True, prepare)

    def most_hidden(self, count: int, among: int = 300) -> list[Scene]:
        """Of many scenes those with the smallest visible share of an object."""
        scenes = [self.scene(int(self.rng.integers(5, 10))) for _ in range(among)]
        return sorted(scenes, key=smallest_share)[:count]

    def pair(self, attribute: str) -> tuple[Scene, Scene, str]:
        """Two scenes that differ in one attribute of one object, and a description of the difference."""
        while True:
            before = self.scene(int(self.rng.integers(4, 7)))
            number = int(self.rng.integers(len(before.objects)))
            old = getattr(before.objects[number], attribute)
            new = str(self.rng.choice([value for value in ATTRIBUTES[attribute] if value != old]))
            after = change_object(before, number, check=False, **{attribute: new})
            names = [name for name in ATTRIBUTES if name != attribute]
            look = [getattr(before.objects[number], name) for name in names]
            alike = [o for o in before.objects if [getattr(o, name) for name in names] == look]
            if not problems(after) and len(alike) == 1:  # so that the description fits one object
                noun = " ".join(look if attribute != "shape" else [*look, "object"])
                return before, after, f"the {noun} turns from {old} to {new}"

    def removal(self) -> tuple[Scene, Scene, str]:
        """Two scenes of which the second lacks one object."""
        before = self.scene(6)
        gone = before.objects[-1]
        after = before.replaced(objects=before.objects[:-1])
        return before, after, f"the {gone.size} {gone.color} {gone.material} {gone.shape} is taken away"


def looks(thing: object) -> tuple[str, ...]:
    """What is seen of an object apart from its place."""
    return tuple(getattr(thing, attribute) for attribute in ATTRIBUTES)


def moved(view: View, by: Sequence[float]) -> View:
    x, y, z = (place + step for place, step in zip(view.camera, by, strict=True))
    return replace(view, camera=(x, y, z))


def rainbow(scene: Scene) -> Scene:
    return scene.replaced(
        objects=tuple(
            replace(thing, color=color) for thing, color in zip(scene.objects, COLORS, strict=False)
        )
    )


def with_twin(scene: Scene) -> Scene:
    first, second, *rest = scene.objects
    look = {attribute: getattr(first, attribute) for attribute in ATTRIBUTES}
    return scene.replaced(objects=(first, replace(second, **look), *rest))


def near_small(scene: Scene) -> bool:
    depths = object_centres(scene, WIDTH, HEIGHT)[:, 2]
    order = np.argsort(depths)
    sizes = [scene.objects[i].size for i in order]
    return sizes == ["small"] * 3 + ["large"] * 3


def mirror(scene: Scene) -> bool:
    """A large metal sphere in the middle of the others, which are colourful."""
    spheres = [o for o in scene.objects if (o.size, o.material, o.shape) == ("large", "metal", "sphere")]
    if len(spheres) != 1 or len({o.color for o in scene.objects}) < 5:
        return False
    gaps = [np.hypot(o.x - spheres[0].x, o.y - spheres[0].y) for o in scene.objects if o is not spheres[0]]
    result: bool = sum(gap < 2.2 for gap in gaps) >= 3
    return result


def smallest_share(scene: Scene) -> float:
    """Visible pixels of the most hidden object, as a share of what would show of it alone."""
    together = visible_pixels(scene, WIDTH, HEIGHT)
    alone = [visible_pixels(scene.replaced(objects=(thing,)), WIDTH, HEIGHT)[0] for thing in scene.objects]
    return float(np.min(together / np.maximum(alone, 1)))


# --- which questions ------------------------------------------------------------------------------


def ask(scenes: Sequence[Scene], pairs: Sequence[int | None], seed: int) -> list[list[Question]]:
    """Ten questions a scene. Scenes to be compared get the same, those first that they answer differently."""
    groups: list[list[Scene]] = []
    for scene, pair in zip(scenes, pairs, strict=True):
        if pair is None:
            groups.append([scene])
        else:
            groups[-1].append(scene)
    sampler = QuestionSampler(seed)
    asked: list[list[Question]] = []
    for group in groups:
        if len(group) == 1:
            asked.append(sampler.sample(group[0], QUESTIONS))
            continue
        pool = [q for scene in group for q in QuestionSampler(seed + scene.index).sample(scene, 80)]
        shared = sorted(in_all(pool, group), key=lambda same: len(same[0].text))  # short ones are read
        different = [same for same in shared if len({question.answer for question in same}) > 1]
        alike = [same for same in shared if len({question.answer for question in same}) == 1]
        chosen = varied(different, QUESTIONS // 2 + 2)
        chosen += varied(alike, QUESTIONS - len(chosen))
        asked += [list(questions) for questions in zip(*chosen, strict=True)]
    return asked


def in_all(pool: Iterable[Question], scenes: Sequence[Scene]) -> Iterator[tuple[Question, ...]]:
    """The questions that are well posed in all scenes, with their answer in each."""
    for question in pool:
        results = [run(question.program, scene) for scene in scenes]
        if all(result.answer is not None for result in results):
            yield tuple(replace(question, answer=r.answer or "", outputs=r.outputs) for r in results)


def varied(pool: Sequence[tuple[Question, ...]], count: int) -> list[tuple[Question, ...]]:
    """Some of the questions, with as many different final steps as can be."""
    by_step: dict[str, list[tuple[Question, ...]]] = {}
    for same in pool:
        by_step.setdefault(same[0].program[-1].function, []).append(same)
    turns = itertools.chain.from_iterable(itertools.zip_longest(*by_step.values()))
    return [same for same in turns if same is not None][:count]
