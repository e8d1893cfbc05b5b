"""Set up and go: `python3 start.py COMMAND` on a fresh machine with Python 3.11 or newer.

    python3 start.py [streamlit arguments]       the app, in your browser; with pictures of your own beside
                                                 the gallery: FILM_PICTURES=FOLDER python3 start.py
    python3 start.py test [pytest arguments]     the whole test suite, as CI runs it
    python3 start.py film COMMAND ...            `python -m film COMMAND ...`: ask, generate, train, ...
    python3 start.py analysis COMMAND ...        `python -m analysis COMMAND ...`: study, report, ...

FILM_STUDY names a study without its network (docs/any-network.md), to open the app on it.
FILM_CHECKPOINT names the network of the app: a folder, or one of checkpoints/; FILM_CHECKPOINTS a folder
of checkpoints to choose from. Commands run where they are typed, so that paths are as they are there.

The first call makes a virtual environment in .venv and installs the requirements; later calls find
it done. Only the standard library is used here.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
ENVIRONMENT = HERE / ".venv"
PYTHON = ENVIRONMENT / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def prepare(*requirements: str) -> None:
    """Install these requirement files unless exactly they are installed already."""
    texts = [(HERE / name).read_bytes() for name in requirements]
    wanted = hashlib.sha256(sys.version.encode() + b"".join(texts)).hexdigest()
    stamp = ENVIRONMENT / f"installed-{requirements[-1]}"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    if not PYTHON.exists():
        print("Making a virtual environment in .venv ...", flush=True)
        venv.create(ENVIRONMENT, with_pip=True)
    print("Installing the requirements (some minutes, once) ...", flush=True)
    files = [argument for name in requirements for argument in ("-r", str(HERE / name))]
    subprocess.run(
        [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *files], check=True
    )
    stamp.write_text(wanted)


def run(*command: str) -> int:
    """A tool over the project, in its folder."""
    return subprocess.run([PYTHON, *command], cwd=HERE).returncode


def run_here(*module: str) -> int:
    """A module of the project, in the user's folder: what lies there is not taken for the project's (-P)."""
    found = os.pathsep.join(filter(None, (str(HERE), os.environ.get("PYTHONPATH"))))
    # Advice of the project names commands as they were typed (film/started.py).
    typed = f"{'py' if os.name == 'nt' else 'python3'} {shlex.quote(sys.argv[0])}"
    environment = os.environ | {"PYTHONPATH": found, "FILM_LENS_STARTER": typed}
    return subprocess.run([PYTHON, "-P", "-m", *module], env=environment).returncode


def make_absolute(*variables: str) -> None:
    """Folders named in the environment are as seen from here; bundled checkpoints' names stay."""
    for variable in variables:
        folder = os.path.expanduser(os.environ.get(variable, ""))
        if folder and os.path.isdir(folder):
            os.environ[variable] = os.path.abspath(folder)


def main(arguments: list[str]) -> int:
    if sys.version_info < (3, 11):  # noqa: UP036 (this one file may be started by an older Python)
        print(f"Python {sys.version.split()[0]} is too old; install 3.11 or newer and start again.")
        return 2
    # Without a command, or with an option first, the app opens.
    command, *rest = arguments if arguments and not arguments[0].startswith("-") else ["open", *arguments]
    if command == "open" and rest[:1] in (["-h"], ["--help"]):
        command = "help"
    try:
        match command:
            case "open":
                prepare("requirements.txt")
                make_absolute("FILM_CHECKPOINT", "FILM_CHECKPOINTS", "FILM_PICTURES", "FILM_STUDY")
                return run_here("ui", *rest)
            case "test":
                prepare("requirements.txt", "requirements-dev.txt")
                for check in ("check", "."), ("format", "--check", "."):
                    if status := run("-m", "ruff", *check):
                        return status
                # Files of tests side by side, what one file prepares is used by it alone; the
                # browser's begin, for they take longest.
                workers = str(min(4, os.cpu_count() or 1))
                side_by_side = ("-n", workers, "--dist", "loadfile", "--no-loadscope-reorder")
                return run("-m", "pytest", *side_by_side, *rest)
            case "film" | "analysis":
                prepare("requirements.txt")
                return run_here(command, *rest)
    except KeyboardInterrupt:
        return 0
    except subprocess.CalledProcessError as error:
        print(
            f"Setting up failed: {error}. Mend what pip says above and start again; nothing else was changed."
        )
        return 1
    print(__doc__)
    return 0 if command == "help" else 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
