"""The word ledger: gamma and beta as the question is read, word by word."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

import analysis
from analysis import KINDS, Kind, WordContributions
from film import Session
from ui import question_header as header, widgets

CAVEAT = (
    "**What the ledger can say.** *When* a value changed is exact; *why* it did is not told: what a word "
    "adds depends on all words before it. And a question that stops half-way is unlike any the network "
    "learned from, so the answers on the way are what it would say, not what it believes."
)


def page() -> None:
    st.title("Word ledger")
    st.caption("The network reads one word after the other. What has it made of the question so far?")
    case = header.case()
    if case is None:
        return
    session, dark = case.session, widgets.dark()
    ledger = analysis.word_contributions(session, case.question)
    st.info(CAVEAT, icon=":material/info:")
    _answers(session, case.shown.pixels, ledger, dark)
    kind = st.segmented_control("Ledger of", list(KINDS), default="gamma", required=True, key="ledger-kind")
    kind = kind or "gamma"
    _moves(ledger, kind, dark)
    block, feature_map = header.pick_map(session)
    header.offer_maps(ledger.most_moved(kind), f"{kind.capitalize()}s that words moved most:")
    _one_value(ledger, kind, block, feature_map, dark)
    _path(ledger, kind, block, dark)


def _answers(session: Session, picture: np.ndarray, ledger: WordContributions, dark: bool) -> None:
    st.subheader("The answer, had the question stopped here")
    widgets.notice(
        "Each column ends the question after that word; a ring marks the answer it would get. **Find the "
        "word at which the answer settles**, and whether the kind of answer (number, colour, yes or no) came "
        "first."
    )
    answers = session.answer(picture, ledger.stopped)
    chances = [answer.probabilities for answer in answers]
    table = pd.DataFrame(chances)
    table.insert(0, "word", ledger.tokens)
    table.insert(1, "answer", [answer.answer for answer in answers])
    settled = answers[-1].answer
    alt = f"The likeliest answers after each word; after the last it is {settled}."
    widgets.figure(analysis.prefix_answers(ledger.tokens, chances, dark=dark), "prefix-answers", alt, table)


def _moves(ledger: WordContributions, kind: Kind, dark: bool) -> None:
    st.subheader(f"How far each word moved {kind}")
    widgets.notice(
        "Root mean square of the change over a block's maps. **Words that carry meaning should move more** "
        "than “the” and “is”; do they here? The end of the question moves values too."
    )
    moves = ledger.moves(kind)
    table = pd.DataFrame(moves, columns=[f"block {b + 1}" for b in range(moves.shape[1])])
    table.insert(0, "word", ledger.tokens)
    alt = f"How far each word moved {kind} in each block."
    widgets.figure(analysis.word_moves(ledger, kind, dark=dark), f"moves-of-{kind}", alt, table)


def _one_value(ledger: WordContributions, kind: Kind, block: int, feature_map: int, dark: bool) -> None:
    lines = ledger.lines(kind, block, feature_map)
    label = f"{kind} of block {block + 1}, map {feature_map}"
    st.subheader(f"Who made {label}")
    caveat = ledger.caveat(kind)
    if caveat:
        st.warning(caveat, icon=":material/warning:")
    else:
        offset = "the offset that every gamma has, " if kind == "gamma" else ""
        widgets.notice(
            f"Bias, {offset}then what each word added: **the bars sum to the value exactly**, because "
            f"{kind} is a linear function of the reader's state."
        )
    table = pd.DataFrame([vars(line) for line in lines])
    words = [line for line in lines if line.name not in ("bias", "offset")]
    most = max(words, key=lambda line: abs(line.amount))
    alt = f"What each word adds to {label}; {most.name} adds most, {most.amount:+.3f}."
    widgets.figure(analysis.contribution_bars(lines, label, dark=dark), f"ledger-of-{kind}", alt, table)
    st.markdown(
        f"Largest step: **“{widgets.plain(most.name)}”** with {most.amount:+.3f}. "
        f"Sum of all lines {sum(line.amount for line in lines):.5f}, value used {lines[-1].total:.5f}."
    )
    with st.expander("The ledger as a table"):
        st.dataframe(
            table.rename(columns={"name": "line", "amount": "adds", "total": "then"}), hide_index=True
        )


def _path(ledger: WordContributions, kind: Kind, block: int, dark: bool) -> None:
    st.subheader(f"All {kind}s of block {block + 1}, word after word")
    widgets.notice(
        "A row is one map, a column the question up to that word. **Look for rows that change once and "
        "stay**: the network has read what it needs for them."
    )
    alt = f"Every {kind} of block {block + 1} after each word."
    table = analysis.path_table(ledger, kind, block)
    widgets.figure(analysis.word_path(ledger, kind, block, dark=dark), f"path-of-{kind}", alt, table)


if __name__ == "__main__":  # as Streamlit runs a page
    page()
