"""Paths in a command line, through the parser of ChimeraX and of its stand-in."""

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
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_path_comes_back_or_is_refused(text, session):
    from chimerax.core.commands import SaveFileNameArg
    from chimerax.makesphere.arguments import quoted

    path = "/folder/" + text
    try:
        word = quoted(path)
    except ValueError as error:
        # What is refused is what no quoting could save.
        both = re.search(r"\"[\s;]", path) and re.search(r"'[\s;]", path)
        assert both or path.splitlines() != [path]
        assert "\n" not in str(error)
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
    told = html_log.infos[-1]
    links = re.findall('href="(cxcmd:.*?)"', told)
    assert len(links) == (name != "semi;colon") and html.escape(name) in told
    monkeypatch.setattr(session.ui, "is_gui", False)
    for link in links:
        # As ChimeraX's log reads it.
        line = unquote(html.unescape(link)).removeprefix("cxcmd:")
        path = os.path.abspath("particle_sphere_r006A.mrc")
        if IN_CHIMERAX:
            (opened,) = command(line)
            assert opened.data.path == path
        else:
            from chimerax.core.commands import next_token

            assert next_token(line.removeprefix("open "))[0] == path


def test_a_plain_name_is_as_it_is():
    from chimerax.makesphere.arguments import quoted

    assert [quoted(name) for name in ("X.mrc", "a'b", "/a/b.mrc")] == ["X.mrc", "a'b", "/a/b.mrc"]
