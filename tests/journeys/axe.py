"""What does axe find on a page? Its script comes from npm (tests/js), outside of the tree, and is run inside the page."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from tests.sdk.javascript import installed

WIDTHS = (1440, 390)
SCHEMES = ("light", "dark")
PLOTS = ".main-svg"  # what Plotly draws: axe judges no text in SVG, and looks at thousands of its nodes
COLOURS = ("color-contrast", "link-in-text-block")  # all that the scheme can change
FIND = """async ([plots, rules]) => (await axe.run({exclude: [plots]}, {
  resultTypes: ['violations'], ...(rules ? {runOnly: {type: 'rule', values: rules}} : {})})).violations.flatMap(rule =>
  rule.nodes.map(node => `${rule.impact} ${rule.id}: ${node.html.slice(0, 160)} | ${node.failureSummary.slice(0, 300)}`))"""


def violations(page: Any, rules: Sequence[str] | None = None) -> list[str]:
    """Every violation of any impact on the page as it stands, of all rules or of these."""
    if not page.evaluate("'axe' in window"):
        page.evaluate((installed() / "node_modules" / "axe-core" / "axe.min.js").read_text())
    return page.evaluate(FIND, [PLOTS, rules])


def violations_in_every_look(page: Any) -> dict[str, list[str]]:
    """The same in light and dark, wide and on a phone: violation -> looks. Leaves the page as it was."""
    before, found = page.viewport_size, defaultdict(list)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            for violation in violations(page, COLOURS if scheme == "dark" else None):
                found[violation].append(f"{scheme} {width}")
    page.set_viewport_size(before)
    page.emulate_media(color_scheme="null", reduced_motion="null")
    return dict(found)


def assert_accessible(page: Any, name: str) -> None:
    """No violation in any look. name: of the page, for the report."""
    found = violations_in_every_look(page)
    assert not found, "\n".join(f"{name} ({', '.join(looks)}): {one}" for one, looks in found.items())
