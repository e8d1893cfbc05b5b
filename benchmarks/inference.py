"""How fast a question is answered once its picture has been seen, beside the naive way, in one run.

    python -m benchmarks.inference [--checkpoint DIR] [--threads 2] [--repeats 50]

Prints the median time of one question, the median time of 64 questions on one picture, and that of
the same 64 asked naively: picture to size, stem and all, one by one. Without a checkpoint the bundled
one is measured, or, where none is bundled, the `small` recipe's network with random weights: speed
does not depend on what they are.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from film.checkpoint import Card, bundled
from film.clevr.language.programs import ANSWERS
from film.clevr.language.tokens import split_words
from film.features import PictureReader
from film.network import FiLMNetwork
from film.session import Session, probabilities
from film.training.recipes import recipe
from film.vocabulary import Vocabulary

QUESTIONS = [
    f"{how} {size} {color} {what}?"
    for how, what in (
        ("How many other objects are there of the same shape as the", "metal cube left of the small thing"),
        ("What material is the thing behind the", "sphere that is in front of the big yellow rubber ball"),
        ("Are there any", "shiny cylinders right of the small thing"),
        ("Is the number of", "blocks less than the number of cyan matte spheres"),
    )
    for size in ("small", "large")
    for color in ("gray", "red", "blue", "green", "brown", "purple", "cyan", "yellow")
]  # 64, of 9 to 17 words; CLEVR's mean is 18.6


def median(work: Callable[[], object], repeats: int) -> float:
    """Median milliseconds of a piece of work, after two warming runs."""
    times = []
    for repeat in range(repeats + 2):
        began = time.perf_counter()
        work()
        if repeat >= 2:
            times.append(time.perf_counter() - began)
    return statistics.median(times) * 1000


def random_network() -> tuple[FiLMNetwork, Card]:
    words = Vocabulary.of(word for question in QUESTIONS for word in split_words(question)).tokens
    config = replace(recipe("small").network, words=len(words), answers=len(ANSWERS))
    return FiLMNetwork(config), Card(config=config, words=words, answers=ANSWERS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=50)
    options = parser.parse_args()

    torch.set_num_threads(options.threads)
    session = Session(options.checkpoint if options.checkpoint or bundled() else random_network(), "cpu")
    config, vocabulary = session.config, session.vocabulary
    picture = np.random.default_rng(0).integers(0, 256, (320, 480, 3), dtype=np.uint8)
    reader = PictureReader(config, session.card.fit)

    def naive() -> None:
        for question in QUESTIONS:
            ids = torch.tensor([vocabulary.encode(question)])
            with torch.no_grad():
                logits = session.network(reader(picture), ids, torch.tensor([ids.shape[1]]))
            probabilities(logits.numpy())

    one = median(lambda: session.ask(picture, QUESTIONS[5]), options.repeats)
    recorded = median(lambda: session.ask(picture, QUESTIONS[5], record=session.recordable), options.repeats)
    together = median(lambda: session.ask_many(picture, QUESTIONS), max(3, options.repeats // 5))
    slowly = median(naive, max(3, options.repeats // 10))
    weights = sum(p.numel() for p in session.network.parameters())
    print(f"{session.card.name or 'network'}: {weights / 1e6:.1f} M weights, {options.threads} threads")
    print(f"one question, picture cached          {one:8.1f} ms")
    print(f"  and every activation recorded       {recorded:8.1f} ms")
    print(f"{len(QUESTIONS)} questions on one picture, together {together:8.1f} ms")
    times = slowly / together
    print(f"{len(QUESTIONS)} questions, naively one by one      {slowly:8.1f} ms  ({times:.1f} times)")


if __name__ == "__main__":
    main()
