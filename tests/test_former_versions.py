"""What the version before the move wrote still opens, and means what it meant.

tests/data/former holds one of each kind, written by that version (commit 4ea55c2): a checkpoint whose card
has the old field names, a study beside it, a training state, and in expected.json a link and what that
version made of all of them.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from test_training import trainer
from tiny import a_picture

from analysis import ViewState, from_link, layouts_in, open_study
from film import Session
from film.clevr.data.corpus import Corpus
from film.clevr.data.generate import DatasetRecipe, generate

FORMER = Path(__file__).parent / "data" / "former"
EXPECTED = json.loads((FORMER / "expected.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def session() -> Session:
    return Session(FORMER / "checkpoint", "cpu")


def test_a_former_checkpoint_opens_and_answers_as_it_did(session):
    card = json.loads((FORMER / "checkpoint" / "card.json").read_text("utf-8"))
    assert {"gru", "two_way"} <= card["config"].keys()
    assert session.config.hidden_size == card["config"]["gru"]
    assert session.config.bidirectional is card["config"]["two_way"] is True
    assert session.card.weights == EXPECTED["weights"]
    answer = session.ask(a_picture(), EXPECTED["question"])
    assert answer.answer == EXPECTED["answer"]
    assert answer.probabilities == pytest.approx(EXPECTED["probabilities"], abs=1e-5)


def test_a_former_study_opens_with_its_layouts(session):
    study = open_study(FORMER / "checkpoint" / "study", session)
    assert study is not None
    assert list(study.table["text"]) == EXPECTED["texts"]
    modulation = session.modulate(EXPECTED["texts"], lenient=True)
    np.testing.assert_allclose(study.gamma, modulation.gamma.numpy(), atol=2e-3)  # kept as float16
    layouts = layouts_in(FORMER / "checkpoint" / "study" / "layouts", study)
    assert list(layouts) == [EXPECTED["layout"]]
    np.testing.assert_allclose(layouts[EXPECTED["layout"]].places[0], EXPECTED["first_place"], rtol=1e-6)


def test_a_former_link_opens_the_same_view(session):
    view, remarks = from_link(EXPECTED["link"], session.card.weights, 40, ViewState())
    assert remarks == ()
    assert view == ViewState(
        picture="gallery-3", question=EXPECTED["question"], block=1, feature_map=5,
        layout=EXPECTED["layout"], color="type",
    )  # fmt: skip


@pytest.mark.slow
def test_a_former_training_state_is_gone_on_with(tmp_path):
    state = torch.load(FORMER / "training" / "state.pt", weights_only=True)
    assert "tutor" in state
    assert any(name.startswith("network.reader.") for name in state["tutor"])
    shutil.copy(FORMER / "training" / "state.pt", tmp_path)
    corpus = Corpus.open(
        generate(
            tmp_path / "made",
            DatasetRecipe(pictures=24, questions=10, size=None, split="train", seed=3, chunk=12),
        )
    )
    run = trainer(tmp_path, corpus)
    run.resume()
    assert (run.samples, run.steps) == (EXPECTED["samples"], EXPECTED["steps"])
    for model, known in ((run.network, "weight_sum"), (run.kept, "kept_sum")):
        total = sum(float(value.double().sum()) for value in model.state_dict().values())
        assert total == pytest.approx(EXPECTED[known], rel=1e-9)
    before = run.samples
    run.objective.train()
    run.step()
    assert run.samples > before
