"""How a command ends: what it can see before its work, and one sentence for all that a user can mend."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path

from film.errors import InputError
from film.files import check_output, only_writer

SEEDS = 2**32 - 3  # the largest seed that every library takes, and the two after it


def run_command(
    name: str, options: argparse.Namespace, work: Callable[[], object], *, out_is_file: bool = False
) -> int:
    """Do a command's work; returns the status to leave with: 0, 2 for what a user can mend, 130 when stopped.

    Args:
        name: the command's, which comes before its message.
        options: as parsed. A `seed` must be one that every library takes, `workers` at least 1, `time_limit`
            and `save_every` at least 0; what `json` names must be a file that can be written, what `out`
            names a folder, or a file too. No other process may write to the folder `out` meanwhile, nor to
            the folders that `writes`, a function of the options, gives.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # for file names that are no text
    try:
        check_seed(getattr(options, "seed", None))
        if (workers := getattr(options, "workers", None)) is not None and workers < 1:
            raise InputError(f"--workers {workers} was given; it takes at least 1.")
        for key in ("time_limit", "save_every"):
            if (minutes := getattr(options, key, None)) is not None and not minutes >= 0:  # nor is nan
                raise InputError(
                    f"--{key.replace('_', '-')} {minutes:g} was given; give minutes, 0 or more of them."
                )
        for key in ("json", "out"):
            if isinstance(path := getattr(options, key, None), str | Path):
                check_output(path, folder=key == "out" and not out_is_file)
        with ExitStack() as alone:
            if int(os.environ.get("RANK", 0)) == 0:  # of several processes of one run the first
                for folder in _written(options, out_is_file):
                    alone.enter_context(only_writer(folder))
            work()
    except InputError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        told = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        print(f"{name}: {told}; check the path, who may use it, and the room on the disk.", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{name}: stopped", file=sys.stderr)
        return 130
    return 0


def refuse(options: argparse.Namespace, why: str, *names: str) -> None:
    """Refuse options that a command would not heed as it was called, rather than do something else unsaid.

    Args:
        options: as parsed; its `parser` is the command's own.
        why: the rest of the sentence.
        names: of options, such as "--seed"; those at their defaults pass.

    Raises:
        InputError: one of them was given.
    """
    parser: argparse.ArgumentParser = options.parser
    for name in names:
        dest = parser._option_string_actions[name].dest
        if getattr(options, dest) != parser.get_default(dest):
            raise InputError(f"{name} was given, {why}")


def _written(options: argparse.Namespace, out_is_file: bool) -> Iterable[str | Path]:
    """The folders that a command writes to."""
    if writes := getattr(options, "writes", None):
        return writes(options)  # type: ignore[no-any-return]
    out = getattr(options, "out", None)
    return [out] if isinstance(out, str | Path) and not out_is_file else []


def check_seed(seed: int | None) -> None:
    """Raise InputError for a seed that some library does not take."""
    if seed is not None and not 0 <= seed <= SEEDS:
        raise InputError(f"--seed {seed} was given; use a whole number from 0 to {SEEDS:,}.")
