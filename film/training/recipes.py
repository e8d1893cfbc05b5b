"""Named recipes: which network, trained how. `python -m film train --recipe NAME`.

`clevr` is made in steps, each taking over from the ones before it (`--initial`):

1. `words`: the question encoder learns which attribute fills which slot of a question.
2. `scenes`: question encoder, blocks and classifier learn to answer from attribute maps drawn from the scenes
   themselves. Neither this step nor the first needs pictures.
3. `stem`: the front of a stem that looks at pictures learns to draw those maps.
4. `small`: all of it learns from pictures, end to end.

Then `stem`, briefly, and `small` go on with `--set network.width=240 network.height=160`: on a grid of 20x13
in place of 15x10, two objects that stand close fall into squares of their own and are counted as two.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from film.config import LossWeights, NetworkConfig, TrainingConfig
from film.errors import InputError
from film.training.batches import SCENE_MAPS
from film.training.checks import check_recipe


@dataclass(frozen=True)
class Recipe:
    about: str
    network: NetworkConfig
    training: TrainingConfig

    @property
    def picture_size(self) -> tuple[int, int] | None:
        """Pixels, (width, height), that a corpus's pictures should have; None where scenes are enough.

        Pictures that the network sees stretched are wanted in CLEVR's own 3:2.
        """
        network = self.network
        if network.picture == "features":
            check_recipe(network, self.training)
            return None
        width, height = network.width, network.height
        if self.training.fit == "stretch":
            height = max(height, -(-width * 2 // 3))
            return max(width, -(-height * 3 // 2)), height
        return width, height

    def changed(self, changes: Iterable[str]) -> Recipe:
        """The recipe with some fields set: ["network.maps=128", "training.loss.sets=0"]."""
        parts = {"network": self.network.to_dict(), "training": self.training.to_dict()}
        for change in changes:
            path, equals, text = change.partition("=")
            *folders, name = path.split(".")
            table: Any = parts
            for folder in folders:
                table = table.get(folder) if isinstance(table, dict) else None
            if not equals or not folders or not isinstance(table, dict) or name not in table:
                raise InputError(f"{change!r} changes nothing; write for example network.maps=128.")
            try:
                table[name] = json.loads(text)
            except json.JSONDecodeError:
                table[name] = text
        return Recipe(
            self.about, NetworkConfig.from_dict(parts["network"]), TrainingConfig.from_dict(parts["training"])
        )


# From attribute maps on: one layer before the blocks, as in the paper's network on features. Wide
# kernels here look tempting, but blur what stands where, and questions are learned far later.
_TRUNK = ((128, 3, 1),)
# From 180x120 pixels to a 15x10 grid of attribute maps: a cell is 32 pixels of a 480x320 picture.
_FRONT = ((32, 5, 3), (64, 3, 1), (96, 4, 2), (96, 3, 1), (128, 4, 2), (128, 3, 1), (SCENE_MAPS, 1, 1))

_SCENES = NetworkConfig(
    embedding=64,
    hidden_size=256,
    picture="features",
    width=15,
    height=10,
    channels=SCENE_MAPS,
    stem=_TRUNK,
    classifier_maps=256,
    classifier_units=(512,),
)
_SMALL = replace(_SCENES, picture="pixels", width=180, height=120, channels=3, stem=_FRONT + _TRUNK)

_LEARN = TrainingConfig(
    samples=8_000_000,
    pictures=16,  # small batches: twice as much is learned from as many samples as with 512 questions
    questions=8,
    learning_rate=1e-3,
    final_rate=0.02,
    warm_up=10_000,
    fit="crop",
    weight_decay=1e-4,
    optimizer="adamw",
    max_grad_norm=1.0,
    ema_decay=0.999,
    horizontal_flip=True,
    loss=LossWeights(answer=1.0, sets=1.0, slots=0.1),
)

RECIPES: dict[str, Recipe] = {
    "paper": Recipe("the paper's best model from raw pixels", NetworkConfig(), TrainingConfig()),
    "paper-features": Recipe(
        "the paper's best model on ResNet-101 features",
        NetworkConfig(
            picture="features", width=14, height=14, channels=1024, stem=((128, 3, 1),), stem_coordinates=True
        ),
        TrainingConfig(),
    ),
    "words": Recipe(
        "step 1 of `clevr`: read questions",
        _SCENES,
        replace(
            _LEARN,
            samples=2_000_000,
            learning_rate=3e-3,
            loss=LossWeights(answer=0.0, slots=1.0),
            frozen=("stem", "blocks", "classifier"),
        ),
    ),
    "scenes": Recipe("step 2 of `clevr`: reason about attribute maps", _SCENES, _LEARN),
    "stem": Recipe(
        "step 3 of `clevr`: see objects and their attributes",
        _SMALL,
        replace(
            _LEARN,
            pictures=32,
            questions=1,
            samples=1_000_000,
            shift=0.04,
            front=len(_FRONT),
            loss=LossWeights(answer=0.0, maps=1.0),
            frozen=("question_encoder", "blocks", "classifier"),
        ),
    ),
    "small": Recipe(
        "step 4 of `clevr`: answer questions about pictures",
        _SMALL,
        replace(
            _LEARN,
            learning_rate=6e-4,
            shift=0.04,
            front=len(_FRONT),
            loss=LossWeights(answer=1.0, sets=0.5, slots=0.05, maps=0.3),
        ),
    ),
}


def recipe(name: str) -> Recipe:
    """The recipe of this name.

    Raises:
        InputError: there is none; the message lists them.
    """
    if name not in RECIPES:
        raise InputError(f"There is no recipe {name!r}; choose from {', '.join(RECIPES)}.")
    return RECIPES[name]
