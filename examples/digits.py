"""A FiLM network that is told which digit to look for, and by how much the picture is turned.

    python -m examples.digits OUT

trains it on scikit-learn's handwritten digits (8 x 8 pixels), says how often it is right on pictures that it
was not trained on, and writes what its condition does to its layers as a study into OUT. docs/any-network.md
walks through it.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, nn

from analysis import LayoutRecipe, collect, write_study
from film import FiLM, Generator, clustered_share, progress_bars

MAPS = (16, 32, 64)
MOST_TURNED = 75.0  # degrees, either way
STEPS, BATCH, CONDITIONS = 800, 128, 2000
HOLES = {0: "one", 4: "none", 6: "one", 8: "two", 9: "one"}  # in the digit's shape; nobody tells the network


class DigitFinder(nn.Module):
    """Pictures (N, 1, 8, 8) and conditions (N, 11) to logits (N,): is the digit there that is looked for?"""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(11, 64), nn.ReLU())
        self.generator = Generator(MAPS, 64)
        self.convolutions = nn.ModuleList(
            nn.Conv2d(before, maps, 3, padding=1) for before, maps in zip((1, *MAPS), MAPS, strict=False)
        )
        self.films = nn.ModuleList(FiLM(maps) for maps in MAPS)
        self.answer = nn.Linear(MAPS[-1], 1)

    def forward(self, picture: Tensor, condition: Tensor) -> Tensor:
        modulation = self.generator(self.encoder(condition))
        x = picture
        for convolution, film, (gamma, beta) in zip(self.convolutions, self.films, modulation, strict=True):
            assert isinstance(film, FiLM)
            x = torch.relu(film.apply(convolution(x), gamma, beta))
        found: Tensor = self.answer(x.amax((2, 3)))[:, 0]
        return found


@dataclass(frozen=True)
class Cases:
    """Pictures turned, what the network is told, and whether the digit is there."""

    picture: Tensor
    condition: Tensor
    there: Tensor


def told(digit: np.ndarray, turned: np.ndarray) -> Tensor:
    """The condition: which digit to look for, (N,), and by how many degrees the picture is turned, (N,)."""
    condition = np.zeros((len(digit), 11), np.float32)
    condition[np.arange(len(digit)), digit] = 1
    condition[:, 10] = turned / MOST_TURNED
    return torch.tensor(condition)


def turn(pictures: np.ndarray, degrees: np.ndarray) -> Tensor:
    """Pictures (N, 8, 8), 0 to 16, each turned: (N, 1, 8, 8), 0 to 1."""
    angle = np.radians(degrees)
    rows = np.stack([np.cos(angle), -np.sin(angle), 0 * angle, np.sin(angle), np.cos(angle), 0 * angle], 1)
    grid = nn.functional.affine_grid(
        torch.tensor(rows, dtype=torch.float32).view(-1, 2, 3), [len(angle), 1, 8, 8], align_corners=False
    )
    given = torch.tensor(pictures / 16, dtype=torch.float32)[:, None]
    return nn.functional.grid_sample(given, grid, align_corners=False)


def draw(pictures: np.ndarray, digits: np.ndarray, count: int, rng: np.random.Generator) -> Cases:
    """Cases in which the digit is there half of the time."""
    at, turned = rng.integers(len(digits), size=count), rng.uniform(-MOST_TURNED, MOST_TURNED, count)
    other = (digits[at] + rng.integers(1, 10, count)) % 10
    there = rng.random(count) < 0.5
    wanted = np.where(there, digits[at], other)
    return Cases(turn(pictures[at], turned), told(wanted, turned), torch.tensor(there, dtype=torch.float32))


def train(model: DigitFinder, pictures: np.ndarray, digits: np.ndarray, steps: int, seed: int) -> None:
    rng, optimizer = (
        np.random.default_rng(seed),
        torch.optim.Adam(model.parameters(), 2e-3, weight_decay=1e-5),
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps)
    with progress_bars() as bars:
        report = bars("steps")
        for step in range(steps):
            cases = draw(pictures, digits, BATCH, rng)
            loss = nn.functional.binary_cross_entropy_with_logits(
                model(cases.picture, cases.condition), cases.there
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            report(step + 1, steps)


def right(model: DigitFinder, cases: Cases) -> np.ndarray:
    """Which cases it answers rightly, bool (N,)."""
    model.eval()
    with torch.no_grad():
        said = model(cases.picture, cases.condition) > 0
    found: np.ndarray = (said == (cases.there > 0.5)).numpy()
    return found


def evaluate(model: DigitFinder, pictures: np.ndarray, digits: np.ndarray, seed: int) -> dict[str, str]:
    """How often it is right on ten cases of each picture; and where it is told a wrong angle or digit."""
    rng = np.random.default_rng(seed)
    cases = draw(np.repeat(pictures, 10, 0), np.repeat(digits, 10), 10 * len(digits), rng)
    order = rng.permutation(len(cases.condition))
    wrong_turn, wrong_digit = cases.condition.clone(), cases.condition.clone()
    wrong_turn[:, 10], wrong_digit[:, :10] = wrong_turn[order, 10], wrong_digit[order, :10]
    found = {}
    for name, condition in (
        ("told as it is", cases.condition),
        ("told another turn", wrong_turn),
        ("told another digit", wrong_digit),
    ):
        share = clustered_share(
            right(model, Cases(cases.picture, condition, cases.there)), np.arange(len(order))
        )
        found[name] = f"{share.accuracy:.1%} right ({share.low:.1%} to {share.high:.1%})"
    return found


def conditions(count: int, seed: int) -> tuple[pd.DataFrame, Tensor]:
    """Conditions of the study: as a table, and as the network is told them."""
    rng = np.random.default_rng(seed)
    digit, turned = rng.integers(10, size=count), rng.uniform(-MOST_TURNED, MOST_TURNED, count)
    table = pd.DataFrame({"digit": digit.astype(str), "turned": turned})
    table["holes"] = [HOLES.get(one, "none") for one in digit]
    table["coin"] = rng.choice(["heads", "tails"], count)  # means nothing, and nothing should be found of it
    return table, told(digit, turned)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m examples.digits", description=__doc__)
    parser.add_argument("out", help="folder to write the study into")
    parser.add_argument("--small", action="store_true", help="a quick try: little training, one projection")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    steps, rows = (100, 120) if options.small else (STEPS, CONDITIONS)
    torch.manual_seed(options.seed)
    began = time.perf_counter()
    known = load_digits()
    pictures, held, digits, held_digits = train_test_split(
        known.images, known.target, test_size=0.25, random_state=options.seed
    )
    model = DigitFinder()
    train(model, pictures, digits, steps, options.seed)
    print(f"trained in {time.perf_counter() - began:.0f} s")
    for name, share in evaluate(model, held, held_digits, options.seed).items():
        print(f"{len(held):,} pictures not trained on, {name}: {share}")
    table, condition = conditions(rows, options.seed)
    batches = [(torch.zeros(len(part), 1, 8, 8), part) for part in condition.split(500)]
    layers = {f"convolution {number}": film for number, film in enumerate(model.films, 1)}
    gamma, beta = collect(model, layers, table, batches)
    with torch.no_grad():
        state = model.encoder(condition).numpy()
    with progress_bars() as bars:
        write_study(
            options.out, table, gamma, beta, state=state, noun="condition", name="digits",
            source=f"digits and turns drawn with seed {options.seed}", progress=bars("parts"),
            maps=[LayoutRecipe("both", "pca")] if options.small else None,
        )  # fmt: skip
    print(f"{options.out}: open it with FILM_STUDY={options.out} python3 start.py")


if __name__ == "__main__":
    main()
