"""Arithmetic of questions: do the gammas and betas of A + B - C answer like the question they stand for?

"Cyan spheres" plus "brown cubes" minus "brown spheres" stands for "cyan cubes" (paper, section 4.5). Triples
are made by the grammar from questions that name a color and a shape of one thing. The success rate stands
beside what the question's own parameters get, and beside two controls: A plus a step as long as B - C in a
random direction, and as far from the question's own parameters as the sum ends up, in a random direction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
import torch

from analysis.interventions.kept import Measured
from analysis.interventions.pairs import one_word_changes
from analysis.interventions.sweep import Baseline
from analysis.statistics import cluster_bootstrap
from film import (
    Modulation,
    Picture,
    Progress,
    QuestionSampler,
    Scene,
    Session,
    clustered_share,
    gallery,
    parse,
    read_picture,
    run,
)

TRIPLES = 300
RATES = {
    "own": "the question's own gamma and beta",
    "sum": "A + B - C",
    "step": "A + a random step as long as B - C",
    "random": "as far from its own as the sum, in a random direction",
}


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


def analogy_of(picture: str, question: str, scene: Scene, seed: int = 0) -> Analogy | None:
    """One such sum for a question about a scene; None where it names no color and shape of one thing.

    Raises:
        InputError: the question is none of CLEVR's.
    """
    own = run(parse(question).program, scene).answer
    return None if own is None else _analogy(picture, question, own, scene, np.random.default_rng(seed))


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
    """Ask every question with its own parameters, with the sum in their place, and with the two controls.

    Steps are as long in the plane of gamma and beta of every map, in a random direction there.

    Returns:
        A row an analogy: picture, question, plus_one, plus_two, minus, truth, own, sum, step and random (the
        answers, see `RATES`), each with whether it is right (own_right ...), and distance (of the sum from
        the question's own parameters, over the mean distance of two of these questions).
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
        baseline, owner = Baseline(session, maps, own), np.arange(len(some))
        tried = total, *_ = sum_and_steps(own, first, second, minus, rng)
        logits = [baseline.logits, *(baseline.under(one, owner) for one in tried)]
        said = [[session.answers[best] for best in one.argmax(axis=1)] for one in logits]
        step_gamma, step_beta = total.gamma - own.gamma, total.beta - own.beta
        sizes += (step_gamma.square() + step_beta.square()).sum(dim=(1, 2)).sqrt().tolist()
        own_values.append(torch.cat((own.gamma, own.beta), dim=1).flatten(1))
        rows += [
            {"picture": name, "question": one.question, "plus_one": one.plus_one, "plus_two": one.plus_two,
             "minus": one.minus, "truth": one.answer, **dict(zip(RATES, answers, strict=True))}
            for one, *answers in zip(some, *said, strict=True)
        ]  # fmt: skip
        if progress:
            progress(len(rows), len(analogies))
    found = pd.DataFrame(rows)
    for name in RATES:
        found[f"{name}_right"] = found[name] == found["truth"]
    apart = torch.pdist(torch.cat(own_values)).mean() if len(rows) > 1 else torch.tensor(1.0)
    return found.assign(distance=np.array(sizes) / float(apart))


def sum_and_steps(
    own: Modulation, first: Modulation, second: Modulation, minus: Modulation, rng: np.random.Generator
) -> tuple[Modulation, Modulation, Modulation]:
    """What a question is asked with in place of its own gamma and beta: sum, step and random of `RATES`."""
    total = first.plus(second).minus(minus)
    return total, _stepped(first, second, minus, rng), _stepped(own, total, own, rng)


def _stepped(start: Modulation, one: Modulation, other: Modulation, rng: np.random.Generator) -> Modulation:
    """From `start` as far as `one` lies from `other`, map by map, in random directions."""
    size = torch.hypot(one.gamma - other.gamma, one.beta - other.beta)
    angle = torch.from_numpy(rng.uniform(0, 2 * np.pi, tuple(size.shape)).astype(np.float32))
    return Modulation(start.gamma + size * angle.cos(), start.beta + size * angle.sin())


def analogy_rates(table: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """How often each is right, and how much oftener the sum is than the control.

    Args:
        table: from `try_analogies`.
        seed: of the bootstrap of the differences.

    Returns:
        Rows own, sum, step, random (shares of right answers), "sum as own" (the sum's answer is that of the
        question's own parameters), and the differences "sum - own", "sum - step", "sum - random": what,
        share, low, high (95 % intervals clustered by picture, nan under ten), right, asked, pictures.
    """
    owner = table["picture"].to_numpy()
    asked, pictures = len(table), table["picture"].nunique()
    counted = {name: table[f"{name}_right"].to_numpy(bool) for name in RATES}
    counted["sum as own"] = (table["sum"] == table["own"]).to_numpy(bool)
    rows: list[dict[str, object]] = []
    for name, hits in counted.items():
        share = clustered_share(hits, owner)
        rows.append({"what": name, "share": share.accuracy, "low": share.low, "high": share.high,
                     "right": share.right})  # fmt: skip
    for other in ("own", "step", "random"):
        gain = counted["sum"].astype(float) - counted[other]
        more = cluster_bootstrap(partial(_mean_of, gain), owner, seed=seed)
        rows.append({"what": f"sum - {other}", "share": more.value, "low": more.low, "high": more.high})
    found = pd.DataFrame(rows).assign(asked=asked, pictures=pictures)
    return found.astype({"low": float, "high": float, "right": float})


def _mean_of(values: np.ndarray, rows: np.ndarray) -> float:
    return float(values[rows].mean())


def gallery_analogies(
    session: Session, *, triples: int = TRIPLES, seed: int = 0, progress: Progress | None = None
) -> Measured:
    """Triples about the gallery's scenes: tables "rates" and "triples"."""
    exhibits = {f"gallery-{exhibit.number}": exhibit for exhibit in gallery()}
    made = sample_analogies([(name, exhibit.scene) for name, exhibit in exhibits.items()], triples, seed)
    found = try_analogies(
        session, made, lambda name: read_picture(exhibits[name].picture_path), seed=seed, progress=progress
    )
    recipe = {
        "weights": session.card.weights, "source": "the gallery's pictures", "seed": seed,
        "triples": len(found), "pictures": int(found["picture"].nunique()),
    }  # fmt: skip
    return Measured({"rates": analogy_rates(found, seed), "triples": found}, recipe)
