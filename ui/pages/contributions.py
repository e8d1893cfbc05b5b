"""Word contributions: gamma and beta as the question is read, word by word."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

import analysis
from analysis import KINDS, Kind, WordContributions
from film import Session
from ui import as_python, below, question_header as header, state, widgets
from ui.cache import networks

CAVEAT = (
    "**When, not why.** This page says exactly *when* a value changed while the question was read, not which "
    "word is the reason: the hidden state depends on all words before. For that see *The same words, "
    "replaced*, below."
)


def page() -> None:
    st.title("Word contributions")
    st.caption(
        "The question encoder (GRU) reads one word after the other: gamma, beta and the answer after each."
    )
    case = header.case()
    if case is None:
        return
    session, dark = case.session, widgets.dark()
    contributions = analysis.word_contributions(session, case.question)
    st.info(CAVEAT, icon=":material/info:")
    _answers(session, case.shown.pixels, contributions, dark)
    if below.waits("contributions"):
        return
    chosen = st.segmented_control(
        "Contributions to", list(KINDS), required=True, **state.option("contributions-kind", KINDS, "gamma")
    )
    kind: Kind = "beta" if chosen == "beta" else "gamma"
    _moves(contributions, kind, dark)
    block, feature_map = header.pick_map(networks.study())
    header.offer_maps(contributions.most_moved(kind), f"{kind.capitalize()}s with the largest changes:")
    _one_value(contributions, kind, block, feature_map, dark)
    _replaced(session, contributions, kind, block, feature_map, dark)
    widgets.how_measured("Word contributions")
    _path(contributions, kind, block, dark)
    widgets.copy_as_python(
        "contributions",
        lambda: as_python.contributions(
            networks.study(), case.shown, case.question, kind, block, feature_map
        ),
    )


def _answers(session: Session, picture: np.ndarray, contributions: WordContributions, dark: bool) -> None:
    st.header("Answer after each prefix")
    widgets.notice(
        "Each column ends the question after that word; a ring marks the answer it would get. **Find the "
        "word at which the answer settles**, and whether the kind of answer (number, colour, yes or no) came "
        "first. A question that stops half-way is unlike any of CLEVR's."
    )
    answers = session.answer(picture, contributions.stopped)
    chances = [answer.probabilities for answer in answers]
    table = pd.DataFrame(chances)
    table.insert(0, "word", contributions.tokens)
    table.insert(1, "answer", [answer.answer for answer in answers])
    settled = answers[-1].answer
    alt = f"The likeliest answers after each word; after the last it is {settled}."
    widgets.figure(
        analysis.prefix_answers(contributions.tokens, chances, dark=dark), "prefix-answers", alt, table
    )


def _moves(contributions: WordContributions, kind: Kind, dark: bool) -> None:
    st.header(f"RMS change of {kind} by word")
    widgets.notice(
        "Root mean square of the change over a block's maps. **Content words should change more** "
        "than “the” and “is”; do they here? The end of the question changes values too."
    )
    moves = contributions.moves(kind)
    table = pd.DataFrame(moves, columns=[f"block {b + 1}" for b in range(moves.shape[1])])
    table.insert(0, "word", contributions.tokens)
    alt = f"RMS change of {kind} by word in each block."
    widgets.figure(analysis.word_moves(contributions, kind, dark=dark), f"moves-of-{kind}", alt, table)


def _one_value(
    contributions: WordContributions, kind: Kind, block: int, feature_map: int, dark: bool
) -> None:
    lines = contributions.lines(kind, block, feature_map)
    label = f"{kind} of block {block + 1}, map {feature_map}"
    st.header(f"Word contributions to {label}")
    caveat = contributions.caveat(kind)
    if caveat:
        st.warning(caveat, icon=":material/warning:")
    else:
        offset = "the offset that every gamma has, " if kind == "gamma" else ""
        widgets.notice(
            f"Bias, {offset}then what each word added: **the bars sum to the value exactly**, because "
            f"{kind} is a linear function of the hidden state."
        )
    table = pd.DataFrame([vars(line) for line in lines])
    words = [line for line in lines if line.name not in ("bias", "offset")]
    most = max(words, key=lambda line: abs(line.amount))
    alt = f"What each word adds to {label}; {most.name} adds most, {most.amount:+.3f}."
    widgets.figure(
        analysis.contribution_bars(lines, label, dark=dark), f"contributions-to-{kind}", alt, table
    )
    st.markdown(
        f"Largest step: **“{widgets.plain(most.name)}”** with {most.amount:+.3f}. "
        f"Sum of all lines {sum(line.amount for line in lines):.5f}, value used {lines[-1].total:.5f}."
    )
    with st.expander("As a table"):
        st.dataframe(
            table.rename(columns={"name": "line", "amount": "adds", "total": "then"}), hide_index=True
        )


def _replaced(
    session: Session, contributions: WordContributions, kind: Kind, block: int, feature_map: int, dark: bool
) -> None:
    st.header("The same words, replaced")
    found = analysis.word_replacements(session, contributions)
    if not found.places:
        st.caption("No word of this question has others of its kind to stand in its place.")
        return
    effects = list(found.effect(kind, block, feature_map).values())
    lines = contributions.lines(kind, block, feature_map)[-len(contributions.tokens) :]
    words = [contributions.tokens[place] for place in found.places]
    added = [lines[place].amount for place in found.places]
    agreement = found.agreement(contributions, kind)
    told = (
        "" if agreement is None else f" Over these words and all maps the two correlate by {agreement:.2f}."
    )
    widgets.notice(
        "Grey: what the value changed by when the word was read. Striped: the value less its mean with the "
        f"other words of that kind in its place, which is **what this word does**.{told}"
    )
    label = f"{kind} of block {block + 1}, map {feature_map}"
    others = [", ".join(some) for some in found.others]
    table = pd.DataFrame(
        {"word": words, "change when read": added, "effect of replacing": effects, "replaced by": others}
    )
    bars = analysis.contributions_beside_replacements(words, added, effects, label, dark=dark)
    alt = f"What {label} changes by when each word is read, and when it is replaced."
    widgets.figure(bars, f"replacements-of-{kind}", alt, table)


def _path(contributions: WordContributions, kind: Kind, block: int, dark: bool) -> None:
    st.header(f"All {kind}s of block {block + 1}, word after word")
    widgets.notice(
        "A row is one map, a column the question up to that word. **Look for rows that change once and "
        "stay**: the network has read what it needs for them."
    )
    alt = f"Every {kind} of block {block + 1} after each word."
    table = analysis.path_table(contributions, kind, block)
    widgets.figure(analysis.word_path(contributions, kind, block, dark=dark), f"path-of-{kind}", alt, table)


if __name__ == "__main__":  # as Streamlit runs a page
    page()
