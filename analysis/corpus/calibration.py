"""Whether a network's confidence is how often it is right: the calibration curve and its error."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.tables import small
from film import clustered_share

BINS, TRIALS = 10, 2000
_CURVE = ("accuracy", "low", "high", "interval", "right", "asked", "pictures")


@dataclass(frozen=True, eq=False)
class Calibration:
    """Confidence beside accuracy.

    `curve`: a row for each bin of confidence that has answers: start and end of the bin, confidence (their
        mean), accuracy, low, high (95 %, clustered by picture; nan under ten pictures), interval (in words),
        right, asked, pictures.
    `error`: the expected calibration error: the bins' distances between confidence and accuracy, weighted by
        their answers. `null`: the same of answers that are right with just the probability that the network
        names, (trials,): what the sample's size alone makes of a perfect network. `p`: the share of these as
        great. `gap`: mean confidence less accuracy, above 0 where the network is too confident.
    """

    curve: pd.DataFrame
    error: float
    null: np.ndarray
    p: float
    gap: float
    seed: int

    def describe(self) -> str:
        """The error beside its null, in a sentence."""
        high = np.percentile(self.null, 95)
        return (
            f"expected calibration error {100 * self.error:.2f} points; a perfectly calibrated network would "
            f"have {100 * self.null.mean():.2f} on as many answers, up to {100 * high:.2f} in 95 of 100 "
            f"samples ({small(self.p, 'p')}); mean confidence minus accuracy {100 * self.gap:+.2f} points"
        )


def calibration(
    answers: pd.DataFrame, *, bins: int = BINS, trials: int = TRIALS, seed: int = 0
) -> Calibration:
    """Set each answer's confidence beside whether it is right (Guo et al., "On calibration", ICML 2017).

    Args:
        answers: with the columns probability, right and picture, as in `Observed.table`.
        bins: of equal width, from 0 to 1.
    """
    chance = answers["probability"].to_numpy(float)
    right = answers["right"].to_numpy(bool)
    owner = pd.factorize(answers["picture"])[0]
    bin_of = np.minimum((chance * bins).astype(int), bins - 1)
    rows = []
    for number in np.unique(bin_of):
        here = bin_of == number
        share = clustered_share(right[here], owner[here])
        rows.append((number / bins, (number + 1) / bins, chance[here].mean(), share.accuracy, share.low,
                     share.high, share.interval(), share.right, share.asked, share.clusters))  # fmt: skip
    columns = ["start", "end", "confidence", *_CURVE]
    curve = pd.DataFrame(rows, columns=columns).astype({"low": float, "high": float})

    def error(hits: np.ndarray) -> float:
        return float(np.abs(np.bincount(bin_of, hits - chance, bins)).sum() / len(chance))

    rng = np.random.default_rng(seed)
    null = np.array([error(rng.random(len(chance)) < chance) for _ in range(trials)])
    found = error(right)
    p = float((1 + (null >= found).sum()) / (1 + trials))
    return Calibration(curve, found, null, p, float(chance.mean() - right.mean()), seed)
