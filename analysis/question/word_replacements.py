"""The effect of every word on gamma and beta, told by putting others of its kind in its place.

A word's line among the word contributions is what the value changed by when the word was read, and a word's
part in the value need not be booked there: the state goes on working with it at later words. Replacing the
word is an intervention, so it is the stronger statement of what the word did.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.interventions.pairs import other_words
from analysis.question.word_contributions import Kind, WordContributions
from film import Session


@dataclass(frozen=True, eq=False)
class WordReplacements:
    """The effect of every word that has others of its kind: "red" has seven other colours, "the" has none.

    `places`: which tokens, as `WordContributions.tokens` counts them. `others`: for each the words put there.
    `gamma`, `beta`: (places, blocks, maps), the question's value less the mean over the others.
    """

    places: tuple[int, ...]
    others: tuple[tuple[str, ...], ...]
    gamma: np.ndarray
    beta: np.ndarray

    def effect(self, kind: Kind, block: int, feature_map: int) -> dict[int, float]:
        """Of one value: token -> effect. `block`, `feature_map`: counted from 0."""
        values = (self.gamma if kind == "gamma" else self.beta)[:, block, feature_map]
        return {place: float(value) for place, value in zip(self.places, values, strict=True)}

    def agreement(self, read: WordContributions, kind: Kind) -> float | None:
        """Correlation of these effects with the same words' lines, all maps; None under two words."""
        if len(self.places) < 2:
            return None
        lines = np.diff(read.values(kind), axis=0)[list(self.places)].ravel()
        effects = (self.gamma if kind == "gamma" else self.beta).ravel()
        if np.ptp(lines) == 0 or np.ptp(effects) == 0:
            return None
        return float(np.corrcoef(lines, effects)[0, 1])


def word_replacements(session: Session, read: WordContributions) -> WordReplacements:
    """Put every other word of its kind in each word's place; a few dozen questions, in one pass.

    Args:
        read: the question, of `word_contributions`.
    """
    words = list(read.tokens[1:-1])
    known = session.vocabulary.ids
    places, others, texts = [], [], []
    for place, word in enumerate(words):
        some = tuple(dict.fromkeys(other for _, other in other_words(word.lower()) if other in known))
        if some:
            places.append(place + 1)
            others.append(some)
            texts += [" ".join([*words[:place], other, *words[place + 1 :]]) for other in some]
    own = session.modulate([" ".join(words)])
    if not texts:
        nothing = np.zeros((0, *own.gamma.shape[1:]), np.float32)
        return WordReplacements((), (), nothing, nothing)
    made = session.modulate(texts, lenient=True)
    ends = np.cumsum([len(some) for some in others])[:-1]

    def less_others(mine: np.ndarray, theirs: np.ndarray) -> np.ndarray:
        return np.stack([mine[0] - part.mean(axis=0) for part in np.split(theirs, ends)])

    return WordReplacements(
        tuple(places), tuple(others), less_others(own.gamma.numpy(), made.gamma.numpy()),
        less_others(own.beta.numpy(), made.beta.numpy()),
    )  # fmt: skip
