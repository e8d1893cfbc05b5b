"""Every figure has buttons for its files, and what they hand out says of which network it is."""

from pathlib import Path

import pytest


def saved(page, button, path: Path) -> bytes:
    with page.expect_download() as download:
        button.click()
    download.value.save_as(path)
    return path.read_bytes()


@pytest.mark.parametrize("name", ["figure", "pictures"])
def test_a_figure_is_saved_as_svg_and_png(visitor, tmp_path, name):
    page = visitor.page
    network = page.locator("#network").get_attribute("data-weights")[:12]
    if name == "figure":
        row = page.locator(".st-key-save-first-answers")
        title = "The 5 likeliest answers"
    else:
        row = page.locator("[class*=st-key-file-argmax-locations]")
        title = "Argmax locations"
    svg = saved(page, row.get_by_role("button", name="SVG"), tmp_path / "figure.svg").decode()
    assert svg.startswith("<svg")
    assert f"network {network}" in svg
    assert title in svg
    assert saved(page, row.get_by_role("button", name="PNG"), tmp_path / "figure.png").startswith(b"\x89PNG")
