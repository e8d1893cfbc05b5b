"""How long "why are these together" takes: `python -m benchmarks.why [--questions 20000] [--selected 2000]`.

Questions are sampled as CLEVR asks them, their gammas and betas are noise: 4 blocks of 128 maps in float16.
Prints what is done once behind the scenes, then the time of a selection, the median of ten.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np
import pandas as pd

from analysis import prepare_why, why_together
from analysis.corpus.extraction import Extraction
from film import QuestionSampler, question_type, sample_scene


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--questions", type=int, default=20_000)
    parser.add_argument("--selected", type=int, default=2000)
    options = parser.parse_args()
    rng, sampler = np.random.default_rng(0), QuestionSampler(0)
    asked: list = []
    while len(asked) < options.questions:
        asked += sampler.sample(sample_scene(rng, visibility=False), min(20, options.questions - len(asked)))
    table = pd.DataFrame(
        {
            "text": [question.text for question in asked],
            "type": [question_type(question.program) for question in asked],
            "length": [len(question.text.split()) for question in asked],
        }
    )
    shape = (len(asked), 4, 128)
    gamma, beta = (rng.normal(size=shape).astype(np.float16) for _ in range(2))
    extraction = Extraction(table, gamma, beta, np.zeros((len(asked), 1), np.float16), {})

    began = time.perf_counter()
    prepare_why(
        extraction, progress=lambda done, of: print(f"  {done}/{of} {time.perf_counter() - began:.1f} s")
    )
    print(f"prepared once: {time.perf_counter() - began:.1f} s for {len(asked):,} questions")
    for kind in ("random", "one type"):
        times = []
        for _ in range(10):
            if kind == "random":
                rows = rng.choice(len(asked), options.selected, replace=False)
            else:
                rows = rng.permutation(np.flatnonzero(table["type"] == "count"))[: options.selected]
            began = time.perf_counter()
            why = why_together(extraction, rows)
            times.append(1000 * (time.perf_counter() - began))
        print(
            f"{kind}, {len(rows):,} selected, {why.tested:,} features: {statistics.median(times):.0f} ms "
            f"({min(times):.0f} to {max(times):.0f}); {len(why.table)} findings"
        )


if __name__ == "__main__":
    main()
