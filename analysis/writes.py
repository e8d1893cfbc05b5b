"""Which folders the commands write to: no other process may meanwhile (`film.only_writer`)."""

from __future__ import annotations

import argparse
from pathlib import Path

from film import bundled, find

FOLDER = "study"
NO_DATA = "which is of the folder in --data; name one."  # why an option is refused (`film.refuse`)


def beside_weights(options: argparse.Namespace) -> list[Path]:
    """`--out`, or the study beside the weights."""
    return [Path(getattr(options, "out", None) or find(options.checkpoint) / FOLDER)]


def beside_all(options: argparse.Namespace) -> list[Path]:
    """The studies of several networks, of all that are bundled where none is named."""
    return [find(name) / FOLDER for name in options.checkpoint or bundled()]


def where_kept(options: argparse.Namespace) -> list[Path]:
    """The study beside the weights, with `--keep`."""
    return beside_weights(options) if options.keep else []


def where_pairs(options: argparse.Namespace) -> list[Path]:
    """`--out`, or the study where many pairs are patched: it keeps what gamma and beta do together."""
    if options.pairs is None or options.controls:
        return []
    return beside_weights(options) if options.out or options.parameters == "both" else []


def where_pairs_of_scenes(options: argparse.Namespace) -> list[Path]:
    """`--out`; or the study, whose pairs are of sampled scenes: those of a file do not take their place."""
    return beside_weights(options) if options.out or not options.scenes else []


def where_compared(options: argparse.Namespace) -> list[Path]:
    """`--out`, or the study beside the first of two networks."""
    return [Path(options.out or find(options.one) / FOLDER)]
