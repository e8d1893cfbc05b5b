"""What every feature map reads at every object of a scene, before FiLM and after it.

    object_readings(Session(), picture, "How many red cubes are there?", scene)

An object's place in the maps' grid is how much of each of its squares the object fills, as the camera sees
it; a reading is the mean of the map over them, weighted by that.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import torch

from analysis.question.feature_maps import stage_names, stages_of
from analysis.question.pooling import as_seen
from film import (
    Edits,
    InputError,
    Picture,
    Scene,
    Session,
    camera_from_pixels,
    read_picture,
)

STAGES = ("before FiLM", "after FiLM", "after ReLU")
NEAR = 2.0  # pixels between where a scene says that an object's centre is and where its camera has it


def object_readings(
    session: Session, picture: Picture, question: str, scene: Scene, edits: Edits = None
) -> pd.DataFrame:
    """Every map's activation at every object, under one question.

    Args:
        scene: what is in the picture.
        edits: change the predicted gamma and beta, as in `Session.ask`.

    Returns:
        One row for each object, block and map: object (its number in the scene), name ("large red metal
        cube"), block and map (from 0), and the means of `STAGES` over the object's places (`Stages.names`
        says which activations they are where FiLM lies elsewhere). NaN for an object that does not show.

    Raises:
        InputError: the scene does not tell where its objects are in this picture; or as `Session.ask`.
    """
    pixels, config = read_picture(picture), session.config
    shares = cover(scene_mask(scene, *pixels.shape[1::-1]), session, len(scene.objects))
    shares[shares.sum(axis=(1, 2)) == 0] = np.nan
    names = {name for block in range(config.blocks) for name in stage_names(config, block).names}
    activations = session.ask(pixels, question, edits, record=names).activations
    count = len(shares)
    tables = []
    for block in range(config.blocks):
        stages = stages_of(activations, config, block)
        read = [np.einsum("ohw,chw->oc", shares, maps).ravel() for maps in stages]
        tables.append(
            pd.DataFrame(
                {
                    "object": np.repeat(np.arange(count), config.maps),
                    "name": np.repeat([str(thing) for thing in scene.objects], config.maps),
                    "block": block, "map": np.tile(np.arange(config.maps), count),
                    **dict(zip(STAGES, read, strict=True)),
                }
            )
        )  # fmt: skip
    return pd.concat(tables, ignore_index=True)


def scene_mask(scene: Scene, width: int, height: int) -> np.ndarray:
    """Which object each pixel of a scene's picture shows: uint8 (height, width), 0 or the number + 1.

    0 is the ground. CLEVR's files leave the camera out, and their centres in pixels (`pixel_coords`) say
    where it stood. A scene without them is taken as its view has it.

    Raises:
        InputError: no camera has the objects' centres where the scene says they are.
    """
    from film import object_mask  # loads Numba, which those who only read map cards do not need

    if not _agrees(scene, width, height):
        camera = camera_from_pixels(scene, width, height)
        if camera is None:
            raise InputError(
                f"The scene's centres in pixels fit no camera for a picture of {width}x{height}; check that "
                "scene and picture belong together."
            )
        scene = scene.replaced(view=replace(scene.view, camera=camera))
    return object_mask(scene, width, height)


def _agrees(scene: Scene, width: int, height: int) -> bool:
    """Does the scene's view have every object's centre where the scene says it is?"""
    pairs = zip(scene.objects, scene.located(width, height).objects, strict=True)
    apart = [np.subtract(given.pixel, seen.pixel)[:2] for given, seen in pairs if given.pixel and seen.pixel]
    return not apart or bool(np.abs(apart).max() <= NEAR)


def cover(objects: np.ndarray, session: Session, count: int | None = None) -> np.ndarray:
    """How much of each place of the grid each object fills: (objects, rows, columns), each summing to 1.

    An object that does not show is 0 everywhere.

    Args:
        objects: uint8 (height, width), 0 the ground, else the object's number + 1.
        count: how many objects there are; as many as show, if left out.
    """
    columns, rows = session.config.grid
    found = []
    for number in range(1, (int(objects.max(initial=0)) if count is None else count) + 1):
        mask = np.repeat(((objects == number) * np.uint8(255))[..., None], 3, axis=2)
        seen = torch.from_numpy(as_seen(mask, session.config, session.card.fit)[..., 0].astype(np.float32))
        share = torch.nn.functional.adaptive_avg_pool2d(seen[None], (rows, columns))[0].numpy()
        found.append(share / share.sum() if share.sum() > 0 else share)
    return np.array(found, dtype=np.float32).reshape(-1, rows, columns)
