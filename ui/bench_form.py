"""The bench's form: an edit of a map, of its block or of all, added at one press.

Edits that need more than one number ask for it in a popover of their own, which is drawn once it is opened.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

import analysis
from film import (
    Arithmetic,
    Blend,
    Clamp,
    InputError,
    Intervention,
    Noise,
    Parameters,
    PatchFrom,
    ReplaceByMean,
    Scale,
    SetValue,
    Shift,
    Where,
)
from ui import question_header as header, second_question, state, widgets
from ui.bench_measures import WORDS
from ui.cache import bench as shelf

MOST_BY = 1000.0  # that the form multiplies by or adds, and a bound of a clamp
SCOPES = {"map": "this map", "block": "all maps of its block", "all": "all blocks"}
ABC = ("A", "B", "C")

Add = Callable[[list[Intervention]], None]


def form(case: header.Case, block: int, number: int, add: Add) -> None:
    """Choose which gammas and betas are meant, and what is done to them; `add` is given the edits."""
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        scope = st.selectbox(
            "Change",
            list(SCOPES),
            format_func=SCOPES.__getitem__,
            width=190,
            **state.option("bench-scope", list(SCOPES), "map"),
        )
        chosen = st.selectbox(
            "of it",
            list(WORDS),
            format_func=WORDS.__getitem__,
            width=160,
            **state.option("bench-of", list(WORDS), "both"),
        )
        amount = st.number_input(
            "by",
            -MOST_BY,
            MOST_BY,
            step=0.5,
            width=130,
            **state.number_option("bench-amount", -MOST_BY, MOST_BY, 1.0),
        )
    parameters: Parameters = "gamma" if chosen == "gamma" else "beta" if chosen == "beta" else "both"
    where = Where(None if scope == "all" else (block,), (number,) if scope == "map" else None, parameters)
    edits: dict[str, list[Intervention]] = {
        "Silence": [SetValue(where, 0.0)],
        "Mean ablation": [ReplaceByMean(where)],
        "FiLM off": [SetValue(Where(where.blocks, where.maps, "gamma"), 1.0),
                     SetValue(Where(where.blocks, where.maps, "beta"), 0.0)],
        f"× {amount:g}": [Scale(where, amount)],
        f"+ {amount:g}": [Shift(where, amount)],
        f"Noise {abs(amount):g}": [Noise(where, abs(amount), 0)],
    }  # fmt: skip
    if other := state.view().other:
        edits["From the other question"] = [PatchFrom(where, other)]
    named = f"{WORDS[parameters].capitalize()} of {SCOPES[scope or 'map']}"
    with st.container(horizontal=True, gap="small"):
        for label, some in edits.items():
            st.button(label, key=f"bench-add-{label}", on_click=add, args=(some,))
        _more("Clamp", add, lambda: _clamp(where, named))
        _more("Blend", add, lambda: _blend(case, where, named))
        _more("A + B − C", add, lambda: _arithmetic(case, where, named))


def _more(label: str, add: Add, ask: Callable[[], list[Intervention]]) -> None:
    """A popover with what this edit needs; `ask` gives the edits, none while something is missing."""
    key = f"bench-more-{label}"
    popover = st.popover(label, key=f"{key}-{state.turn(key)}", on_change="rerun")
    if not popover.open:
        return

    def take(edits: list[Intervention]) -> None:
        state.next_turn(key)  # which closes it
        add(edits)

    with popover:
        edits = ask()
        st.button("Add", key=f"bench-add-{label}", type="primary", disabled=not edits,
                  on_click=take, args=(edits,))  # fmt: skip


def _clamp(where: Where, named: str) -> list[Intervention]:
    st.caption(f"{named}: what is below the lower bound or above the upper one is set to that bound.")
    low, high = (
        st.number_input(
            label, -MOST_BY, MOST_BY, step=0.5, **state.number_option(name, -MOST_BY, MOST_BY, plain)
        )
        for label, name, plain in (("Lower bound", "bench-low", -1.0), ("Upper bound", "bench-high", 1.0))
    )
    try:
        return [Clamp(where, low, high)]
    except InputError as error:
        widgets.show_error(error)
        return []


def _blend(case: header.Case, where: Where, named: str) -> list[Intervention]:
    st.caption(
        f"{named}: in a straight line towards another question's. Share 0: as they are; 1: the other's."
    )
    share = st.number_input("Share", 0.0, 1.0, step=0.1, **state.number_option("bench-share", 0.0, 1.0, 0.5))
    st.text_input(
        "The other question", max_chars=state.LINK_LONGEST, help="Press Enter.",
        **state.bound("other", "bench-blend-other"),
    )  # fmt: skip
    other = state.view().other.strip()
    return [Blend(where, share, other)] if second_question.is_known(case.session, other) else []


def _arithmetic(case: header.Case, where: Where, named: str) -> list[Intervention]:
    st.caption(f"{named}: those of A, plus those of B, minus those of C (paper, section 4.5).")
    texts = []
    for name, plain in zip(ABC, _sum(case), strict=True):
        text = st.text_input(
            name, max_chars=state.LINK_LONGEST,
            help="The question on the page: with the edits so far. Another: in their place."
            if name == "A" else "Press Enter.",
            **state.option(f"bench-{name}", None, plain, state.LINK_LONGEST),
        ).strip()  # fmt: skip
        if second_question.is_known(case.session, text):
            texts.append(text)
    if len(texts) < len(ABC):
        return []
    one, plus, minus = texts
    first: list[Intervention] = [] if one == case.question.strip() else [PatchFrom(where, one)]
    return [*first, Arithmetic(where, plus, minus)]


def _sum(case: header.Case) -> Sequence[str]:
    """A, B and C that stand for the question on the page where there are such; else that question as A."""

    def make() -> Sequence[str]:
        try:
            found = (
                None if case.shown.scene is None
                else analysis.analogy_of(case.shown.key, case.question, case.shown.scene)
            )  # fmt: skip
        except InputError:  # none of CLEVR's questions
            found = None
        return (case.question, "", "") if found is None else (found.plus_one, found.plus_two, found.minus)

    return shelf.kept(("A, B and C", case.shown.key, case.question), make)
