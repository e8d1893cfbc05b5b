"""Group, special, the network's doing: claimed of what is planted, and not of regions like any other."""

from pathlib import Path

import numpy as np
import pandas as pd
from tiny import tiny_card, tiny_network

from analysis import layouts_in, open_study, random_regions, why_together
from analysis.corpus import regions
from analysis.corpus.enrichment import prepare_why
from analysis.corpus.extraction import Extraction
from analysis.corpus.layout import Layout, LayoutRecipe, lay_out
from analysis.corpus.question_features import count_features
from film import Session, find

COUNT = 1500
COLORS = ("red", "blue", "green", "cyan")


def questions(rng: np.random.Generator, gamma: np.ndarray, **columns: object) -> Extraction:
    """Questions whose words and labels have nothing to do with their gammas, float (questions, maps)."""
    count = len(gamma)
    colors, things = rng.choice(COLORS, count), rng.choice(["cube", "sphere", "cylinder"], count)
    shapes = rng.choice(["Is there a", "Are there any", "How many"], count)
    texts = [f"{a} {b} {c}?" for a, b, c in zip(shapes, colors, things, strict=True)]
    table = pd.DataFrame({"text": texts, "type": rng.choice(["count", "exist", "query_size"], count)})
    table = table.assign(length=[len(text.split()) for text in texts], **columns)
    gamma = gamma[:, None].astype(np.float32)
    return Extraction(table, gamma, np.zeros_like(gamma), np.zeros((count, 1), np.float32), {})


def plane(gamma: np.ndarray) -> Layout:
    """A map that is the first two gammas."""
    return Layout(gamma[:, :2].astype(np.float32), np.arange(len(gamma)), LayoutRecipe("both", "pca"))


def smooth(rng: np.random.Generator) -> np.ndarray:
    return np.concatenate([rng.normal(0, 3, (COUNT, 2)), rng.normal(0, 0.3, (COUNT, 6))], axis=1)


def called(compact: np.ndarray, strong: np.ndarray, tested: int) -> np.ndarray:
    """Which of the first regions are special beside the others, by the rule of `RegionCheck`."""

    def p(values: np.ndarray) -> np.ndarray:
        first, null = values[:tested, None], values[tested:]
        return (1 + (null >= first - 1e-9).sum(axis=1)) / (1 + len(null))

    return (p(compact) <= regions.BEYOND) | (p(strong) <= regions.BEYOND)


def test_random_regions_of_the_bundled_atlas_are_not_special():
    """1,000 of them, from 20 to 9,000 questions: at most one in twenty is called special."""
    session = Session(device="cpu")
    folder = Path(find(None)) / "study"
    study = open_study(folder, session)
    assert study is not None
    layout = layouts_in(folder / "layouts", study)["Block 1, t-SNE"]
    features = count_features(study)
    special = 0
    for number, size in enumerate((20, 60, 150, 400, 1000, 2500, 5000, 9000)):
        drawn = random_regions(layout.places, size, trials=125 + regions.REGIONS, seed=number)
        compact, strong, _ = regions.measure_regions(study, features, layout, drawn)
        special += called(compact, strong, 125).sum()
    assert special <= 50


def test_a_planted_region_is_special():
    """A label that half of one region has more than elsewhere, 100 questions of 1,500."""
    rng = np.random.default_rng(0)
    found, runs = 0, 30
    for run in range(runs):
        gamma = smooth(rng)
        layout = plane(gamma)
        rows = random_regions(layout.places, 100, trials=1, seed=run)[0]
        has = rng.random(COUNT) < 0.2
        has[rows] = rng.random(100) < 0.7
        study = questions(rng, gamma, attribute=np.where(has, "color", "size"))
        check = regions.check_region(study, count_features(study), rows, layout, trials=199, seed=run)
        assert check is not None
        found += check.special
        if check.special:
            assert check.sentence().startswith("Special")
            assert check.label in ("attribute color", "attribute size")
    assert found >= 0.9 * runs


def test_noise_laid_out_is_no_group_and_not_the_networks_doing():
    """Gammas that are noise, t-SNE of them, regions of four sizes."""
    rng = np.random.default_rng(1)
    network = tiny_network()
    session = Session((network, tiny_card(network)), "cpu")
    groups = doing = asked = 0
    for run in range(2):
        study = questions(rng, rng.normal(size=(600, 16)))
        layout = lay_out(study, LayoutRecipe("both", "tsne", run))
        features = prepare_why(study, trials=50, seed=0)
        for size in (10, 30, 80, 200):
            for number, rows in enumerate(random_regions(layout.places, size, trials=25, seed=run)):
                check = regions.check_region(study, features, rows, layout, trials=99, seed=number)
                assert check is not None
                groups += check.group
                beside = regions.baselines(study, features, rows, "both", session, seed=number)
                doing += beside is not None and beside.networks_doing
                asked += 1
    assert asked == 200
    assert groups <= 0.05 * asked
    assert doing <= 0.05 * asked


def test_what_gamma_alone_groups_is_the_networks_doing():
    """A label that gamma follows and no word tells: neighbours share it in the network's space alone."""
    rng = np.random.default_rng(2)
    network = tiny_network()
    session = Session((network, tiny_card(network)), "cpu")
    color = rng.random(COUNT) < 0.3
    gamma = smooth(rng)
    gamma[color, 0] += 12
    study = questions(rng, gamma, attribute=np.where(color, "color", "size"))
    why = why_together(study, color, layout=plane(gamma), session=session, trials=50)
    assert why.baselines is not None
    assert why.baselines.label == "attribute color"
    assert why.baselines.networks_doing
    assert why.baselines.own > 0.95
    assert set(why.baselines.shares) == {regions.UNTRAINED, regions.BAG}
    assert max(why.baselines.shares.values()) < 0.6
    assert [asked for asked, _ in why.statements()] == [
        "What they share",
        "Is it a group, and special?",
        "Is it the network's doing?",
    ]
    # What the words tell is grouped by words without any training.
    spoken = study.table["text"].str.startswith("How many").to_numpy()
    gamma[:, 0] += 12 * spoken
    study = questions(rng, gamma)
    study.table["attribute"] = np.where(study.table["text"].str.startswith("How many"), "size", "color")
    by_words = why_together(study, study.table["attribute"] == "size", layout=plane(gamma), session=session)
    assert by_words.baselines is not None
    assert not by_words.baselines.networks_doing


def test_without_an_untrained_network_nothing_is_called_its_doing():
    rng = np.random.default_rng(3)
    color = rng.random(COUNT) < 0.3
    gamma = smooth(rng)
    gamma[color, 0] += 12
    study = questions(rng, gamma, attribute=np.where(color, "color", "size"))
    why = why_together(study, color, layout=plane(gamma), trials=50)
    assert why.baselines is not None
    assert not why.baselines.networks_doing
    assert why.baselines.sentence().startswith("Not tested against an untrained network")


def test_what_was_chosen_by_a_label_is_not_compared_with_regions():
    rng = np.random.default_rng(4)
    gamma = smooth(rng)
    study = questions(rng, gamma)
    rows = study.table["type"].to_numpy() == "count"
    assert why_together(study, rows, layout=plane(gamma), drawn=False, trials=20).region is None
    assert why_together(study, rows, layout=plane(gamma), trials=20).region is not None
    few = Layout(gamma[:40, :2], np.arange(40), LayoutRecipe("both", "pca"))
    features = count_features(study)
    assert regions.check_region(study, features, np.arange(37), few) is None
    assert regions.check_region(study, features, np.arange(100, 200), few) is None
