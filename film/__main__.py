"""`python -m film COMMAND`: the project from a terminal.

Each command is one function that adds its arguments and one that runs it; heavy libraries are
imported only by the command that needs them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from film.errors import InputError

Add = Callable[[argparse.ArgumentParser], None]
Run = Callable[[argparse.Namespace], None]

# name -> (one line of help, adds the arguments, runs the command)
COMMANDS: dict[str, tuple[str, Add, Run]] = {}


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
