"""What one comes to the atlas for, in clicks: a lasso is one, opening a list and choosing in it are two."""

from typing import Any

from test_atlas import MAP, lasso, selected


class Hand:
    """A visitor's mouse, which counts."""

    def __init__(self, visitor: Any):
        self.visitor, self.clicks = visitor, 0

    def click(self, what: Any) -> None:
        self.clicks += 1
        what.click()

    def lasso(self, **how: Any) -> int:
        """Draw around points; how many they are."""
        self.clicks += 1
        lasso(self.visitor.page, **how)
        return selected(self.visitor.page)

    def choose(self, box: Any, option: str) -> None:
        self.clicks += 2
        self.visitor.choose(box, option)


def atlas(visitors: Any) -> Hand:
    visitor = visitors(apart=True).open("/atlas?weights=")  # a link: the guide is closed
    visitor.page.locator(f".fs[data-drawn] {MAP}").first.wait_for()
    visitor.quiet()
    return Hand(visitor)


def test_two_clusters_are_kept_and_compared_in_five_clicks(visitors):
    hand = atlas(visitors)
    visitor, page = hand.visitor, hand.visitor.page
    first = hand.lasso(reach=0.45)
    visitor.quiet()
    hand.click(page.get_by_role("textbox", name="Keep this selection as"))
    page.keyboard.type("the middle")
    page.keyboard.press("Enter")
    visitor.says("the middle")
    number = page.locator("#selected").get_attribute("data-selection")
    hand.clicks += 1
    lasso(page, reach=0.3)
    page.locator(f'#selected:not([data-selection="{number}"])').wait_for(state="attached")
    visitor.quiet()
    hand.choose(page.get_by_role("combobox", name="Compare it with"), "the middle")
    visitor.says("“The rest” is the middle alone here")
    second = selected(page)
    assert 0 < second < first
    visitor.says(f"{second:,} questions are in both and left out")
    assert hand.clicks <= 6


def test_a_typical_error_is_opened_in_three_clicks(visitors):
    hand = atlas(visitors)
    visitor, page = hand.visitor, hand.visitor.page
    regions = page.get_by_role("combobox", name="Select a region with many errors")
    regions.wait_for()
    hand.choose(regions, "wrong")
    visitor.says("answers are wrong:")
    ask = page.locator("[class*=st-key-atlas-picture-] button").first
    ask.wait_for()
    visitor.quiet()
    hand.click(ask)
    page.locator("#answer .wrong").wait_for()
    visitor.quiet()
    assert hand.clicks <= 3


def test_a_lasso_is_shared_and_reopened_in_two_clicks(visitors):
    hand = atlas(visitors)
    visitor, page = hand.visitor, hand.visitor.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    count = hand.lasso()
    page.wait_for_function("location.search.includes('selection=')")
    visitor.quiet()
    hand.click(page.get_by_role("button", name="Copy link"))
    page.get_by_role("status").get_by_text("Link copied.").wait_for()
    link = page.evaluate("navigator.clipboard.readText()")
    number = page.locator("#selected").get_attribute("data-selection")
    fresh = visitors(apart=True).open(link.removeprefix(visitor.address))  # another profile
    assert selected(fresh.page) == count
    assert fresh.page.locator("#selected").get_attribute("data-selection") == number
    fresh.page.locator(".fs[data-drawn]").first.wait_for()
    assert fresh.page.locator(".fs-state").inner_text() == f"{count} of 400 selected"
    assert hand.clicks <= 3
