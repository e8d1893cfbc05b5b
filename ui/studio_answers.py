"""What the studio says of the picture before an edit and after: answers, truth, feature maps."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

import analysis
import film
from analysis import Truth
from film import Answer, Scene, percent
from ui import before_after, pages, program, state, widgets
from ui.cache import networks, pictures, scenes

MOST_SHOWN = 4  # moved maps drawn over the pictures
LISTED = 20  # and in the table


@dataclass(frozen=True, eq=False)
class Side:
    """One of the two scenes with its picture, the network's answer and the truth."""

    scene: Scene
    shown: pictures.ShownPicture
    answer: Answer
    truth: Truth


def ask(scene: Scene, shown: pictures.ShownPicture) -> Side:
    """The question of the view about a scene's picture.

    Raises:
        InputError: the question cannot be asked.
    """
    question = state.view().question
    answer = networks.network().ask(shown.pixels, question)
    return Side(scene, shown, answer, pictures.truth(question, shown))


def verdict(edited: bool, before: Side, after: Side) -> None:
    """Both answers beside both true ones, and whether the answer changes as the truth does."""
    st.html(
        f'<div id="studio-answer" data-before="{widgets.escape(before.answer.answer)}" '
        f'data-after="{widgets.escape(after.answer.answer)}" '
        f'data-truth="{widgets.escape(after.truth.answer or "")}" '
        f'data-picture="{widgets.escape(after.shown.key)}" '
        f'data-preview="{str(after.shown.preview).lower()}"></div>'
    )
    if edited:
        before_after.headline(before.answer, after.answer)
    else:
        chance = percent(after.answer.probabilities[after.answer.answer])
        st.markdown(f"Answer: **{widgets.plain(after.answer.answer)}** ({chance})")
    if after.truth.answer is None:
        st.markdown(f"True answer: none. {widgets.plain(after.truth.reason or '')}")
    elif not edited:
        st.markdown(f"True answer: **{after.truth.answer}**")
    else:
        st.markdown(f"True answer: {before.truth.answer or 'none'} → **{after.truth.answer}**")
        if before.truth.answer is not None:
            _consistent(before, after)


def _consistent(before: Side, after: Side) -> None:
    truth = before.truth.answer != after.truth.answer
    answer = before.answer.answer != after.answer.answer
    right = after.answer.answer == after.truth.answer
    said = {
        (True, True): "The truth changes, and so does the answer",
        (True, False): "The truth changes; the answer stays",
        (False, True): "The truth stays; the answer changes",
        (False, False): "The truth stays, and so does the answer",
    }[truth, answer]
    st.markdown(f"{said}. After the edit the network is {'right' if right else 'wrong'}.")


def distributions(before: Side, after: Side) -> None:
    """Both pictures, and the probability of every answer."""
    for column, name, side in zip(st.columns(3), ("Before", "After"), (before, after), strict=False):
        column.image(side.shown.pixels, width="stretch", caption=name, alt=f"{name}: {side.shown.why}")
    panels = [
        analysis.Panel(
            side.shown.pixels, f"{name}: {side.answer.answer}, true {side.truth.answer or 'unknown'}"
        )
        for name, side in (("Before", before), ("After", after))
    ]
    asked = f"“{state.view().question}” about the scene before and after the edits"
    widgets.picture_files(panels, "studio-pictures", "The scene before and after the edits", sample=asked)
    before_after.distributions(before.answer, after.answer, "studio-answers")
    widgets.how_measured("Answer to one question")


def programs(before: Side, after: Side) -> None:
    """The question's steps, run on both scenes."""
    for column, name, side in zip(st.columns(2), ("Before", "After"), (before, after), strict=True):
        with column:
            st.markdown(f"**{name}**")
            if side.truth.steps:
                asked = f"“{state.view().question}” about the scene {name.lower()} the edits"
                program.show(side.truth, f"studio-program-{name.lower()}", asked)
            else:
                st.caption(widgets.plain(side.truth.reason or "This is no question of CLEVR's."))
    widgets.how_measured("Answer to one question")


def maps(before: Side, after: Side) -> None:
    """The feature maps that the edit moves most, beside what the grain of a picture moves."""
    session, question = networks.network(), state.view().question
    stages = analysis.recorded_stages(session.config)
    texts = [film.scene_to_text(side.scene) for side in (before, after)]
    drawn = [scenes.preview(text) for text in texts]
    here, there, again = (
        session.ask(picture, question, record=stages)
        for picture in (*drawn, scenes.preview(texts[0], seed=1))
    )
    moved = analysis.moved_maps(here, there, again, session.config)
    st.caption(
        "Mean absolute change of each map after its block's ReLU, from preview pictures. Grain: the same "
        "between two drawings of the scene before that differ in nothing but their random grain."
    )
    if not moved["change"].any():
        st.caption("The scene is not edited yet, so no map moves.")
        return
    most = [(int(block), int(number)) for block, number in moved[["block", "map"]][:MOST_SHOWN].to_numpy()]
    before_after.maps_over_pictures(session, most, (here, there), (drawn[0], drawn[1]))
    table = moved[:LISTED].assign(block=moved["block"] + 1)
    st.dataframe(table, hide_index=True, column_config={"share": "change / mean of the block's maps"})
    widgets.data(
        moved.assign(block=moved["block"] + 1), "studio-maps", "How far the edit moves each map",
        sample=f"“{question}” about the scene before and after the edits",
    )  # fmt: skip
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        for block, number in most:
            if st.button(
                f"Card of block {block + 1}, map {number}", key=f"studio-card-{block}-{number}",
                icon=":material/id_card:", type="tertiary",
            ):  # fmt: skip
                state.change(block=block, feature_map=number)
                st.switch_page(pages.path("maps"))
    widgets.how_measured("Feature maps that an edit moves")
