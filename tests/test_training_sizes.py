"""What a network, a recipe and corpora must agree on; and that a session sees what training saw."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from film.__main__ import main
from film.clevr.data.corpus import Corpus
from film.clevr.data.generate import DatasetRecipe, generate
from film.clevr.pictures import fit
from film.config import Fit, LossWeights, NetworkConfig, TrainingConfig
from film.errors import InputError
from film.network import FiLMNetwork
from film.session import Session
from film.training.batches import SCENE_MAPS, BatchSampler, scene_maps
from film.training.checks import check_recipe
from film.training.loop import Trainer
from film.training.recipes import RECIPES, recipe
from film.training.runtime import Runtime

CPU = Runtime(torch.device("cpu"), torch.float32)
PIXELS = NetworkConfig(
    embedding=8, hidden_size=16, width=30, height=20, stem=((6, 4, 2), (SCENE_MAPS, 3, 1), (8, 3, 1)), maps=8,
    blocks=2, modulated=(True, True), classifier_maps=16, classifier_units=(16,),
)  # fmt: skip
LEARN = TrainingConfig(samples=64, pictures=3, questions=4, fit="crop", learning_rate=3e-3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Three pictures of 48x32 with eight questions each."""
    out = tmp_path_factory.mktemp("corpus") / "made"
    return generate(out, DatasetRecipe(pictures=3, questions=8, size=(48, 32), seed=5))


def trained(out: Path, corpus: Corpus, network: NetworkConfig, how: Fit, lines: list[str]) -> Trainer:
    torch.manual_seed(0)
    model = FiLMNetwork(replace(network, words=len(corpus.words)))
    run = Trainer(out, model, replace(LEARN, fit=how), corpus, runtime=CPU, report=lines.append)
    assert run.train()
    return run


@pytest.mark.parametrize(
    ("size", "how", "said"),
    [
        ((48, 32), "crop", ""),
        ((30, 20), "crop", "cut to their middle and scaled"),
        ((24, 24), "crop", "cut to their middle and scaled"),
        ((24, 24), "stretch", "stretched"),
    ],
)
def test_a_session_sees_a_picture_as_training_saw_it(tmp_path, folder, size, how, said):
    corpus, lines = Corpus.open(folder), []
    network = replace(PIXELS, width=size[0], height=size[1])
    run = trained(tmp_path / "run", corpus, network, how, lines)
    told = [line for line in lines if line.startswith("The pictures are")]
    assert bool(told) == bool(said)
    assert all(said in line for line in told)

    batch = run.sampler.batch(torch.arange(3), torch.arange(24), 8)
    objective = run.objective.eval()
    seen = []
    objective.network.classifier.register_forward_hook(lambda module, given, logits: seen.append(logits))
    with torch.inference_mode():
        objective(batch)
    session = Session(tmp_path / "run" / "checkpoint", "cpu")
    assert (session.config.width, session.config.height, session.card.fit) == (*size, how)
    pictures = [np.asarray(corpus.pictures[number]) for number in range(3)]
    texts = [corpus.question(number).text for number in range(24)]
    answered = session.logits(pictures, texts, [number // 8 for number in range(24)])
    # The checkpoint keeps matrices as float16.
    torch.testing.assert_close(torch.from_numpy(answered), seen[-1], atol=0.02, rtol=0.02)


def test_where_objects_stand_follows_the_cut(folder):
    """A cut picture's attribute maps show the objects where the cut picture has them."""
    corpus = Corpus.open(folder)
    whole = BatchSampler(corpus, CPU.device)
    cut = BatchSampler(corpus, CPU.device, size=(24, 24), fit="crop")
    there = cut.objects[..., 0] >= 0
    # Of 48 columns the middle 32 are kept, all 32 rows.
    torch.testing.assert_close(
        cut.positions[there][:, 2] * 32 + 8, whole.positions[there][:, 2] * 48, atol=1e-3, rtol=0
    )
    torch.testing.assert_close(cut.positions[there][:, 3], whole.positions[there][:, 3])
    assert np.array_equal(cut.pictures[0].numpy(), fit(np.asarray(corpus.pictures[0]), 24, 24))
    assert scene_maps(cut.objects, cut.positions, 6, 6).isfinite().all()


@pytest.mark.parametrize("name", ["paper", "small", "stem"])
def test_pictures_too_small_for_a_recipe_are_refused_in_a_sentence(tmp_path, name, capsys):
    made = generate(tmp_path / "made", DatasetRecipe(pictures=1, questions=2, size=(96, 64), seed=1))
    code = main(["train", "--recipe", name, "--data", str(made), "--out", str(tmp_path / "run")])
    told = capsys.readouterr().err
    assert code == 2
    assert "are 96x64 and the network looks at" in told
    assert "--for" in told
    assert "network.width=96 network.height=64" in told
    assert not (tmp_path / "run" / "state.pt").exists()


def test_features_that_nothing_draws_are_refused_in_a_sentence(tmp_path, folder, capsys):
    assert main(["train", "--recipe", "paper-features", "--data", str(folder), "--out", str(tmp_path)]) == 2
    assert "1024 feature maps" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("network", "training", "message"),
    [
        ({}, {"front": 9, "loss": LossWeights(maps=1.0)}, "the stem has 3 convolutions"),
        ({}, {"loss": LossWeights(maps=1.0)}, r"training\.front is 0"),
        ({}, {"front": 1, "loss": LossWeights(maps=1.0)}, "gives 6 maps"),
        (
            {"stem": ((SCENE_MAPS, 3, 1), (8, 4, 2))},
            {"front": 1, "loss": LossWeights(maps=1.0)},
            "makes its maps smaller",
        ),
        ({}, {"loss": LossWeights(answer=0.0)}, "losses are 0"),
        (
            {"picture": "features", "channels": SCENE_MAPS},
            {"loss": LossWeights(maps=1.0)},
            "attribute maps as they are",
        ),
        ({"picture": "features", "channels": 7}, {}, "7 feature maps"),
    ],
)
def test_a_recipe_that_its_network_cannot_follow_says_why(network, training, message):
    with pytest.raises(InputError, match=message):
        check_recipe(replace(PIXELS, **network), replace(LEARN, **training))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("network.blocks=2", "modulated"),
        ("network.modulated=true", "one true or false for each"),
        ("network.modulated=[true]", "one true or false for each of the 4 blocks"),
        ("training.front=1.5", "front"),
        ("training.fit=squeeze", "fit"),
    ],
)
def test_changes_that_do_not_fit_the_network_say_so(change, message):
    with pytest.raises(InputError, match=message):
        recipe("small").changed([change])


def test_the_parts_of_a_stem_must_fit_the_blocks(tmp_path, folder, capsys):
    code = main(
        [
            "train", "--recipe", "scenes", "--data", str(folder), "--out", str(tmp_path),
            "--set", "network.maps=64",
        ]
    )  # fmt: skip
    assert code == 2
    assert "128 maps but the blocks have 64" in capsys.readouterr().err


def test_recipes_say_what_pictures_they_want(tmp_path, capsys):
    assert recipe("small").picture_size == (180, 120)
    assert recipe("paper").picture_size == (336, 224)  # CLEVR's 3:2, stretched to 224x224 as later
    assert recipe("scenes").picture_size is None
    for name, one in RECIPES.items():
        if name != "paper-features":
            check_recipe(one.network, one.training)
    out = tmp_path / "made"
    assert main(["generate", str(out), "--pictures", "1", "--questions", "1", "--for", "small"]) == 0
    assert Corpus.open(out).picture_size == (180, 120)
    assert main(["generate", str(out), "--for", "small", "--size", "9x9"]) == 2
    assert "leave one out" in capsys.readouterr().err


def test_corpora_that_number_words_differently_are_not_mixed(tmp_path, folder):
    corpus = Corpus.open(folder)
    other = Corpus.open(folder)
    other.words = (*corpus.words, "shadow")
    model = FiLMNetwork(replace(PIXELS, words=len(corpus.words)))
    with pytest.raises(InputError, match="numbers words otherwise"):
        Trainer(tmp_path, model, LEARN, corpus, other, runtime=CPU, report=lambda line: None)
