import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tiny import tiny_card, tiny_network

import analysis.corpus.layout
from analysis import (
    Extraction,
    LayoutRecipe,
    lay_out,
    layout_in,
    layout_sample,
    layouts_in,
    make_study,
    open_study,
    place,
    quality,
    read_layout,
    stability_of,
    vectors,
    write_layout,
)
from analysis.__main__ import main
from analysis.corpus.kept_layouts import layout_key
from analysis.corpus.layout import Layout
from analysis.corpus.metric import by_metric
from film import Cancelled, InputError, Session, save

ROOT = Path(__file__).parents[1]
QUICK = {"perplexity": 10, "early": 50, "iterations": 60}


def planted(groups: int = 6, each: int = 40, maps: int = 12, seed: int = 0) -> Extraction:
    """Questions in well separated groups: gamma and beta (questions, 2 blocks, maps); block 1 is noise."""
    rng = np.random.default_rng(seed)
    kinds = np.repeat(np.arange(groups), each)
    n = len(kinds)
    gamma, beta = rng.normal(size=(2, n, 2, maps)).astype(np.float32)
    gamma[:, 1] = 0.3 * gamma[:, 1] + rng.normal(size=(groups, maps))[kinds] * 3
    table = pd.DataFrame({"text": [f"question {i}" for i in range(n)], "type": [f"kind {k}" for k in kinds]})
    return Extraction(table, gamma, beta, gamma[:, 0], {"weights": "abc", "questions": "def", "count": n})


def apart(places: np.ndarray, kinds: pd.Series) -> float:
    """The share of questions whose nearest on the map is of their kind."""
    far = ((places[:, None] - places[None]) ** 2).sum(-1)
    np.fill_diagonal(far, np.inf)
    kinds = kinds.to_numpy()
    return float((kinds[far.argmin(axis=1)] == kinds).mean())


@pytest.mark.slow
@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_planted_groups_lie_apart(method):
    extraction = planted(3)
    recipe = LayoutRecipe("gamma:2", method, settings=QUICK if method == "tsne" else {})
    layout = lay_out(extraction, recipe)
    assert layout.places.shape == (120, 2)
    assert layout.places.dtype == np.float32
    assert apart(layout.places, extraction.table["type"]) > 0.95
    noise = lay_out(extraction, LayoutRecipe("gamma:1", method, settings=recipe.settings), measure=False)
    assert apart(noise.places, extraction.table["type"]) < 0.55
    again = lay_out(extraction, recipe, measure=False)
    np.testing.assert_array_equal(layout.places, again.places)


def test_a_table_of_some_of_the_questions_says_of_how_many():
    """A projection with the authors' settings shows 3,000 of 20,000."""
    extraction = planted(3)
    extraction = replace(extraction, recipe={**extraction.recipe, "source": "planted", "seed": 3})
    for count, said in ((40, "40 of 120 questions"), (120, "all 120 questions")):
        layout = lay_out(extraction, LayoutRecipe(method="pca"), np.arange(count), measure=False)
        assert layout_sample(layout, extraction) == f"{said}, planted, seed 3"


def test_quality_tells_a_map_from_chance():
    rng = np.random.default_rng(0)
    flat = rng.normal(size=(500, 2)).astype(np.float32)
    points = np.concatenate([flat, np.zeros((500, 5), np.float32)], axis=1)
    faithful = quality(points, flat, seed=0)
    assert faithful["trustworthiness"] == pytest.approx(1)
    assert faithful["neighbour_recall"] == pytest.approx(1)
    chance = quality(points, rng.normal(size=(500, 2)).astype(np.float32), seed=0)
    assert chance["trustworthiness"] == pytest.approx(0.5, abs=0.03)
    assert chance["neighbour_recall"] == pytest.approx(chance["recall_by_chance"], abs=0.02)


def test_trustworthiness_is_scikit_learns():
    from sklearn.manifold import trustworthiness

    rng = np.random.default_rng(1)
    points = rng.normal(size=(300, 6)).astype(np.float32)
    places = points[:, :2] + rng.normal(size=(300, 2)).astype(np.float32)
    expected = trustworthiness(points, places, n_neighbors=15)
    assert quality(points, places, seed=0)["trustworthiness"] == pytest.approx(expected, abs=1e-6)


def test_pca_is_the_plane_of_greatest_variance():
    rng = np.random.default_rng(2)
    points = rng.normal(size=(200, 24)) * np.r_[9, 4, np.ones(22)]
    extraction = planted(1, 200, 24)
    extraction.gamma[:, 0] = points
    layout = lay_out(extraction, LayoutRecipe("gamma:1", "pca"))
    values = np.linalg.svd(points - points.mean(0), compute_uv=False)
    np.testing.assert_allclose(np.linalg.norm(layout.places, axis=0), values[:2], rtol=1e-4)


@pytest.mark.slow
def test_random_starts_agree_on_groups_not_on_noise():
    recipe = LayoutRecipe(settings=QUICK)
    layout = lay_out(planted(), LayoutRecipe("gamma:2", settings=QUICK), stability=True)
    groups = layout.quality["drawn_stability"]
    points = np.random.default_rng(0).normal(size=(240, 40)).astype(np.float32)
    noise = stability_of(points, analysis.corpus.layout._fit(points, recipe), recipe)
    assert 0 <= noise < groups <= 1


@pytest.mark.slow
def test_the_authors_settings():
    recipe = LayoutRecipe("both:1", "tsne-paper", 1)
    assert recipe.settings["perplexity"] == 350
    assert recipe.settings["max_iter"] == 5000
    assert "early exaggeration 4" in recipe.describe()
    extraction = planted(4, 20)
    layout = lay_out(extraction, LayoutRecipe("gamma:2", "tsne-paper", 1, {"max_iter": 300}))
    assert layout.rows.tolist() == list(range(80))
    assert np.isfinite(layout.places).all()
    assert "scikit-learn" in layout.origin["versions"]


@pytest.mark.slow
def test_new_questions_are_placed_among_their_kind():
    extraction = planted()
    kinds = extraction.table["type"].to_numpy()
    known = np.flatnonzero(np.arange(len(extraction)) % 40 >= 5)
    new = np.setdiff1d(np.arange(len(extraction)), known)
    layout = lay_out(extraction, LayoutRecipe("gamma:2", settings=QUICK), known)
    places, near = place(layout, extraction, vectors(extraction.take(new), "gamma:2"))
    assert places.shape == (len(new), 2)
    assert near.shape == (len(new), 10)
    assert np.isin(near, known).all()
    assert (kinds[near] == kinds[new][:, None]).mean() > 0.98
    np.testing.assert_allclose(places[0], np.median(layout.places[np.searchsorted(known, near[0])], axis=0))
    _, itself = place(layout, extraction, vectors(extraction.take([known[3]]), "gamma:2"))
    assert itself[0, 0] == known[3]
    with pytest.raises(InputError, match="give vectors of that space"):
        place(layout, extraction, np.zeros((1, 5)))


@pytest.mark.parametrize("metric", ["cosine", "correlation"])
def test_points_are_compared_by_the_metric_that_is_asked_for(metric):
    from scipy.spatial.distance import cdist

    points = np.random.default_rng(0).normal(1, 1, (30, 6)).astype(np.float32)
    found = by_metric(points, metric)
    np.testing.assert_allclose(cdist(found, found) ** 2 / 2, cdist(points, points, metric), atol=1e-5)
    assert by_metric(points, "euclidean") is points
    assert not by_metric(np.zeros((2, 6)), metric).any()


def test_the_usual_metric_is_told_and_changes_no_kept_layout():
    extraction = planted(3)
    usual, plain = LayoutRecipe("gamma:2", settings={"metric": "euclidean"}), LayoutRecipe("gamma:2")
    assert usual == plain
    assert "metric" not in plain.settings  # earlier versions knew none: their layouts are found by their hash
    assert layout_key(extraction, usual) == layout_key(extraction, plain)
    assert "Euclidean distance" in plain.describe()
    assert "distance" not in LayoutRecipe("gamma:2", "pca").describe()
    cosine = LayoutRecipe("gamma:2", settings={"metric": "cosine"})
    assert "cosine distance" in cosine.describe()
    assert "Euclidean" not in cosine.describe()
    assert analysis.layout_title(cosine, extraction) == "Gamma of block 2, t-SNE, cosine distance"
    assert eval(repr(cosine)) == cosine  # as the lines of Python have it
    with pytest.raises(InputError, match="has no setting 'metric'"):
        LayoutRecipe("gamma:2", "tsne-paper", settings={"metric": "cosine"})


def test_a_projection_is_by_its_metric():
    extraction = planted(3, 20)
    recipe = LayoutRecipe("gamma:2", settings={**QUICK, "metric": "cosine"})
    lengths = np.random.default_rng(1).uniform(0.1, 10, (len(extraction), 1, 1)).astype(np.float32)
    stretched = replace(extraction, gamma=extraction.gamma * lengths)
    assert apart(lay_out(stretched, recipe).places, extraction.table["type"]) > 0.95
    alike = replace(extraction, gamma=extraction.gamma[:1] * lengths)
    lay_out(alike, LayoutRecipe("gamma:2", "pca"), measure=False)
    with pytest.raises(InputError, match="all alike"):
        lay_out(alike, recipe)


def test_new_questions_are_placed_by_the_metric():
    extraction = planted()
    rows = np.arange(len(extraction))
    places = np.random.default_rng(0).normal(size=(len(rows), 2)).astype(np.float32)
    new = vectors(extraction.take([3]), "gamma:2")

    def near(metric, vector):
        recipe = LayoutRecipe("gamma:2", settings={"metric": metric})
        return set(place(Layout(places, rows, recipe), extraction, vector)[1][0].tolist())

    assert near("cosine", new) == near("cosine", 9 * new)
    assert near("euclidean", new) != near("euclidean", 9 * new)


@pytest.mark.slow
def test_progress_and_cancel():
    seen = []
    recipe = LayoutRecipe("gamma:2", settings=QUICK)
    lay_out(planted(), recipe, progress=lambda done, of: seen.append((done, of)))
    assert len(seen) > 5
    assert seen == sorted(seen)
    assert seen[-1] == (100, 100)
    calls = iter([False] * 5 + [True] * 9)
    with pytest.raises(Cancelled):
        lay_out(planted(), recipe, cancel=lambda: next(calls))


def test_kept_by_content(tmp_path, monkeypatch):
    extraction, recipe = planted(), LayoutRecipe("gamma:2", "pca")
    first = layout_in(tmp_path, extraction, recipe)
    fits = []
    original = analysis.corpus.layout._fit
    monkeypatch.setattr(analysis.corpus.layout, "_fit", lambda *a, **k: fits.append(a) or original(*a, **k))
    again = layout_in(tmp_path, extraction, recipe)
    assert not fits
    np.testing.assert_array_equal(first.places, again.places)
    assert (again.recipe, again.quality, again.origin) == (first.recipe, first.quality, first.origin)
    layout_in(tmp_path, extraction, LayoutRecipe("gamma:1", "pca"))
    layout_in(tmp_path, extraction, recipe, np.arange(50))
    layout_in(tmp_path, planted(seed=1), LayoutRecipe("gamma:2", "pca", seed=3))
    assert len(fits) == 3
    path = next(tmp_path.glob("gamma-2-*.parquet"))
    for path in tmp_path.glob("gamma-2-*.parquet"):
        path.write_bytes(path.read_bytes()[:60])
    np.testing.assert_array_equal(layout_in(tmp_path, extraction, recipe).places, first.places)


def test_what_cannot_be_read_is_said(tmp_path):
    extraction = planted()
    layout = lay_out(extraction, LayoutRecipe("gamma:2", "pca"))
    write_layout(tmp_path / "map.parquet", layout)
    assert read_layout(tmp_path / "map.parquet", extraction).quality == layout.quality
    with pytest.raises(InputError, match="no projection"):
        read_layout(tmp_path / "none.parquet")
    other = Extraction(**{**vars(extraction), "recipe": {**extraction.recipe, "weights": "xyz"}})
    with pytest.raises(InputError, match="other weights"):
        read_layout(tmp_path / "map.parquet", other)
    fewer = extraction.take(slice(100))
    with pytest.raises(InputError, match="lacks"):
        read_layout(tmp_path / "map.parquet", fewer)
    pd.DataFrame({"x": [1.0]}).to_parquet(tmp_path / "foreign.parquet")
    with pytest.raises(InputError, match="cannot be read"):
        read_layout(tmp_path / "foreign.parquet")


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"method": "sammon"}, "no method"),
        ({"settings": {"perplexty": 3}}, "no setting"),
        ({"settings": {"perplexity": -3}}, "cannot be"),
        ({"settings": {"perplexity": "many"}}, "cannot be"),
    ],
)
def test_bad_recipes(changes, match):
    with pytest.raises(InputError, match=match):
        LayoutRecipe(**changes)


def test_nothing_to_lay_out():
    extraction = planted()
    with pytest.raises(InputError, match="10 or more"):
        lay_out(extraction, LayoutRecipe(), np.arange(4))
    extraction.gamma[:] = 1
    with pytest.raises(InputError, match="all alike"):
        lay_out(extraction, LayoutRecipe("gamma"))


@pytest.mark.slow
def test_a_study_is_made_found_and_gone_on_with(tmp_path, monkeypatch):
    network = tiny_network()
    save(tmp_path, network, tiny_card(network))
    session = Session(tmp_path, "cpu")
    recipes = [LayoutRecipe("both:1", "pca"), LayoutRecipe("state", settings=QUICK)]
    seen = []
    made = make_study(
        session, tmp_path / "study", questions=120, maps=recipes, progress=lambda *now: seen.append(now)
    )
    assert seen[-1] == (400, 400)
    assert seen == sorted(seen)
    quick = "GRU state, t-SNE, perplexity 10, early 50, iterations 60"
    assert list(made[1]) == [quick, "Block 1, PCA"]
    assert "drawn_stability" in made[1][quick].quality
    monkeypatch.setattr(analysis.corpus.layout, "_fit", lambda *a, **k: pytest.fail("fitted again"))
    study, layouts = make_study(session, tmp_path / "study", questions=120, maps=recipes)
    assert list(layouts) == list(made[1])
    found = open_study(tmp_path / "study", session)
    assert list(found.table["text"]) == list(study.table["text"])
    assert set(layouts_in(tmp_path / "study" / "layouts", found)) == set(layouts)
    other = tiny_network(seed=1)
    card = save(tmp_path / "other", other, tiny_card(other))
    assert open_study(tmp_path / "study", Session((other, card), "cpu")) is None
    assert open_study(tmp_path / "nowhere", session) is None


def test_the_command(tmp_path, capsys):
    network = tiny_network()
    save(tmp_path / "net", network, tiny_card(network))
    out = str(tmp_path / "out")
    command = ["extract", "--checkpoint", str(tmp_path / "net"), "--device", "cpu", "--out", out]
    assert main([*command, "--questions", "60"]) == 0
    layout = ["layout", out, "--space", "both:2", "--set", "perplexity=5", "--set", "iterations=20"]
    assert main([*layout, "--set", "early=20", "--set", "metric=cosine", "--questions", "40"]) == 0
    assert "perplexity 5" in (said := capsys.readouterr().out)
    assert "cosine distance" in said
    assert "40 questions" in said
    (path,) = (tmp_path / "out" / "layouts").iterdir()
    assert len(read_layout(path)) == 40
    assert read_layout(path).recipe.metric == "cosine"
    assert main(["layout", out, "--space", "both:9"]) == 2
    assert main(["layout", out, "--set", "perplexity"]) == 2
    assert main(["layout", str(tmp_path / "none")]) == 2
    assert "no extraction" in capsys.readouterr().err


@pytest.mark.slow
def test_pages_load_no_method():
    """A study is read and a question is placed without any library that fits maps."""
    program = (
        "import sys, json, numpy as np\n"
        "import analysis\n"
        "from analysis import place, read_layout, lay_out, LayoutRecipe, open_study, layouts_in\n"
        "heavy = 'umap', 'numba', 'openTSNE', 'sklearn', 'pacmap'\n"
        "print(json.dumps([name for name in heavy if name in sys.modules]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == []
