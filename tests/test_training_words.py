"""Training on questions that people wrote: new words get rows of their own, known ones keep theirs."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from film.__main__ import main
from film.checkpoint import load
from film.clevr.data.corpus import Corpus
from film.clevr.data.generate import DatasetRecipe, generate
from film.clevr.language.tokens import word_table
from film.clevr.language.word_tree import WORDS
from film.config import NetworkConfig
from film.network import FiLMNetwork
from film.training.batches import SCENE_MAPS
from film.training.initial import transplant

TINY = NetworkConfig(
    embedding=4, hidden_size=4, picture="features", width=15, height=10, channels=SCENE_MAPS, maps=4,
    stem=((4, 3, 1),), blocks=1, modulated=(True,), classifier_maps=4, classifier_units=(4,), words=3,
)  # fmt: skip


def test_words_keep_their_rows_wherever_they_stand():
    source, network = FiLMNetwork(TINY), FiLMNetwork(replace(TINY, words=4))
    left = transplant(network, source, (("a", "new", "c", "b"), ("a", "b", "c")))
    mine, theirs = network.question_encoder.embedding.weight, source.question_encoder.embedding.weight
    assert not left
    assert torch.equal(mine[[0, 3, 2]], theirs)
    assert mine[1].abs().max() < 0.06  # six deviations


@pytest.mark.slow
def test_peoples_questions_are_packed_trained_on_and_evaluated(tmp_path, capsys):
    made = generate(
        tmp_path / "clevr",
        DatasetRecipe(pictures=6, questions=4, size=(48, 32), layout="clevr", split="val", seed=2),
    )
    corpus = tmp_path / "corpus"
    assert main(["pack", str(made), str(corpus), "--split", "val", "--size", "48x32"]) == 0
    small = [
        "network.width=48", "network.height=32", "network.embedding=8", "network.hidden_size=8",
        "network.maps=8", "network.stem=[[6,4,2],[8,4,2]]", "network.classifier_maps=8", "training.front=0",
        "network.classifier_units=[8]", "training.loss.sets=0", "training.loss.slots=0",
        "training.loss.maps=0", "training.samples=64", "training.pictures=4",
    ]  # fmt: skip

    def train(data: Path, out: Path, *more: str) -> int:
        return main(
            [
                "train", "--data", str(data), "--validation", str(data), "--out", str(out),
                "--precision", "float32", *more, "--set", *small,
            ]
        )  # fmt: skip

    assert train(corpus, tmp_path / "first") == 0

    # The same pictures with questions as people ask them: no programs, no families, words of their own.
    path = made / "questions" / "CLEVR_val_questions.json"
    questions = json.loads(path.read_text())
    for number, item in enumerate(questions["questions"]):
        item["question"] = (
            "Is the shiny ball casting a shadow on the cube?" if number % 2 else "How many odd things?"
        )
        item["answer"] = "yes" if number % 2 else "2"
        for name in ("program", "question_family_index"):
            del item[name]
    path.write_text(json.dumps(questions))
    humans = tmp_path / "humans"
    assert (
        main(["pack", str(made), str(humans), "--split", "val", "--size", "48x32", "--new-words", "5"]) == 0
    )
    words = Corpus.open(humans).words
    assert words[: len(word_table(WORDS))] == word_table(WORDS)
    assert set(words[len(word_table(WORDS)) :]) == {"casting", "odd", "shadow", "on"} - set(word_table(WORDS))
    again = tmp_path / "again"
    assert main(["pack", str(made), str(again), "--split", "val", "--size", "48x32",
                 "--words-of", str(humans)]) == 0  # fmt: skip
    assert Corpus.open(again).words == words

    capsys.readouterr()
    second = tmp_path / "second"
    assert train(humans, second, "--initial", str(tmp_path / "first" / "checkpoint")) == 0
    assert "words are new" in capsys.readouterr().out
    assert load(second / "checkpoint")[1].words == words
    assert main(["evaluate", "--data", str(made), "--split", "val", "--checkpoint",
                 str(second / "checkpoint"), "--device", "cpu"]) == 0  # fmt: skip
    assert "FiLM, pixels" not in capsys.readouterr().out
    # What is taught of programs cannot be taught here, and that is said.
    small.append("training.loss.slots=1")
    assert train(humans, tmp_path / "third") == 2
    assert "does not say of which family" in capsys.readouterr().err
