"""The pages about a question and about the whole network, with the network that comes with the project."""

import csv
import re

import pytest

import film

QUESTION = "What color is the large metal sphere?"
ASKED = f"q={QUESTION.replace(' ', '+').replace('?', '%3F')}"
TROUBLE = "[data-testid=stException], [data-testid=stAlertContentError], [data-testid=stAlertContentWarning]"


@pytest.fixture(scope="module")
def address(serve) -> str:
    return serve(film.find())


def center(page, figure: str, x: float, y: float) -> tuple[float, float]:
    """Where a point of a figure, in its own units, is in the window."""
    chart = page.locator(f".st-key-figure-{figure} .js-plotly-plot")
    chart.locator(".main-svg").first.wait_for()
    chart.scroll_into_view_if_needed()
    place = """(chart, [x, y]) => {
        const box = chart.getBoundingClientRect(), {xaxis, yaxis} = chart._fullLayout
        return [box.x + xaxis._offset + xaxis.d2p(x), box.y + yaxis._offset + yaxis.d2p(y)]
    }"""
    return chart.evaluate(place, [x, y])


def test_modulation_by_link_by_click_and_sorted(visitors, tmp_path):
    visitor = visitors().open(f"/modulation?block=2&map=17&{ASKED}")
    page = visitor.page
    visitor.says("Block 2, map 17 among other questions")
    page.mouse.click(*center(page, "gamma-of-the-question", 6, 2))
    visitor.says("Block 3, map 6 among other questions")
    page.wait_for_function("location.search.includes('block=3') && location.search.includes('map=6')")

    keys = page.locator(".st-key-walk-gamma-of-the-question")
    keys.get_by_role("button", name="Walk by keys").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowUp")
    keys.get_by_text("block 2, map 7, gamma ").wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    visitor.says("Map 7 of block 3 over the picture")

    visitor.choose(page.get_by_role("combobox", name="Sort by"), "energy")
    walled = page.get_by_role("group", name="All maps of block 3 after FiLM, sorted by energy.")
    walled.wait_for()
    visitor.quiet()
    cells = walled.get_by_role("button")
    assert cells.count() == 128
    numbers = [int(cells.nth(place).get_attribute("data-number")) for place in range(20)]
    assert numbers != sorted(numbers)
    cells.nth(2).click()
    visitor.says(f"Map {numbers[2]} of block 3 over the picture")
    page.keyboard.press("ArrowRight")  # the map that was clicked has the focus, still
    page.wait_for_function("number => document.activeElement.dataset.number === number", arg=str(numbers[3]))
    told = page.locator(".map-wall-told").inner_text()
    assert told.startswith(f"Map {numbers[3]}: gamma ")
    page.keyboard.press("Enter")
    visitor.says(f"Map {numbers[3]} of block 3 over the picture")
    page.wait_for_function("number => location.search.includes(`map=${number}`)", arg=numbers[3])

    with page.expect_download() as download:
        page.locator(".st-key-data-gamma-beta button").click()
    download.value.save_as(tmp_path / "numbers.csv")
    with open(tmp_path / "numbers.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["block", "map", "gamma", "beta", "source"]
    assert rows[-1]["map"] == str(len(rows) // int(rows[-1]["block"]) - 1)
    visitor.shoot("modulation")


@pytest.mark.parametrize("name", ["contributions", "ledger"])  # the second is what former versions wrote
def test_the_contributions_list_the_words_and_say_their_sum(name, visitors):
    visitor = visitors().open(f"/{name}?block=2&map=17&{ASKED}")
    page = visitor.page
    visitor.says("Word contributions to gamma of block 2, map 17")
    names = page.locator(".st-key-figure-contributions-to-gamma .xtick text")
    names.last.wait_for()
    listed = names.all_text_contents()
    assert listed[0] == "bias"
    assert listed[-1] == "sum"
    words = ["<START>", *QUESTION.lower().rstrip("?").split(), "<END>"]
    assert [name.lower() for name in listed[-1 - len(words) : -1]] == [word.lower() for word in words]
    said = page.get_by_text("Sum of all lines").inner_text()
    total, used = map(float, re.search(r"Sum of all lines (\S+), value used (\S+)\.$", said).groups())
    assert total == pytest.approx(used, abs=2e-5)
    visitor.shoot("contributions")


@pytest.fixture
def studied(visitors):
    """Opens a page that shows a file of the study, and holds that nothing on it is amiss."""

    def opened(name: str, file: str, heading: str):
        if not (film.find() / "study" / file).exists():
            pytest.skip(f"no study/{file} beside the checkpoint")
        visitor = visitors().open(f"/{name}?block=2&map=17")
        visitor.page.get_by_role("heading", name=heading, exact=True).wait_for()
        visitor.page.locator(".js-plotly-plot .main-svg").first.wait_for()
        visitor.quiet()
        assert visitor.page.locator(TROUBLE).all_inner_texts() == []
        visitor.shoot(name)
        return visitor

    return opened


def test_map_cards(studied):
    studied("maps", "maps.parquet", "Block 2, map 17")


def test_a_map_selective_for_red_on_a_picture_in_three_clicks(visitors):
    visitor = visitors().open("/?block=2&map=17")
    page = visitor.page
    page.get_by_role("link", name="Map cards").click()
    field = page.get_by_role("textbox", name="Selective for, in pictures")
    field.click()
    field.fill("red")
    field.press("Enter")
    visitor.says("maps are selective for “red” in pictures")
    found = page.locator(".st-key-maps-split [data-testid=stDataFrameResizable]").first
    found.scroll_into_view_if_needed()
    box = found.bounding_box()
    page.mouse.click(box["x"] + 12, box["y"] + 52)  # the mark of the first row
    page.get_by_text(re.compile(r"Visual selectivity: [+−]red")).wait_for()
    picture = page.get_by_alt_text("The map over the picture").first
    picture.wait_for()
    assert picture.evaluate("image => image.complete && image.naturalWidth > 100")
    visitor.quiet()
    visitor.glimpse("maps-red")


def test_evidence_and_a_wrong_answer_by_click(studied):
    visitor = studied("evidence", "probes.parquet", "What a linear probe reads")
    page = visitor.page
    errors = page.locator("[class*=st-key-errors-] [data-testid=stDataFrameResizable]")
    if not errors.count():
        return  # a network that is never wrong
    errors.scroll_into_view_if_needed()
    box = errors.bounding_box()
    page.mouse.click(box["x"] + 12, box["y"] + 52)  # the mark of the first row
    page.get_by_role("heading", name="Ask the network about a picture").wait_for()
    page.locator("#answer").wait_for(state="attached")
    visitor.quiet()
    page.go_back()
    visitor.says("What a linear probe reads")


def test_parameters(studied):
    studied("parameters", "extraction.json", "Gamma against beta")
