"""One feature map over the picture, before FiLM, after FiLM and after the ReLU; of one question or of two."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import streamlit as st

import analysis
from analysis import Panel
from film import Answer, Session, to_size
from ui import widgets

ENLARGED = 480  # pixels across


def stages_over_picture(
    session: Session,
    answers: Mapping[str, Answer],
    picture: np.ndarray,
    block: int,
    number: int,
    *,
    across: int = 3,
) -> None:
    """Draw a map's three stages over the picture, a row a question, all by one scale.

    Args:
        answers: with the activations of the block's stages recorded; by what the question is called,
            which may be empty where there is one.
        block, number: of the map, from 0.
        across: pictures in a row.
    """
    config = session.config
    labels = analysis.stage_names(config, block).labels
    found = {
        name: [maps[number] for maps in analysis.stages_of(answer.activations, config, block)]
        for name, answer in answers.items()
    }
    scale = max(float(np.abs(values).max()) for stages in found.values() for values in stages[:2]) or 1.0
    seen = to_size(picture, ENLARGED, ENLARGED * config.height // config.width, session.card.fit)
    plain = [Panel(seen, "the picture")] if across == 2 else []  # beside three stages, in two rows
    panels = plain + [
        Panel(analysis.over_picture(values, seen, scale), f"{name}, {label}" if name else label)
        for name, stages in found.items()
        for label, values in zip(labels, stages, strict=True)
    ]
    for first in range(0, len(panels), across):
        for column, panel in zip(st.columns(across, gap="small"), panels[first:], strict=False):
            alt = f"Map {number} of block {block + 1} over the picture: {panel.label}."
            column.image(analysis.png(panel.pixels), caption=panel.label, width="stretch", alt=alt)
    st.caption(
        f"Strongest colour at ±{scale:.2f}. Whole outlines: at least half of it; broken: below zero as far."
    )
    values = analysis.grid_table(
        {
            f"{name}, {label}" if name else label: values
            for name, stages in found.items()
            for label, values in zip(labels, stages, strict=True)
        }
    )
    title = f"Map {number} of block {block + 1} over the picture"
    widgets.picture_files(panels, "map-over-picture", title, values)
