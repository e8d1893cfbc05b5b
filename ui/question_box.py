"""The question as text, and three ways to come by one that CLEVR's grammar knows."""

from __future__ import annotations

import streamlit as st

import film
from film import InputError, Session, family_pattern
from ui import builder, state, widgets
from ui.cache import pictures

A_LINE = 70  # letters that a question field shows at once in a narrow window
WAYS = {
    "examples": (
        ":material/format_list_bulleted: Examples",
        "Questions of one type, each with an answer here.",
    ),
    "build": (
        ":material/construction: Build one",
        "A sentence of CLEVR's grammar, its gaps filled by choice.",
    ),
    "words": (":material/edit_note: Word by word", "Only the words that can come next are offered."),
}


def question_box(session: Session, shown: pictures.ShownPicture) -> None:
    """The question as text, and three ways to come by one."""
    st.text_input(
        "Your question", placeholder="How many red cubes are there?", max_chars=state.LINK_LONGEST,
        help="Press Enter to ask.", **state.bound("question"),
    )  # fmt: skip
    if len(question := state.view().question) > A_LINE:
        st.caption(widgets.plain(question))  # in full, where the field cuts it off
    way = st.segmented_control(
        "Or let the grammar help",
        list(WAYS),
        format_func=lambda way: WAYS[way][0],
        label_visibility="collapsed",
        **state.option("way", list(WAYS), None),
    )
    if way:
        with st.container(border=True):
            st.caption(WAYS[way][1])
            {"examples": _examples, "build": _build, "words": _words}[way](session, shown)


def _ask(text: str) -> None:
    state.change(question=text)


def _examples(session: Session, shown: pictures.ShownPicture) -> None:
    kind = st.selectbox(
        "Type",
        list(builder.TYPES),
        format_func=builder.TYPES.__getitem__,
        **state.option("example-type", list(builder.TYPES), next(iter(builder.TYPES))),
    )
    with st.container(key="offers", gap=None):
        offered = 0
        for text in pictures.examples(kind, shown):
            try:
                session.vocabulary.words(text)
            except InputError:
                continue
            offered += 1
            st.button(
                text, key=f"offer-{offered}", type="tertiary", width="stretch", on_click=_ask, args=(text,)
            )
        if not offered:
            st.caption("None of this type has an answer in this picture that the network has words for.")


def _build(session: Session, shown: pictures.ShownPicture) -> None:
    left, right = st.columns([1, 2])
    kinds = list(builder.TYPES)
    kind = left.selectbox(
        "Asks", kinds, format_func=builder.TYPES.__getitem__, **state.option("build-type", kinds, kinds[0])
    )
    forms = {family.index: family for family in builder.families(kind)}
    form = right.selectbox(
        "In the form", list(forms), format_func=lambda index: family_pattern(forms[index]),
        **state.option(f"build-{kind}", list(forms), next(iter(forms))),
    )  # fmt: skip
    family = forms[form]
    slots: dict[str, str | None] = {}
    for line in builder.lines(family):
        st.markdown(f"**{line.title}**")
        with st.container(horizontal=True, gap="small"):
            for gap in line.gaps:
                slots[gap.slot] = st.selectbox(
                    gap.label,
                    gap.values,
                    format_func=lambda value: value or "any",
                    width=116,
                    **state.option(f"gap-{family.index}-{gap.slot}", gap.values, gap.values[0]),
                )
    try:
        text = builder.say(family, slots, session.vocabulary)
    except InputError as error:
        widgets.show_error(error)
        return
    st.markdown(f"## {text}")
    known = pictures.truth(text, shown)
    if shown.scene is not None and known.answer is None:
        st.caption(f":material/warning: {widgets.plain(known.reason or '')} It can be asked all the same.")
    st.button("Ask this", key="build-ask", type="primary", on_click=_ask, args=(text,))


def _words(session: Session, shown: pictures.ShownPicture) -> None:
    so_far = state.draft()
    known = next_words(session, so_far)
    st.markdown(f"## {so_far or '…'}")
    st.selectbox(
        "Next word", known, index=None, placeholder="Type or choose",
        **state.taken("next-word", lambda word: _add(so_far, word)),
    )  # fmt: skip
    with st.container(horizontal=True):
        st.button(
            "Take the last word back", key="back", disabled=not so_far, icon=":material/undo:",
            on_click=state.set_draft, args=(" ".join(so_far.split()[:-1]),),
        )  # fmt: skip
        if "?" in known:
            st.button("Ask this", key="words-ask", type="primary", on_click=_ask, args=(f"{so_far}?",))


def next_words(session: Session, so_far: str) -> list[str]:
    """The known words that can come next in a question of CLEVR's; "?" where it may end."""
    following = film.completions(f"{so_far.rstrip()} " if so_far.strip() else "")
    return [word for word in following if word == "?" or _knows(session, word)]


def _add(so_far: str, word: str) -> None:
    if word == "?":
        _ask(f"{so_far}?")
    else:
        state.set_draft(f"{so_far} {word}".strip().replace(" ;", ";"))


def _knows(session: Session, word: str) -> bool:
    try:
        session.vocabulary.words(word)
    except InputError:
        return word == ";"
    return True
