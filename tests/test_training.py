"""Training: what is drawn, what is told, and that nothing is lost when it stops."""

import csv
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from film.checkpoint import load
from film.clevr.data.corpus import Corpus
from film.clevr.data.generate import DatasetRecipe, generate
from film.clevr.language.families import FAMILIES, LETTERS
from film.clevr.scenes import COLORS, SHAPES
from film.config import LossWeights, NetworkConfig, TrainingConfig
from film.errors import InputError
from film.network import FiLMNetwork
from film.training.auxiliary import fitting
from film.training.batches import SCENE_MAPS, BatchSampler, scene_maps
from film.training.initial import transplant
from film.training.loop import Trainer, start
from film.training.recipes import RECIPES, recipe
from film.training.records import append_row
from film.training.runtime import Runtime

NETWORK = NetworkConfig(
    embedding=8, hidden_size=16, picture="features", width=15, height=10, channels=SCENE_MAPS,
    stem=((8, 3, 1),), maps=8, blocks=2, modulated=(True, True), classifier_maps=16, classifier_units=(16,),
)  # fmt: skip
RECIPE = TrainingConfig(
    samples=640, pictures=4, questions=8, learning_rate=3e-3, optimizer="adamw", ema_decay=0.9,
    horizontal_flip=True, loss=LossWeights(answer=1.0, sets=1.0, slots=0.1),
)  # fmt: skip
CPU = Runtime(torch.device("cpu"), torch.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A packed corpus of 24 scenes without pictures."""
    return generate(
        tmp_path_factory.mktemp("corpus") / "made",
        DatasetRecipe(pictures=24, questions=10, size=None, split="train", seed=3, chunk=12),
    )


@pytest.fixture(scope="module")
def corpus(folder) -> Corpus:
    return Corpus.open(folder)


def trainer(out: Path, corpus: Corpus, **changes) -> Trainer:
    torch.manual_seed(0)
    model = FiLMNetwork(replace(NETWORK, words=len(corpus.words)))
    return Trainer(out, model, replace(RECIPE, **changes), corpus, runtime=CPU, report=lambda line: None)


def weights(one: Trainer) -> torch.Tensor:
    return torch.cat([value.flatten().double() for value in one.network.state_dict().values()])


def test_scene_maps_hold_each_object_at_its_place(corpus):
    sampler = BatchSampler(corpus, CPU.device, with_pictures=False)
    maps = scene_maps(sampler.objects[:1], sampler.positions[:1], 15, 10)[0]  # (SCENE_MAPS, 10, 15)
    scene = corpus.scene(0)
    seen = 0
    for thing, position in zip(scene.objects, sampler.positions[0], strict=False):
        column, row = int(position[2] * 15), int(position[3] * 10)
        cell = maps[:, row, column]
        assert cell[0] == 1
        assert cell[1 + SHAPES.index(thing.shape)] == 1
        assert cell[8 + COLORS.index(thing.color)] == 1
        seen += 1
    assert seen == len(scene.objects)
    assert 1 <= maps[0].sum() <= seen


def test_questions_of_a_batch_are_about_its_pictures_and_distinct(corpus):
    sampler = BatchSampler(corpus, CPU.device, with_pictures=False)
    batch = sampler.draw(torch.Generator().manual_seed(0), 5, 8, horizontal_flip=False)
    assert batch.tokens.shape[0] == 40
    assert int(batch.lengths.max()) == batch.tokens.shape[1]
    for objects, tokens in zip(batch.objects, batch.tokens.view(5, 8, -1), strict=True):
        (picture,) = [p for p in range(24) if torch.equal(sampler.objects[p], objects)]
        rows = (sampler.starts[picture], sampler.starts[picture] + sampler.counts[picture])
        known = {tuple(row[row != 0].tolist()) for row in sampler.tokens[rows[0] : rows[1]]}
        asked = [tuple(row[row != 0].tolist()) for row in tokens]
        assert len(set(asked)) == 8
        assert set(asked) <= known


def test_mirrored_batches_swap_left_and_right_in_words_slots_and_places(corpus):
    sampler = BatchSampler(corpus, CPU.device, with_pictures=False)
    pictures, rows = torch.tensor([0, 1]), torch.arange(20)
    plain, mirrored = (sampler.batch(pictures, rows, 10, flip=flip) for flip in (False, True))
    left, right = sampler.words.index("left"), sampler.words.index("right")
    assert torch.equal(mirrored.tokens == left, plain.tokens == right)
    assert torch.equal(mirrored.slots[:, 16:19] == 1, plain.slots[:, 16:19] == 2)
    there = plain.objects[..., 0] >= 0
    torch.testing.assert_close(mirrored.positions[there][:, 2], 1 - plain.positions[there][:, 2])
    assert torch.equal(mirrored.members, plain.members)
    untouched = (plain.tokens != left) & (plain.tokens != right)
    assert torch.equal(mirrored.tokens[untouched], plain.tokens[untouched])


def test_moved_batches_carry_pictures_and_places_alike(tmp_path):
    made = Corpus.open(
        generate(
            tmp_path / "made", DatasetRecipe(pictures=3, questions=4, size=(48, 32), split="train", seed=5)
        )
    )
    sampler = BatchSampler(made, torch.device("cpu"))
    pictures, rows = torch.arange(3), torch.arange(12)
    plain = sampler.batch(pictures, rows, 4)
    moved = sampler.batch(pictures, rows, 4, moved=(0.06, -0.03))  # 2.88 and -0.96 pixels: 3 and -1
    assert torch.equal(moved.pictures[:, :, :-1, 3:], plain.pictures[:, :, 1:, :-3])
    assert torch.equal(moved.pictures[:, :, :-1, 0], plain.pictures[:, :, 1:, 0])  # the edge repeated
    there = plain.objects[..., 0] >= 0
    by = (moved.positions - plain.positions)[there]
    torch.testing.assert_close(by[:, 2:4], torch.tensor([3 / 48, -1 / 32]).expand(len(by), 2))
    assert not by[:, [0, 1, 4, 5]].any()
    assert torch.equal(moved.answers, plain.answers)


def test_sets_are_those_of_the_programs(corpus):
    sampler = BatchSampler(corpus, CPU.device, with_pictures=False)
    batch = sampler.batch(torch.tensor([0]), torch.arange(10), 10)
    for number in range(10):
        question = corpus.question(number)
        if question.program[-1].function in ("count", "exist"):
            result = batch.members[number, -1].nonzero().flatten().tolist()
            assert ("yes" if result else "no") == question.answer or str(len(result)) == question.answer


def test_noun_phrases_fit_the_objects_that_have_their_attributes(corpus):
    sampler = BatchSampler(corpus, CPU.device, with_pictures=False)
    batch = sampler.batch(torch.tensor([2]), sampler.starts[2] + torch.arange(10), 10)
    fits = fitting(batch)  # (10, OBJECTS, 4)
    scene = corpus.scene(2)
    for row in range(10):
        question = corpus.question(int(sampler.starts[2]) + row)
        family = FAMILIES[int(batch.family[row])]
        slots = family.match(question.program)
        for phrase in family.noun_phrases:
            said = {LETTERS[s[0]]: v for s, v in slots.items() if s[1:] == str(phrase) and s[0] in LETTERS}
            for number, thing in enumerate(scene.objects):
                expected = all(getattr(thing, attribute) == value for attribute, value in said.items())
                assert bool(fits[row, number, phrase - 1]) == expected


@pytest.mark.slow
def test_a_tiny_network_learns_a_handful_of_questions(tmp_path, corpus):
    run = trainer(tmp_path, corpus, samples=10**9, horizontal_flip=False, ema_decay=0.0)
    run.objective.train()
    first = run.step()[0]["answer"].item()
    for _ in range(150):
        last = run.step()[0]["answer"].item()
    assert last < 0.6 * first


def test_another_recipe_or_other_data_is_no_resumption(tmp_path, corpus):
    part = trainer(tmp_path, corpus)
    part.save()
    trainer(tmp_path, corpus, samples=10 * part.recipe.samples).resume()  # it may become longer
    with pytest.raises(InputError, match=r"training\.learning_rate .* --initial"):
        trainer(tmp_path, corpus, learning_rate=0.5).resume()
    again = DatasetRecipe(pictures=8, questions=4, seed=99)
    other = Corpus.open(generate(tmp_path / "other", again))
    with pytest.raises(InputError, match=r"other data.*--initial"):
        trainer(tmp_path, other).resume()


@pytest.mark.slow
def test_resuming_goes_on_exactly_where_it_stopped(tmp_path, corpus):
    whole = trainer(tmp_path / "whole", corpus)
    assert whole.train(log_every=0.0)
    part = trainer(tmp_path / "part", corpus)
    part.objective.train()
    while part.samples < 320:
        part.step()
    part.save()
    history = tmp_path / "part" / "history.csv"
    for samples in (256, 320, 448):  # the last after the state, lost when the run was killed
        append_row(history, {"samples": samples, "loss": 1.0})
    again = trainer(tmp_path / "part", corpus)
    again.resume()
    assert again.samples == 320
    with history.open() as file:
        assert [row["samples"] for row in csv.DictReader(file)] == ["256", "320"]
    assert again.train()
    torch.testing.assert_close(weights(again), weights(whole))
    assert torch.equal(again.generator.get_state(), whole.generator.get_state())
    kept, card = load(tmp_path / "whole" / "checkpoint")
    assert card.recipe["samples_seen"] == 640
    assert card.words == corpus.words
    assert kept.config == whole.network.config


def test_a_time_limit_saves_and_stops(tmp_path, folder):
    finished = start(tmp_path / "run", NETWORK, replace(RECIPE, samples=10**9), folder, folder,
                     time_limit=0.5, precision="float32", report=lambda line: None)  # fmt: skip
    assert not finished
    rows = (tmp_path / "run" / "history.csv").read_text().splitlines()
    assert rows[0].startswith("samples,seconds,loss")
    assert "validation accuracy" in rows[0]
    assert (tmp_path / "run" / "checkpoint" / "card.json").exists()
    with pytest.raises(InputError, match="go on with --resume"):
        start(tmp_path / "run", NETWORK, RECIPE, folder, None)
    with pytest.raises(InputError, match=r"no .*state\.pt to resume"):
        start(tmp_path / "other", NETWORK, RECIPE, folder, None, resume=True)


@pytest.mark.slow
def test_a_reader_can_learn_from_words_alone(tmp_path, corpus):
    run = trainer(tmp_path, corpus, loss=LossWeights(answer=0.0, slots=1.0), samples=3200)
    run.validation = run.sampler
    before = run.check()["loss"]
    run.train()
    after = run.check()
    assert after["loss"] < 0.9 * before
    assert "accuracy" not in after


def test_the_state_of_another_network_or_a_broken_one_is_refused(tmp_path, corpus):
    trainer(tmp_path, corpus).save()
    other = FiLMNetwork(replace(NETWORK, words=len(corpus.words), maps=4, stem=((4, 3, 1),)))
    with pytest.raises(InputError, match="another network"):
        Trainer(tmp_path, other, RECIPE, corpus, runtime=CPU).resume()
    state = tmp_path / "state.pt"
    state.write_bytes(state.read_bytes()[:1000])
    with pytest.raises(InputError, match="cannot be read"):
        trainer(tmp_path, corpus).resume()


def test_a_disk_that_fills_up_leaves_the_last_state(tmp_path, corpus, monkeypatch):
    run = trainer(tmp_path, corpus)
    run.save()
    before = (tmp_path / "state.pt").read_bytes()
    run.objective.train()
    run.step()

    def full(*arguments, **options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(InputError, match="Free some space"):
        run.save()
    assert (tmp_path / "state.pt").read_bytes() == before
    assert not list(tmp_path.glob("*.unfinished"))


def command(folder: Path, out: Path, *more: str) -> list[str]:
    network = [
        "blocks=2",
        "modulated=[true,true]",
        "maps=8",
        "stem=[[8,3,1]]",
        "hidden_size=16",
        "embedding=8",
    ]
    return [
        "-m", "film", "train", "--recipe", "scenes", "--data", str(folder), "--out", str(out),
        "--precision", "float32", *more, "--set", *(f"network.{change}" for change in network),
        "training.pictures=4", "training.questions=8", "training.warm_up=100",
    ]  # fmt: skip


def test_points_of_a_run_are_kept_once_each_whether_it_stops_or_not(tmp_path, corpus):
    whole = trainer(tmp_path / "whole", corpus, samples=320)
    whole.train(keep=4)
    points = sorted(path.name for path in (tmp_path / "whole" / "points").iterdir())
    assert points == ["080", "160", "240", "320"]
    seen = [load(tmp_path / "whole" / "points" / name)[1].recipe["samples_seen"] for name in points]
    assert seen == [96, 160, 256, 320]  # batches are of 32
    last = load(tmp_path / "whole" / "points" / "320")[1].weights
    assert last == load(tmp_path / "whole" / "checkpoint")[1].weights

    stopped = trainer(tmp_path / "stopped", corpus, samples=320)
    while stopped.samples < 128:
        stopped.step()
    stopped.save()
    again = trainer(tmp_path / "stopped", corpus, samples=320)
    again.resume()
    again.train(keep=4)
    for name in ("160", "240", "320"):  # those that the resumed part has passed
        one, other = (load(tmp_path / run / "points" / name)[1].weights for run in ("whole", "stopped"))
        assert one == other
    assert not trainer(tmp_path / "none", corpus, samples=64).train(keep=0, time_limit=-1)
    assert not (tmp_path / "none" / "points").exists()


@pytest.mark.slow
def test_killed_training_can_be_resumed(tmp_path, folder):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    running = subprocess.Popen(
        [
            sys.executable,
            *command(folder, tmp_path / "run", "--save-every", "0.01"),
            "training.samples=1000000000",
        ],
        env=environment,
        stdout=subprocess.DEVNULL,
    )
    state = tmp_path / "run" / "state.pt"
    while not state.exists() and running.poll() is None:
        time.sleep(0.1)
    assert running.poll() is None
    time.sleep(1.0)
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    seen = torch.load(state, weights_only=True)["samples"]
    assert seen > 0
    done = subprocess.run(
        [sys.executable, *command(folder, tmp_path / "run", "--resume"), f"training.samples={seen + 320}"],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert torch.load(state, weights_only=True)["samples"] >= seen + 320


@pytest.mark.slow
def test_two_processes_learn_as_one_does(tmp_path, folder):
    """Same recipe, gradients averaged over two gloo processes: the same loss within noise."""

    losses = {}
    for processes in (1, 2):
        out = tmp_path / str(processes)
        launcher = (
            []
            if processes == 1
            else ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
        )
        done = subprocess.run(
            [sys.executable, *launcher, *command(folder, out), "training.samples=6400"],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        with (out / "history.csv").open() as file:
            rows = list(csv.DictReader(file))  # one row, or several where it takes over half a minute
        seen = np.diff([0, *(int(row["samples"]) for row in rows)])
        losses[processes] = np.average([float(row["answer"]) for row in rows], weights=seen)
        assert torch.load(out / "state.pt", weights_only=True)["samples"] == 6400
    assert losses[2] == pytest.approx(losses[1], rel=0.15)


def test_transplanting_matches_stems_from_their_ends():
    small = FiLMNetwork(NETWORK)
    pixels = replace(
        NETWORK, picture="pixels", channels=3, width=60, height=40,
        stem=((6, 4, 2), (SCENE_MAPS, 4, 2), *NETWORK.stem),
    )  # fmt: skip
    large = FiLMNetwork(pixels)
    left = transplant(large, small)
    assert left
    assert all(name.startswith(tuple(f"stem.layers.{i}." for i in range(6))) for name in left)
    mine, given = large.state_dict(), small.state_dict()
    torch.testing.assert_close(mine["stem.layers.6.weight"], given["stem.layers.0.weight"])
    torch.testing.assert_close(mine["blocks.1.conv2.weight"], given["blocks.1.conv2.weight"])


def test_recipes_can_be_changed_and_say_so_when_they_cannot():
    assert set(RECIPES) >= {"paper", "paper-features", "scenes", "stem", "small"}
    changed = recipe("paper").changed(
        ["network.maps=64", "network.stem=[[64,4,2]]", "training.loss.sets=0.5"]
    )
    assert (changed.network.maps, changed.training.loss.sets) == (64, 0.5)
    for change, message in (
        ("maps=64", "changes nothing"),
        ("network.mops=64", "changes nothing"),
        ("network.maps=many", "maps is 'many'"),
    ):
        with pytest.raises(InputError, match=message):
            recipe("paper").changed([change])
    with pytest.raises(InputError, match="no recipe 'best'"):
        recipe("best")


def test_deck_refuses_a_corpus_without_pictures_when_they_are_needed(corpus):
    with pytest.raises(InputError, match="without pictures"):
        BatchSampler(corpus, CPU.device)
    assert np.asarray(corpus.tokens).dtype == np.uint8
