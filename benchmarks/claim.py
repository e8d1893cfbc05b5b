"""Does a network group questions by attribute first and by operation last, as the paper says of the authors'?

    python -m benchmarks.claim FOLDER [--checkpoint NAME] [--seeds 1] [--no-maps]

FOLDER holds the Distill article's data: `clevr_tsne.json` (the first 3,000 validation questions with their
types) and `official_6resblock_tsne_per_layer_3000.json` (the authors' map of each of their six blocks).
The same questions are read by a network of ours; each block's gammas and betas are laid out with the
authors' settings and measured there and in the full space. Prints the table, theirs above ours, the
verdict on each, and the range, sign and mode of gamma and beta. Laying out takes minutes a block.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np

import analysis
from analysis import Grouping
from film import Session

TEXTS, LAYERS = "clevr_tsne.json", "official_6resblock_tsne_per_layer_3000.json"
_TYPES = (
    "exist", "less_than", "greater_than", "count", "query_material", "query_size", "query_color",
    "query_shape", "equal_color", "equal_integer", "equal_shape", "equal_size", "equal_material",
)  # fmt: skip
_CODES = (1, 5, 11, 6, 8, 0, 9, 7, 12, 3, 10, 2, 4)  # the files' number of a type -> its place above
# The authors' settings, from the article's history: nothing is scaled first.
_SETTINGS = {
    "perplexity": 350, "early_exaggeration": 4, "learning_rate": 500, "max_iter": 5000,
    "n_iter_without_progress": 50, "min_grad_norm": 1e-7, "init": "random", "angle": 0.5,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--checkpoint", help="folder, or name of a bundled one")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1], help="of the maps; the authors' is 1")
    parser.add_argument("--no-maps", action="store_true", help="the full spaces only")
    options = parser.parse_args()

    texts, types, theirs = read_authors(options.folder)
    print("| space | type | attribute | operation | equal_X to query_X | among equal_* |")
    print("| --- " * 6 + "|")
    _report("the authors' network", analysis.groupings(theirs, types, seed=0, with_clusters=False))

    session = Session(options.checkpoint, "cpu")
    made = session.modulate([f"{text}?" for text in texts], lenient=True)
    gamma, beta = made.gamma.numpy(), made.beta.numpy()
    joined = np.concatenate([gamma, beta], axis=2)
    blocks = {f"block {block + 1}": joined[:, block] for block in range(joined.shape[1])}
    name = session.card.name or "this network"
    _report(f"{name}, full space", analysis.groupings(blocks, types, seed=0, with_clusters=False))
    for seed in [] if options.no_maps else options.seeds:
        began = time.perf_counter()
        maps = {block: lay_out(points, seed) for block, points in blocks.items()}
        took = f"laid out in {time.perf_counter() - began:.0f} s"
        found = analysis.groupings(maps, types, seed=0, with_clusters=False)
        _report(f"{name}, the authors' t-SNE settings, seed {seed} ({took})", found)

    counted = analysis.measure_parameters(np.array(texts), {"type": types}, gamma, beta, "")
    print("\n| network | | range | below 0 | mode | mean |\n| --- | --- | --- | --- | --- | --- |")
    for who, statistics in {name: counted.statistics, **analysis.PUBLISHED}.items():
        for kind, one in statistics.items():
            print(
                f"| {who} | {kind} | {one.low:.1f} to {one.high:.1f} | {one.negative:.1%} | {one.mode:.2f} "
                f"| {'–' if np.isnan(one.mean) else f'{one.mean:.2f}'} |"
            )


def read_authors(folder: Path) -> tuple[list[str], np.ndarray, dict[str, np.ndarray]]:
    """The 3,000 questions' texts, their types, and the places (questions, 2) in each of the authors' maps."""
    rows = json.loads((folder / TEXTS).read_text("utf-8"))
    layers = json.loads((folder / LAYERS).read_text("utf-8"))
    types = np.array([_TYPES[_CODES[row["question_type"]]] for row in rows])
    maps = {
        f"block {number + 1}": np.array([[row[name]["x"], row[name]["y"]] for row in layers])
        for number, name in enumerate(sorted(key for key in layers[0] if key.startswith("layer_")))
    }
    return [row["question"] for row in rows], types, maps


def lay_out(points: np.ndarray, seed: int) -> np.ndarray:
    from sklearn.manifold import TSNE

    return TSNE(2, random_state=seed, method="barnes_hut", **_SETTINGS).fit_transform(points)


def _report(title: str, found: list[Grouping]) -> None:
    print(f"| **{title}** | | | | | |")
    for one in found:
        scores = (one.type, one.attribute, one.operation, one.centres.pairs, one.centres.among)
        cells = (f"{score.value:.3f} ({score.low:.3f} to {score.high:.3f})" for score in scores)
        print(f"| {one.name} | {' | '.join(cells)} |")
    chance = " | ".join(
        f"{score.chance:.3f}" for score in (found[0].type, found[0].attribute, found[0].operation)
    )
    print(f"| chance | {chance} | | |")
    verdict = analysis.attribute_then_operation(found[0], found[-1])
    print(f"| {verdict.summary()} | {' '.join(verdict.reasons)} | | | | |", flush=True)


if __name__ == "__main__":
    main()
