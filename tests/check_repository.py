"""The texts agree: links, files, names of arguments, targets, versions, the XML.

`make check` runs this, and so does `make test-chimerax`, with ChimeraX's own pages and builder.
"""

import ast
import html
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from chimerax.makesphere.__main__ import _parser
from chimerax.makesphere.arguments import ARGUMENTS, shell_words
from chimerax.makesphere.engine.request import RECOMMENDED
from conftest import ROOT, in_chimerax

BUNDLE = ElementTree.parse(ROOT / "bundle_info.xml").getroot()
HELP = sorted(ROOT.glob("src/docs/user/*/*.html"))
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/*.md", "examples/*.md", "benchmarks/**/*.md")
    for path in ROOT.glob(pattern)
)
COMMAND_HELP = ROOT / "src/docs/user/commands/makesphere.html"
SOURCES = [*ROOT.glob("examples/*.py"), *ROOT.glob("examples/*.cxc"), ROOT / "src/__main__.py"]
# Files that may show a command.
TEXTS = [
    *(*PAGES, *HELP, *SOURCES, ROOT / "bundle_info.xml", ROOT / "Makefile"),
    *sorted(ROOT.glob("benchmarks/**/*.py")),
    *sorted(path for path in ROOT.glob("src/**/*.py") if path not in SOURCES),
]
LONGEST_LINE = 100

# The tags used here and the attributes that ChimeraX's bundle builder reads; Provider's are free.
XML = {
    "BundleInfo": ["name", "version", "package", "minSessionVersion", "maxSessionVersion"],
    **{tag: [] for tag in ("Author", "Email", "URL", "License", "Synopsis", "Description")},
    **{tag: [] for tag in ("Categories", "Dependencies", "DataFiles", "Classifiers")},
    "AdditionalPackages": [],
    "Package": ["name", "folder"],
    **{tag: [] for tag in ("DataFile", "PythonClassifier", "ChimeraXClassifier")},
    "Category": ["name"],
    "Dependency": ["name", "version"],
    "Providers": ["manager"],
}


def name(path):
    return path.relative_to(ROOT).as_posix()


def read(path):
    return path.read_text("utf-8")


def keywords():
    """List the command's arguments as users type them."""
    tree = ast.parse(read(ROOT / "src/cmd.py"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    (grammar,) = (call for call in calls if getattr(call.func, "id", "") == "CmdDesc")
    (pairs,) = (keyword.value.elts for keyword in grammar.keywords if keyword.arg == "keyword")
    # What is not in the table of arguments is written out.
    of_chimerax = [pair.elts[0].value for pair in pairs if isinstance(pair, ast.Tuple)]
    assert of_chimerax
    spelled = [re.sub("_(.)", lambda m: m[1].upper(), name) for name in of_chimerax]
    return [*(argument.keyword for argument in ARGUMENTS), *spelled]


KEYWORDS = keywords()
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


def stale(text, is_comparison=False):
    """Copies of the recommended line in a text that are not what is recommended now.

    A copy is what is called recommended in its line, or in its paragraph of a help page, and what
    looks like it: 1.3fit with densities that are matched. Where decoys are compared, these are
    others.
    """
    made = r"<!-- [\w ]+: written by report.py -->.*?<!-- end of [\w ]+ -->"
    text = re.sub(made, "", text, flags=re.DOTALL)
    if "<p>" in text:
        text = "\n".join(re.sub(r"\s+", " ", part) for part in re.split("</?(?:p|li)>", text))
        text = html.unescape(re.sub("<[^>]+>", "", text)).replace("\xa0", " ")
    size = RECOMMENDED.pairs[0][1]
    # Commands can be wrapped: the text is searched as one line too, except for what it is called.
    lines = [(line, "recommended" in line.lower()) for line in text.splitlines()]
    found = []
    for line, claims in [*lines, (re.sub(r"\s+", " ", text), False)]:
        for words, right in (
            *((words, RECOMMENDED.words) for words in _written(line, KEYWORDS, "radius")),
            *((words, shell_words(RECOMMENDED)) for words in _written(line, OPTIONS, "--radius")),
        ):
            looks_so = re.search(rf"radius {size} (?:--)?value \S*match\S*,", words)
            is_run = re.search(rf"makesphere \S+ {re.escape(words)}", line)
            is_run = is_run and re.search(rf"radius {size} (?:--)?value ", words)
            if is_comparison:
                looks_so = is_run = False
            if (claims or looks_so or is_run) and words != right:
                found.append(words)
    return list(dict.fromkeys(found))


def _written(line, names, first):
    """Return the arguments in a line, from the first one on."""
    amount = r"-?(?:\d[\d.]*(?:fit|match)?|fit|match)\b"
    amounts = rf"{amount}(?:,{amount})*"
    rest = "|".join(map(re.escape, names))
    pattern = rf"(?<![\w-]){first} {amounts}(?: (?:{rest}) {amounts})*"
    return re.findall(pattern, re.sub(" +", " ", line))


@pytest.mark.parametrize("path", TEXTS, ids=name)
def test_what_is_called_recommended_is(path):
    assert stale(read(path), path.parent.name == "decoy") == []


@pytest.mark.parametrize(
    "text",
    [
        "    makesphere #1 radius 1.3fit value match,4match",
        "`makesphere #1,2 radius 1.3fit value match` is",
        'one command, "makesphere #1 radius 1.3fit value 0.5match,4match", or',
        "makesphere #1 radius 0.2fit offset fit value 0.25match,match  // recommended: two",
        "Recommended: `radius 1.4fit value 0.5match,2match`.",
        "map.mrc --radius 1.3fit --value match,4match",
        "the recommended --radius 1.2fit",
        "<p><b>makesphere&nbsp;#1&nbsp;radius&nbsp;1.2fit</b>\n<br>Recommended: two</p>",
        "with one command,\n  makesphere #1 radius 1.3fit\n  value match,4match",
        "<p>a</p><p><b>radius&nbsp;1.3fit&nbsp;value&nbsp;match,2match</b></p>",
    ],
)
def test_stale_copies_are_found(text):
    assert len(stale(text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        f"Recommended: makesphere #1 {RECOMMENDED.words}, which",
        f"recommended: map.mrc {shell_words(RECOMMENDED)}",
        "makesphere #1 radius 60",
        "radius 1.3fit value match",
        "the recommended decoys, at the radius of the others",
        "<p>The recommended</p><p>radius 60</p>",
    ],
)
def test_other_lines_are_left_alone(text):
    assert stale(text) == []


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


def test_the_xml_holds_only_what_chimerax_reads():
    unread = [
        f"{element.tag} {key}"
        for element in BUNDLE.iter()
        if element.tag != "Provider"
        for key in element.attrib
        if key not in XML.get(element.tag, ())
    ]
    assert unread == []
    assert {element.tag for element in BUNDLE.iter()} <= {*XML, "Provider"}


@in_chimerax
def test_chimeraxs_builder_reads_it():
    from chimerax.bundle_builder import bundle_builder

    source = read(Path(bundle_builder.__file__))
    for word in set(XML).union(*XML.values()) - {"BundleInfo"}:
        assert f'"{word}"' in source or f"'{word}'" in source, word
