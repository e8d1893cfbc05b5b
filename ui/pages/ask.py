"""Ask: a question about a picture, the network's answer, the true one, and the places it read."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

import analysis
from analysis import Truth
from film import Answer, InputError, Session, UnknownWords, percent
from ui import as_python, below, builder, pages, program, question_box, state, widgets
from ui.cache import answers, networks, pictures
from ui.cache.pictures import ShownPicture
from ui.text import short_key
from ui.visited import HistoryEntry

FIRST = 5  # answers drawn under the headline
MOST_WARNINGS = 3  # unknown words that have a box each


def page() -> None:
    session, dark = networks.network(), widgets.dark()
    shown = pictures.shown(state.view().picture, state.upload())
    st.title("Ask the network about a picture")
    st.caption(
        "It reads your question word by word and turns it into a scale and a shift for every feature map of "
        "a small convolutional network: that alone makes one network answer every question."
    )
    with st.container(key="ask-split"):  # where the window is narrow, all below each other
        left, right = st.columns([9, 11], gap="large")
        program, places = st.columns([9, 11], gap="large")
    with left:
        _picture(shown)
    with right:
        question_box.question_box(session, shown)
        truth = pictures.truth(state.view().question, shown)
        answer = _answer(session, shown, truth, dark)
    with program:
        _program(truth, shown)
    if answer is not None:
        with right:
            _distribution(answer, truth, dark)
        with places:
            _argmax_locations(session, shown, answer)
    if below.waits("ask"):
        return
    if answer is not None:
        question, counted = state.view().question, analysis.not_counted(session.config) is None
        _stages(session, shown, question)
        widgets.copy_as_python("ask", lambda: as_python.ask(networks.study(), shown, question, counted))
        widgets.how_measured("Answer to one question")
    _history(dark)


def _picture(shown: ShownPicture) -> None:
    picture, seen = answers.seen(shown)
    st.image(picture, width="stretch", alt=f"{shown.title}: {shown.why}")
    st.markdown(f"**{widgets.plain(shown.title)}** · {widgets.plain(shown.why)}")
    if seen:
        st.caption(f":material/crop: {seen}")
    widgets.picture_buttons(shown)
    widgets.picture_files([analysis.Panel(shown.pixels)], "picture", shown.title)
    widgets.redraw_when_clean(shown.key)


def _answer(session: Session, shown: ShownPicture, truth: Truth, dark: bool) -> Answer | None:
    """The network's answer as a headline, or what keeps it from answering."""
    question = state.view().question
    if not question.strip(" ?.,;"):
        st.info("Type a question, or take one from the examples.", icon=":material/edit:")
        return None
    try:
        answer = answers.answer(shown, question)
    except UnknownWords as error:
        _unknown(error, truth)
        return None
    except InputError as error:
        widgets.show_error(error)
        return None
    state.remember(shown.key, shown.title, question, answer, truth)
    st.html(_headline(answer, truth, dark, f'id="answer" data-picture="{shown.key}"'))
    if truth.read_as:
        st.caption(
            f":material/translate: The truth is that of “{widgets.plain(truth.read_as)}”, which the question "
            "means; the network read the words as they were typed."
        )
        _offer(truth.read_as, "Ask this instead")
    if truth.answer is None:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f":material/help: {widgets.plain(truth.reason or '')}", width="content")
            if truth.meant:
                _offer(truth.meant, "If mistyped, ask")
        if truth.parse is None and (words := question_box.next_words(session, question)):
            st.pills(
                "Possible next words", words, wrap=True, **state.taken("go-on", partial(_go_on, question))
            )
    return answer


def _go_on(question: str, word: str) -> None:
    state.change(question=f"{question.rstrip()}{'' if word == '?' else ' '}{word}")


def _offer(text: str, label: str) -> None:
    st.button(
        f"{label}: {text}", key="nearest", on_click=state.change, kwargs={"question": text},
        icon=":material/auto_fix_high:", wrap=True,
    )  # fmt: skip


def _unknown(error: UnknownWords, truth: Truth) -> None:
    if len(error.words) > MOST_WARNINGS:  # another language, or a whole paragraph
        widgets.show_error(error)
    else:
        for word, nearest in error.words:
            known = ", ".join(f"**{widgets.plain(w)}**" for w in nearest)
            hint = f"Nearest known words: {known}." if nearest else "No known word is similar."
            st.warning(
                f"The network never learned the word **{widgets.plain(word[:60])}**. {hint}",
                icon=":material/help:",
            )
    if truth.read_as:
        _offer(truth.read_as, "The same in CLEVR's words")
    elif truth.meant:
        _offer(truth.meant, "If mistyped, ask")
    elif truth.parse is None:
        st.caption(f":material/help: {widgets.plain(truth.reason or '')}")


def _headline(answer: Answer, truth: Truth, dark: bool, marks: str = "") -> str:
    if truth.answer is None:
        told = "no true answer" if truth.none else "truth unknown"
        badge = f'<span class="badge unknown">{told}</span>'
    elif truth.answer == answer.answer:
        badge = '<span class="badge right">✓ true</span>'
    else:
        badge = f'<span class="badge wrong">✗ true answer: {widgets.escape(truth.answer)}</span>'
    chance, most = answer.probabilities[answer.answer], np.log2(len(answer.probabilities))
    return f"""<div class="{"dark" if dark else ""}" {marks} data-answer="{widgets.escape(answer.answer)}"
        data-question="{widgets.escape(answer.question or "")}">
        <div class="answer"><b>{widgets.escape(answer.answer)}</b>{badge}</div>
        <div class="figures"><span><i>{widgets.escape(percent(chance))}</i> confidence</span>
        <span title="best probability minus second best"><i>{answer.margin:.3f}</i> margin</span>
        <span title="of the whole distribution; 0 is certain, {most:.1f} is uniform">
        <i>{answer.entropy:.2f}</i> bits of entropy</span>
        <span title="network time, without the page"><i>{answer.seconds * 1000:.0f}</i> ms</span>
        </div></div>"""


def _distribution(answer: Answer, truth: Truth, dark: bool) -> None:
    """The likeliest answers, and all of them where they are asked for."""
    likeliest = sorted(answer.probabilities.items(), key=lambda pair: -pair[1])
    first = dict(likeliest[:FIRST])
    widgets.figure(
        analysis.answer_bars(first, truth.answer, dark=dark),
        "first-answers",
        f"The {len(first)} likeliest answers: "
        + ", ".join(f"{name} {percent(chance)}" for name, chance in first.items())
        + ".",
        _table(first),
    )
    _all_answers(dict(likeliest), truth.answer, dark)


def _table(probabilities: Mapping[str, float]) -> pd.DataFrame:
    return pd.DataFrame(probabilities.items(), columns=["answer", "probability"])


@st.fragment
def _all_answers(probabilities: Mapping[str, float], truth: str | None, dark: bool) -> None:
    fold = st.expander(f"All {len(probabilities)} answers", key="all-answers", on_change="rerun")
    if not fold.open:
        return
    with fold:
        widgets.notice(
            "**Are the next best of the right kind** (numbers, colors ...), even where the best is wrong?"
        )
        widgets.figure(
            analysis.answer_bars(probabilities, truth, dark=dark),
            "answers",
            f"Probabilities of all answers; the likeliest is {next(iter(probabilities))}.",
            _table(probabilities),
        )


def _program(truth: Truth, shown: ShownPicture) -> None:
    st.header("What is asked, step by step")
    if truth.parse is None:
        st.caption("Only questions that CLEVR's grammar understands have a program.")
        return
    kind = builder.TYPES.get(truth.type or "", "")
    if shown.scene is None:
        widgets.notice("No scene annotation for this picture: **the steps are shown without results.**")
    else:
        widgets.notice(
            f"Run on the scene itself, not by the network: the true answer to “{kind}” comes last."
        )
    program.show(truth, "program")


def _argmax_locations(session: Session, shown: ShownPicture, answer: Answer) -> None:
    config, fit = session.config, session.card.fit
    st.header("Max-pool argmax locations")
    if (reason := analysis.not_counted(config)) is not None:
        st.info(reason)
        return
    found = analysis.argmax_locations(answer.activations[answers.RECORD], config.window)
    widgets.notice(
        f"{found.maps - found.silent} of {found.maps} maps pass a value above zero through the pooling, each "
        f"from one place of this picture, {config.width} × {config.height} pixels as the network gets it. "
        "**Do the places lie on what is asked about?**"
    )
    lit = analysis.argmax_over(found, answers.as_network_gets(shown), config, fit)
    title = "Argmax locations of the max-pooling, bright on the picture"
    st.image(answers.as_file(lit), width="stretch", alt=title)
    widgets.picture_files(
        [analysis.Panel(lit)], "argmax-locations", title, analysis.grid_table({"locations": found.counts})
    )
    st.caption(
        f"A tenth of the places holds {found.share:.0%} of the argmax locations (paper, Figure 4). "
        "These are the places that the classifier read; that says nothing of causes. Brightness is the "
        "square root of the count."
    )
    _as_network_gets(shown)
    widgets.how_measured("Max-pool argmax locations")


@st.fragment
def _as_network_gets(shown: ShownPicture) -> None:
    title = "The picture as the network sees it"
    fold = st.expander(title, key="as-seen", on_change="rerun")
    if fold.open:
        enlarged = answers.as_network_gets(shown).repeat(3, axis=0).repeat(3, axis=1)
        with fold:
            st.image(answers.as_file(enlarged), width="stretch", alt=title)
            widgets.picture_files([analysis.Panel(enlarged)], "as-seen", title)


@st.fragment
def _stages(session: Session, shown: ShownPicture, question: str) -> None:
    """Where every stage is active, and where its change would change the answer most."""
    if not st.toggle(
        "Stage by stage",
        help="RMS activation and gradient of each stage, over the picture.",
        **state.option("stages", (False, True), False),
    ):
        return
    config, fit = session.config, session.card.fit
    found = session.gradients(shown.pixels, session.modulate([question]), "margin")
    widgets.notice(
        "Bright is where a stage's maps are strong (above), and where changing them would move the "
        "answer's logit against its runner-up's most (below). **Does the light narrow down to what is "
        "asked about?**"
    )
    panels, energies = [], {}
    for column, (name, parts) in zip(st.columns(len(found)), found.items(), strict=True):
        title = "stem" if name == "stem" else f"block {name.removeprefix('block').removesuffix('.out')}"
        column.markdown(f"**{title}**")
        for what, maps in zip(("activation", "gradient"), parts, strict=True):
            energies[f"{title}, {what}"] = analysis.energy(maps)
            lit = analysis.energy_over(energies[f"{title}, {what}"], shown.pixels, config, fit)
            column.image(lit, width="stretch", alt=f"Energy of the {what} after the {title}", caption=what)
            panels.append(analysis.Panel(lit, f"{title}, {what}"))
    title = "RMS activation and gradient of each stage, over the picture"
    widgets.picture_files(panels, "stages", title, analysis.grid_table(energies), across=2)
    st.caption("Root of the mean square over maps, each picture scaled from its least to its greatest value.")
    widgets.how_measured("Activation and gradient")


# --- The session's questions --------------------------------------------------------------------


def _history(dark: bool) -> None:
    asked = state.asked()
    if len(asked) < 2:
        return
    st.header("This session's questions")
    _list(asked)
    if st.toggle("Compare two of them", **state.option("compare", (False, True), False)):
        _compare(asked, dark)


@st.fragment
def _list(asked: tuple[HistoryEntry, ...]) -> None:
    fold = st.expander(f"All {len(asked)}, newest first", key="all-asked", on_change="rerun")
    if not fold.open:
        return
    rows = [
        {
            "#": entry.number,
            "picture": entry.title,
            "question": entry.question,
            "answer": entry.answer.answer,
            "confidence": percent(entry.answer.probabilities[entry.answer.answer]),
            "truth": "none" if entry.truth.none else entry.truth.answer or "unknown",
        }
        for entry in reversed(asked)
    ]
    with fold:
        st.dataframe(pd.DataFrame(rows), hide_index=True)
        widgets.data(pd.DataFrame(rows), "history", "Questions asked, newest first", sample="")


def _compare(asked: tuple[HistoryEntry, ...], dark: bool) -> None:
    widgets.notice("**Does one word or one object change the answer, and gamma and beta with it?**")
    entries = {f"{entry.picture} {entry.question}": entry for entry in reversed(asked)}
    names = list(entries)
    if len(names) < 2:
        return
    labels = {name: f"{one.number}: {one.question} ({one.title})" for name, one in entries.items()}
    a, b = (
        entries[
            column.selectbox(
                title, names, format_func=labels.__getitem__, **state.option(f"compare-{title}", names, plain)
            )
        ]
        for column, title, plain in zip(st.columns(2, gap="large"), "AB", (names[1], names[0]), strict=True)
    )
    state.compare(f"{a.picture} {a.question}", f"{b.picture} {b.question}")
    panels = []
    left, right = st.columns(2, gap="large")
    for column, entry in ((left, a), (right, b)):
        with column:
            small, told = st.columns([2, 3], vertical_alignment="center")
            shown = pictures.shown(entry.picture, state.upload())
            if shown.key == entry.picture:
                small.image(shown.pixels, width="stretch", alt=entry.title)
                panels.append(analysis.Panel(shown.pixels, f"{entry.question} {entry.answer.answer}"))
            else:
                small.caption(f"{widgets.plain(entry.title)}, which is no longer here")
            with told:
                st.html(_headline(entry.answer, entry.truth, dark))
    if panels:
        title = "The pictures of A and B with the answers"
        which = f"pictures {short_key(a.picture)} and {short_key(b.picture)}"
        widgets.picture_files(panels, "two-pictures", title, sample=which, across=2)
    left, right = st.columns(2, gap="large")
    with left:
        widgets.figure(
            analysis.answers_side_by_side(a.answer.probabilities, b.answer.probabilities, dark=dark),
            "two-answers", "The likeliest answers of A and B side by side", _both(a, b),
        )  # fmt: skip
    with right:
        differences = _differences(a.answer, b.answer)
        st.dataframe(differences.round(4), hide_index=True)
        widgets.data(
            differences, "differences", "Root mean square difference of gamma and beta by block",
            sample=f"A: “{a.question}”, B: “{b.question}”",
        )  # fmt: skip
        st.caption(
            "How far A and B are apart: root mean square over a block's maps. The question alone sets gamma "
            "and beta, so the same question about two pictures differs by exactly 0."
        )
        widgets.how_measured("Two questions on one picture")
        if a.question != b.question and st.button(
            "All maps, ranked by difference", key="compare-maps", icon=":material/tune:",
            help="On the Modulation page: gamma and beta of both in standard deviations, any map under both.",
        ):  # fmt: skip
            state.change(picture=a.picture, question=a.question, other=b.question)
            state.set_option("modulation-view", "two")
            st.switch_page(pages.path("modulation"))


def _both(a: HistoryEntry, b: HistoryEntry) -> pd.DataFrame:
    """The probability of every answer to A and to B."""
    return pd.DataFrame(
        [
            {"asked": name, "picture": entry.picture, "question": entry.question, "answer": answer,
             "probability": chance}
            for name, entry in (("A", a), ("B", b))
            for answer, chance in entry.answer.probabilities.items()
        ]
    )  # fmt: skip


def _differences(a: Answer, b: Answer) -> pd.DataFrame:
    def apart(one: np.ndarray, other: np.ndarray) -> np.ndarray:
        result: np.ndarray = np.sqrt(((one - other) ** 2).mean(axis=1))
        return result

    return pd.DataFrame(
        {
            "block": range(1, len(a.gamma) + 1),
            "gamma": apart(a.gamma, b.gamma),
            "beta": apart(a.beta, b.beta),
        }
    )


if __name__ == "__main__":
    page()
