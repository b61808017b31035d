"""The table of arguments, and quoted paths in the parsers of ChimeraX and of its stand-in."""

import html
import os
import re
from pathlib import Path
from urllib.parse import unquote

import pytest
from conftest import IN_CHIMERAX
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

HARD = [
    "semi;colon",
    "a; close",
    "two words",
    "it's",
    "it's a",
    '"',
    "'",
    ';"',
    'say "so"',
    'a" b',
    "a' b",
    """a' b" c""",
    """'a" b""",
    "back\\slash\\n",
    "#1",
    "Ångström Ω 中",
    "a%20b",
    "a$1",
    " first",
    "last ",
    "tab\there",
    "line\nbreak",
    "next\u2028line",
    "",
]
NAMES = st.text(
    st.sampled_from(" ;'\"\\#a\tÅ%$\n\r,-/") | st.characters(codec="utf-8"), max_size=12
)


def hard_examples(test):
    for text in HARD:
        test = example(text=text)(test)
    return test


@hard_examples
@given(text=NAMES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_path_comes_back_or_is_refused(text, session):
    from chimerax.core.commands import SaveFileNameArg
    from chimerax.makesphere.arguments import quoted

    path = "/folder/" + text
    try:
        word = quoted(path)
    except ValueError as error:
        # Only paths that no quoting could save are refused.
        both = re.search(r"\"[\s;]", path) and re.search(r"'[\s;]", path)
        assert both or path.splitlines() != [path]
        assert str(error).startswith("a command cannot have ") and "\n" not in str(error)
        return
    got, _, rest = SaveFileNameArg.parse(word + " value 2; close", session)
    assert got == path and rest.strip() == "value 2; close"
    got, _, rest = SaveFileNameArg.parse(word, session)
    assert got == path and not rest


def test_a_plain_path_is_not_quoted():
    from chimerax.makesphere.arguments import quoted

    assert quoted("/data/J12's_map#1.mrc") == "/data/J12's_map#1.mrc"


@pytest.fixture
def small(new_map, blob):
    return new_map(blob(), name="particle", level=0.3)


@pytest.mark.parametrize("name", ["semi;colon", "a; makesphere #1 radius 3", "it's a", "a%20b"])
def test_nothing_but_the_command_runs(name, session, command, small, tmp_path):
    from chimerax.makesphere.arguments import quoted

    if os.name == "nt" and ";" in name:
        pytest.skip("no name on Windows")
    (tmp_path / name).mkdir()
    command(f"makesphere #1 radius 6 save {quoted(str(tmp_path / name))}")
    assert [p.name for p in tmp_path.iterdir()] == [name]
    assert [p.name for p in (tmp_path / name).iterdir()] == ["particle_sphere_r006A.mrc"]
    assert len(session.models.list(type=type(small))) == 2


@pytest.mark.skipif(not IN_CHIMERAX, reason="needs ChimeraX's log of commands")
def test_the_log_shows_a_command_that_runs_again(session, command, small, tmp_path, log):
    from chimerax.makesphere.arguments import quoted

    (tmp_path / "semi;colon").mkdir()
    command(f"makesphere #1 radius 6 save {quoted(str(tmp_path / 'semi;colon'))}")
    logged = html.unescape(re.sub("<[^>]*>", "", "\n".join(log.infos)))
    (line,) = {text for text in re.findall("makesphere #1.*", logged)}
    assert line == f'makesphere #1 radius 6 save "{tmp_path}/semi;colon"'


@pytest.mark.parametrize("name", ["plain", "two words", "a%20b", "it's a", "semi;colon", "Å"])
def test_the_logs_link_opens_the_file(
    name, session, command, small, tmp_path, html_log, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    Path(name).mkdir()
    os.chdir(name)
    command("makesphere #1 radius 6")
    log_entry = html_log.infos[-1]
    links = re.findall('href="(cxcmd:.*?)"', log_entry)
    assert len(links) == (name != "semi;colon") and html.escape(name) in log_entry
    monkeypatch.setattr(session.ui, "is_gui", False)
    for link in links:
        # As ChimeraX's log decodes it.
        line = unquote(html.unescape(link)).removeprefix("cxcmd:")
        path = os.path.abspath("particle_sphere_r006A.mrc")
        if IN_CHIMERAX:
            before = session.models.list()
            command(line)
            (opened,) = set(session.models.list(type=type(small))) - set(before)
            assert opened.data.path == path
            # At ChimeraX's own level, just above the only density, nothing would be visible.
            assert [surface.level for surface in opened.surfaces] == [0.5]
        else:
            from chimerax.core.commands import next_token

            assert next_token(line.removeprefix("open "))[0] == path
            assert line.endswith("; volume ##name=particle_sphere_r006A.mrc level 0.5")


def test_a_plain_name_stays_as_it_is():
    from chimerax.makesphere.arguments import quoted

    assert [quoted(name) for name in ("X.mrc", "a'b", "/a/b.mrc")] == ["X.mrc", "a'b", "/a/b.mrc"]


def test_every_field_of_a_request_has_an_argument():
    from dataclasses import fields

    from chimerax.makesphere.arguments import ARGUMENTS
    from chimerax.makesphere.engine.request import Request

    assert {argument.name for argument in ARGUMENTS} == {field.name for field in fields(Request)}


def test_command_and_shell_have_all_arguments():
    from chimerax.makesphere.__main__ import _parser
    from chimerax.makesphere.arguments import ARGUMENTS
    from chimerax.makesphere.cmd import DESCRIPTION

    options = {option for action in _parser()._actions for option in action.option_strings}
    keywords = set(DESCRIPTION._keyword if IN_CHIMERAX else DESCRIPTION.keyword)
    keywords = {word if isinstance(word, str) else word[0] for word in keywords}
    for argument in ARGUMENTS:
        assert argument.option in options
        assert argument.name in keywords or argument.keyword in keywords


REQUESTS = st.builds(
    lambda **texts: texts,
    radius=st.sampled_from(["60", "60,75.5", "1.3fit,80", "fit"]),
    center=st.sampled_from([None, "1,-2.5,3e2"]),
    offset=st.sampled_from([None, "0.5fit", "12"]),
    edge=st.sampled_from([None, "3.5"]),
    inner_radius=st.sampled_from([None, "2"]),
    value=st.sampled_from([None, "match", "0.5match,2match", "-2,1"]),
)


@given(REQUESTS)
def test_what_is_written_reads_back(texts):
    """Words of the command and of the shell give the same request."""
    from chimerax.makesphere.arguments import BY_NAME, command_text, shell_words
    from chimerax.makesphere.engine.request import Request

    given_texts = {name: text for name, text in texts.items() if text is not None}
    request = Request.of({n: BY_NAME[n].value(t) for n, t in given_texts.items()}, "")
    words = command_text("#1", request).split()[2:]
    by_keyword = {argument.keyword: argument for argument in BY_NAME.values()}
    pairs = zip(words[::2], words[1::2], strict=True)
    values = {by_keyword[word].name: by_keyword[word].value(text) for word, text in pairs}
    assert Request.of(values, "") == request
    by_option = {argument.option: argument for argument in BY_NAME.values()}
    words = re.split(r" *(--[a-z-]+) ", shell_words(request))[1:]
    pairs = zip(words[::2], words[1::2], strict=True)
    values = {by_option[w].name: by_option[w].value(text.replace(" ", ",")) for w, text in pairs}
    assert Request.of(values, "") == request


def test_a_command_says_whose_coordinates_it_has_and_where_to_save():
    from chimerax.makesphere.arguments import command_text
    from chimerax.makesphere.engine.request import Request

    request = Request((60.0,), center=(1.0, 2.0, 3.0))
    assert command_text("#1", request) == "makesphere #1 radius 60 center 1,2,3"
    moved = command_text("#1.2", request, "/a b/", is_moved=True)
    assert moved == 'makesphere #1.2 radius 60 center 1,2,3 coordinateSystem #1.2 save "/a b/"'
    assert command_text("#1", Request((60.0,)), False, True) == "makesphere #1 radius 60 save false"


@pytest.mark.parametrize("text", ["", "  "])
def test_a_field_left_empty_has_nothing(text):
    from chimerax.makesphere.arguments import read_number, read_point
    from chimerax.makesphere.engine.errors import ArgumentError

    for read, problem in [
        (read_number, "must be a number, got nothing"),
        (read_point, "must be three numbers x,y,z, got nothing"),
    ]:
        with pytest.raises(ArgumentError) as error:
            read("edge", text)
        assert (error.value.argument, error.value.problem) == ("edge", problem)


@pytest.mark.parametrize(("text", "hint"), [("12,5", ": write 12.5"), ("1,2,5", ""), ("x,5", "")])
def test_a_decimal_comma_gets_a_hint(text, hint):
    from chimerax.makesphere.arguments import read_number

    with pytest.raises(ValueError, match=f"must be a number, got {text}{hint}$"):
        read_number("edge", text)


def test_the_table_is_what_help_and_panel_say(monkeypatch):
    from chimerax.makesphere.__main__ import _parser
    from chimerax.makesphere.arguments import ARGUMENTS

    assert [(argument.name, argument.label) for argument in ARGUMENTS] == [
        ("radius", "Radius"),
        ("center", "Center"),
        ("offset", "Offset"),
        ("edge", "Edge"),
        ("inner_radius", "Inner radius"),
        ("value", "Density"),
    ]
    monkeypatch.setenv("COLUMNS", "999")
    told = re.sub(r"\n {9,}", " ", _parser().format_help())
    for usage, ending in [
        ("--radius RADIUS", "A list makes a sphere for each"),
        ("--center CENTER", "if it is not given, the box center"),
        ("--offset OFFSET", "; default: 0"),
        ("--edge EDGE", "; default: 0"),
        ("--inner-radius INNER_RADIUS", "; default: 0"),
        ("--value VALUE", "; default: 1"),
    ]:
        assert re.search(rf"^  {usage}\s.*{ending}$", told, re.MULTILINE)
    assert "holds 99% of the particle" in told and "which 1% of its voxels exceed" in told
