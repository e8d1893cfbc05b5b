"""Hostile links and pictures in a real browser: none does more than get a sentence."""

import random
from urllib.parse import urlencode

import hostile

from ui import pages

PICTURES = 40
PAGES = [name for entries in pages.GROUPS.values() for name, _ in entries]
# What leads elsewhere, or runs, on a page.
FOREIGN = """() => [...document.querySelectorAll('a, area, img, iframe, form, script, object, embed')]
    .map(element => element.href || element.src || element.action || element.data || '')
    .filter(address => /^[a-z]+:/i.test(address) && !/^(blob:|data:image)/.test(address)
                       && !address.startsWith(location.origin + '/'))"""


def test_hostile_links_and_pictures(visitor):
    rng, page = random.Random(2), visitor.page
    harm: list[str] = []
    page.on("dialog", lambda dialog: (harm.append(dialog.message), dialog.dismiss()))
    page.on(
        "request",
        lambda request: harm.append(request.url)
        if not request.url.startswith((visitor.address, "data:", "blob:")) else None,
    )  # fmt: skip
    for name in PAGES:
        _, parameters = hostile.link(rng, [name])
        visitor.open(f"/{'' if name == 'ask' else name}?{urlencode(parameters)}")
        harm += page.evaluate(FOREIGN)
    visitor.open()
    seen = 0
    for number, content in enumerate(hostile.pictures(rng, PICTURES)):
        page.get_by_role("button", name="Upload").click()
        chooser = page.locator("[data-testid=stFileUploaderDropzoneInput]")
        before = page.locator("#answer").get_attribute("data-picture")
        chooser.set_input_files({"name": f"{number}.png", "mimeType": "image/png", "buffer": content})
        chooser.wait_for(state="detached")  # it was taken, or refused
        visitor.quiet()
        seen += page.locator("#answer").get_attribute("data-picture") != before
        harm += page.evaluate(FOREIGN)
    assert 8 <= seen < PICTURES - 8
    assert harm == []
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<a href=https://evil.example>x</a>')")
    assert page.evaluate(FOREIGN) == ["https://evil.example/"]  # it would have been seen
