"""The atlas as a visitor meets it: a map to draw on, and by keyboard."""

import csv
import io
import math

import numpy as np
import pytest
from PIL import Image

MAP = ".fs-stage"


@pytest.fixture
def atlas(visitors):
    def opened(width: int = 1440, scheme: str = "light", **link: str):
        words = "&".join(f"{name}={value}" for name, value in link.items())
        visitor = visitors(width, scheme).open(f"/atlas?{words}")
        visitor.page.locator(".fs[data-drawn]").first.wait_for()
        return visitor

    return opened


def lasso(page, number: int = 0, reach: float = 0.45, end: tuple[float, float] | None = None) -> None:
    """Draw a circle on a map, its radius a share of the map's shorter side, beginning and ending at `end`."""
    box = page.locator(MAP).nth(number).bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    radius = reach * min(box["width"], box["height"])
    if end:
        x, y = box["x"] + end[0] - radius, box["y"] + end[1]
    page.mouse.move(x + radius, y)
    page.mouse.down()
    for step in range(1, 33):
        page.mouse.move(x + radius * math.cos(step / 32 * 6.2), y + radius * math.sin(step / 32 * 6.2))
    if end:
        page.mouse.move(x + radius, y)
    page.mouse.up()


def selected(page) -> int:
    mark = page.locator("#selected")
    mark.wait_for(state="attached")
    return int(mark.get_attribute("data-count"))


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (800, "dark")])
def test_a_lasso_brings_the_linked_panel(atlas, width, scheme):
    visitor = atlas(width, scheme)
    page = visitor.page
    lasso(page)
    count = selected(page)
    assert 5 <= count <= 400
    page.locator("#explained").wait_for(state="attached")
    visitor.says(f"Why are these {count} together?")
    assert page.locator(".fs-state").inner_text() == f"{count} of 400 selected"
    # Counts of the legend follow the selection.
    numbers = [text.split(" of ")[0] for text in page.locator(".fs-legend em").all_inner_texts()]
    assert sum(map(int, numbers)) == count
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    visitor.shoot(f"atlas-{width}-{scheme}")
    page.get_by_role("button", name="Clear").click()
    visitor.says("Nothing is selected")


def test_a_filter_selects_and_the_link_reopens_it(atlas):
    visitor = atlas(by="word")
    page = visitor.page
    page.get_by_label("Questions with this word").fill("metal")
    page.keyboard.press("Enter")
    count = selected(page)
    visitor.quiet()
    page.wait_for_function("location.search.includes('for=metal')")
    again = atlas(**dict(part.split("=") for part in page.evaluate("location.search")[1:].split("&")))
    assert selected(again.page) == count
    assert again.page.locator(".fs-state").inner_text().startswith(f"{count} of")


def test_the_same_selection_in_two_maps(atlas):
    visitor = atlas(beside="Block 3, PCA")
    page = visitor.page
    page.locator(".fs[data-drawn]").nth(1).wait_for()
    lasso(page, number=1)
    count = selected(page)
    states = page.locator(".fs-state")
    page.wait_for_function(
        "text => [...document.querySelectorAll('.fs-state')].every(one => one.textContent === text)",
        arg=f"{count} of 400 selected",
    )
    assert states.count() == 2
    visitor.quiet()
    visitor.shoot("atlas-two-maps")


def test_the_map_by_keyboard(atlas):
    visitor = atlas()
    page = visitor.page
    page.locator(MAP).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    tip = page.locator(".fs-tip")
    page.wait_for_function("document.querySelector('.fs-tip').textContent.includes('?')")
    question = tip.locator("b").inner_text()
    page.keyboard.press("s")
    assert selected(page) >= 50
    visitor.quiet()
    page.locator(MAP).focus()
    page.keyboard.press("Enter")
    visitor.says("nearest in the full space")
    visitor.quiet()
    page.get_by_role("button", name="Open on the Ask page").click()
    assert visitor.answered(question)


def test_a_legend_and_the_files(atlas, tmp_path):
    visitor = atlas()
    page = visitor.page
    page.locator(".fs-legend button", has_text="exist").click()
    count = selected(page)
    page.wait_for_function("location.search.includes('for=exist')")
    for name, ending in (("Coordinates (CSV)", "csv"), ("SVG", "svg"), ("PNG", "png")):
        with page.expect_download() as download:
            page.get_by_role("button", name=name, exact=False).first.click()
        path = tmp_path / f"atlas.{ending}"
        download.value.save_as(path)
        assert path.stat().st_size > 5000
    with open(tmp_path / "atlas.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 400
    assert sum(row["selected"] == "True" for row in rows) == count
    assert {"id", "x", "y", "text", "type"} <= rows[0].keys()
    assert (tmp_path / "atlas.png").read_bytes().startswith(b"\x89PNG")


def scrolled(page) -> float:
    return page.evaluate("document.querySelector('[data-testid=stMain]').scrollTop")


def width_of_the_view(page) -> float:
    """How far apart two points of the question's path are on the screen."""
    first, last = (page.locator(f".fs-over {name}").first.bounding_box() for name in (".fs-word", ".fs-live"))
    return math.hypot(first["x"] - last["x"], first["y"] - last["y"])


def test_the_wheel_scrolls_and_zooms_only_with_ctrl(atlas):
    page = atlas(q="What color is the large metal sphere?").page
    page.locator(".fs-live").wait_for(state="attached")
    page.locator(MAP).hover()
    before = width_of_the_view(page)
    page.mouse.wheel(0, 120)
    page.wait_for_function("document.querySelector('[data-testid=stMain]').scrollTop > 60")
    assert width_of_the_view(page) == pytest.approx(before, rel=0.01)
    height = scrolled(page)
    page.keyboard.down("Control")
    page.mouse.wheel(0, -120)
    page.keyboard.up("Control")
    page.wait_for_timeout(300)
    near = width_of_the_view(page)
    assert near > 1.05 * before
    assert scrolled(page) == height
    page.get_by_role("button", name="Zoom in").click()
    page.wait_for_timeout(300)
    assert width_of_the_view(page) == pytest.approx(1.5 * near, rel=0.03)
    page.get_by_role("button", name="Zoom out").click()
    page.wait_for_timeout(300)
    assert width_of_the_view(page) == pytest.approx(near, rel=0.03)


def test_a_lasso_may_end_on_a_point(atlas):
    visitor = atlas()
    page = visitor.page
    page.locator(MAP).focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    visitor.says("nearest in the full space")
    ring = page.locator(".fs-chosen")
    at = float(ring.get_attribute("cx")), float(ring.get_attribute("cy"))
    page.locator(".st-key-atlas-close button").click()
    ring.wait_for(state="detached")
    page.locator(MAP).scroll_into_view_if_needed()
    lasso(page, reach=0.3, end=at)
    assert selected(page) >= 1
    visitor.quiet()
    assert page.locator(".fs-chosen").count() == 0
    box = page.locator(MAP).bounding_box()
    page.mouse.click(box["x"] + at[0], box["y"] + at[1])
    visitor.says("nearest in the full space")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_not_selected_fades(atlas, scheme):
    visitor = atlas(scheme=scheme)
    page = visitor.page

    def coloured() -> int:
        drawn = np.array(Image.open(io.BytesIO(page.locator(".fs-stage").screenshot())).convert("RGB"), int)
        return int((np.ptp(drawn, axis=2) > 90).sum())

    before = coloured()
    lasso(page, reach=0.2)
    count = selected(page)
    visitor.quiet()
    page.mouse.move(0, 0)
    assert count < 100
    assert before * count / 400 < coloured() < 0.6 * before  # the selected are drawn a little larger


def test_select_keep_and_compare_without_scrolling(atlas):
    """A lasso, a name, another lasso, and a choice among what is kept."""
    visitor = atlas()
    page = visitor.page
    lasso(page, reach=0.2)
    first = selected(page)
    keep = page.get_by_label("Keep this selection as")
    assert keep.bounding_box()["y"] < 900
    keep.fill("middle")
    keep.press("Enter")
    visitor.says(f"middle · {first} questions")
    lasso(page)
    page.wait_for_function(f"document.querySelector('.fs-state').textContent.startsWith('{first}') === false")
    visitor.quiet()
    visitor.choose(page.locator("[class*=st-key-atlas-compare]").get_by_role("combobox"), "middle")
    visitor.says("“The rest” is middle alone here")
    visitor.shoot("atlas-compare")
    assert scrolled(page) == 0


def test_names_on_the_map_cover_no_other(atlas):
    page = atlas().page
    page.locator(".fs-label").first.wait_for(state="attached")
    boxes = [one.bounding_box() for one in page.locator(".fs-label").all()]
    assert len(boxes) >= 5
    for number, one in enumerate(boxes):
        for other in boxes[:number]:
            assert (
                abs(one["x"] + one["width"] / 2 - other["x"] - other["width"] / 2)
                >= (one["width"] + other["width"]) / 2 - 4
                or abs(one["y"] - other["y"]) >= one["height"] - 4
            )
    assert atlas(written="nothing").page.locator(".fs-label").count() == 0
