"""Word contributions: gamma and beta after every word of a question, and what each word added to them.

The hidden state moves with every word, and gamma and beta are a linear function of it: with
M(h) = W h + b, the sum of W (h_t - h_{t-1}) over all words telescopes to M(h_T) - b. So a word's
line is exact. It says *when* a value changed, not *why*: what the state does at a word depends on everything
read before. What a word did is told by replacing it (`analysis.question.word_replacements`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from film import InputError, Modulation, NetworkConfig, Session

Kind = Literal["gamma", "beta"]
KINDS: tuple[Kind, ...] = ("gamma", "beta")


@dataclass(frozen=True)
class Contribution:
    """One line of word contributions: what added how much, and what the value was then."""

    name: str
    amount: float
    total: float


@dataclass(frozen=True, eq=False)
class WordContributions:
    """A question as its words change gamma and beta.

    `tokens`: <START>, the words, <END>. `gamma`, `beta`: (tokens, blocks, maps), as they stand after
    each token. `bias_gamma`, `bias_beta`: (blocks, maps), before the first, offset left out. `offset`:
    what is added to every gamma. `stopped`: for each token gamma and beta of the question that ends
    after it, <END> read, one row a token; the last row is the whole question.
    """

    tokens: tuple[str, ...]
    gamma: np.ndarray
    beta: np.ndarray
    bias_gamma: np.ndarray
    bias_beta: np.ndarray
    offset: float
    stopped: Modulation
    config: NetworkConfig

    def values(self, kind: Kind) -> np.ndarray:
        """(tokens + 1, blocks, maps), float64: before the first token, and after each.

        Raises:
            InputError: `kind` is neither gamma nor beta.
        """
        if kind not in ("gamma", "beta"):
            raise InputError(f"Word contributions are of gamma or beta, not of {kind!r}.")
        start = self.bias_gamma + self.offset if kind == "gamma" else self.bias_beta
        after = self.gamma if kind == "gamma" else self.beta
        return np.concatenate((start[None], after)).astype(np.float64)

    def lines(self, kind: Kind, block: int, feature_map: int) -> tuple[Contribution, ...]:
        """Bias, offset (gammas have one), then every token; the amounts sum to the final value.

        `block`, `feature_map`: counted from 0.

        Raises:
            InputError: there is no such value.
        """
        values = self.values(kind)
        for name, index, size in zip(("block", "feature map"), (block, feature_map), values.shape[1:],
                                     strict=True):  # fmt: skip
            if not 0 <= index < size:
                raise InputError(f"There is no {name} {index}; this network has {size}, counted from 0.")
        path = values[:, block, feature_map]
        bias = path[0] - (self.offset if kind == "gamma" else 0.0)
        lines = [Contribution("bias", float(bias), float(bias))]
        if kind == "gamma":
            lines.append(Contribution("offset", self.offset, float(path[0])))
        amounts = np.diff(path)
        lines += [
            Contribution(token, float(amount), float(total))
            for token, amount, total in zip(self.tokens, amounts, path[1:], strict=True)
        ]
        return tuple(lines)

    def moves(self, kind: Kind) -> np.ndarray:
        """How far each token moved each block: root mean square over its maps, (tokens, blocks)."""
        result: np.ndarray = np.sqrt(np.square(np.diff(self.values(kind), axis=0)).mean(axis=2))
        return result

    def most_moved(self, kind: Kind, count: int = 6) -> list[tuple[int, int]]:
        """The (block, map) pairs, from 0, that words moved most, all steps taken together."""
        way = np.abs(np.diff(self.values(kind), axis=0)).sum(axis=0)  # (blocks, maps)
        best = np.argsort(-way, axis=None, kind="stable")[:count]
        return [
            (int(block), int(number)) for block, number in np.stack(np.unravel_index(best, way.shape), axis=1)
        ]

    def caveat(self, kind: Kind) -> str | None:
        """Why the lines are no exact contributions, or None where they are."""
        return not_exact(self.config, kind)


def not_exact(config: NetworkConfig, kind: Kind) -> str | None:
    """Why a network's words have no exact share in gamma or beta, or None where they have."""
    if config.bidirectional:
        return (
            "Not exact for this network: its question encoder also runs backwards, so every word's state "
            "holds later words. Each line shows how the value changes when the question grows by that word."
        )
    form = config.gamma if kind == "gamma" else config.beta
    if form in ("sigmoid", "tanh", "exp"):
        return (
            f"Not exact for this network: its {kind} passes through a {form}, and what a word adds before it "
            "counts differently after it. Each line shows how the value changed at that word."
        )
    return None


def word_contributions(session: Session, question: str) -> WordContributions:
    """Read a question once and keep gamma and beta after every word.

    Raises:
        InputError: the question is empty or has words that the network does not know.
    """
    found, config = session.prefixes(question), session.config
    stopped = session.modulation_of(found.ended)
    after = stopped if found.running is None else session.modulation_of(found.running)  # (T, B, C)
    before = session.modulation_of(np.zeros((1, config.state), np.float32))
    offset = 1.0 if config.gamma == "one" else config.gamma_offset
    return WordContributions(
        tokens=found.tokens,
        gamma=after.gamma.numpy(),
        beta=after.beta.numpy(),
        bias_gamma=before.gamma[0].numpy().astype(np.float64) - offset,
        bias_beta=before.beta[0].numpy().astype(np.float64),
        offset=offset,
        stopped=stopped,
        config=config,
    )
