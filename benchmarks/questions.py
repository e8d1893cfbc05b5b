"""How fast questions are sampled, and how well they are balanced.

    python -m benchmarks.questions [--scenes 2000]

Prints questions per second on one core (text, program, answer and outputs of every step; the scenes
are drawn beforehand) and the share of each of the paper's five groups beside that of CLEVR's
validation split. The official generator makes 14 to 34 questions a second on one such core.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections import Counter

import numpy as np

from film.clevr.language.families import FAMILIES
from film.clevr.language.sampler import VALIDATION_QUESTIONS, QuestionSampler
from film.clevr.rules import sample_scene


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenes", type=int, default=2000)
    parser.add_argument("--questions", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()

    rng = np.random.default_rng(options.seed)
    scenes = [sample_scene(rng, visibility=False) for _ in range(options.scenes)]
    speeds, sampled = [], []
    for run in range(5):
        sampler = QuestionSampler(options.seed + run)
        began = time.perf_counter()
        made = [question for scene in scenes for question in sampler.sample(scene, options.questions)]
        speeds.append(len(made) / (time.perf_counter() - began))
        sampled += made
    print(
        f"{statistics.median(speeds):.0f} questions a second on one core "
        f"(min {min(speeds):.0f}, max {max(speeds):.0f}; seeds {options.seed} to {options.seed + 4})"
    )
    counts = Counter(FAMILIES[question.family].group for question in sampled)
    print(f"\n{'group':18} {'here':>7} {'CLEVR val':>10}   of {len(sampled):,} questions")
    total = sum(VALIDATION_QUESTIONS.values())
    for group, real in VALIDATION_QUESTIONS.items():
        print(f"{group:18} {counts[group] / len(sampled):7.1%} {real / total:10.1%}")


if __name__ == "__main__":
    main()
