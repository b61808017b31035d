"""The texts agree: links, files, names of arguments, targets, versions.

`make check` runs this, and so does `make test-chimerax`, with ChimeraX's own pages and builder.
"""

import html
import re
import xml.etree.ElementTree as ElementTree
from inspect import signature
from pathlib import Path

import pytest
from chimerax.makesphere.__main__ import _parser
from chimerax.makesphere.arguments import ARGUMENTS
from chimerax.makesphere.cmd import makesphere
from chimerax.makesphere.engine.naming import keyword
from chimerax.makesphere.engine.request import RECOMMENDED
from conftest import ROOT

BUNDLE = ElementTree.parse(ROOT / "bundle_info.xml").getroot()
HELP = sorted(ROOT.glob("src/docs/user/*/*.html"))
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/*.md", "examples/*.md", "benchmarks/**/*.md")
    for path in ROOT.glob(pattern)
)
COMMAND_HELP = ROOT / "src/docs/user/commands/makesphere.html"
SOURCES = [*ROOT.glob("examples/*.py"), *ROOT.glob("examples/*.cxc"), ROOT / "src/__main__.py"]
LONGEST_LINE = 100


def name(path):
    return path.relative_to(ROOT).as_posix()


def read(path):
    return path.read_text("utf-8")


# The command's arguments as users type them: those in the table, and those that ChimeraX reads.
KEYWORDS = sorted(
    {argument.keyword for argument in ARGUMENTS}
    | {keyword(p.name) for p in signature(makesphere).parameters.values() if p.default != p.empty}
)
OPTIONS = {option for action in _parser()._actions for option in action.option_strings}


def prose(page):
    """Return a page without its code, where brackets are not links."""
    text = re.sub(r"^ *```.*?^ *```", "", read(page), flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"^ {4}.*$|`[^`\n]*`", "", text, flags=re.MULTILINE)


def headings(page):
    lines = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", line.lower()).replace(" ", "-") for line in lines}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page):
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        file, _, heading = target.partition("#")
        path = page.parent / file if file else page
        if re.match(r"https?:", target):
            continue
        if not path.exists() or (heading and heading not in headings(path)):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("page", HELP, ids=name)
def test_links_of_the_help_pages_lead_somewhere(page):
    """As in ChimeraX, which puts them beside its own pages."""
    text = read(page)
    broken = []
    for target in re.findall(r'\b(?:href|src)="([^"]+)"', text):
        if re.match(r"https?:|mailto:|cxcmd:|help:", target):
            continue
        file, _, anchor = target.partition("#")
        found = page.parent / file if file else page
        if not found.exists() and "makesphere" not in file:
            found = chimerax_docs() / page.relative_to(ROOT / "src/docs").parent / file
            if not chimerax_docs().is_dir():
                continue
        if not found.exists():
            broken.append(target)
        elif anchor and not re.search(rf'\b(?:id|name)="?{re.escape(anchor)}\b', read(found)):
            broken.append(target)
    assert broken == []


def chimerax_docs():
    try:
        from chimerax import app_data_dir
    except ImportError:
        return Path("no ChimeraX")
    return Path(app_data_dir) / "docs"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_named_files_exist(page):
    named = re.findall(r"`((?:src|tests|docs|examples|benchmarks)/[\w./-]+)`", read(page))
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("text", [*PAGES, *HELP, *SOURCES], ids=name)
def test_arguments_are_spelled_right(text):
    wrong = []
    for command in re.findall(r"\bmakesphere +#[\w.,]+ +([^`\n\"<]*)", read(text)):
        words = command.partition("//")[0].split()[::2]
        wrong += [word for word in words if word not in KEYWORDS]
    for command in re.findall(r"(?:chimerax\.makesphere|%\(prog\)s) +([^`\n<]*)", read(text)):
        options = re.findall(r"(?<!\S)--[a-z-]+", command)
        wrong += [option for option in options if option not in OPTIONS]
    if text not in SOURCES:
        wrong += re.findall(r"\b(?:inner_radius|coordinate_system|model_id)\b", read(text))
    assert wrong == []


@pytest.mark.parametrize("argument", KEYWORDS)
def test_arguments_are_explained(argument):
    readme = read(ROOT / "README.md")
    assert f"\n| `{argument}` |" in readme
    assert re.search(rf"^ *makesphere #1.* {argument} ", readme, re.MULTILINE)
    assert argument in re.sub(r"<[^>]+>", "", read(COMMAND_HELP))


def plain(page):
    """Return a help page without its tags."""
    text = re.sub(r"\s+", " ", html.unescape(re.sub("<[^>]+>", "", read(page))))
    return text.replace("\xa0", " ")


@pytest.mark.parametrize("page", ["README.md", "docs/choosing-a-decoy.md", COMMAND_HELP])
def test_the_recommended_line_is_shown(page):
    """Where matched densities around the particle are shown, it is the recommended ones."""
    lines = re.findall(r"\bradius \S+ value \w[\w.]*match,[\w.]*match\b", plain(ROOT / page))
    assert set(lines) == {RECOMMENDED.words}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_lines_are_short(page):
    """Except for tables and addresses, which cannot be broken."""
    lines = (line for line in read(page).splitlines() if not re.match(r"\||.*https?://", line))
    assert [line for line in lines if len(line) > LONGEST_LINE] == []


def test_named_targets_exist():
    targets = set(re.findall(r"^([\w-]+):.*## ", read(ROOT / "Makefile"), re.MULTILINE))
    callers = [*PAGES, ROOT / ".ci/run", *ROOT.glob(".github/workflows/*.yml")]
    for path in callers:
        for words in re.findall(r"(?:`|^ {4}|run: |^)make ([a-z -]+)", read(path), re.MULTILINE):
            named = re.match(r"(?:[a-z]+(?:-[a-z]+)? ?)*", words.partition("  ")[0])[0].split()
            assert set(named) <= targets, name(path)


def test_pages_say_what_the_evidence_says(monkeypatch):
    """If not, run `python benchmarks/decoy/report.py`."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks/decoy")
    import pages
    import run

    results = run.read_results(ROOT / "benchmarks/decoy/results.csv")
    assert results
    for page in (*pages.PAGES, *pages.HELP):
        assert pages.fill(read(ROOT / page), results) == read(ROOT / page), page


def test_versions_agree():
    version = BUNDLE.get("version")
    assert re.search(r"^## (.*)$", read(ROOT / "CHANGELOG.md"), re.MULTILINE)[1] == version
    assert f"\nversion: {version}\n" in read(ROOT / "CITATION.cff")
    wheels = [w for p in PAGES for w in re.findall(r"chimerax_makesphere-([\d.]+)-py3", read(p))]
    assert set(wheels) == {version}
