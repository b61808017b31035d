"""Generated command lines in ChimeraX: each works, or fails in one sentence and leaves nothing."""

import io
import os
import random
from pathlib import Path

import mrcfile
import numpy as np
from chimerax.core.commands import run as run_command
from chimerax.core.errors import UserError
from chimerax.core.logger import PlainTextLog
from chimerax.core.models import Model
from chimerax.map import volume_from_grid_data
from chimerax.map_data import ArrayGridData

# For each argument: values that should work (most do), and values that should not (some do).
SPECS = (
    ["#1", "#2", "#3", "#5", "#1,2", "#1", "##name=map", "#1 & #1"],
    """#4 #6 #7 #8 #9 #99 #1,3 #1-5 #1-9 all #1.1 #!1 1 /A sel #1:5 bogus #1,99 #1-#2 #2|#1 ~#1
    #1@CA #0 #-1 "#1" '#2' # ,""".split(),
)
NUMBERS = (
    ["3", "2.5", "1", "2", "0.5", "1e0", "4", "3.25", "+3", "2.125", "1.75"],
    """0 -1 -0 nan NaN inf -inf 1e400 -1e400 1e-300 5e-324 1e300 1e39 1e-60 3Å 3A 60px 5% 0x10 1_0
    \u0663 \u00bd 1,5 1,,2 ,1 1, true none match fit MATCH fi ' " "" '3' "3" 3.4.5 -- - . e5 1e 1e5
    1e15 9007199254740993 0.1 0.0000001 \u202e3 \0 3\0 \U0001f600 \ud800 (3) 3*2 $x #1
    100000000000000000000""".split(),
)
POINTS = (
    ["4,4,4", "3,4,5", "cofr", "#1", "#2", "4.0000001,4,4", "3.123456789,4,4"],
    """1,2 1,2,3,4 nan,0,0 1e400,0,0 0,0,1e30 100,100,100 ,, a,b,c sel #1:1 #7 #99 camera
    1e-320,0,0 -1,-1,-1""".split(),
)
SAVES = (
    [
        *"true false out out/ a.mrc b dangling.mrc out/../c.mrc linked/d.mrc a,b.mrc yes".split(),
        *('"x y.mrc"', '"a;b.mrc"', "\u00fcn\u00ef.mrc", "\U0001f600.mrc", "l" * 251 + ".mrc"),
    ],
    [
        *"none/ none/a.mrc J1_map.mrc ./J1_map.mrc link.mrc hard.mrc out/../J1_map.mrc".split(),
        *"linked/J1_map.mrc folder.mrc lost.mrc loop.mrc a.cxs a.map browse /proc".split(),
        *"/proc/a.mrc J1_map.mrc/a.mrc J1_map.mrc/ . * ? [ .mrc ..mrc a.mrc/ \"\" ''".split(),
        *("\0", "a\0.mrc", "\ud800.mrc", "\u202e.mrc", '"two\nlines.mrc"', '"none/two\nlines"'),
        *("l" * 252 + ".mrc", "\u00fc" * 126 + ".mrc", "d/" * 3000 + "a.mrc", "x y.mrc"),
    ],
)
IDS = (
    ["50", "#50", "77", "123456"],
    "1 #1 #50.1 #1.5 -1 0 1e3 99999999999999999999 50.60.70 2147483648 #7 #7.5 x , 1.".split(),
)
ARGUMENTS = {
    "offset": (["offset", "off", "OFFSET"], (["fit", "0.5fit", "1", "2", "1.5"], NUMBERS[1])),
    "edge": (["edge", "edg", "EDGE"], NUMBERS),
    "innerRadius": (["innerRadius", "inner", "innerradius", "INNER"], NUMBERS),
    "value": (["value", "val", "value"], (["match", *NUMBERS[0]], NUMBERS[1])),
    "center": (["center", "cen", "cent"], POINTS),
    "coordinateSystem": (["coordinateSystem", "coord", "coordinatesystem"], SPECS),
    "save": (["save", "sav", "SAVE"], SAVES),
    "modelId": (["modelId", "model", "modelid"], IDS),
}
NO_KEYWORDS = ["bogus", "c", "radiuss", "-", "fit", "\u00e9dge", "edge=3", "'edge'", "inner_radius"]


def draw_line(pick):
    """Draw a command line; half of them are careful, so that most of the line is right."""
    care = pick.choice([0.03, 0.3])

    def draw(good, bad):
        return pick.choice(bad if pick.random() < care else good)

    words = [draw(*SPECS)]
    parts = [["radius", _radius(pick, draw)]]
    for keyword in pick.sample(list(ARGUMENTS), pick.choice([0, 1, 1, 2, 2, 3, 4])):
        names, values = ARGUMENTS[keyword]
        parts.append([draw(names, NO_KEYWORDS), draw(*values)])
    if pick.random() < care / 3:
        parts.append(pick.choice(parts))
    if pick.random() < care / 3:
        words.pop()
    if pick.random() < care / 3:
        parts.pop(0)
    elif pick.random() < care / 3:
        parts[-1] = parts[-1][:-1]
    pick.shuffle(parts)
    words += [word for part in parts for word in part]
    return "makesphere " + draw([" "], ["  ", "\t", "\n", "\u00a0"]).join(words)


def _radius(pick, draw):
    kind = pick.random()
    if kind < 0.1:
        return "fit"
    if kind < 0.2:
        return ",".join(draw(*NUMBERS) for _ in range(pick.randint(2, 4)))
    if kind < 0.21:
        return ",".join(str(n) for n in range(1, pick.choice([9, 20000])))
    if kind < 0.22:
        return "3," + "1" * 400
    return draw(*NUMBERS)


def furnish(session, folder):
    """Open small maps of many kinds, and a model that is not a map, in an empty folder."""
    os.chdir(folder)
    Path("out").mkdir()
    Path("folder.mrc").mkdir()
    axis = np.arange(8) - 4
    blob = np.exp(-sum(np.meshgrid(*[axis**2] * 3)) / 12).astype(np.float32)
    with mrcfile.new("J1_map.mrc", blob) as file:
        file.voxel_size = 1.0
    os.link("J1_map.mrc", "hard.mrc")
    for target, link in [
        ("J1_map.mrc", "link.mrc"),
        (".", "linked"),
        ("new.mrc", "dangling.mrc"),
        ("nowhere/x.mrc", "lost.mrc"),
        ("loop.mrc", "loop.mrc"),
    ]:
        os.symlink(target, link)
    bad = blob.copy()
    bad[2:6, 4, 4] = np.nan, np.inf, -np.inf, np.nan

    def add(number, array, **grid):
        data = ArrayGridData(array, name=grid.pop("name", "map"), **grid)
        volume = volume_from_grid_data(
            data, session, open_model=False, show_dialog=False, model_id=(number,)
        )
        session.models.add([volume])

    add(1, blob)
    run_command(session, "open J1_map.mrc", log=False)
    add(3, bad, name="not\nfinite")
    add(4, (-9 * blob).astype(np.int8))
    add(5, blob[:6, :5], cell_angles=(94.3, 88, 101), step=(1, 1.2, 0.9), origin=(5, -7, 1e3))
    add(6, np.ones((1, 1, 1), np.float32))
    session.models.add([Model("no map", session)])
    add(8, blob, step=(1e-30, 1e-30, 1e-30))
    add(9, np.zeros((8, 8, 8), np.float32), name="")


class _Errors(PlainTextLog):
    """A log that keeps what ChimeraX calls an error or a bug."""

    excludes_other_logs = False

    def __init__(self):
        self.said = []

    def log(self, level, text, *_):
        if int(level) >= 2:
            self.said.append(text)
        return False

    def status(self, *_):
        return False


def _files(folder):
    return {
        str(path): None if path.is_symlink() else (path.stat().st_ino, path.stat().st_mtime_ns)
        for path in Path(folder).rglob("*")
        if not path.is_dir() or path.is_symlink()
    }


class Room:
    """A session and an empty folder, furnished, in which command lines are tried."""

    def __init__(self, session, folder):
        self.session, self.folder = session, folder
        furnish(session, folder)
        self.models, self.files = set(session.models.list()), _files(folder)
        self.errors = _Errors()

    def judge(self, line):
        """Run a command line, undo what it made, and say whether it worked.

        Raises
        ------
        AssertionError
            It neither worked nor failed cleanly with one sentence.
        """
        self.errors.said.clear()
        self.session.logger.add_log(self.errors)
        try:
            made = run_command(self.session, line, log=False)
        except UserError as error:
            self._judge_failure(str(error).strip())
            return False
        finally:
            self.session.logger.remove_log(self.errors)
        assert not self.errors.said, f"logged: {self.errors.said}"
        self._judge_success(set(_flat(made)))
        return True

    def _judge_failure(self, sentence):
        assert sentence and len(sentence.splitlines()) == 1, f"not one sentence: {sentence!r}"
        assert "codec" not in sentence and "NoneType" not in sentence, f"unclear: {sentence!r}"
        change = set(self.session.models.list()) ^ self.models
        assert not change, f"a model was left or lost: {change}"
        change = set(_files(self.folder).items()) ^ set(self.files.items())
        assert not change, f"a file was left or changed: {change}"

    def _judge_success(self, made):
        new = set(self.session.models.list()) - self.models
        assert made and made <= new, f"gave {made}, but there is {new}"
        files = _files(self.folder)
        for path in set(files) - set(self.files):
            said = io.StringIO()
            assert mrcfile.validate(path, print_file=said), said.getvalue()
            os.unlink(path)
            del files[path]
        assert files == self.files, "a file was lost or changed"
        self.session.models.close(list(new))


def _flat(made):
    return [sphere for each in made for sphere in _flat(each)] if isinstance(made, list) else [made]


def run(session, seed, count, folder, first=0):
    """Try command lines in a session, in an empty folder.

    Returns
    -------
    worked, refused : int
    """
    room = Room(session, folder)
    worked = 0
    for number in range(first, first + count):
        line = draw_line(random.Random(f"{seed} {number}"))
        try:
            worked += room.judge(line)
        except BaseException as error:
            error.add_note(f"seed {seed}, line {number}: {line[:300]!r}")
            raise
    return worked, count - worked
