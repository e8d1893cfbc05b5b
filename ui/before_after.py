"""Two answers side by side, and the maps between them: what the bench and the studio share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

import analysis
from film import Answer, Session, percent, to_size
from ui import widgets

ENLARGED = 260  # pixels across


def headline(before: Answer, after: Answer) -> None:
    """Both answers in a line, each with its probability."""
    turned = "" if after.answer == before.answer else " · the answer has changed"
    one, other = (percent(a.probabilities[a.answer]) for a in (before, after))
    was, now = widgets.plain(before.answer), widgets.plain(after.answer)
    st.markdown(f"Answer: **{was}** ({one}) → **{now}** ({other}){turned}")


def distributions(before: Answer, after: Answer, name: str) -> None:
    """Both distributions as a figure of this name."""
    table = analysis.answers_table(before.probabilities, after.probabilities)
    widgets.figure(
        analysis.answers_side_by_side(
            before.probabilities, after.probabilities, names=("before", "after"), dark=widgets.dark()
        ),
        name, f"Answers before ({before.answer}) and after ({after.answer}).", table,
    )  # fmt: skip


def maps_over_pictures(
    session: Session,
    places: Sequence[tuple[int, int]],
    answers: tuple[Answer, Answer],
    pictures: tuple[np.ndarray, np.ndarray],
    names: tuple[str, str] = ("before the edits", "after the edits"),
    file: str = "maps-over-pictures",
) -> None:
    """Some maps, (block, map) from 0, after their block's ReLU over the pictures, before above after.

    names: what the two are called to a screen reader. file: the name of the files of all.
    """
    config = session.config
    height = ENLARGED * config.height // config.width
    panels, grids = [], {}
    seen = [to_size(picture, ENLARGED, height, session.card.fit) for picture in pictures]
    for column, (block, number) in zip(st.columns(len(places)), places, strict=True):
        name = analysis.stage_names(config, block).names[2]
        values = [answer.activations[name][number] for answer in answers]
        scale = max(float(np.abs(v).max()) for v in values) or 1.0
        column.markdown(f"block {block + 1}, map {number}")
        for what, maps, picture in zip(names, values, seen, strict=True):
            alt = f"Block {block + 1}, map {number} {what}, over the picture."
            lit = analysis.over_picture(maps, picture, scale)
            column.image(analysis.png(lit), width="stretch", alt=alt)
            panels.append(analysis.Panel(lit, f"Block {block + 1}, map {number} {what}"))
            grids[f"block {block + 1}, map {number} {what}"] = maps
    title = f"Maps {names[0]} and {names[1]}"
    widgets.picture_files(panels, file, title, analysis.grid_table(grids), across=2)
