"""The guided first five minutes in a browser, by keyboard where a pointer is not needed."""

from urllib.parse import parse_qs, urlsplit


def test_the_walk_to_a_finding(visitors):
    visitor = visitors(1440, "light").open()
    side = visitor.page.locator("[data-testid=stSidebar]")

    def step(title: str) -> None:
        side.get_by_role("heading", name=title).wait_for()
        visitor.quiet()

    def go_on() -> None:
        visitor.quiet()
        side.get_by_role("button", name="Next step").press("Enter")

    step("Predict")
    visitor.glimpse("guide-1")
    assert side.get_by_role("button", name="Next step").is_disabled()
    side.locator(".stButtonGroup button").nth(2).press("Enter")
    side.get_by_text("it is given the words alone").wait_for()
    go_on()

    step("Change one word")
    side.locator(".st-key-guide-variant-0 button").press("Enter")
    side.get_by_text("Not one pixel changed").wait_for()
    go_on()

    step("See which maps the word changed")
    side.get_by_role("link", name="To the Modulation page").click()
    visitor.page.get_by_role("heading", name="Modulation", exact=True).wait_for()
    visitor.quiet()
    side.locator("[class*=st-key-guide-map] button").first.press("Enter")
    side.get_by_text("gamma went from").wait_for()
    go_on()

    step("Find the word behind a gamma")
    side.locator(".stButtonGroup button").first.press("Enter")
    side.get_by_text("changed it most").wait_for()
    go_on()

    step("Find where it matters")
    side.locator(".stButtonGroup button").first.press("Enter")
    finding = side.locator("[data-testid=stCode]")
    finding.wait_for()
    link = finding.inner_text().replace("\n", "").partition(visitor.address)[2]
    assert link.startswith("/bench?")
    visitor.quiet()
    visitor.glimpse("guide-5")

    side.get_by_role("button", name="Finish").press("Enter")
    side.get_by_role("heading", name="Find where it matters").wait_for(state="detached")
    side.wait_for(state="hidden")  # no empty bar is left
    visitor.page.get_by_role("button", name="The first five minutes, guided").click()
    finding.wait_for()

    # Both questions and the exchange of a block between them.
    again = visitors(1440, "light", apart=True).open(link)
    asked = parse_qs(urlsplit(link).query)
    assert asked["q"] != asked["other"]
    again.page.get_by_role("heading", name="Bench", exact=True).wait_for()
    again.page.get_by_text(asked["other"][0]).first.wait_for()


def test_closed_it_leaves_the_page_alone(visitors):
    visitor = visitors(800, "dark").open()
    visitor.page.locator("[data-testid=stSidebar]").get_by_role("button", name="Close").click()
    visitor.page.get_by_role("button", name="The first five minutes, guided").wait_for()
    visitor.quiet()
    assert visitor.page.locator("[data-testid=stSidebar] .stHeading").count() == 0
    visitor.glimpse("guide-closed")


def test_what_lies_below_the_window_follows_by_itself_or_when_one_scrolls(visitors):
    visitor = visitors(1440, "light")
    page = visitor.page
    page.goto(f"{visitor.address}/parameters")
    # Looked at within one frame: it stays for less than half a second.
    seen = page.wait_for_function(
        "() => { const rest = document.querySelector('.below');"
        "return rest && [rest.getBoundingClientRect().top, document.querySelector('main, body').innerText] }"
    ).json_value()
    assert seen[0] > page.viewport_size["height"]
    assert "All gammas and betas" in seen[1]
    assert "Block by block" not in seen[1]
    page.get_by_role("heading", name="Block by block").wait_for()
    page.locator(".below").wait_for(state="detached")
    short = visitors(1440, "light").page
    short.set_viewport_size({"width": 1440, "height": 2400})  # its place is in the window at once
    short.goto(f"{visitor.address}/parameters")
    short.get_by_role("heading", name="Block by block").wait_for()
