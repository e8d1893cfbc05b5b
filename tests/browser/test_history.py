"""Back, Forward and reload in a real browser."""

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
    page.wait_for_url("**q=How+many+red**")
    visitor.quiet()
    assert box.input_value() == SECOND
    for _ in range(3):
        if page.locator("#answer").count():
            break
        page.go_back()
        page.wait_for_timeout(800)
        visitor.quiet()
    assert visitor.answered(SECOND)


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
