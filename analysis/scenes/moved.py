"""Which feature maps an edited scene moves, beside what the grain of a picture moves alone."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analysis.question.feature_maps import stage_names
from film import Answer, NetworkConfig


def recorded_stages(config: NetworkConfig) -> list[str]:
    """What to record for `moved_maps`: every block's maps before FiLM, after it, and after the ReLU."""
    return sorted({name for block in range(config.blocks) for name in stage_names(config, block).names})


def moved_maps(before: Answer, after: Answer, again: Answer, config: NetworkConfig) -> pd.DataFrame:
    """Every map by how far it moved between two pictures of the same question, the farthest first.

    Args:
        again: the answer about the first picture drawn with another seed: what grain moves.

    Returns:
        block and map (from 0), change: mean |after - before| over the map's places after the block's ReLU,
        grain: the same between the two drawings, share: change divided by the mean of all maps' |before| in
        the block.
    """
    tables = []
    for block in range(config.blocks):
        name = stage_names(config, block).names[2]
        here, there, other = (answer.activations[name][: config.maps] for answer in (before, after, again))
        change = np.abs(there - here).mean(axis=(1, 2))
        tables.append(
            pd.DataFrame(
                {
                    "block": block, "map": np.arange(len(change)), "change": change,
                    "grain": np.abs(other - here).mean(axis=(1, 2)),
                    "share": change / max(float(np.abs(here).mean()), 1e-9),
                }
            )
        )  # fmt: skip
    return pd.concat(tables).sort_values("share", ascending=False, kind="stable", ignore_index=True)
