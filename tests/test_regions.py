"""Group, special, the network's doing: claimed of what is planted, and not of regions like any other."""

from pathlib import Path

import numpy as np
from tiny import tiny_card, tiny_network

from analysis import layouts_in, open_study, why_together
from analysis.corpus import regions
from analysis.corpus.layout import Layout, LayoutRecipe
from analysis.corpus.question_features import count_features
from benchmarks.simulations.regions import (
    noise_regions,
    plane,
    planted_region,
    scattered_table,
    smooth,
    special_regions,
    with_gamma,
)
from film import Session, find

COUNT = 1500


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
        special += special_regions(study, features, layout, size, 125, seed=number).sum()
    assert special <= 50


def test_a_planted_region_is_special():
    """A label that half of one region has more than elsewhere, 100 questions of 1,500."""
    found, runs = 0, 30
    for run in range(runs):
        check = planted_region(run, size=100, trials=199)
        found += check.special
        if check.special:
            assert check.sentence().startswith("Special")
            assert check.label in ("attribute color", "attribute size")
    assert found >= 0.9 * runs


def test_noise_laid_out_is_no_group_and_not_the_networks_doing():
    """Gammas that are noise, t-SNE of them, regions of four sizes."""
    network = tiny_network()
    session = Session((network, tiny_card(network)), "cpu")
    found = []
    for run in range(2):
        table = scattered_table(np.random.default_rng(run), 600)
        sizes = (10, 30, 80, 200)
        found += noise_regions(run, table, session, maps=16, sizes=sizes, each=25, trials=99)
    groups, doing = np.sum(found, axis=0)
    assert len(found) == 200
    assert groups <= 0.05 * len(found)
    assert doing <= 0.05 * len(found)


def test_what_gamma_alone_groups_is_the_networks_doing():
    """A label that gamma follows and no word tells: neighbours share it in the network's space alone."""
    rng = np.random.default_rng(2)
    network = tiny_network()
    session = Session((network, tiny_card(network)), "cpu")
    color = rng.random(COUNT) < 0.3
    gamma = smooth(rng, COUNT)
    gamma[color, 0] += 12
    study = with_gamma(scattered_table(rng, COUNT, attribute=np.where(color, "color", "size")), gamma)
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
    study = with_gamma(scattered_table(rng, COUNT), gamma)
    study.table["attribute"] = np.where(study.table["text"].str.startswith("How many"), "size", "color")
    by_words = why_together(study, study.table["attribute"] == "size", layout=plane(gamma), session=session)
    assert by_words.baselines is not None
    assert not by_words.baselines.networks_doing


def test_without_an_untrained_network_nothing_is_called_its_doing():
    rng = np.random.default_rng(3)
    color = rng.random(COUNT) < 0.3
    gamma = smooth(rng, COUNT)
    gamma[color, 0] += 12
    study = with_gamma(scattered_table(rng, COUNT, attribute=np.where(color, "color", "size")), gamma)
    why = why_together(study, color, layout=plane(gamma), trials=50)
    assert why.baselines is not None
    assert not why.baselines.networks_doing
    assert why.baselines.sentence().startswith("Not tested against an untrained network")


def test_what_was_chosen_by_a_label_is_not_compared_with_regions():
    rng = np.random.default_rng(4)
    gamma = smooth(rng, COUNT)
    study = with_gamma(scattered_table(rng, COUNT), gamma)
    rows = study.table["type"].to_numpy() == "count"
    assert why_together(study, rows, layout=plane(gamma), drawn=False, trials=20).region is None
    assert why_together(study, rows, layout=plane(gamma), trials=20).region is not None
    few = Layout(gamma[:40, :2], np.arange(40), LayoutRecipe("both", "pca"))
    features = count_features(study)
    assert regions.check_region(study, features, np.arange(37), few) is None
    assert regions.check_region(study, features, np.arange(100, 200), few) is None
