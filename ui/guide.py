"""The guided first five minutes: predict, change a word, see what moved, and come away with a finding.

It stands beside every page and looks at what the visitor has done; nothing is ticked off by hand.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

import analysis
from analysis import Population
from film import InputError, PatchFrom, Session, Where, parse, percent, question_type, to_text
from ui import before_after, builder, pages, state, widgets
from ui.cache import answers, bench, networks, pictures
from ui.visited import HistoryEntry

ASK, MODULATION, CONTRIBUTIONS, BENCH = map(pages.path, ("ask", "modulation", "contributions", "bench"))
OFFERED = 3  # questions or maps at a step
NO_MAP = "This needs a map, chosen at the step “See which maps the word changed”."
LETTERS = 40  # of a line at a figure's foot, in the sidebar


def place() -> DeltaGenerator | None:
    """Where the guide will stand; kept free before the page is made, for the guide looks at what it did."""
    return st.sidebar.container() if state.guide().open else None


def show(session: Session, where: DeltaGenerator | None) -> None:
    """The step the visitor is at; where the guide is closed, the way back to it."""
    if where is None:
        st.button(
            "The first five minutes, guided", key="guide-open", type="tertiary", icon=":material/school:",
            on_click=state.guided, kwargs={"open": True},
        )  # fmt: skip
        return
    with where:
        number = min(state.guide().step, len(STEPS) - 1)
        step = STEPS[number]
        st.progress((number + 1) / len(STEPS), text=f"The first five minutes · {number + 1} of {len(STEPS)}")
        st.subheader(step.title, anchor=False)
        done = step.body(session)
        with st.container(horizontal=True, gap="small"):
            if number:
                st.button("Back", key="guide-back", on_click=state.guided, kwargs={"step": number - 1})
            if number + 1 < len(STEPS):
                st.button(
                    "Next step", key="guide-next", type="primary" if done else "secondary", disabled=not done,
                    on_click=state.guided, kwargs={"step": number + 1},
                )  # fmt: skip
            st.button(
                "Close" if number + 1 < len(STEPS) else "Finish", key="guide-close", type="tertiary",
                on_click=state.guided, kwargs={"open": False},
            )  # fmt: skip


# --- The steps; each draws itself and says whether it is done ---------------------------------------------


def _foretell(session: Session) -> bool:
    """The visitor answers before the network does."""
    guide, view = state.guide(), state.view()
    if guide.said is None or guide.asks is None:
        question = _another_question()
        if question is None:
            st.markdown("Ask the network anything about the picture.")
            opened = networks.first_view(networks.study()).question  # asked by nobody
            return any(entry.question != opened for entry in state.asked())
        st.markdown(f"The network is fast; be faster. Look at the picture:\n\n**{widgets.plain(question)}**")
        kind = pictures.truth(question, None).type or "count"
        st.pills(
            "Your prediction", builder.answers(kind),
            **state.taken("guide-said", lambda said: _say(view.picture, question, said)),
        )  # fmt: skip
        return False
    entry = next((entry for entry in state.asked() if (entry.picture, entry.question) == guide.asks), None)
    if entry is None:
        st.page_link(ASK, label="See what the network says", icon=":material/question_answer:")
        return False
    heard = entry.answer.answer
    likeliest = sorted(entry.answer.probabilities.items(), key=lambda pair: -pair[1])[:OFFERED]
    widgets.figure(
        analysis.answer_bars(dict(likeliest), dark=widgets.dark()), "guide-prediction",
        f"The {OFFERED} likeliest answers to “{entry.question}”.",
        pd.DataFrame(likeliest, columns=["answer", "probability"]), letters=LETTERS,
    )  # fmt: skip
    true = "" if entry.truth.answer is None else f", the truth is **{entry.truth.answer}**"
    st.markdown(f"Your prediction: **{guide.said}**; the network's: **{heard}**{true}.")
    st.markdown(
        f"{widgets.plain(session.card.taught)} Asked, it is given the words alone: they became the scale "
        "(gamma) and shift (beta) of its feature maps, and nothing else of the question reached the picture."
    )
    widgets.how_measured("Answer to one question")
    return True


def _another_question() -> str | None:
    """One that a word can change, answered rightly if there is one such: who starts here meets the rule."""
    view = state.view()
    offered = answers.to_foretell(pictures.shown(view.picture, state.upload()))
    return next((text for text in offered if text != view.question), None)


def _say(picture: str, question: str, said: str) -> None:
    state.guided(asks=(picture, question), said=said)
    state.change(question=question)


def _change_a_word(session: Session) -> bool:
    """Two questions about one picture that differ in one word."""
    pair = _pair(state.asked())
    question = state.view().question
    st.markdown(
        "Change **one word** of the question and leave the picture alone. Take one of these, or type "
        "your own:"
    )
    for number, text in enumerate(_variants(session, question)):
        st.button(text, key=f"guide-variant-{number}", on_click=state.change, kwargs={"question": text},
                  wrap=True)  # fmt: skip
    if pair is None:
        st.caption(":material/pending: Waiting for two questions that are one word apart.")
        return False
    first, second = pair
    words = analysis.word_changed(first.question, second.question)
    assert words is not None
    if state.guide().pair != pair:
        state.guided(pair=pair, chosen=None, word=None, block=None)
    st.markdown(
        f"“{widgets.plain(words[0])}” became “{widgets.plain(words[1])}”, and "
        f"**{first.answer.answer}** became **{second.answer.answer}**. Not one pixel changed; only gamma and "
        "beta did."
    )
    chances = first.answer.probabilities, second.answer.probabilities
    widgets.figure(
        analysis.answers_side_by_side(*chances, names=words, most=OFFERED, dark=widgets.dark()),
        "guide-words", f"The likeliest answers with “{words[0]}” and with “{words[1]}”.",
        analysis.answers_table(*chances), letters=LETTERS,
    )  # fmt: skip
    widgets.how_measured("Answer to one question")
    if first.answer.answer == second.answer.answer:
        st.caption("The answer is the same; a word that changes it makes for a better finding.")
    return True


def _pair(asked: tuple[HistoryEntry, ...]) -> tuple[HistoryEntry, HistoryEntry] | None:
    """The last question and the latest one before it, about the same picture, that is one word apart.

    Before a word was ever changed, the last must not be the question to predict: that one was offered.
    """
    guide = state.guide()
    if not asked or (guide.pair is None and (asked[-1].picture, asked[-1].question) == guide.asks):
        return None
    last = asked[-1]
    for entry in reversed(asked[:-1]):
        if entry.picture == last.picture and analysis.word_changed(entry.question, last.question):
            return entry, last
    return None


def _variants(session: Session, question: str) -> list[str]:
    """Questions a word away to take; where there are none, one about the picture."""
    shown = pictures.shown(state.view().picture, state.upload())
    found = list(answers.word_changes(shown, question))
    found = found or [text for text in pictures.examples("count", shown) if answers.knows(session, text)][:1]
    return found[:OFFERED]


def _see_maps(session: Session) -> bool:
    """A map whose gamma the word moved most, opened on the Modulation page."""
    pair = _same_pair()
    if pair is None:
        return False
    first, second = pair
    population = networks.population(networks.study())
    changed = analysis.most_changed(first.answer, second.answer, population, OFFERED)
    st.markdown(
        f"The network has {second.answer.gamma.size} feature maps in {session.config.blocks} blocks. These "
        "gammas your word moved most. **Choose one** and look at its map before and after FiLM."
    )
    for block, number, _ in changed:
        st.button(
            f"Block {block + 1}, map {number}", key=f"guide-map-{block}-{number}", on_click=_choose,
            args=(block, number),
        )  # fmt: skip
    st.page_link(MODULATION, label="To the Modulation page", icon=":material/tune:")
    change = {(block, number): amount for block, number, amount in changed}
    if (chosen := state.guide().chosen) not in change:
        return False
    block, number = chosen
    before, after = first.answer.gamma[block, number], second.answer.gamma[block, number]
    unit = (
        ""
        if population is None
        else f", {abs(change[chosen]):.1f} standard deviations of {len(population):,} questions"
    )
    st.markdown(
        f"Block {block + 1}, map {number}: gamma went from **{before:+.2f}** to **{after:+.2f}**{unit}."
    )
    _map_over_picture(session, first, second, block, number)
    widgets.how_measured("Two questions on one picture")
    return True


def _map_over_picture(
    session: Session, first: HistoryEntry, second: HistoryEntry, block: int, number: int
) -> None:
    """What is left of a map after FiLM and ReLU, asked with one word and with the other."""
    shown = pictures.shown(second.picture, state.upload())
    name = analysis.stage_names(session.config, block).names[2]
    asked = [session.ask(shown.pixels, one.question, record=[name]) for one in (first, second)]
    words = analysis.word_changed(first.question, second.question) or ("", "")
    before_after.maps_over_pictures(
        session, [(block, number)], (asked[0], asked[1]), (shown.pixels, shown.pixels),
        names=(f"asked with “{words[0]}”", f"asked with “{words[1]}”"), file="guide-maps",
    )  # fmt: skip
    st.caption(
        f"What is left of it after FiLM and the ReLU, asked with “{widgets.plain(words[0])}” (above) and "
        f"with “{widgets.plain(words[1])}” (below), in one colour scale."
    )


def _choose(block: int, number: int) -> None:
    """This map is the guide's from here on, whichever one the pages show later."""
    state.guided(chosen=(block, number), word=None)
    state.change(block=block, feature_map=number)


def _find_word(session: Session) -> bool:
    """The visitor guesses which word changed the chosen gamma most; the word contributions tell."""
    pair = _same_pair()
    if pair is None:
        return False
    second, guide = pair[1], state.guide()
    if guide.chosen is None:
        st.markdown(NO_MAP)
        return False
    block, number = guide.chosen
    contributions = analysis.word_contributions(session, second.question)
    lines = [
        line for line in contributions.lines("gamma", block, number) if line.name not in ("bias", "offset")
    ]
    st.markdown(
        "The question encoder adds to gamma word by word. Which word of "
        f"“{widgets.plain(second.question)}” changed gamma of block {block + 1}, map {number} most?"
    )
    words = list(dict.fromkeys(line.name for line in lines if not line.name.startswith("<")))
    st.pills("Your guess", words, default=guide.word if guide.word in words else None, key="guide-word",
             on_change=_guess_word)  # fmt: skip
    if guide.word not in words:
        return False
    most = max(lines, key=lambda line: abs(line.amount))
    name = "the end of the question" if most.name.startswith("<") else f"“{widgets.plain(most.name)}”"
    told = "You found it" if most.name == guide.word else "Not this time"
    st.markdown(f"{told}: **{name}** changed it most, by {most.amount:+.3f}.")
    label = f"gamma of block {block + 1}, map {number}"
    widgets.figure(
        analysis.contribution_bars(contributions.lines("gamma", block, number), label, dark=widgets.dark()),
        "guide-contributions", f"What each word adds to {label}.",
        pd.DataFrame([vars(line) for line in contributions.lines("gamma", block, number)]), letters=LETTERS,
    )  # fmt: skip
    if caveat := contributions.caveat("gamma"):
        st.caption(caveat)
    widgets.how_measured("Word contributions")
    st.page_link(CONTRIBUTIONS, label="Every word's contribution", icon=":material/receipt_long:")
    return True


def _guess_word() -> None:
    state.guided(word=state.value("guide-word"))


def _find_block(session: Session) -> bool:
    """The visitor guesses which block carries the difference; an exchange tells, and is a finding."""
    pair = _same_pair()
    if pair is None:
        return False
    (first, second), guide = pair, state.guide()
    if guide.chosen is None:
        st.markdown(NO_MAP)
        return False
    st.markdown(
        f"Now an experiment. Ask “{widgets.plain(second.question)}” again, but give **one block** the gammas "
        f"and betas of “{widgets.plain(first.question)}”. In which block does that move the answer most?"
    )
    st.pills(
        "Your guess", range(session.config.blocks), format_func=lambda b: f"block {b + 1}",
        default=guide.block, key="guide-block", on_change=_guess_block,
    )  # fmt: skip
    if guide.block is None:
        return False
    shown = pictures.shown(second.picture, state.upload())
    population = networks.population(networks.study())
    asked = (first.question, second.question)
    others = _like(population, first.question, asked) if population is not None else []
    swaps = bench.kept(
        ("guide", session.card.weights, shown.key, shown.preview, asked, bool(others)),
        lambda: analysis.patch_blocks(session, shown.pixels, *asked, others),
    )
    table = pd.DataFrame(
        {
            "block": [swap.block + 1 for swap in swaps],
            "predicted": [swap.answer for swap in swaps],
            f"still {second.answer.answer}": [swap.chance for swap in swaps],
            "total variation": [swap.moved for swap in swaps],
        }
    )
    own = f"still {second.answer.answer}"
    st.dataframe(
        table.assign(**{own: table[own].map(percent)}), hide_index=True,
        column_config={"total variation": st.column_config.NumberColumn(format="%.2f")},
    )  # fmt: skip
    widgets.data(
        table, "guide-exchange", f"“{second.question}” with one block from “{first.question}”",
        sample=shown.title,
    )  # fmt: skip
    most = max(swaps, key=lambda swap: swap.moved)
    told = "As you said" if most.block == guide.block else "Not where you looked"
    st.markdown(f"{told}: **block {most.block + 1}** moves the answer most when exchanged alone.")
    widgets.how_measured("Exchange of one block")
    _to_bench(first, second, most.block)
    st.markdown("**Your finding**, to take along:")
    st.code(_finding(session, first, second, guide.chosen, most, shown.title), language=None, wrap_lines=True)
    st.caption("One picture and one pair of words: one case. Map cards and Evidence hold many cases.")
    return True


def _to_bench(first: HistoryEntry, second: HistoryEntry, block: int) -> None:
    """The exchange as an edit on the Bench, where it can be taken apart; the finding's link then holds it."""
    exchange = _exchange(first, block)
    if state.view().edits != exchange:
        st.button(
            f"Put the exchange of block {block + 1} on the Bench", key="guide-bench",
            icon=":material/science:", on_click=_put_on_bench, args=(exchange, first.question),
        )  # fmt: skip
        return
    st.markdown(
        f"It is on the Bench: block {block + 1} of “{widgets.plain(second.question)}” from "
        f"“{widgets.plain(first.question)}”. Switch it off, patch single maps, see which of them carry it; "
        "the link below opens it too."
    )
    st.page_link(BENCH, label="To the Bench", icon=":material/science:")


def _exchange(first: HistoryEntry, block: int) -> str:
    return to_text([PatchFrom(Where((block,)), first.question)])


def _put_on_bench(exchange: str, other: str) -> None:
    state.edit(exchange)
    state.change(other=other)


def _like(population: Population, question: str, asked: tuple[str, str]) -> list[str]:
    """Questions of the type of one, to exchange for comparison; of any type where its own is not known."""
    try:
        kind = question_type(parse(question).program)
    except InputError:
        kind = None
    return analysis.some_others(population, asked, type=kind)


def _guess_block() -> None:
    state.guided(block=state.value("guide-block"))


def _finding(
    session: Session, first: HistoryEntry, second: HistoryEntry, chosen: tuple[int, int],
    most: analysis.BlockPatching, title: str,
) -> str:  # fmt: skip
    """What came of it, with its numbers and the link to see it again."""
    words = analysis.word_changed(first.question, second.question) or ("", "")
    block, number = chosen
    # Both questions, the second with the exchange.
    link = pages.address(state.page_address(), "bench") + state.link(
        session.card.weights, edits=_exchange(first, most.block), other=first.question,
        block=block, feature_map=number,
    )  # fmt: skip
    before, after = first.answer.gamma[block, number], second.answer.gamma[block, number]
    compared = (
        f" The same exchange with {most.others} other questions of the first one's type (drawn with seed "
        f"{analysis.PATCHING_SEED}) moved it as far in {most.as_far}; corrected for choosing the block, "
        f"{analysis.small(most.p, 'p')}."
        if most.others
        else ""
    )
    return (
        f"“{first.question}” is answered {first.answer.answer}, “{second.question}” "
        f"{second.answer.answer} ({title}). From “{words[0]}” to “{words[1]}”, gamma of block {block + 1}, "
        f"map {number} goes from {before:+.2f} to {after:+.2f}. With gamma and beta of block "
        f"{most.block + 1} alone taken from the first question, the second is answered {most.answer}; its "
        f"own answer keeps {percent(most.chance)}, and the answers' distribution moves by "
        f"{most.moved:.2f} in total variation.{compared}\n"
        f"Network {session.card.name or 'without a name'}, "
        f"weights {session.card.weights[: state.LINK_HASH]}.\n"
        f"{link}"
    )


def _same_pair() -> tuple[HistoryEntry, HistoryEntry] | None:
    """The pair this is about, if the page still shows it; else the way back."""
    pair, view = state.guide().pair, state.view()
    if pair is None:
        st.markdown("This needs two questions one word apart.")
        return None
    second = pair[1]
    if (view.picture, view.question) != (second.picture, second.question):
        st.markdown("You are looking at something else now.")
        st.button(
            "Back to your question", key="guide-again", on_click=state.change,
            kwargs={"picture": second.picture, "question": second.question},
        )  # fmt: skip
        return None
    return pair


@dataclass(frozen=True)
class GuideStep:
    title: str
    body: Callable[[Session], bool]


STEPS = (
    GuideStep("Predict", _foretell),
    GuideStep("Change one word", _change_a_word),
    GuideStep("See which maps the word changed", _see_maps),
    GuideStep("Find the word behind a gamma", _find_word),
    GuideStep("Find where it matters", _find_block),
)
