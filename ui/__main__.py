"""`film-lens [streamlit arguments]` or `python -m ui`: the app in a browser."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent


def script() -> Path:
    """`app.py`, which lies beside `ui` in a clone and in `ui/start` where it was installed."""
    installed = HERE / "start" / "app.py"
    return installed if installed.is_file() else HERE.parent / "app.py"


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve the app on this machine until it is stopped; arguments are those of `streamlit run`."""
    from streamlit.web.cli import main as streamlit

    given = sys.argv[1:] if arguments is None else arguments
    streamlit(["run", str(script()), "--server.address", "localhost", *given], prog_name="film-lens")
    return 0


if __name__ == "__main__":
    sys.exit(main())
