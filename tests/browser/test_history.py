"""Back, Forward and reload in a real browser."""

from ui import pages

FIRST = "Are there any small cylinders?"
SECOND, THIRD = "How many red things are there?", "How many blue things are there?"


def test_back_and_forward_go_through_questions_pictures_and_pages(visitor):
    page = visitor.page
    visitor.ask(SECOND)
    visitor.answered(SECOND)
    visitor.ask(THIRD)
    visitor.answered(THIRD)
    page.locator(".st-key-next button").click()
    visitor.says("An ordinary scene (2)")
    page.go_back()
    visitor.says("An ordinary scene (1)")
    assert visitor.answered(THIRD)
    page.go_back()
    assert visitor.answered(SECOND)
    assert page.get_by_role("textbox", name="Your question").input_value() == SECOND
    page.go_back()
    assert visitor.answered(FIRST)
    page.go_forward()
    assert visitor.answered(SECOND)
    page.go_forward()
    assert visitor.answered(THIRD)


def test_back_leaves_a_page_for_the_one_before(visitor):
    page = visitor.page
    visitor.ask(SECOND)
    visitor.answered(SECOND)
    page.get_by_role("link", name="Modulation").first.click()
    visitor.says("Gamma and beta of every feature map")
    box = page.locator(".stTextInput input").first
    box.fill(THIRD)
    box.press("Enter")
    page.wait_for_url("**q=How+many+blue**")
    visitor.quiet()
    page.go_back()
    page.wait_for_function("text => document.querySelector('.stTextInput input').value === text", arg=SECOND)
    visitor.quiet()
    page.go_back()  # one press of Back, though the page's address gained its link only when it had run
    assert visitor.answered(SECOND)
    page.go_forward()
    visitor.says("Gamma and beta of every feature map")


def test_back_finds_a_page_where_it_was_left(visitor):
    page, main = visitor.page, visitor.page.locator("[data-testid=stMain]")
    page.get_by_role("link", name="Modulation").first.click()
    visitor.says("Gamma and beta of every feature map")
    visitor.quiet()
    main.evaluate("main => main.scrollTop = 700")
    page.wait_for_function("main => main.scrollTop === 700", arg=main.element_handle())
    page.get_by_role("link", name="Parameters").first.evaluate("link => link.click()")  # scrolls nothing
    visitor.says("gammas and betas")
    visitor.quiet()
    main.evaluate("main => main.scrollTop = 100")
    page.go_back()
    visitor.says("Gamma and beta of every feature map")
    visitor.quiet()
    page.wait_for_function("main => main.scrollTop === 700", arg=main.element_handle())


def test_reload_shows_the_same_question_and_picture(visitor):
    page = visitor.page
    page.locator(".st-key-next button").click()
    visitor.says("An ordinary scene (2)")
    visitor.ask(SECOND)
    answer = visitor.answered(SECOND)
    page.wait_for_url("**q=How+many+red**")
    page.reload()
    assert visitor.answered(SECOND) == answer
    visitor.says("An ordinary scene (2)")


def test_copy_link_by_keyboard_on_every_page(visitors):
    visitor = visitors(apart=True)
    visitor.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = visitor.page
    for name, _ in (entry for group in pages.GROUPS.values() for entry in group):
        visitor.open("/" if name == "ask" else f"/{name}")
        button = page.get_by_role("button", name="Copy link")
        assert button.bounding_box()["y"] < 250
        button.focus()
        page.keyboard.press("Enter")
        page.get_by_role("status").get_by_text("Link copied.").wait_for()
        assert page.evaluate("navigator.clipboard.readText()") == page.url
        assert "weights=" in page.url
        if name == "ask":
            visitor.glimpse("copy-link")


def test_copy_link_without_a_clipboard_offers_the_link_itself(visitors):
    visitor = visitors()
    visitor.page.add_init_script(
        "Object.defineProperty(navigator, 'clipboard', { value: undefined });"
        "document.execCommand = () => false;"
    )
    page = visitor.open().page
    page.get_by_role("button", name="Copy link").click()
    field = page.get_by_role("textbox", name="Link of this page")
    assert field.input_value() == page.url
    assert field.evaluate("field => field.selectionEnd - field.selectionStart") == len(page.url)


def test_reload_keeps_the_history_and_the_guide(visitor, visitors):
    page = visitor.page
    visitor.ask(SECOND)
    visitor.answered(SECOND)
    visitor.ask(THIRD)
    visitor.answered(THIRD)
    page.get_by_role("radio", name="1", exact=True).or_(
        page.get_by_role("button", name="1", exact=True)
    ).first.click()
    visitor.says("Your prediction: 1")
    page.get_by_role("button", name="Next step").click()
    visitor.says("2 of 5")
    visitor.quiet()
    page.reload()
    visitor.says("2 of 5")
    visitor.says("This session's questions")
    page.get_by_text("Compare two of them").click()
    visitor.says("How far A and B are apart")
    visitor.quiet()
    page.wait_for_url("**compare-B**")
    other = visitors(apart=True).open(page.url.removeprefix(visitor.address))
    other.says("How far A and B are apart")  # the link holds both questions, and nothing else of the history
    assert other.page.get_by_text("of 5", exact=False).count() == 0
