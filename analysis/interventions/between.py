"""Between questions: straight lines and sums in the space of gamma and beta (paper section 4.5).

A line from one question's gammas and betas to another's shows where the answer turns. A sum, A + B - C, asks
whether the parameters of a question can be put together of three others': "cyan spheres" plus "brown cubes"
minus "brown spheres" for "cyan cubes".
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from analysis.interventions.pairs import one_word_changes
from analysis.interventions.sweep import Baseline, sweep_logits
from film import (
    EVERYWHERE,
    Blend,
    InputError,
    Modulation,
    Picture,
    Progress,
    QuestionSampler,
    Scene,
    Session,
    Where,
    probabilities,
)

STEPS = 101


def interpolate(
    session: Session,
    picture: Picture,
    source: str,
    target: str,
    where: Where = EVERYWHERE,
    *,
    steps: int = STEPS,
) -> pd.DataFrame:
    """The answers on the way from one question's gammas and betas to another's.

    Args:
        where: what moves; gamma and beta of all blocks if left out. The rest stays the source's.
        steps: points on the line, both ends included.

    Returns:
        A row a step: share (0: the source, 1: the target), answer, and a column with the probability of each
        answer.

    Raises:
        InputError: a word is unknown, or there are fewer than two steps.
    """
    if steps < 2:
        raise InputError(f"{steps} steps were asked for; a line has 2 or more.")
    shares = np.linspace(0, 1, steps)
    edits = [Blend(where, float(share), target) for share in shares]
    found = sweep_logits(session, session.encode_picture(picture), session.modulate([source]), edits)
    chances = probabilities(found.changed[:, 0])  # (steps, answers)
    answers = [session.answers[best] for best in chances.argmax(axis=1)]
    return pd.DataFrame(
        {"share": shares, "answer": answers} | dict(zip(session.answers, chances.T, strict=True))
    )


@dataclass(frozen=True)
class Analogy:
    """A question and three whose sum is to stand for it: `plus_one` + `plus_two` - `minus`.

    `answer`: the true one of the question, in its picture.
    """

    picture: str
    question: str
    plus_one: str
    plus_two: str
    minus: str
    answer: str


def sample_analogies(scenes: Sequence[tuple[str, Scene]], count: int, seed: int = 0) -> list[Analogy]:
    """Questions that name a color and a shape of one thing, with the three that change one or both.

    At most `count`, fewer where the scenes give no more; as even over scenes as they can be.
    """
    rng = np.random.default_rng(seed)
    found: dict[str, list[Analogy]] = {picture: [] for picture, _ in scenes}
    for _ in range(6):
        for number, (picture, scene) in enumerate(scenes):
            sampler = QuestionSampler(int(rng.integers(2**31)) + number)
            for question in sampler.sample(scene, 12):
                made = _analogy(picture, question.text, str(question.answer), scene, rng)
                if made is not None and len(found[picture]) < -(-count // len(scenes)):
                    found[picture].append(made)
                    break
    return [made for own in found.values() for made in own][:count]


def _analogy(picture: str, text: str, answer: str, scene: Scene, rng: np.random.Generator) -> Analogy | None:
    changes = list(one_word_changes(picture, text, scene, well_posed=False))
    words = text.split(" ")
    options = []
    for color in (change for change in changes if change.kind == "color"):
        place = words.index(color.words[0]) if color.words[0] in words else -1
        for shape in (change for change in changes if change.kind == "shape"):
            near = [word.rstrip("?;,.") for word in words[place + 1 : place + 3]]
            if place >= 0 and shape.words[0] in near:
                options.append((color, shape, place))
    if not options:
        return None
    color, shape, place = options[int(rng.integers(len(options)))]
    both = color.target.split(" ")
    for at in range(place + 1, place + 3):
        if both[at].rstrip("?;,.") == shape.words[0]:
            both[at] = both[at].replace(shape.words[0], shape.words[1], 1)
            changed = text.split(" ")
            changed[at] = both[at]
            return Analogy(picture, text, " ".join(changed), color.target, " ".join(both), answer)
    return None


def try_analogies(
    session: Session,
    analogies: Sequence[Analogy],
    picture_of: Callable[[str], Picture],
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Ask every question with its own parameters, with the sum in their place, and with a control.

    The control goes from the question as far as the sum lies from it, in a random direction.

    Returns:
        A row an analogy: picture, question, truth, own, sum and random (the answers), own_right, sum_right,
        random_right, and distance (of the sum from the question's own parameters, over the mean distance
        of two of these questions).
    """
    rng = np.random.default_rng(seed)
    rows: list[dict[str, object]] = []
    by_picture: dict[str, list[Analogy]] = {}
    for one in analogies:
        by_picture.setdefault(one.picture, []).append(one)
    sizes, own_values = [], []
    for name, some in by_picture.items():
        maps = session.encode_picture(picture_of(name))
        own, first, second, minus = (
            session.modulate([getattr(one, part) for one in some], lenient=True)
            for part in ("question", "plus_one", "plus_two", "minus")
        )
        total = first.plus(second).minus(minus)
        step_gamma, step_beta = total.gamma - own.gamma, total.beta - own.beta
        size = torch.hypot(step_gamma, step_beta)
        angle = torch.from_numpy(rng.uniform(0, 2 * np.pi, tuple(size.shape)).astype(np.float32))
        control = Modulation(own.gamma + size * angle.cos(), own.beta + size * angle.sin())
        baseline, owner = Baseline(session, maps, own), np.arange(len(some))
        said = [
            [session.answers[best] for best in logits.argmax(axis=1)]
            for logits in (baseline.logits, baseline.under(total, owner), baseline.under(control, owner))
        ]
        sizes += (step_gamma.square() + step_beta.square()).sum(dim=(1, 2)).sqrt().tolist()
        own_values.append(torch.cat((own.gamma, own.beta), dim=1).flatten(1))
        rows += [
            {"picture": name, "question": one.question, "truth": one.answer, "own": a, "sum": b, "random": c}
            for one, a, b, c in zip(some, *said, strict=True)
        ]
        if progress:
            progress(len(rows), len(analogies))
    found = pd.DataFrame(rows)
    for name in ("own", "sum", "random"):
        found[f"{name}_right"] = found[name] == found["truth"]
    apart = torch.pdist(torch.cat(own_values)).mean() if len(rows) > 1 else torch.tensor(1.0)
    return found.assign(distance=np.array(sizes) / float(apart))
