"""The zero-shot analogy of CoGenT: how questions are rewritten, and a network in which it is exact."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from tiny import tiny_card, tiny_network

from analysis import ask_zero_shot, gain_rows, measure_zero_shot, rewritten, rewritten_corpus, zero_shot_rates
from analysis.__main__ import main
from film import WORDS, Corpus, InputError, Modulation, Session, parse, word_table
from film.clevr.data.generate import DatasetRecipe, generate
from film.clevr.rules import COGENT
from film.training.batches import SCENE_MAPS

PARTS = ["plus_one", "plus_two", "minus"]


@pytest.fixture(scope="module")
def corpora(tmp_path_factory) -> dict[str, Corpus]:
    folder = tmp_path_factory.mktemp("cogent")
    return {
        condition: Corpus.open(
            generate(folder / condition, DatasetRecipe(15, 10, size=None, condition=condition, seed=3))
        )
        for condition in "AB"
    }


@pytest.mark.parametrize(
    ("text", "condition", "turn", "wanted"),
    [
        (
            "How many cyan cubes are there?", "B", 0,
            ("How many cyan spheres are there?", "How many yellow cubes are there?",
             "How many yellow spheres are there?"),
        ),
        (
            "What is the big blue cylinder made of?", "B", 1,
            ("What is the big blue sphere made of?", "What is the big purple cylinder made of?",
             "What is the big purple sphere made of?"),
        ),
        (  # both phrases at once; wording and the rest stay
            "Are there more cyan blocks than tiny gray rubber cylinders?", "B", 1,
            ("Are there more cyan spheres than tiny gray rubber spheres?",
             "Are there more gray blocks than tiny green rubber cylinders?",
             "Are there more gray spheres than tiny green rubber spheres?"),
        ),
        (  # what A has stays as it is
            "Are there fewer green cubes than green cylinders?", "B", 0,
            ("Are there fewer green spheres than green cylinders?",
             "Are there fewer blue cubes than green cylinders?",
             "Are there fewer blue spheres than green cylinders?"),
        ),
        (
            "How many brown cubes are there?", "A", 1,
            ("How many brown spheres are there?", "How many yellow cubes are there?",
             "How many yellow spheres are there?"),
        ),
    ],
)  # fmt: skip
def test_the_three_questions(text, condition, turn, wanted):
    assert rewritten(text, condition, turn) == wanted


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        # "other" would have to go or come as the two things become alike.
        ("How many balls are the same material as the green cube?", "B"),
        # What A lacks would still be there.
        ("Are there fewer brown cubes than cyan cubes?", "A"),
    ],
)
def test_questions_that_cannot_be_rewritten(text, condition):
    assert rewritten(text, condition, 1) is None


def test_what_is_no_question_is_refused():
    with pytest.raises(InputError):
        rewritten("Why is the cube cyan?", "B", 1)


@pytest.mark.parametrize("condition", "AB")
def test_a_corpus_is_rewritten_into_questions_about_what_a_has(corpora, condition):
    asked = rewritten_corpus(corpora[condition], condition, seed=1)
    assert asked["question"].tolist() == [q.text for q in corpora[condition].questions()]
    done = asked[asked["plus_one"].notna()]
    assert 20 < len(done) < 75  # about a third of 150
    assert (done["phrases"] > 0).all()
    assert (asked["phrases"] > 0).sum() >= len(done)
    for row in done[PARTS].itertuples(index=False):
        for text in row:
            slots = parse(text).slots
            for number in "1234":
                color, shape = slots.get(f"C{number}"), slots.get(f"S{number}")
                assert not (color and shape) or color in COGENT["A"][shape]
    again = rewritten_corpus(corpora[condition], condition, seed=1)
    pd.testing.assert_frame_equal(asked, again)


class Additive(Session):
    """Gamma and beta are sums over words, which makes the analogy exact; what A lacks is heard as nothing."""

    deaf = True

    def modulate(self, questions, *, lenient=False):
        config = self.config
        chance = np.random.default_rng(0).normal(0, 1.5, (config.words, 2, config.blocks, config.maps))
        table = torch.from_numpy(chance.astype(np.float32))
        ids, _ = self.vocabulary.encode_all(questions)
        total = table[torch.from_numpy(ids)] * torch.from_numpy(ids > 2)[..., None, None, None]
        gamma, beta = total.sum(dim=1).unbind(dim=1)
        kept = [not (self.deaf and self._lacking(text)) for text in questions]
        heard = torch.tensor(kept, dtype=torch.float32)[:, None, None]
        return Modulation(gamma * heard, beta * heard)

    @staticmethod
    def _lacking(text: str) -> bool:
        slots = parse(text).slots
        pairs = [(slots.get(f"C{number}"), slots.get(f"S{number}")) for number in "1234"]
        return any(color and shape and color not in COGENT["A"][shape] for color, shape in pairs)


@pytest.fixture(scope="module")
def additive() -> Additive:
    words = word_table(WORDS)
    network = tiny_network(
        5, blocks=2, modulated=(True, True), words=len(words), picture="features", width=15, height=10,
        channels=SCENE_MAPS, stem=((8, 3, 1),),
    )  # fmt: skip
    return Additive((network, tiny_card(network, words=words)), "cpu")


def test_where_gamma_and_beta_add_up_the_analogy_answers_all(corpora, additive):
    """The truth is what the network answers where it hears everything."""
    rates = {}
    for condition, corpus in corpora.items():
        asked = rewritten_corpus(corpus, condition)
        additive.deaf = False
        asked["truth"] = ask_zero_shot(additive, corpus, asked)["own"]
        additive.deaf = True
        answers = ask_zero_shot(additive, corpus, asked, seed=2)
        untouched = answers[answers["plus_one"].isna()]
        assert (untouched["sum"] == untouched["own"]).all()
        assert (untouched["random"] == untouched["own"]).all()
        rates[condition] = {row["among"]: row for row in zero_shot_rates(answers)}
    done = rates["B"]["rewritten"]
    assert done["sum"] == 1.0 > done["own"]
    assert done["gain"] == pytest.approx(1 - done["own"])
    assert 0 < done["gain_low"] < done["gain"] < done["gain_high"]
    assert done["over_random"] == pytest.approx(1 - done["random"])
    assert done["over_random_low"] > 0  # a step as long in another direction does not help so
    assert done["over_step_low"] > 0
    whole = rates["B"]["all"]
    assert whole["asked"] == 150
    assert whole["gain"] == pytest.approx(done["gain"] * done["asked"] / 150)
    assert whole["gain_low"] > 0
    # The control: nothing to gain where all of it was seen.
    assert rates["A"]["rewritten"]["gain"] == 0.0 == rates["A"]["rewritten"]["changed"]
    parts = [rates["B"][name] for name in ("rewritten, one phrase", "rewritten, more phrases")]
    assert sum(part["asked"] for part in parts) == done["asked"]


def test_gains_are_drawn_beside_random_steps_and_the_papers():
    rows = pd.DataFrame(
        {
            "value": ["B, all", "B, rewritten"], "gain": [0.03, 0.1], "low": [0.02, np.nan],
            "high": [0.04, np.nan], "random": [-0.1, -0.3], "paper": [3.2, np.nan],
        }
    )  # fmt: skip
    drawn = gain_rows(rows)
    assert [trace.name for trace in drawn.data] == ["the analogy", "random steps as long", "the paper's"]
    assert next(iter(drawn.data[0].error_x.array)) == pytest.approx(1)


def test_a_folder_without_a_run_says_how_to_make_one(tmp_path, capsys):
    with pytest.raises(InputError, match="train-cogent --out"):
        measure_zero_shot(tmp_path)
    (tmp_path / "cogent.json").write_text(json.dumps({"rows": []}))
    assert main(["zero-shot", str(tmp_path)]) == 2
    assert "train-cogent" in capsys.readouterr().err
