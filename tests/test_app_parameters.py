"""The parameters page, run without a browser on a tiny network."""

from functools import cache
from pathlib import Path

import pytest
from charts import charts
from streamlit.testing.v1 import AppTest
from tiny import tiny_card, tiny_network

from analysis import LayoutRecipe, make_study
from film import Session, save

# As the paper's authors laid out two of the blocks.
MAPS = [
    LayoutRecipe(f"both:{block}", "tsne-paper", 1, {"perplexity": 20, "max_iter": 250}) for block in (1, 3)
]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    # The app keeps what it counted by the network's weights: other tests' networks are not these.
    @cache
    def make(questions: int = 300, seed: int = 8, in_maps: bool = False, **changes) -> Path:
        folder = tmp_path_factory.mktemp("network")
        network = tiny_network(seed, **changes)
        save(folder, network, tiny_card(network))
        make_study(
            Session(folder, "cpu"), folder / "study", questions=questions, maps=MAPS if in_maps else []
        )
        return folder

    return make


@pytest.fixture
def open_page(visit):
    def opened(folder: Path, **link: str) -> AppTest:
        return settled(visit(folder, "parameters", **link))

    return opened


def settled(app: AppTest) -> AppTest:
    """The page once nothing is made in the background any more."""
    from ui.cache import networks

    study = networks.study()
    for resumable in (
        networks.counting_parameters(study),
        networks.measuring_groupings(study),
        networks.measuring_map_groupings(study),
    ):
        resumable.exception(timeout=60)
    return app.run()


def text(app: AppTest) -> str:
    return "\n".join(element.value for element in (*app.markdown, *app.caption, *app.warning))


@pytest.mark.parametrize("changes", [{}, {"film_at": "relu"}, {"modulated": (True, False, True)}])
def test_all_of_the_papers_pictures(open_page, checkpoint, changes):
    app = open_page(checkpoint(**changes), block="3", map="5")
    assert not app.exception
    assert len(charts(app)) == 5
    assert len(app.get("download_button")) == 6  # and the table of how blocks group
    assert len([caption for caption in app.caption if "visibility" in caption.value]) == 5
    said = text(app)
    assert "300 questions as CLEVR asks them, drawn with seed 0" in said.replace("\\", "")
    assert "| **this network's** |" in said
    assert "-15.0 to 19.0 | 36.0%" in said
    assert "In this network: distances" in said
    assert "different questions, drawn with seed 0" in said
    assert {"type", "ARI, operation"} <= set(app.dataframe[0].value.columns)


def test_the_plane_is_coloured_by_map_type_or_word(open_page, checkpoint):
    app = open_page(checkpoint(), block="2", map="5")
    assert "8 maps of block 2" in text(app)
    app.segmented_control(key="view-plane").set_value("type").run()
    assert not app.exception
    assert "Map 5 of block 2, the chosen map; 300 of 300 questions, drawn with seed 0" in text(app)
    app.segmented_control(key="view-plane").set_value("word").run()
    assert "Type a word to group by" in text(app)
    app.text_input(key="view-word").set_value("Behind").run()
    assert not app.exception
    assert "word" in app.query_params["plane"]
    assert "Behind" in app.query_params["word"]
    app = open_page(checkpoint(), plane="nonsense")
    assert not app.exception
    assert "8 maps of block 1" in text(app)


def test_too_few_questions_are_said(open_page, checkpoint):
    app = open_page(checkpoint(questions=12, seed=9))
    assert not app.exception
    assert "questions of all eight types" in text(app)
    assert len(charts(app)) == 4


def test_betas_by_block(open_page, checkpoint):
    app = open_page(checkpoint())
    app.segmented_control(key="blocks-kind").set_value("beta").run()
    assert not app.exception
    assert "block 1:" in text(app)


def test_groups_in_the_papers_maps(open_page, checkpoint):
    app = open_page(checkpoint(seed=10, in_maps=True))
    assert list(app.dataframe[0].value[""]) == ["block 1", "block 2", "block 3"]
    app.segmented_control(key="groups-where").set_value("map").run()
    assert not app.exception
    assert list(app.dataframe[0].value[""]) == ["block 1", "block 3"]
    assert "first 300 questions, as the authors took the first ones" in text(app)
