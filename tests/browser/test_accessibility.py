"""Every page is usable by keyboard, enlarged, and by what axe-core calls WCAG 2.1 AA, light and dark.

All of it under the content-security policy that operators are told to set; nothing is fetched from elsewhere.
Pages are seen filled, of a network beside which all is measured, and of a study without its network; what a
window of 1440 by 900 first shows of each is kept among the artefacts.
"""

from __future__ import annotations

import re
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import film
from analysis import LayoutRecipe, write_study
from ui import pages

sync_api = pytest.importorskip("playwright.sync_api", reason="no Playwright: pip install playwright")
axe = pytest.importorskip(
    "axe_playwright_python.sync_playwright", reason="no axe: pip install axe-playwright-python"
)
OPERATORS = Path(__file__).parents[2] / "docs" / "operators.md"
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
ALONE = "arm"  # the study without its network

# What the first window of a page is for: its figure, and what it answers, as Playwright finds them.
PREDICTED = ".st-key-case-question p:has-text('Predicted')"
FIRST_VIEW: dict[str, tuple[str, str]] = {
    "ask": (".st-key-figure-first-answers", "#answer"),
    "modulation": (".st-key-figure-gamma-of-the-question", PREDICTED),
    "contributions": (".st-key-figure-prefix-answers", PREDICTED),
    "bench": (".st-key-figure-bench-gamma", PREDICTED),
    "studio": (".st-key-studio-split [data-testid=stImage] img", "p:has-text('True answer:')"),
    "atlas": (".fs", "h2:has-text('Where do the errors lie?') >> visible=true"),
    "maps": (".st-key-figure-labels", "p:has-text('of the maps differ between objects')"),
    "parameters": (".st-key-figure-all-parameters", "tr:has-text('this network')"),
    "evidence": (".st-key-figure-accuracy-by-group", "p:has-text('% of all')"),
    "generalisation": (".st-key-figure-clevr", "p:has-text('right (95 % interval')"),
    "compare": (".st-key-figure-compare-accuracy", "h2:has-text('B minus A: ')"),
    f"study?network={ALONE}": ("[data-testid=stDataFrame]", "h2:has-text('Layers')"),
    f"atlas?network={ALONE}": (".fs", "h2:has-text('Nothing is selected')"),
    f"parameters?network={ALONE}": (".st-key-figure-all-parameters", "p:has-text('Of ')"),
    f"labels?network={ALONE}": (".st-key-figure-probes-of-0", "p:has-text('gammas and betas differ')"),
}
SELECTED = "/atlas?by=type&for=count&row=8"  # why, errors, the selected questions, neighbours of one


@pytest.fixture(scope="module")
def address(serve, tmp_path_factory) -> str:
    """The bundled network `clevr`, and beside it a study without its network."""
    folder, rng = tmp_path_factory.mktemp("studies"), np.random.default_rng(0)
    table = pd.DataFrame({"task": rng.choice(["push", "pull"], 60)})
    gamma = {name: rng.normal(1, 1, (len(table), maps)) for name, maps in (("in", 4), ("out", 6))}
    gamma["out"][:, 5] += 4.0 * (table["task"] == "push")
    beta = {name: rng.normal(0, 1, values.shape) for name, values in gamma.items()}
    write_study(folder / ALONE, table, gamma, beta, name=ALONE, maps=[LayoutRecipe("both", "pca")])
    return serve(film.find("clevr"), FILM_CHECKPOINTS=str(folder))


def path(name: str) -> str:
    return "/" if name == "ask" else f"/{name}"


@pytest.fixture(scope="module")
def seen(visitors_of_the_module):
    """What every page shows, opened once and seen in both themes: what is measured -> a list of faults."""
    faults: dict[str, list[str]] = {
        "first view": [],
        "light": [],
        "dark": [],
        "720": [],
        "390": [],
        "headings": [],
        "focus": [],
        "policy": [],
        "elsewhere": [],
    }
    visitor = visitors_of_the_module(scheme="light")
    guard(visitor, faults["elsewhere"])
    for name, wanted in FIRST_VIEW.items():
        filled(visitor.open(path(name)))
        visitor.glimpse("first-view-" + name.partition("?")[0] + ("-alone" if "?" in name else ""))
        faults["first view"] += [f"{name}: {fault}" for fault in outside(visitor.page, wanted)]
        faults["policy"] += [f"{name}: {fault}" for fault in visitor.page.evaluate("window.blocked")]
        faults["headings"] += [f"{name}: {fault}" for fault in out_of_order(visitor.page)]
        in_both_themes(visitor, name, faults)
        faults["focus"] += [f"{name}: {fault}" for fault in unseen_focus(visitor.page)]
        for width in (720, 390):
            faults[str(width)] += [f"{name}: {fault}" for fault in too_wide(visitor.page, width)]
        visitor.page.set_viewport_size({"width": 1440, "height": 900})
    filled(visitor.open(SELECTED))
    visitor.says("nearest in the full space")
    in_both_themes(visitor, "atlas with a selection", faults)
    visitor.open("/")
    for scheme in ("light", "dark"):
        wear(visitor, scheme)  # which closes a dialog
        visitor.page.get_by_role("button", name="Gallery").click()
        visitor.page.get_by_role("dialog").get_by_role("img").last.wait_for()
        faults[scheme] += [f"the gallery: {fault}" for fault in violations(visitor.page)]
        visitor.page.keyboard.press("Escape")
    return faults


def filled(visitor) -> None:
    """Wait until nothing is measured in the background any more."""
    visitor.page.get_by_text("hourglass_top", exact=True).first.wait_for(state="detached")
    visitor.quiet()


def outside(page, wanted: tuple[str, str]) -> list[str]:
    """What of a page's figure and its answer does not stand in the window as it opens."""
    size, faults = page.viewport_size, []
    for what in wanted:
        box = page.locator(what).first.bounding_box()
        if box is None or min(box["x"], box["y"]) < 0 or not (
            box["x"] + box["width"] <= size["width"] and box["y"] + box["height"] <= size["height"]
        ):  # fmt: skip
            faults.append(f"{what} stands at {box}")
    return faults


def in_both_themes(visitor, name: str, faults: dict[str, list[str]]) -> None:
    """Look at a page in the theme that it opened in and in the other, which stays: a change takes seconds."""
    first = visitor.page.locator("#network").get_attribute("data-theme")
    for scheme in (first, "light" if first == "dark" else "dark"):
        wear(visitor, scheme)
        faults[scheme] += [f"{name}: {fault}" for fault in violations(visitor.page)]


def wear(visitor, scheme: str) -> None:
    """Change the browser's theme, and wait until page and figures have followed."""
    visitor.page.emulate_media(color_scheme=scheme)
    visitor.page.wait_for_function(IN_ONE_THEME, arg=scheme)
    visitor.quiet()


def guard(visitor, elsewhere: list[str]) -> None:
    """Send pages with the header of `docs/operators.md`; note what it blocks, what is fetched elsewhere."""
    policy = re.search(r'Content-Security-Policy "([^"]+)"', OPERATORS.read_text("utf-8"))[1]

    def with_policy(route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, headers=answer.headers | {"content-security-policy": policy})

    def note(request) -> None:
        if not request.url.startswith((visitor.address, "data:", "blob:")):
            elsewhere.append(request.url)

    visitor.page.add_init_script(
        "window.blocked = []; addEventListener('securitypolicyviolation',"
        " event => window.blocked.push(event.violatedDirective + ' ' + event.blockedURI))"
    )
    visitor.page.on("request", note)
    visitor.page.route(re.compile(rf"^{re.escape(visitor.address)}/[a-z]*(\?.*)?$"), with_policy)


def test_a_first_view_shows_a_page_s_figure_and_its_answer(seen):
    """At 1440 by 900, without scrolling."""
    assert not seen["first view"], "\n".join(seen["first view"])


def test_no_page_is_left_out():
    names = [name for groups in (pages.GROUPS, pages.ALONE) for own in groups.values() for name, _ in own]
    assert sorted(names) == sorted(name.partition("?")[0] for name in FIRST_VIEW)


def test_the_content_security_policy_of_the_docs_holds_on_every_page(seen):
    assert not seen["policy"], "\n".join(seen["policy"])


def test_nothing_is_fetched_from_elsewhere(seen):
    assert not seen["elsewhere"], "\n".join(seen["elsewhere"])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_violates_wcag_aa(scheme, seen):
    assert not seen[scheme], "\n".join(seen[scheme])


def test_headings_are_in_order(seen):
    """One first-level heading a page, and no level is left out on the way down."""
    assert not seen["headings"], "\n".join(seen["headings"])


def test_the_keyboard_focus_can_be_seen(seen):
    """Tab goes through the first 40 controls of each page: each looks other than without the focus."""
    assert not seen["focus"], "\n".join(seen["focus"])


@pytest.mark.parametrize("width", ["720", "390"], ids=["200 % zoom of 1440", "telephone"])
def test_nothing_has_to_be_scrolled_sideways(width, seen):
    """Zooming to 200 % halves the pixels of a 1440 wide window (WCAG 1.4.10)."""
    assert not seen[width], "\n".join(seen[width])


def violations(page) -> list[str]:
    found = axe.Axe().run(page, options={"runOnly": LEVELS}).response["violations"]
    return [f"{violation['id']} at {node['target']}" for violation in found for node in violation["nodes"]]


def out_of_order(page) -> list[str]:
    headings = page.evaluate(HEADINGS)
    levels = [level for level, _ in headings]
    in_order = levels.count(1) == 1 and all(after <= before + 1 for before, after in pairwise(levels))
    return [] if in_order else [str(headings)]


def unseen_focus(page) -> list[str]:
    page.add_style_tag(content="* {transition: none !important}")
    page.evaluate("window.now = null")
    unseen = []
    for _ in range(40):
        page.keyboard.press("Tab")
        unseen += filter(None, [page.evaluate(LOOKS)])
    return unseen


def too_wide(page, width: int) -> list[str]:
    page.set_viewport_size({"width": width, "height": 900})
    with suppress(sync_api.TimeoutError):  # figures and tables draw themselves anew
        page.wait_for_function(f"({OVERFLOW})().pixels <= 0", timeout=3000)
    beyond = page.evaluate(OVERFLOW)
    return [str(beyond)] if beyond["pixels"] > 0 else []


# Are the page and all its figures of the wanted theme, and was it drawn for that theme to its foot?
IN_ONE_THEME = """wanted => {
    const colours = [...document.querySelectorAll('.js-plotly-plot')].map(plot => plot.layout?.paper_bgcolor)
    const numbers = colour => colour.startsWith('#')
        ? [1, 3, 5].map(at => parseInt(colour.slice(at, at + 2), 16)) : colour.match(/[0-9.]+/g).slice(0, 3)
    const theme = colour => Math.max(...numbers(colour).map(Number)) < 128 ? 'dark' : 'light'
    colours.push(getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor)
    return document.querySelector('#network')?.dataset.theme === wanted
        && colours.every(colour => colour && theme(colour) === wanted)
}"""


OVERFLOW = """() => {
    const main = document.querySelector('[data-testid=stMain]')
    const beyond = [...main.querySelectorAll('*')].filter(element => {
        const box = element.getBoundingClientRect()
        return box.width && box.right > innerWidth + 1
    })
    const pixels = Math.max(main.scrollWidth - main.clientWidth, document.body.scrollWidth - innerWidth)
    return {pixels, beyond: beyond.slice(0, 5).map(element => element.outerHTML.slice(0, 120))}
}"""


HEADINGS = """() => [...document.querySelectorAll('[data-testid=stMain] :is(h1, h2, h3, h4, h5, h6)')]
    .filter(heading => heading.checkVisibility())
    .map(heading => [Number(heading.tagName[1]), heading.innerText])"""


# What can show that an element has the focus: its own looks and those of the boxes right around it.
LOOKS = """() => {
    window.was = window.now  // the control before this one, and how it looked with the focus
    const looks = element => {
        const own = []
        for (let box = element, i = 0; box && i < 5; box = box.parentElement, i++) {
            const style = getComputedStyle(box)
            own.push(style.outlineStyle + style.outlineWidth + style.outlineColor + style.boxShadow
                + style.borderColor + style.backgroundColor + style.textDecoration + style.opacity)
        }
        for (const child of element.children) {
            const {stroke, strokeWidth} = getComputedStyle(child)
            own.push(stroke + strokeWidth)
        }
        return own.join(' | ')
    }
    const element = document.activeElement
    window.now = {element, focused: looks(element)}
    const {was} = window
    if (!was || was.element === element || was.element === document.body || was.element.type === 'file')
        return null
    const plain = looks(was.element)
    const name = element => element.outerHTML.slice(0, 200)
    return plain === was.focused ? name(was.element) : null
}"""
