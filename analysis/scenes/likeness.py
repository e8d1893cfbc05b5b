"""How alike two pictures of a scene are, for a scene of somebody's own that is drawn anew."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from film import to_size

BLUR = 3.0  # pixels, so that grain counts for little


def picture_difference(one: np.ndarray, other: np.ndarray, blur: float = BLUR) -> float:
    """Mean absolute difference of two pictures in bytes (of 255), both blurred.

    Args:
        one, other: uint8 (height, width, 3); the second is brought to the size of the first.
        blur: standard deviation of the blur in pixels of the first.
    """
    height, width = one.shape[:2]
    if other.shape != one.shape:
        other = to_size(other, width, height, "stretch")
    soft = [gaussian_filter(picture.astype(np.float32), (blur, blur, 0)) for picture in (one, other)]
    return float(np.abs(soft[0] - soft[1]).mean())
