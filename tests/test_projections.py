"""Projections computed later: every space of a study, kept in a cache, pooled maps measured for them."""

from pathlib import Path

import numpy as np
import pytest
from tiny import ANSWERS, tiny_card, tiny_network

from analysis import LayoutRecipe, Study, drawn_picture, layout_title, make_study
from analysis.corpus.extraction import vectors
from analysis.corpus.pooled_maps import POOLED, pooled_in
from film import WORDS, Cancelled, InputError, Session, Vocabulary, save

QUESTIONS, BLOCKS = 60, 3  # about three pictures


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    folder: Path = tmp_path_factory.mktemp("network")
    words = Vocabulary.of(WORDS).tokens
    network = tiny_network(words=len(words), answers=len(ANSWERS))
    save(folder, network, tiny_card(network, words=words))
    make_study(
        Session(folder, "cpu"), folder / "study", questions=QUESTIONS, maps=[LayoutRecipe("both", "pca")]
    )
    return folder


def opened(folder: Path, cache: Path | None = None) -> Study:
    return Study(Session(folder, "cpu"), folder, cache=cache)


def test_every_space_can_be_projected(checkpoint, tmp_path):
    study = opened(checkpoint, tmp_path)
    kinds = ["both", "gamma", "beta", "maps"]
    assert set(study.spaces) == {"state", *kinds, *(f"{kind}:{b}" for kind in kinds for b in (1, 2, 3))}
    assert len(study.spaces) == 1 + len(kinds) * (1 + BLOCKS)
    titles = [study.project(LayoutRecipe(space, "pca")) for space in study.spaces]
    assert len(set(titles)) == len(titles)
    assert set(titles) == set(study.layouts)
    again = opened(checkpoint, tmp_path)
    for title, layout in study.layouts.items():
        np.testing.assert_array_equal(layout.places, again.layouts[title].places)
    assert list(opened(checkpoint).layouts) == ["All blocks, PCA"]  # without the cache


def test_layouts_of_other_settings_stand_beside_the_usual_one(checkpoint, tmp_path):
    study = opened(checkpoint, tmp_path)
    few = {"early": 5, "iterations": 5}
    titles = [
        study.project(LayoutRecipe("gamma", "tsne", 0, few | own))
        for own in ({}, {"perplexity": 5}, {"perplexity": 9})
    ]
    few_told = "Gamma of all blocks, t-SNE, early 5, iterations 5"
    perplexities = ["", ", perplexity 5", ", perplexity 9"]
    assert titles == [few_told.replace(", early", f"{told}, early") for told in perplexities]
    again = opened(checkpoint, tmp_path)
    assert set(titles) < set(again.layouts)
    assert again.layouts[titles[1]].recipe.settings["perplexity"] == 5
    # What is cut down because there are few questions is not another setting.
    usual = LayoutRecipe("both", "umap")
    assert layout_title(usual, study.extraction, 12) == "All blocks, UMAP"
    assert layout_title(LayoutRecipe("both:2", "umap", 0, {"min_dist": 0.5}), study.extraction) == (
        "Block 2, UMAP, min dist 0.5"
    )


def test_pooled_maps_are_what_the_network_pools(checkpoint, tmp_path):
    study = opened(checkpoint, tmp_path)
    study.project(LayoutRecipe("maps:2", "pca"))
    known = study.extraction
    assert known is not None
    assert known.pooled is not None
    assert vectors(known, "maps").shape == (QUESTIONS, BLOCKS * study.session.config.maps)
    row = 25
    entry = known.table.iloc[row]
    answer = study.session.ask(drawn_picture(entry["picture"]), entry["text"], record=["block2.out"])
    assert answer.answer == entry["prediction"]
    np.testing.assert_allclose(
        known.pooled[row, 1], answer.activations["block2.out"].max(axis=(1, 2)), rtol=2e-3, atol=1e-4
    )
    again = opened(checkpoint, tmp_path).extraction
    assert again is not None
    np.testing.assert_array_equal(again.pooled, known.pooled)


def test_what_was_stopped_goes_on_and_what_is_damaged_is_made_again(checkpoint, tmp_path):
    study = opened(checkpoint)
    known = study.extraction
    assert known is not None
    done: list[int] = []
    with pytest.raises(Cancelled):
        pooled_in(tmp_path, study.session, known, cancel=lambda: True)
    assert not (tmp_path / POOLED).exists()
    first = pooled_in(tmp_path, study.session, known, progress=lambda part, of: done.append(part)).pooled
    assert done[-1] == known.table["picture"].nunique()
    (tmp_path / POOLED).write_bytes(b"no tensors")
    again = pooled_in(tmp_path, study.session, known).pooled
    np.testing.assert_array_equal(first, again)


def test_a_space_that_is_not_there_is_said(checkpoint):
    with pytest.raises(InputError, match="both:9"):
        opened(checkpoint).project(LayoutRecipe("both:9", "pca"))
