"""Links lead somewhere, every page can be found, and no page sends anybody to a package index."""

import re

import pytest

from tests.docs.console import ROOT
from tests.docs.test_commands import PAGES

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
INDEX_HOSTS = re.compile(
    r"pypi|pythonhosted|npmjs|crates\.io|rubygems|anaconda\.org", re.IGNORECASE
)


def text_of(page):
    """The page without its code, in which brackets are no links."""
    text = re.sub(r"^(`{3,})[^\n]*\n.*?^\1$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"`[^`\n]*`", "", text)


def anchors(page):
    """What can be linked to on a page, as code forges name it."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(page):
    for target in LINK.findall(re.sub(r"\n", " ", text_of(page))):
        if not re.match(r"\w+:", target):
            name, _, anchor = target.partition("#")
            yield target, (page.parent / name).resolve() if name else page, anchor


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    broken = [
        target
        for target, path, anchor in links(page)
        if not path.exists() or (anchor and anchor not in anchors(path))
    ]
    assert broken == []


def test_every_page_can_be_reached_from_the_readme():
    seen, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in seen or page.suffix != ".md":
            continue
        seen.add(page)
        for _, path, _ in links(page):
            waiting += path.glob("*.md") if path.is_dir() else [path]
    assert sorted(str(page.relative_to(ROOT)) for page in set(PAGES) - seen) == []


def test_no_page_names_the_host_of_a_package_index():
    found = [page for page in PAGES if INDEX_HOSTS.search(page.read_text())]
    assert found == []
