"""What network, recipe and corpora have to agree on, checked before a run begins."""

from __future__ import annotations

import numpy as np

from film.clevr.data.corpus import Corpus
from film.clevr.data.encoding import UNKNOWN_ANSWER, UNKNOWN_FAMILY
from film.clevr.pictures import kept_middle
from film.config import Fit, NetworkConfig, TrainingConfig
from film.errors import InputError
from film.training.batches import SCENE_MAPS


def check_recipe(network: NetworkConfig, recipe: TrainingConfig) -> None:
    """Raise InputError where a recipe asks of a network what it has not."""
    weights, front, layers = recipe.loss, recipe.front, len(network.stem)
    if not any(vars(weights).values()):
        raise InputError("All of the recipe's losses are 0; set training.loss.answer=1 to learn answers.")
    if network.picture == "features":
        if network.channels != SCENE_MAPS:
            raise InputError(
                f"The network looks at {network.channels} feature maps, and training draws the {SCENE_MAPS} "
                "attribute maps of a scene; use recipe scenes, or one that looks at pixels."
            )
        if weights.maps or front:
            raise InputError(
                "The network looks at attribute maps as they are, so no front of its stem can learn to draw "
                "them; set training.loss.maps=0 training.front=0."
            )
        return
    if front > layers:
        raise InputError(
            f"training.front is {front} and the stem has {layers} convolutions; set at most {layers}."
        )
    if not weights.maps:
        return
    if front == 0:
        raise InputError(
            "training.loss.maps asks the front of the stem for attribute maps and training.front is 0; say "
            "how many convolutions the front has, or set training.loss.maps=0."
        )
    maps = network.stem[front - 1][0]
    if maps < SCENE_MAPS:
        raise InputError(
            f"Convolution {front} of the stem, the last of its front, gives {maps} maps; for "
            f"training.loss.maps it needs {SCENE_MAPS} or more."
        )
    if any(stride != 1 for _, _, stride, _ in network.stem_layers[front:]):
        raise InputError(
            f"The stem makes its maps smaller after its front of {front} convolutions, where "
            "training.loss.maps asks for the grid of the blocks; set training.front to the last one with a "
            "stride, or later."
        )


def check_corpus(network: NetworkConfig, recipe: TrainingConfig, corpus: Corpus) -> None:
    """Raise InputError where a corpus lacks what the recipe teaches, or has pictures too small."""
    where = corpus.folders[0]
    if (unanswered := int((corpus.answer == UNKNOWN_ANSWER).sum())) == len(corpus):
        raise InputError(f"The questions of {where} have no answers; use a split that has them.")
    if unanswered:
        raise InputError(
            f"{unanswered:,} of {len(corpus):,} questions of {where} have no answer of CLEVR's 28; leave "
            "them out of the file that is packed."
        )
    told = [name for name in ("sets", "slots") if getattr(recipe.loss, name)]
    if told and bool((corpus.family == UNKNOWN_FAMILY).any()):
        off = " ".join(f"training.loss.{name}=0" for name in told)
        raise InputError(
            f"{where} does not say of which family its questions are, which loss.{told[0]} is taught from; "
            f"set {off}."
        )
    drawn = network.picture == "features" or recipe.loss.maps or recipe.loss.sets
    if drawn and bool(np.isnan(corpus.positions[:, 0, 2]).any()):
        raise InputError(
            f"{where} does not say where the objects of its pictures stand, which this recipe needs; set "
            "training.loss.maps=0 training.loss.sets=0 and use a network that looks at pixels."
        )
    if network.picture == "pixels" and corpus.picture_size is not None:
        _check_size(corpus.picture_size, (network.width, network.height), recipe.fit, str(where))


def check_words(corpus: Corpus, validation: Corpus) -> None:
    """Raise InputError where two corpora number words differently."""
    if corpus.words != validation.words:
        raise InputError(
            f"{validation.folders[0]} numbers words otherwise than {corpus.folders[0]}; pack it with the "
            "same words (--words-of)."
        )


def _check_size(there: tuple[int, int], wanted: tuple[int, int], how: Fit, where: str) -> None:
    kept = kept_middle(there, wanted) if how == "crop" else there
    if kept[0] + 1e-6 < wanted[0] or kept[1] + 1e-6 < wanted[1]:
        (width, height), (columns, rows) = there, wanted
        raise InputError(
            f"The pictures of {where} are {width}x{height} and the network looks at {columns}x{rows}: larger "
            "ones are brought to that, smaller ones would be blurred. Make them with --for and the name of "
            f"the recipe, or train a network for these with network.width={width} network.height={height}."
        )


def fitting_told(corpus: Corpus, network: NetworkConfig, how: Fit) -> str:
    """A sentence on how a corpus's pictures are brought to the network's size; empty where they have it."""
    there, wanted = corpus.picture_size, (network.width, network.height)
    if network.picture != "pixels" or there in (None, wanted):
        return ""
    assert there is not None
    done = "stretched" if how == "stretch" else "cut to their middle and scaled"
    return (
        f"The pictures are {there[0]}x{there[1]} and are {done} to {wanted[0]}x{wanted[1]}, as the network "
        "will see every picture it is asked about."
    )
