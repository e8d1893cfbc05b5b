"""The app on a study without its network: which pages there are, and what they show."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

import analysis
from analysis.__main__ import main
from analysis.corpus.layout import LayoutRecipe
from ui import pages, scatter
from ui.cache import atlas as atlas_cache, networks

ROOT = Path(__file__).parents[1]
ROWS = 200


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three layers of 4, 6 and 9 maps; `task` switches one map of the last, `speed` is a number."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"task": rng.choice(["push", "pull"], ROWS), "speed": rng.random(ROWS)})
    gamma = {name: rng.normal(1, 1, (ROWS, maps)) for name, maps in (("in", 4), ("mid", 6), ("out", 9))}
    beta = {name: rng.normal(0, 1, values.shape) for name, values in gamma.items()}
    gamma["out"][:, 5] += 4.0 * (table["task"] == "push")
    folder = tmp_path_factory.mktemp("studies") / "arm"
    maps = [LayoutRecipe("both", "pca"), LayoutRecipe("both:3", "pca")]
    analysis.write_study(folder, table, gamma, beta, noun="trajectory", name="arm <b>7</b>", maps=maps)
    return folder


@pytest.fixture
def start(folder, monkeypatch):
    monkeypatch.setenv(networks.STUDY, str(folder))
    monkeypatch.chdir(ROOT)
    views: dict = {}
    monkeypatch.setattr(
        scatter, "scatter", lambda key, places, coloring, **rest: views.update({key: coloring})
    )

    def started(page: str = "", **link: str) -> tuple[AppTest, dict]:
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
        for name, value in link.items():
            app.query_params[name] = value
        app.run()
        if page:
            app.switch_page(f"ui/pages/{page}.py").run()
        if page == "atlas":
            for name in networks.study().layouts:
                atlas_cache.explaining(networks.study(), name).result()
            app.run()
        assert not app.exception
        return app, views

    return started


def said(app: AppTest) -> str:
    parts = [*app.title, *app.header, *app.markdown, *app.caption, *app.info]
    return " ".join(element.value for element in parts).replace("\\", "").replace("`", "")


def test_it_opens_with_what_it_holds_and_without_pages_of_pictures_and_words(start):
    app, _ = start()
    assert "arm <b>7</b>" in said(app)
    assert "200 trajectories" in said(app)
    assert list(app.dataframe[0].value["feature maps"]) == [4, 6, 9]
    assert set(app.dataframe[1].value["label"]) == {"task", "speed"}
    assert [name for name, _ in pages.ALONE["Study"]] == ["study", "atlas", "parameters", "labels"]
    assert networks.alone()
    foot = " ".join(html.proto.body for html in app.get("html"))
    assert "arm &lt;b&gt;7&lt;/b&gt;" in foot
    assert not [button for button in app.button if button.key == "guide-open"]


def test_the_atlas_selects_by_labels_and_says_why(start):
    app, views = start("atlas", by="task", **{"for": "push"})
    assert "All layers, PCA" in app.selectbox(key="view-layout").options
    assert set(app.selectbox(key="view-color").options) == {"task", "speed", "a gamma", "a beta"}
    assert set(app.selectbox(key="view-filter_by").options) == {"task", "speed"}
    assert app.text_input(key="atlas-search").label == "Search the trajectories"
    text = said(app)
    assert "Why are these" in text
    assert "all are of task push" in text
    assert "of 200 trajectories" in text
    assert "200 questions" not in text
    app.selectbox(key="view-color").set_value("gamma").run()
    app.selectbox(key="view-block").set_value(2).run()
    app.number_input(key="view-feature_map").set_value(8).run()
    assert not app.exception
    assert views["atlas"].title == "gamma of out, map 8"
    app.selectbox(key="view-block").set_value(0).run()  # a narrower layer has no map 8
    assert app.number_input(key="view-feature_map").value == 3
    app.selectbox(key="view-filter_by").set_value("speed").run()
    thirds = app.selectbox(key="view-filter-speed").options
    assert len(thirds) == 4
    app.selectbox(key="view-filter-speed").set_value(thirds[1]).run()
    assert not app.exception
    assert "speed is higher" in said(app)


def test_parameters_of_layers_of_unequal_width(start):
    app, _ = start("parameters")
    networks.counting_parameters(networks.study()).result()
    app.run()
    assert not app.exception
    assert "200 trajectories" in said(app)
    assert "out: " in said(app)
    app.segmented_control(key="view-block").set_value(2).run()
    app.segmented_control(key="view-plane").set_value("task").run()
    assert not app.exception
    assert "Labels page" in said(app)


def test_labels_rank_the_maps(start):
    app, _ = start("labels", probe="task")
    first = app.dataframe[0].value.iloc[0]
    assert (first["layer"], first["map"], first["kind"]) == ("out", 5, "gamma")
    assert first["p_family"] <= 0.05
    assert "Best: **" in said(app)


def test_a_number_is_read_by_a_regression(start):
    app, _ = start("labels", probe="speed")
    assert "Best: **" in said(app)
    assert "A ridge regression estimates “speed”" in said(app)
    assert "95th percentile of permutations" in said(app)
    assert "told as thirds" in said(app)


def test_the_report_of_a_study_and_of_a_view(start, folder, tmp_path):
    start()
    out = tmp_path / "report.html"
    assert main(["report", str(folder), "--out", str(out)]) == 0
    page = out.read_text("utf-8")
    for part in (
        "arm &lt;b&gt;7&lt;/b&gt;",
        "200 trajectories",
        "Labels and layers",
        "Gamma and beta",
        "R² of ridge regressions",
        "trajectories are taken to be independent",
        "out",
    ):
        assert part in page
    assert main(["report", str(folder), "--out", str(out), "--view", "?by=task&for=push"]) == 0
    assert "Why are these together?" in out.read_text("utf-8")


def test_a_folder_that_is_no_study_is_said(start, monkeypatch, tmp_path):
    monkeypatch.setenv(networks.STUDY, str(tmp_path))
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    assert not app.exception
    assert "There is no extraction" in app.error[0].value.replace("\\", "")


def test_it_is_chosen_among_checkpoints(folder, monkeypatch):
    monkeypatch.delenv(networks.STUDY, raising=False)
    monkeypatch.setenv(networks.CHECKPOINTS, str(folder.parent))
    monkeypatch.chdir(ROOT)
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    app.query_params["network"] = "arm"
    app.run()
    assert not app.exception
    assert "200 trajectories" in said(app)


@pytest.mark.parametrize("name", ["evidence", "ledger", "study"])
def test_an_address_that_has_no_page_here_leads_to_the_first(start, name):
    app, _ = start("labels")
    app._page_hash = calc_hash(name)  # as if it had been typed
    app.run()
    assert app.title[0].value.startswith("arm")
    assert (f"There is no page “{name}” here" in said(app)) == (name != "study")
