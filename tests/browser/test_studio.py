"""The scene studio in a browser: objects moved on the plan by pointer and keyboard, undone, and a link."""

from urllib.parse import urlencode

import pytest

import film

QUESTION = "How many red cubes are there?"
ASKED = f"q={QUESTION.replace(' ', '+').replace('?', '%3F')}"
BYTES = """async image => {
    const content = await (await fetch(image.src)).arrayBuffer();
    return Array.from(new Uint8Array(await crypto.subtle.digest("SHA-256", content))).join() }"""
PICTURE = "new URLSearchParams(location.search).get('picture')"


@pytest.fixture(scope="module")
def address(serve) -> str:
    return serve(film.find())


def edited(visitor, before: str) -> film.Scene:
    """The scene in the address, once it is another one than this picture."""
    visitor.page.wait_for_function(f"was => {PICTURE} !== was", arg=before)
    visitor.quiet()
    return film.scene_from_text(visitor.page.evaluate(PICTURE).removeprefix("scene-"))


def test_objects_are_moved_on_the_plan(visitors):
    visitor = visitors().open(f"/studio?{ASKED}")
    page, start = visitor.page, film.gallery()[0].scene.objects[3]
    thing = page.locator(".plan-thing[data-index='3']")
    thing.wait_for()
    visitor.quiet()
    was, box = page.evaluate(PICTURE), thing.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 12, y + 8, steps=4)
    page.mouse.up()
    dragged = edited(visitor, was).objects[3]
    assert 0.1 < abs(dragged.x - start.x) + abs(dragged.y - start.y) < 1

    was = page.evaluate(PICTURE)
    thing.focus()
    thing.press("ArrowLeft")
    pressed = edited(visitor, was).objects[3]
    assert (pressed.x - dragged.x) ** 2 + (pressed.y - dragged.y) ** 2 == pytest.approx(0.01, rel=0.2)

    was = page.evaluate(PICTURE)
    thing.focus()
    thing.press("c")
    painted = edited(visitor, was).objects[3]
    assert painted.color != pressed.color
    assert (painted.x, painted.y, painted.shape) == (pressed.x, pressed.y, pressed.shape)

    was = page.evaluate(PICTURE)
    thing.focus()
    thing.press("ArrowRight")
    thing.press("m")  # at once: the move before is not lost
    both = edited(visitor, was).objects[3]
    assert both.material != painted.material
    assert (both.x - painted.x) ** 2 + (both.y - painted.y) ** 2 == pytest.approx(0.01, rel=0.2)

    was = page.evaluate(PICTURE)
    page.get_by_role("button", name="Undo").click()
    moved = edited(visitor, was).objects[3]
    assert (moved.x, moved.y, moved.material) == (both.x, both.y, painted.material)
    for left in (painted, pressed, dragged):
        was = page.evaluate(PICTURE)
        page.get_by_role("button", name="Undo").click()
        assert edited(visitor, was).objects[3] == left
    page.get_by_role("radio", name="True answer").click()
    page.wait_for_function("location.search.includes('True+answer')")
    visitor.quiet()
    clean, marks = "#studio-answer[data-preview=false]", "e => ({...e.dataset})"
    page.locator(clean).wait_for(state="attached")
    picture = page.get_by_alt_text("The scene as edited").evaluate(BYTES)
    link, said = page.evaluate("location.search"), page.locator(clean).evaluate(marks)
    visitor.shoot("studio")

    other = visitors(apart=True).open(f"/studio{link}").page  # in a browser of its own
    other.locator(clean).wait_for(state="attached")
    assert other.locator(clean).evaluate(marks) == said
    assert other.get_by_alt_text("The scene as edited").evaluate(BYTES) == picture
    assert other.get_by_role("radio", name="True answer").is_checked()


def test_a_choice_about_a_broken_rule_leaves_the_focus_at_the_object(visitors):
    things = [
        film.SceneObject("cube", "small", "rubber", color, 0, y) for color, y in (("red", 0), ("blue", 2))
    ]
    link = urlencode({"q": QUESTION, "picture": f"scene-{film.scene_to_text(film.Scene(tuple(things)))}"})
    visitor = visitors().open(f"/studio?{link}")
    page = visitor.page
    for name, y in (("Leave it", "1.9"), ("Draw anyway", "1.8")):
        page.locator(".plan-thing").first.wait_for()
        visitor.quiet()
        page.get_by_role("spinbutton", name="y", exact=True).fill(y)
        page.keyboard.press("Enter")
        button = page.get_by_role("button", name=name)
        button.wait_for()
        button.press("Enter")
        button.wait_for(state="hidden")
        page.wait_for_function("document.activeElement?.dataset.index === '0'")


@pytest.mark.parametrize(("page", "head"), [("studio", ".st-key-case"), ("maps", ".st-key-card-head")])
def test_what_a_page_is_about_stays_in_view(visitors, page, head):
    visitor = visitors().open(f"/{page}")
    visitor.page.locator(head).wait_for()
    visitor.quiet()
    visitor.page.locator("[data-testid=stMain]").evaluate("main => main.scrollTop = 1200")
    visitor.page.wait_for_function(
        "head => Math.abs(document.querySelector(head).getBoundingClientRect().top) < 20", arg=head
    )
