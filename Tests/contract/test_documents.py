"""The documents: links lead somewhere, the index lists every page, README.zh-CN.md is in step with README.md."""

import re
import subprocess
from collections import Counter

import pytest
from serving import ROOT

INDEX = ROOT / "docs" / "README.md"
PAGES = sorted(path for path in (ROOT / "docs").rglob("*.md") if path != INDEX)
DOCUMENTS = [
    ROOT / name
    for name in subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout.splitlines()
    if (ROOT / name).exists()
]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
BLOCK = re.compile(r"^( *)```.*?^\1```$", re.MULTILINE | re.DOTALL)


def prose(text):
    """The text without its code blocks."""
    return BLOCK.sub("", text)


def links(text):
    return LINK.findall(re.sub(r"`[^`\n]*`", "", prose(text)))


def anchors(text):
    """The names that GitHub gives the headings."""
    found = Counter()
    names = set()
    for title in re.findall(r"^#+ (.*)$", prose(text), re.MULTILINE):
        name = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).lower()).strip().replace(" ", "-")
        names.add(f"{name}-{found[name]}" if found[name] else name)
        found[name] += 1
    return names


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_files_and_headings_that_are_there(document):
    broken = []
    for target in links(document.read_text()):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (document.parent / name).resolve() if name else document
        if not file.exists() or (anchor and file.suffix == ".md" and anchor not in anchors(file.read_text())):
            broken.append(target)
    assert not broken


def test_the_index_lists_every_page():
    listed = {(INDEX.parent / target).resolve() for target in links(INDEX.read_text()) if "://" not in target}
    assert [page.name for page in PAGES if page not in listed] == []


class Section:
    """What a translation may not change of the text under one heading."""

    def __init__(self, text):
        # Comments in commands may be translated.
        self.blocks = [re.sub(r"(^|[ \t]+)# .*$", "", block[0], flags=re.MULTILINE) for block in BLOCK.finditer(text)]
        # Except the link from each language to the other one.
        self.links = Counter(one for one in links(text) if not one.startswith("README"))
        self.code = set(re.findall(r"`([^`\n]+)`", prose(text)))
        rows = re.findall(r"^\|.*\|$", prose(text), re.MULTILINE)
        # Row by row, the figures that stand in neither code nor links.
        self.rows = [Counter(re.findall(r"\d[\d.,]*(?<![.,])", re.sub(r"`[^`]*`|\]\([^)]*\)", "", row))) for row in rows]

    @staticmethod
    def of(name):
        text = (ROOT / name).read_text()
        # A "## " within a code block is no heading.
        headings = [one.start() for one in re.finditer(r"^## ", BLOCK.sub(lambda block: "-" * len(block[0]), text), re.MULTILINE)]
        return [Section(text[start:end]) for start, end in zip([0, *headings], [*headings, len(text)])]


@pytest.mark.parametrize("what", ["blocks", "links", "code", "rows"])
def test_the_chinese_readme_has_the_commands_links_names_and_figures_of_the_english_one(what):
    english, chinese = Section.of("README.md"), Section.of("README.zh-CN.md")
    assert len(chinese) == len(english), "sections"
    for ours, theirs in zip(chinese, english):
        assert getattr(ours, what) == getattr(theirs, what)
