"""The modulation and contributions pages, run without a browser on a tiny network."""

from io import BytesIO
from pathlib import Path

import pandas as pd
import pyarrow.parquet as parquet
import pytest
from charts import charts
from streamlit.testing.v1 import AppTest
from tiny import tiny_card, tiny_network

from analysis import make_study
from film import Session, save
from ui import figures
from ui.cache import evidence, networks

ROOT = Path(__file__).parents[1]
QUESTION = "What color is the large metal sphere?"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """Saves a tiny network with these changes; `counted` puts a study beside it."""

    def make(counted: bool = True, **changes) -> Path:
        folder = tmp_path_factory.mktemp("network")
        network = tiny_network(**changes)
        save(folder, network, tiny_card(network))
        if counted:
            make_study(Session(folder, "cpu"), folder / "study", questions=40, maps=[])
        return folder

    return make


@pytest.fixture
def open_page(monkeypatch):
    def opened(page: str, folder: Path, **link: str) -> AppTest:
        monkeypatch.setenv("FILM_CHECKPOINT", str(folder))
        monkeypatch.chdir(ROOT)
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
        for name, value in ({"q": QUESTION, "block": "2", "map": "5"} | link).items():
            app.query_params[name] = value
        app.run()
        return app.switch_page(f"ui/pages/{page}.py").run()

    return opened


def notices(app: AppTest) -> int:
    return len([caption for caption in app.caption if "visibility" in caption.value])


@pytest.mark.parametrize("changes", [{}, {"film_at": "relu"}, {"modulated": (True, False, True)}])
def test_modulation_page(open_page, checkpoint, changes):
    app = open_page("modulation", checkpoint(**changes))
    assert not app.exception
    assert len(charts(app)) == 7
    assert notices(app) == 6
    assert any("Map 5 of block 2" in heading.value for heading in app.header)
    app.number_input(key="view-feature_map").set_value(2).run()
    app.selectbox(key="wall-order").set_value("energy").run()
    assert not app.exception
    evidence.ranking_maps(networks.study()).result(timeout=60)  # it is measured behind the scenes
    app.selectbox(key="wall-order").set_value("gamma by words").run()
    assert not app.exception
    assert any("gamma by words: map" in caption.value for caption in app.caption)
    app.selectbox(key="wall-order").set_value("effect").run()  # not measured for this network
    assert not app.exception
    assert any("were not measured" in caption.value for caption in app.caption)
    assert any("Map 2 of block 2" in heading.value for heading in app.header)
    assert app.query_params["map"] == "2"  # a link brings back what was chosen


def test_an_unusual_map_is_a_click_away(open_page, checkpoint):
    app = open_page("modulation", checkpoint())
    offered = [button for button in app.button if button.key.startswith("offer-")]
    assert len(offered) == 6
    _, block, number = offered[0].key.split("-")
    offered[0].click().run()
    assert any(f"Map {number} of block {int(block) + 1}" in heading.value for heading in app.header)


def test_the_maps_of_a_block_are_chosen_and_sorted(open_page, checkpoint, monkeypatch):
    from ui import modulation_wall

    drawn: dict = {}
    monkeypatch.setattr(modulation_wall, "map_wall", lambda key, maps, numbers, **given: drawn.update(given))
    app = open_page("modulation", checkpoint())
    assert drawn["chosen"] == 5
    assert len(drawn["told"]) == 8
    assert drawn["told"][5].startswith("Map 5: gamma ")
    assert drawn["label"] == "All maps of block 2 after FiLM, sorted by change."
    app.segmented_control(key="wall-stage").set_value(0).run()
    assert drawn["label"].startswith("All maps of block 2 before FiLM")
    assert not app.exception


def test_z_is_shown_on_request(open_page, checkpoint):
    app = open_page("modulation", checkpoint())
    app.segmented_control(key="modulation-colour").set_value("z").run()
    assert not app.exception
    assert any("standard deviations from the mean of 40" in caption.value for caption in app.caption)


OTHER = "What color is the small metal sphere?"


def test_another_question_beside_this_one(open_page, checkpoint):
    """All maps ranked, both questions' pictures of one, and a link that brings it all back."""
    folder = checkpoint()
    app = open_page("modulation", folder)
    app.segmented_control(key="modulation-view").set_value("two").run()
    assert any("Type a second question" in caption.value for caption in app.caption)
    app.text_input(key="view-other").set_value(OTHER).run()
    assert not app.exception
    assert len(charts(app)) == 2
    assert len(app.get("image")) == 1 + 2 * 3  # the page's head, and a map's three stages under A and B
    assert any("Block 2, map 5 under both" in heading.value for heading in app.header)
    ranked = app.dataframe[0].value
    greatest = ranked[["gamma_difference", "beta_difference"]].abs().max(axis=1)
    assert greatest.is_monotonic_decreasing
    assert len(ranked) == 3 * 8
    app.segmented_control(key="two-questions-by").set_value("beta").run()
    ranked = app.dataframe[0].value
    assert ranked["beta_difference"].abs().is_monotonic_decreasing
    assert any("1,000 random pairs of questions differ" in caption.value for caption in app.caption)
    link: dict[str, str] = {
        name: app.query_params[name] for name in ("other", "options", "block", "map", "q")
    }
    again = open_page("modulation", folder, **link)
    assert not again.exception
    assert again.dataframe[0].value.equals(ranked)


def test_a_second_question_stands_in_full_below_its_field(open_page, checkpoint):
    view, other = '{"modulation-view":"two"}', "Are there more red cubes than " + "large " * 20 + "spheres?"
    folder = checkpoint()
    app = open_page("modulation", folder, other=other, options=view)
    assert not app.exception
    assert [line.value for line in app.main.get_by_key("other-full-160").caption] == [other]
    none = open_page("modulation", folder, options=view)
    assert not len(none.main.get_by_key("other-question").caption)


def test_a_second_question_with_unknown_words_is_said(open_page, checkpoint):
    view = '{"modulation-view":"two"}'
    app = open_page("modulation", checkpoint(), other="How many zebras are there?", options=view)
    assert not app.exception
    assert any("zebras" in warning.value for warning in app.warning)
    assert len(charts(app)) == 0


def test_modulation_page_while_the_population_is_measured(open_page, checkpoint, monkeypatch):
    monkeypatch.setattr(networks, "population", lambda study: None)
    app = open_page("modulation", checkpoint(counted=False))
    assert not app.exception
    assert len(charts(app)) == 5
    assert any("Measuring thousands of questions" in caption.value for caption in app.caption)


def test_ledger_page(open_page, checkpoint):
    app = open_page("contributions", checkpoint())
    assert not app.exception
    assert len(charts(app)) == 5
    assert notices(app) == 5
    assert "why" in app.info[0].value  # the caveat stands on the page
    assert not app.warning
    (line,) = [m.value for m in app.markdown if "Sum of all lines" in m.value]
    total, used = line.split("Sum of all lines ")[1].rstrip(".").split(", value used ")
    assert float(total) == pytest.approx(float(used), abs=1e-5)
    app.segmented_control(key="view-block").set_value(0).run()
    app.segmented_control(key="contributions-kind").set_value("beta").run()
    assert not app.exception
    assert any("Word contributions to beta of block 1, map 5" in heading.value for heading in app.header)


def test_ledger_page_says_what_is_not_exact(open_page, checkpoint):
    app = open_page("contributions", checkpoint(bidirectional=True))
    assert not app.exception
    assert "Not exact" in app.warning[0].value


@pytest.mark.parametrize(
    ("page", "names"),
    [
        (
            "modulation",
            ["gamma-of-the-question", "beta-of-the-question", "population-gamma", "population-beta",
             "census", "gamma-beta", "reach", "map-over-picture", "map-wall"],
        ),
        (
            "contributions",
            ["prefix-answers", "moves-of-gamma", "contributions-to-gamma", "replacements-of-gamma",
             "path-of-gamma"],
        ),
    ],
)  # fmt: skip
def test_every_figure_has_its_numbers(open_page, checkpoint, files, page, names):
    app = open_page(page, checkpoint())
    assert not app.exception
    offered = [name for name in files if name.endswith(".csv")]
    ask = ("program", "first-answers", "argmax-locations")  # on which it opens
    assert sorted(offered) == sorted(f"{name}.csv" for name in (*ask, *names))
    tables = {name: pd.read_csv(BytesIO(files[f"{name}.csv"]())) for name in names}
    whence = {name: table.pop("source").unique().tolist() for name, table in tables.items()}
    assert all(len(said) == 1 for said in whence.values())  # in every row
    assert all(f" · network {networks.study().weights[:12]} · " in said for (said,) in whence.values())
    assert len({said for (said,) in whence.values()}) == len(names)  # each has a title of its own
    if page == "modulation":
        assert tables["gamma-beta"].columns.tolist() == ["block", "map", "gamma", "beta"]
        assert tables["beta-of-the-question"]["beta"].equals(tables["gamma-beta"]["beta"])
        assert "gamma_percentile" in tables["gamma-of-the-question"]
        assert tables["population-beta"]["questions"].sum() == 40
        assert set(tables["population-beta"]["block"]) == {2}
        assert "40 questions" in whence["population-beta"][0]
        assert f"“{QUESTION}”" in whence["gamma-beta"][0]
    else:
        path, line = tables["path-of-gamma"], tables["contributions-to-gamma"]
        last = path[(path["place"] == path["place"].max()) & (path["map"] == 5)]
        assert last["gamma"].item() == pytest.approx(line["total"].iloc[-1])
        assert path["word"].tolist()[-1] == tables["moves-of-gamma"]["word"].iloc[-1]


def test_long_tables_are_parquet(open_page, checkpoint, files, monkeypatch):
    monkeypatch.setattr(figures, "CSV_ROWS", 40)
    app = open_page("contributions", checkpoint())
    assert not app.exception
    (label,) = [b.proto.label for b in app.get("download_button") if "Parquet" in b.proto.label]
    assert label == "Data as Parquet"
    file = BytesIO(files["path-of-gamma.parquet"]())
    told = parquet.read_schema(file).metadata
    assert told[b"network"].decode() == f"network {networks.study().weights[:12]}"
    assert told[b"sample"].decode().startswith(f"“{QUESTION}” about picture")
    assert b"title" in told
    path = pd.read_parquet(file)
    assert path["word"].iloc[0] == "<START>"
    assert len(path) > 40


@pytest.mark.parametrize("page", ["modulation", "contributions"])
def test_unknown_words_and_foreign_links_are_said(open_page, checkpoint, page):
    folder = checkpoint()
    app = open_page(page, folder, q="How many zebras are there?")
    assert not app.exception
    assert "zebras" in app.warning[0].value
    assert len(charts(app)) == 0
    app.text_input(key="view-question").set_value(QUESTION).run()
    assert len(charts(app)) > 3
    beyond = open_page(page, folder, block="9", map="900")
    assert not beyond.exception
    assert beyond.number_input(key="view-feature_map").value == 7
    assert beyond.segmented_control(key="view-block").value == 2
