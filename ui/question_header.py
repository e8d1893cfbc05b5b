"""What the study pages share: whom the question is put to, and the pick of one feature map."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from analysis import Population, Study
from film import Answer, InputError, Session, percent
from ui import state, style, widgets
from ui.cache import answers, networks, pictures

Made = TypeVar("Made")
PICTURE = 108  # pixels across in the header


@dataclass(frozen=True, eq=False)
class Case:
    """The question a page is about, with the picture and the network's answer."""

    session: Session
    shown: pictures.ShownPicture
    question: str
    answer: Answer

    @property
    def measured_on(self) -> tuple[str, str, bool, str]:
        """What a measurement of this case depends on: network, picture (a preview is another), question."""
        return self.session.card.weights, self.shown.key, self.shown.preview, self.question


def case() -> Case | None:
    """The view's picture and question at a page's head, both changeable; None where nothing is answered."""
    view = state.view()
    shown = pictures.shown(view.picture, state.upload())
    with (
        head(),
        question_of(shown, state.bound("question")),
        st.container(horizontal=True, gap="small", vertical_alignment="center"),
    ):
        answer = _answer(shown, view.question)
        _other_pictures(view.picture)
    if shown.remark:
        widgets.show_error(shown.remark)
    widgets.redraw_when_clean(shown.key)
    return None if answer is None else Case(networks.network(), shown, view.question, answer)


def head() -> DeltaGenerator:
    """The place of a page that stays in view while the page scrolls: not within another."""
    return st.container(key="case", horizontal=True, gap="small", vertical_alignment="center")


@contextmanager
def question_of(shown: pictures.ShownPicture, field: Mapping[str, Any]) -> Iterator[None]:
    """A picture and the view's question beside it; what is said in this context stands below both.

    Args:
        field: what makes the question's field the view's, from `state.bound`.
    """
    st.image(answers.small(shown, PICTURE), width=PICTURE, alt=shown.title)
    with st.container(gap=None, key="case-question"):
        st.text_input(
            "Question", max_chars=state.LINK_LONGEST, label_visibility="collapsed",
            help="Press Enter to ask.", **field,
        )  # fmt: skip
        in_full(state.view().question, "case")
        yield


def in_full(question: str, place: str) -> None:
    """The question below its field, where that is too narrow to show it in full.

    Args:
        place: one of `ui.style`'s QUESTIONS; the container of both has the key "PLACE-question".
    """
    fits = next((letters for letters in style.FIELDS if len(question) <= letters), "none")
    with st.container(key=f"{place}-full-{fits}"):
        st.caption(widgets.plain(question))


def told(answer: Answer, truth: str | None) -> str:
    """The network's answer with its confidence, and the true one where it is known, as Markdown."""
    known = "" if truth is None else f" · true answer **{widgets.plain(truth)}**"
    confidence = percent(answer.probabilities[answer.answer])
    return f"Predicted **{widgets.plain(answer.answer)}**, confidence {confidence}{known}"


def _answer(shown: pictures.ShownPicture, question: str) -> Answer | None:
    """The network's answer with its confidence and the true one, or what keeps it from answering."""
    try:
        answer = answers.answer(shown, question)
    except InputError as error:
        widgets.show_error(error)
        return None
    st.markdown(told(answer, pictures.truth(question, shown).answer), width="content")
    return answer


def _other_pictures(key: str) -> None:
    for label, icon, step in (("Previous", "chevron_left", -1), ("Next", "chevron_right", 1)):
        st.button(
            f"{label} picture",
            icon=f":material/{icon}:",
            key=f"study-{label}",
            type="tertiary",
            on_click=state.change,
            kwargs={"picture": pictures.neighbour(key, step)},
        )


def pick_map(study: Study) -> tuple[int, int]:
    """Choose a block and one of its maps, by pointer or keyboard; both counted from 0."""
    layers, view = study.schema.layers, state.view()
    block = min(view.block, len(layers) - 1)
    most = layers.maps[block] - 1
    number = min(view.feature_map, most)
    if (block, number) != (view.block, view.feature_map):  # a link of a larger network's
        state.change(block=block, feature_map=number)
    left, right = st.columns([2, 1], vertical_alignment="bottom")
    left.segmented_control(
        "Block", range(len(layers)), format_func=layers.names.__getitem__, required=True,
        **state.bound("block"),
    )  # fmt: skip
    right.number_input(f"Map (0 to {most})", 0, most, **state.bound("feature_map"))
    return block, number


def open_map(picked: list[int]) -> None:
    """Go to the map of a cell that was clicked: its block, from 1, and number."""
    state.change(block=int(picked[0]) - 1, feature_map=int(picked[1]))


def offer_maps(found: list[tuple[int, int]], title: str) -> None:
    """Buttons that choose these maps, (block, map) from 0."""
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.markdown(title, width="content")
        for block, number in found:
            st.button(
                f"block {block + 1}, map {number}", key=f"offer-{block}-{number}", type="tertiary",
                on_click=state.change, kwargs={"block": block, "feature_map": number},
            )  # fmt: skip


def population() -> Population | None:
    """Thousands of questions' gammas and betas; None while they are measured: the page comes back then."""
    return waiting(lambda: networks.population(networks.study()), "Measuring thousands of questions")


def waiting(load: Callable[[], Made | None], doing: str) -> Made | None:
    """What `load` gives; None, and a line that says so, while it is made: the page comes back then."""
    made = load()
    if made is None:
        _wait(load, doing)
    return made


@st.fragment(run_every=2)
def _wait(load: Callable[[], object], doing: str) -> None:
    try:
        ready = load() is not None
    except InputError:
        ready = True  # the page says what is wrong
    if ready:
        state.run_again()
    st.caption(f":material/hourglass_top: {doing} in the background …")
