"""Benchmarks keep in step with what they measure: each can be loaded, and the training's runs small."""

import importlib
import re
from functools import partial
from pathlib import Path

import pytest

from benchmarks import training

NAMES = sorted(path.stem for path in Path(training.__file__).parent.glob("[a-z]*.py"))


@pytest.mark.parametrize("name", NAMES)
def test_each_can_be_loaded(name):
    module = importlib.import_module(f"benchmarks.{name}")
    assert hasattr(module, "main") is (name not in ("serving", "kept", "plain_page"))  # which serve others


def test_training_is_measured_beside_the_plain_loop(monkeypatch, capsys):
    size = ["network.width=60", "network.height=40", "network.hidden_size=16", "training.pictures=2"]
    monkeypatch.setattr(training, "PICTURES", 16)
    monkeypatch.setattr(training, "matmul_peak", partial(training.matmul_peak, size=64))
    monkeypatch.setattr("sys.argv", ["training", "--seconds", "0.05", "--threads", "1", "--set", *size])
    training.main()
    said = capsys.readouterr().out
    assert float(re.search(r"ratio ([\d.]+)", said)[1]) > 0
    shares = [int(share) for share in re.findall(r"(\d+)%", said.split("Where a step's time goes: ")[1])]
    assert len(shares) == len(training.KINDS) + 1
    assert sum(shares) == pytest.approx(100, abs=len(shares))
    assert "convolution" in said
