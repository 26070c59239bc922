"""Links between pages lead somewhere, headings included, and every page can be found."""

import re
from collections.abc import Iterator
from pathlib import Path

LINK = re.compile(r"(?<!\\)\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ +(.*)$", re.MULTILINE)
UNLINKED = frozenset({"adr", "news"})  # folders whose pages are collected, not read one by one


def links(page: Path) -> Iterator[tuple[Path, str]]:
    """Target and fragment of every link to a file."""
    for link in LINK.findall(FENCE.sub("", page.read_text("utf-8"))):
        if "://" not in link and not link.startswith("mailto:"):
            path, _, fragment = link.partition("#")
            yield (page.parent / path).resolve() if path else page, fragment


def anchors(page: Path) -> set[str]:
    """The fragments of a page's headings, as GitHub makes them."""
    headings = HEADING.findall(FENCE.sub("", page.read_text("utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_links_lead_somewhere(pages: list[Path]) -> None:
    broken = [
        f"{page.name}: {target}#{fragment}"
        for page in pages
        for target, fragment in links(page)
        if not target.exists() or (fragment and fragment not in anchors(target))
    ]
    assert not broken


def test_every_page_is_linked_from_another(docs: Path, pages: list[Path]) -> None:
    linked = {target for page in pages for target, _ in links(page) if target != page}
    lonely = [page for page in docs.rglob("*.md") if page not in linked and page.parent.name not in UNLINKED]
    assert not lonely


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Here it is\n[a](nowhere.md) [b](#here-it-is)\n```\n[c](code.md)\n```\n")
    found = list(links(page))
    assert found == [(tmp_path / "nowhere.md", ""), (page, "here-it-is")]
    assert anchors(page) == {"here-it-is"}


def test_decisions_are_numbered_one_by_one(docs: Path) -> None:
    pages = sorted((docs / "adr").glob("[0-9]*.md"))
    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    titles = [page.read_text("utf-8").partition("\n")[0] for page in pages]
    assert [number for number, title in enumerate(titles, 1) if not title.startswith(f"# {number}. ")] == []
