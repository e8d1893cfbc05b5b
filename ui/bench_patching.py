"""What the bench shows of patching from another question: one pair, one pair word by word, and many pairs.

What many pairs say was measured beforehand, by the command that the page names where it was not.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

import analysis
from analysis import Population
from film import InputError, Parameters, command
from ui import bench_as_python, question_header as header, state, widgets
from ui.bench_many import PERCENT, kept, offer_kept
from ui.bench_measures import WORDS
from ui.cache import bench as shelf, evidence, networks
from ui.measuring import measured
from ui.second_question import second_question

PAIRS, SECONDS = 200, 10  # patched on request with their controls, and how long that takes on two cores


def patch(case: header.Case, population: Population | None, chosen: tuple[int, int]) -> None:
    other = second_question(case)
    if other is not None:
        _one_pair(case, other, chosen)
    _many_pairs()
    if population is not None:
        _controls(case, population)
    _words_of_many_pairs()


def _controls(case: header.Case, population: Population) -> None:
    """Whole blocks of many pairs beside patches that should bring nothing back, measured on request."""
    with st.expander(f"By block over {PAIRS} one-word pairs, beside four controls"):
        widgets.notice(
            "A block's patch from the question one word apart, and from another question of its type and of "
            "its family; steps of the same size in random directions; and pairs one word apart with the same "
            "true answer. **Does the word bring the answer back, or any change of that size?**"
        )
        seed = 0
        found: analysis.Measured | None = measured(
            ("controls", case.session.card.weights, PAIRS, seed),
            "Patch them and their controls",
            lambda told: analysis.gallery_patch_controls(
                case.session, population, pairs=PAIRS, seed=seed, progress=told
            ),
        )
        if found is None:
            st.caption(
                f"About the gallery's pictures, seed {seed}: some {SECONDS} s on two cores. "
                f"`{command('analysis', 'patch', networks.study().name)} --pairs {PAIRS} --controls`"
            )
            return
        table, recipe = found.tables["table"], found.recipe
        kinds = list(dict.fromkeys(table["kind"]))
        kind = st.selectbox("Kind of change", kinds, **state.option("bench-controls", kinds, kinds[0]))
        own, sample = table[table["kind"] == kind], f"{recipe['pairs']} pairs, seed {seed}"
        for logits, what in ((False, "share of the logit difference"), (True, "logits")):
            widgets.figure(
                analysis.control_bars(table, kind, logits=logits, dark=widgets.dark()),
                f"bench-controls-{'logits' if logits else 'shares'}",
                f"What a block's patch brings back beside its controls, {what}, kind of change: {kind}.",
                own, sample=sample,
            )  # fmt: skip
        shown = own[["patch", "block", "pairs", "share", "logits", "turned", "p"]].round(4)
        names = {"turned": "then prefer the other answer", "p": "p (max-T)"}
        st.dataframe(shown.rename(columns=names), hide_index=True, column_config={names["turned"]: PERCENT})
        st.caption(
            f"{recipe['pairs']} pairs about {recipe['pictures']} pictures, seed {seed}; {recipe['small']} "
            f"less than a logit apart and {recipe['alone']} without another question of their family are "
            f"left out. {recipe['same_answer']} pairs have the same true answer: there the other answer is "
            "the runner-up, and no difference is there to share. Then prefer the other answer: of those that "
            "do not as they are. 95 % intervals by picture. p: this control moves as far as the patch from "
            f"one word apart (sign flips of whole pictures, {recipe['trials']:,}, two-sided, corrected over "
            "the blocks and controls of this kind of change)."
        )
        widgets.data(table, "bench-controls", "Patches of whole blocks beside their controls", sample=sample)
        widgets.copy_as_python(
            "bench-controls", lambda: bench_as_python.controls(networks.study(), PAIRS, seed)
        )
        widgets.how_measured("Patching")


def _many_pairs() -> None:
    """What many minimal pairs say, where they were measured."""
    try:
        found = evidence.word_reading(networks.study())
    except InputError as error:
        widgets.show_error(error)
        return
    if found is None:
        advice = command("analysis", "patch", networks.study().name)
        st.caption(f"Over many pairs: not measured. `{advice} --pairs 300`")
        return
    table, recipe = found.table, found.recipe
    with st.expander(f"The same over {recipe['pairs']} one-word pairs about {recipe['pictures']} pictures"):
        widgets.notice(
            "Share of the logit difference that a block's patch recovers, by kind of word that was changed, "
            "with 95 % intervals by picture. **Which block reads the words?**"
        )
        blocks = table[table["map"] < 0]
        st.dataframe(
            blocks[["kind", "block", "pairs", "share", "low", "high", "control"]].round(3), hide_index=True
        )
        maps = table[(table["map"] >= 0) & table["claimed"] & (table["kind"] != "any")]
        st.markdown(f"**{len(maps)} maps read a kind of word**, confirmed on pictures kept aside:")
        columns = ["kind", "block", "map", "share", "control", "effect", "p", "held_out", "held_out_p"]
        st.dataframe(maps[columns].round(4), hide_index=True)
        st.caption(
            f"Effect: mean logits beyond {recipe['control']}. p: family-wise over all blocks and maps of a "
            "kind, held_out_p of each by itself, "
            f"sign flips of whole pictures ({recipe['trials']:,}), seed {recipe['seed']}; "
            f"{recipe['small']} pairs less than a logit apart are left out."
        )
        widgets.data(
            table, "word-reading", "Which block and which map reads a kind of word",
            sample=f"{recipe['pairs']} one-word pairs about {recipe['pictures']} pictures, "
            f"seed {recipe['seed']}",
        )  # fmt: skip
        widgets.copy_as_python("bench-word-reading", lambda: bench_as_python.word_reading(networks.study()))
        widgets.how_measured("Patching")


def _words_of_many_pairs() -> None:
    """At which words the difference of many minimal pairs is read, where that was measured."""
    found = kept("patch-words")
    if found is None:
        return
    table, recipe = found.tables["table"], found.recipe
    with st.expander(
        f"The same, word by word, over {recipe['pairs']} one-word pairs about {recipe['pictures']} pictures"
    ):
        widgets.notice(
            "The question's last state is moved by the difference between both questions' states after a "
            "word, or by what a word alone added to it. **Is the changed word in place as soon as it is "
            "read, or only once later words were?** Dotted: the same by another pair's difference."
        )
        kinds = list(dict.fromkeys(table["kind"]))[::-1]
        kind = st.selectbox("Kind of change", kinds, **state.option("bench-words-kind", kinds, kinds[0]))
        own = table[table["kind"] == kind]
        widgets.figure(
            analysis.word_patching_lines(table, kind, dark=widgets.dark()), "bench-words-of-pairs",
            f"Share of the logit difference that each word's state brings back, kind of change: {kind}.", own,
            sample=f"{recipe['pairs']} pairs, seed {recipe['seed']}",
        )  # fmt: skip
        names = {"place": "words after the changed one", "control": "another pair's", "p": "p (max-T)",
                 "random": "random direction's"}  # fmt: skip
        columns = ["patch", "place", "pairs", "share", "low", "high", "control", "random", "effect", "p",
                   "held_out", "held_out_p", "claimed"]  # fmt: skip
        st.dataframe(own[columns].rename(columns=names).round(4), hide_index=True)
        st.caption(
            f"{recipe['source'].capitalize()}, seed {recipe['seed']}; {recipe['small']} pairs less than a "
            "logit apart are left out. 95 % intervals by picture. Filled marks: beyond another pair's "
            f"(sign flips of whole pictures, {recipe['trials']:,}, corrected over all words of a kind) and "
            "confirmed on pictures kept aside, each by itself. The state after the last word is the whole "
            "difference, so it is 1."
        )
        offer_kept("patch-words")
        widgets.how_measured("Patching word by word")


def _one_pair(case: header.Case, other: str, chosen: tuple[int, int]) -> None:
    chosen_parameters = st.segmented_control(
        "Patch", list(WORDS), required=True, format_func=WORDS.__getitem__,
        **state.option("bench-patch-of", list(WORDS), "both"),
    )  # fmt: skip
    parameters: Parameters = (
        "gamma" if chosen_parameters == "gamma" else "beta" if chosen_parameters == "beta" else "both"
    )
    key = ("patch", *case.measured_on, other, parameters)
    found = measured(
        key,
        "Patch every map and block",
        lambda told: analysis.patch_pair(
            case.session, case.shown.pixels, other, case.question, parameters, noising=False
        ),
    )
    if found is None:
        return
    first, second = found.answers[0]
    widgets.notice(
        f"The question on the page is asked with gamma and beta of one map from “{widgets.plain(other)}”. "
        f"**How much of the difference between the answers “{first}” and “{second}” comes back?** "
        "A share of 1 is all of it."
    )
    if found.small[0]:
        st.warning(
            f"The two questions' logit differences are only {abs(found.distance[0]):.2f} apart, so shares "
            "divide by little: read the logits instead.", icon=":material/info:",
        )  # fmt: skip
    shares = found.share("denoising")[0]
    raw = st.toggle(
        "In logits, not as shares", **state.option("bench-patch-raw", (False, True), bool(found.small[0]))
    )
    values, title = (found.moved("denoising")[0], "logits recovered") if raw else (shares, "share recovered")
    widgets.figure(
        analysis.map_heatmap(values, title, chosen=chosen, dark=widgets.dark()), "bench-patching",
        "How much of the logit difference each map's patch recovers.", _by_map(found, "recovered"),
        header.open_map,
    )  # fmt: skip
    # The way back only now that the map can be seen: it takes as long as the way there.
    back = shelf.kept(
        (*key, "back"),
        lambda: analysis.patch_pair(
            case.session, case.shown.pixels, case.question, other, parameters,
            answers=(second, first), noising=False,
        ),
    )  # fmt: skip
    bars = {
        "recovered (denoising)": found.share("denoising", "blocks")[0],
        "destroyed (noising)": back.share("denoising", "blocks")[0],
    }
    widgets.figure(
        analysis.block_bars(bars, "fraction of the logit difference", dark=widgets.dark()),
        "bench-patching-blocks",
        "Share by block, all its maps at once.",
        pd.DataFrame(bars).assign(block=np.arange(len(shares)) + 1),
    )  # fmt: skip
    st.caption(
        f"Logit {first} − {second}: {found.source[0]:.2f} for the other question, {found.target[0]:.2f} for "
        "the one on the page. One pair about one picture; what holds over many pairs needs many."
    )
    widgets.data(
        _by_map(back, "destroyed"), "bench-patching-noising",
        "How much of the logit difference each map's patch destroys",
        sample=f"{widgets.asked()}, patched from “{other}”",
    )  # fmt: skip
    widgets.copy_as_python(
        "bench-patch", lambda: bench_as_python.patch(networks.study(), case, other, parameters)
    )
    widgets.how_measured("Patching")

    _word_by_word(case, other)


def _word_by_word(case: header.Case, other: str) -> None:
    """The same pair, patched word by word."""
    with st.expander("The same, word by word"):
        try:
            found = analysis.patch_words(case.session, case.shown.pixels, other, case.question)
        except InputError as error:
            widgets.show_error(error)
            return
        widgets.notice(
            "State: the encoder takes over the other question's state after the word and goes on; "
            "with one word changed, a step there by construction. Contribution: what this word alone added "
            "is the other's. **At which words is the difference read out?**"
        )
        names = {
            "source_word": "other's word",
            "target_word": "word",
            "state_share": "state, share",
            "contribution_share": "contribution, share",
            "contribution": "contribution, logits",
        }
        st.dataframe(found[list(names)].rename(columns=names).round(3), hide_index=True)
        widgets.data(
            found, "bench-words", "What each word's patch recovers",
            sample=f"{widgets.asked()}, patched from “{other}”",
        )  # fmt: skip
        widgets.copy_as_python("bench-words", lambda: bench_as_python.words(networks.study(), case, other))
        widgets.how_measured("Patching one pair word by word")


def _by_map(found: analysis.Patching, name: str) -> pd.DataFrame:
    """What each map's patch brings back, as a share by this name and as the logits then."""
    shares = found.share("denoising")[0]
    blocks, maps = shares.shape
    return pd.DataFrame(
        {
            "block": np.repeat(np.arange(blocks) + 1, maps),
            "map": np.tile(np.arange(maps), blocks),
            name: shares.ravel(),
            f"{name}_logits": found.maps["denoising"][0].ravel(),
        }
    )
