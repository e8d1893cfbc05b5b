"""`python -m film COMMAND`: the project from a terminal.

Each command is one function that adds its arguments and one that runs it; heavy libraries are
imported only by the command that needs them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from film.errors import InputError

Add = Callable[[argparse.ArgumentParser], None]
Run = Callable[[argparse.Namespace], None]


def _add_train(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--recipe", default="small", help="which network, trained how (see film/recipes.py)")
    parser.add_argument("--data", type=Path, required=True, help="packed corpus to train on")
    parser.add_argument("--validation", type=Path, help="packed corpus to look at now and then")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument(
        "--initial", type=Path, nargs="*", default=[], help="checkpoints to take matching weights from"
    )
    parser.add_argument("--resume", action="store_true", help="go on with the run in --out")
    parser.add_argument("--time-limit", type=float, default=float("inf"), help="minutes; then save and stop")
    parser.add_argument("--precision", default="auto", help="auto, bfloat16 or float32")
    parser.add_argument(
        "--set",
        nargs="*",
        default=[],
        metavar="FIELD=VALUE",
        help="change the recipe: network.maps=128, training.samples=1000000, training.loss.sets=0",
    )


def _train(options: argparse.Namespace) -> None:
    from film.recipes import recipe
    from film.training import start

    chosen = recipe(options.recipe).changed(options.set)
    done = start(
        options.out,
        chosen.network,
        chosen.training,
        options.data,
        options.validation,
        initial=options.initial,
        resume=options.resume,
        precision=options.precision,
        time_limit=options.time_limit * 60,
        report=lambda line: print(line, flush=True),
    )
    print("finished" if done else f"stopped in time; go on with --resume --out {options.out}")


# name -> (one line of help, adds the arguments, runs the command)
COMMANDS: dict[str, tuple[str, Add, Run]] = {
    "train": ("train a network", _add_train, _train),
}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m film", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (summary, add, _) in COMMANDS.items():
        add(commands.add_parser(name, help=summary, description=summary))
    options = parser.parse_args(arguments)
    try:
        COMMANDS[options.command][2](options)
    except InputError as error:
        print(f"film {options.command}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"film {options.command}: stopped", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
