"""The example notebook, run from top to bottom as it stands."""

import json
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOK = ROOT / "notebooks" / "study.ipynb"


@pytest.mark.slow
def test_the_notebook_runs(monkeypatch, capsys):
    monkeypatch.chdir(NOTEBOOK.parent)  # where Jupyter starts it
    monkeypatch.setattr(sys, "path", list(sys.path))
    names: dict[str, object] = {}
    cells = [cell for cell in json.loads(NOTEBOOK.read_text("utf-8"))["cells"] if cell["cell_type"] == "code"]
    for number, cell in enumerate(cells, start=1):
        began = time.perf_counter()
        try:
            exec(compile("".join(cell["source"]), f"{NOTEBOOK.name}, code cell {number}", "exec"), names)
        except Exception as error:
            pytest.fail(f"Code cell {number} fails: {error!r}")
        print(f"cell {number}: {time.perf_counter() - began:.1f} s")
        assert not cell["outputs"], "commit the notebook without its outputs"
    told = capsys.readouterr().out
    print(told)
    assert "the network says" in told
    assert "MB" in told
