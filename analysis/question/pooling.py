"""Where an answer came from: the places that won the classifier's max-pooling (paper Figure 4).

The classifier keeps of every feature map only its largest value. The places those values come from
are all of the picture that the answer rests on. The energy of a stage and of its gradient say more
coarsely where the network was busy on the way there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from film import InputError, NetworkConfig, kept_middle, to_size


@dataclass(frozen=True, eq=False)
class ArgmaxLocations:
    """`counts`: how many maps had their maximum in each place, (rows, columns). `silent`: maps that are
    zero everywhere, of which no place can win. `maps`: all maps."""

    counts: np.ndarray
    silent: int
    maps: int

    @property
    def share(self) -> float:
        """Of the winning maps, the share won by the tenth of the places that won most."""
        ordered = np.sort(self.counts, axis=None)[::-1]
        return float(ordered[: max(1, len(ordered) // 10)].sum() / max(1, ordered.sum()))


def argmax_locations(maps: np.ndarray, window: int | None = None) -> ArgmaxLocations:
    """Count the places that max-pooling takes its values from.

    Args:
        maps: of the classifier after ReLU, (maps, rows, columns): the activation "classifier.maps".
        window: side of the pooling windows, one winner each; None: one over all places.

    Raises:
        InputError: the maps are none, or windows do not fill them.
    """
    if maps.ndim != 3 or 0 in maps.shape:
        raise InputError(f"Feature maps are (maps, rows, columns), not of shape {maps.shape}.")
    count, rows, columns = maps.shape
    high, wide = (rows, columns) if window is None else (window, window)
    if rows % high or columns % wide:
        raise InputError(
            f"Windows of {high} do not fill maps of {columns}x{rows}; their argmax locations are not counted."
        )
    windows = maps.reshape(count, rows // high, high, columns // wide, wide).swapaxes(2, 3)
    flat = windows.reshape(count, -1, high * wide)  # (maps, windows, places)
    best, alive = flat.argmax(axis=2), flat.max(axis=2) > 0  # (maps, windows)
    counts = np.zeros(flat.shape[1:], dtype=np.int64)  # (windows, places)
    np.add.at(counts, (np.nonzero(alive)[1], best[alive]), 1)
    placed = counts.reshape(rows // high, columns // wide, high, wide).swapaxes(1, 2).reshape(rows, columns)
    return ArgmaxLocations(placed, int((~alive.any(axis=1)).sum()), count)


def not_counted(config: NetworkConfig) -> str | None:
    """Why a network has no such argmax locations, or None where it has."""
    if config.pooling != "max":
        return f"This network pools by {config.pooling}, so no single place wins."
    if config.window is not None and any(side % config.window for side in config.grid):
        return (
            "This network pools in windows that reach over the edge; their argmax locations are not counted."
        )
    return None


def argmax_over(
    argmax_locations: ArgmaxLocations, picture: np.ndarray, config: NetworkConfig, fit: str
) -> np.ndarray:
    """The argmax locations as light on what the network sees, uint8 (height, width, 3), three times enlarged.

    A place is as bright as the square root of its count, so that single locations show beside many. Each
    stands for the middle of what its convolutions look at, which is larger than its square.
    """
    seen = as_seen(picture, config, fit).astype(np.float32)
    height, width = seen.shape[:2]
    rows, columns = argmax_locations.counts.shape
    light = np.sqrt(argmax_locations.counts / max(1, argmax_locations.counts.max())).astype(np.float32)
    down, across = np.arange(height) * rows // height, np.arange(width) * columns // width
    share = light[down[:, None], across[None]][..., None]  # (height, width, 1)
    grey = seen.mean(axis=2, keepdims=True) * 0.62
    lit = seen * 0.45 + np.array([255, 176, 40], dtype=np.float32) * 0.55
    mixed = (grey * (1 - share) + lit * share).clip(0, 255).round().astype(np.uint8)  # (height, width, 3)
    result: np.ndarray = mixed.repeat(3, axis=0).repeat(3, axis=1)
    return result


def energy(maps: np.ndarray) -> np.ndarray:
    """How much goes on at every place: the root of the maps' mean square, (rows, columns).

    Args:
        maps: activations or their gradients, (maps, rows, columns).
    """
    result: np.ndarray = np.sqrt(np.square(maps.astype(np.float64)).mean(axis=0))
    return result


def energy_over(energy: np.ndarray, picture: np.ndarray, config: NetworkConfig, fit: str) -> np.ndarray:
    """An energy map as light on what the network sees, uint8 (height, width, 3).

    Scaled from its least to its greatest value and drawn smoothly, as the published code draws it: black
    is the least, the picture's own brightness the greatest. Compare places, not one map with another.
    """
    seen = as_seen(picture, config, fit).astype(np.float32)
    low, high = float(energy.min()), float(energy.max())
    scaled = (energy - low) / (high - low) if high > low else np.zeros_like(energy)
    sheet = Image.fromarray(scaled.astype(np.float32))
    share = np.asarray(sheet.resize(seen.shape[1::-1], Image.Resampling.BILINEAR))[..., None]
    result: np.ndarray = (seen * share).clip(0, 255).round().astype(np.uint8)
    return result


OUTSIDE = 0.35  # how bright a picture is drawn where the network does not see it


def what_is_seen(picture: np.ndarray, config: NetworkConfig, fit: str) -> tuple[np.ndarray, str]:
    """A picture, dimmed where its shape keeps the network from seeing it, and a sentence about that.

    The sentence is empty, and the picture as it was, where all of it is seen in its own shape.
    """
    size = (config.width, config.height) if config.picture == "pixels" else (224, 224)
    rows, columns = picture.shape[:2]
    kept_columns, kept_rows = kept_middle((columns, rows), size)
    if round(kept_columns) == columns and round(kept_rows) == rows:
        return picture, ""
    if fit == "stretch":
        return picture, f"The network sees all of it, stretched to {size[0]} × {size[1]} pixels."
    left, top = round((columns - kept_columns) / 2), round((rows - kept_rows) / 2)
    inside = np.s_[top : rows - top, left : columns - left]
    shown = (picture * OUTSIDE).astype(np.uint8)
    shown[inside] = picture[inside]
    share = kept_columns * kept_rows / (columns * rows)
    return shown, (
        f"The network sees only the bright middle of the picture, {share:.0%} of it: its input has another "
        "aspect ratio."
    )


def as_seen(picture: np.ndarray, config: NetworkConfig, fit: str, enlarged: int = 1) -> np.ndarray:
    """The picture as the network gets it, every pixel drawn `enlarged` times as wide and high."""
    if config.picture == "pixels":
        size = (config.width, config.height)
    else:
        size = (224, 224)  # what ResNet-101 makes the features from
    return to_size(picture, *size, fit).repeat(enlarged, axis=0).repeat(enlarged, axis=1)  # type: ignore[arg-type]
