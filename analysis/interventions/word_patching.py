"""Patching over words: which word's reading carries the difference between two questions.

Two questions of equally many words are read side by side. *State*: the encoder holds the source's state after
a word and goes on with the target's words. In a one-word pair that is a step at the word by construction: the
state is all that the encoder remembers. *Contribution*: what one word alone added to gamma and beta, as
`word_contributions` books it, is the source's; its shares tell at which words, the changed one and those read
after it, the difference is read out. Contributions add up in gamma and beta, their effects on logits may not.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from film import InputError, Modulation, Picture, Session


def patch_words(
    session: Session,
    picture: Picture,
    source: str,
    target: str,
    *,
    answers: tuple[str, str] | None = None,
) -> pd.DataFrame:
    """Ask the target with the source's state after each word, and with what the source's word added.

    Args:
        answers: whose logits are compared, source's minus target's; the network's own if left out.

    Returns:
        A row a token, <START> and <END> included: place, source_word, target_word, state and contribution
        (the logit difference then), state_share and contribution_share (of the distance between the two
        questions, nan where there is none).

    Raises:
        InputError: the questions differ in length, get the same answer and no `answers` are given, or the
            network reads in both directions, so that there is no state after a word.
    """
    first, second = session.prefixes(source), session.prefixes(target)
    if first.running is None or second.running is None:
        raise InputError(
            "This network reads in both directions; only one that reads forward has such states."
        )
    if len(first.tokens) != len(second.tokens):
        raise InputError(
            f"The questions have {len(first.tokens) - 2} and {len(second.tokens) - 2} words; patching word "
            "by word needs two of equal length."
        )
    theirs, own = first.running, second.running  # (tokens, state)
    count = len(own)
    words = [list(tokens[1:-1]) for tokens in (first.tokens, second.tokens)]
    mixed = [" ".join(words[0][:place] + words[1][place:]) for place in range(count - 1)]
    steps = np.diff(theirs, axis=0, prepend=0) - np.diff(own, axis=0, prepend=0)
    modulation = Modulation.stack(
        [
            session.modulate([source, target]),
            session.modulate([*mixed, source]),
            session.modulation_of(own[-1] + steps),
        ]
    )
    logits, _ = session.classify(session.encode_picture(picture), modulation)
    said = tuple(session.answers[best] for best in logits[:2].argmax(axis=1))
    one, other = answers or (said[0], said[1])
    if one == other:
        raise InputError(
            f"The network answers {one} to both questions, so there is no difference to recover; take "
            "another word or picture, or name two answers to compare."
        )
    places = session.answer_index(one), session.answer_index(other)
    difference = (logits[:, places[0]] - logits[:, places[1]]).astype(np.float64)
    there, here, state, added = difference[0], difference[1], *np.split(difference[2:], 2)
    distance = there - here if there != here else np.nan
    return pd.DataFrame(
        {
            "place": np.arange(count), "source_word": first.tokens, "target_word": second.tokens,
            "state": state, "state_share": (state - here) / distance,
            "contribution": added, "contribution_share": (added - here) / distance,
        }
    )  # fmt: skip
