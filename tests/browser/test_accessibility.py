"""No page has what axe-core calls a violation of WCAG 2.1 AA, in the light theme and in the dark."""

from __future__ import annotations

import pytest

from ui import pages

axe = pytest.importorskip(
    "axe_playwright_python.sync_playwright", reason="no axe: pip install axe-playwright-python"
)
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
PAGES = [name for entries in pages.GROUPS.values() for name, _ in entries]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_violates_wcag_aa(scheme, visitors):
    found = []
    visitor = visitors(scheme=scheme)
    for name in PAGES:
        visitor.open("/" if name == "ask" else f"/{name}")
        result = axe.Axe().run(visitor.page, options={"runOnly": LEVELS}).response
        found += [
            f"{name}: {violation['id']} at {node['target']}"
            for violation in result["violations"]
            for node in violation["nodes"]
        ]
    assert not found, "\n".join(found)
