"""Networks small enough for tests, with random weights."""

from typing import Any

import numpy as np
import torch

from film.checkpoint import Card
from film.clevr.language.tokens import SPECIAL
from film.config import NetworkConfig
from film.network import FiLMNetwork
from film.vocabulary import Vocabulary

_SENTENCES = """How many What color is are there the red blue green large small metal rubber thing things
cube cubes sphere spheres cylinder cylinders of a and same size as number than more less fewer Are Is it does
Does have that left right behind in front ; object objects what"""
WORDS = Vocabulary.of(_SENTENCES.split()).tokens
ANSWERS = (
    *("yes", "no", *map(str, range(11))),
    *("gray", "red", "blue", "green", "brown", "purple", "cyan", "yellow"),
    *("cube", "sphere", "cylinder", "small", "large", "rubber", "metal"),
)


def tiny_config(**changes) -> NetworkConfig:
    settings: dict[str, Any] = {
        "words": len(WORDS), "embedding": 8, "hidden_size": 12, "width": 24, "height": 16,
        "stem": ((8, 4, 2),) * 2,
        "maps": 8, "blocks": 3, "modulated": (True,) * 3, "classifier_maps": 10, "classifier_units": (16,),
    }  # fmt: skip
    return NetworkConfig(**settings | changes)


def tiny_network(seed: int = 0, **changes) -> FiLMNetwork:
    """Random weights and running statistics, so that every part matters; in eval mode."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = FiLMNetwork(tiny_config(**changes))
        for module in network.modules():
            if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
                module.running_mean.normal_(0, 0.3)
                module.running_var.uniform_(0.5, 2)
    return network.eval()


def tiny_card(network: FiLMNetwork, **changes) -> Card:
    answers = ANSWERS if network.config.answers == 28 else (*SPECIAL, *ANSWERS)
    settings: dict[str, Any] = {"config": network.config, "words": WORDS, "answers": answers}
    return Card(**settings | changes)


def a_picture(seed: int = 0, height: int = 40, width: int = 60) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
