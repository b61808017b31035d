"""The shell command, killed while it writes: its target is always whole."""

import contextlib
import hashlib
import io
import os
import random
import signal
import sys
import time
from pathlib import Path

import mrcfile
import numpy as np
from chimerax.makesphere.__main__ import main
from chimerax.makesphere.engine import scratch

RADII = {"old": "100", "new": "120"}
CASES = ["free name", "same sphere", "over another file"]


class Arena:
    """A folder with a map, in which a sphere is written again and again, mostly in vain.

    Parameters
    ----------
    folder : str or Path
        Empty folder to work in.
    size : int
        Voxels along each side of the map: 256 gives files of 64 MB.
    """

    def __init__(self, folder, size):
        self.folder = Path(folder, "arena")
        self.kept = Path(folder, "kept")
        self.folder.mkdir(parents=True)
        self.kept.mkdir()
        self.map = self.folder / "J1_map.mrc"
        with mrcfile.new_mmap(self.map, (size,) * 3, 2) as file:
            file.voxel_size = 256 / size
            file.data[size // 4 : size // 2] = np.linspace(0, 1, size, dtype=np.float32)
        self.auto = self.folder / "J1_sphere_r120A.mrc"
        for name, radius in RADII.items():
            assert self.write(["--radius", radius, "--output", str(self.kept / f"{name}.mrc")]) == 0
        assert self.write(["--radius", RADII["new"]]) == 0
        self.auto.rename(self.kept / "auto.mrc")
        self.digests = {path: _digest(path) for path in self.kept.iterdir()}

    def prepare(self, case):
        """Set the scene for one kill.

        Returns
        -------
        words : list of str
            Arguments of the command to kill.
        target : Path
            The file that it writes.
        whole : list of Path
            What the target may be afterwards: copies of whole files, or None for absent.
        """
        typed = self.folder / "typed.mrc"
        for path in (self.auto, typed):
            path.unlink(missing_ok=True)
        if case == "over another file":
            # A hard link needs no copying, and writing into it would change the digest.
            os.link(self.kept / "old.mrc", typed)
            words = ["--radius", RADII["new"], "--output", str(typed)]
            return words, typed, [self.kept / "old.mrc", self.kept / "new.mrc"]
        if case == "same sphere":
            os.link(self.kept / "auto.mrc", self.auto)
            return ["--radius", RADII["new"]], self.auto, [self.kept / "auto.mrc"]
        return ["--radius", RADII["new"]], self.auto, [None, self.kept / "auto.mrc"]

    def write(self, words):
        """Run the shell command in this process, silently."""
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            return main([str(self.map), *words])

    def scratches(self):
        """List what killed runs left."""
        return [p.name for p in self.folder.iterdir() if p.name.startswith(scratch.PREFIX)]

    def judge(self, target, whole):
        """Raise an error if the target is not whole, and return the file of which it is a copy."""
        if not target.exists():
            assert None in whole, f"{target.name} was lost"
            return None
        digest = _digest(target)
        for path in whole:
            if path and digest == self.digests[path]:
                return path
        raise AssertionError(f"{target} is neither the old file nor the new one")

    def is_writing(self):
        """Tell whether there is a scratch file that is not empty, as one for a trial is."""
        with contextlib.suppress(FileNotFoundError):
            return any((self.folder / name).stat().st_size for name in self.scratches())
        return False

    def clear(self):
        """Remove what a killed run left, and raise an error if that is more than one hidden file.

        Returns
        -------
        int
            Number of files.
        """
        left = self.scratches()
        assert len(left) < 2, f"left behind: {left}"
        for name in left:
            (self.folder / name).unlink()
        kept = {path.name for path in self.folder.iterdir()}
        assert kept <= {self.map.name, self.auto.name, "typed.mrc"}, f"left behind: {kept}"
        return len(left)


def _digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "blake2b").digest()


def _child(work):
    """Start a process that does some work and ends."""
    pid = os.fork()
    if pid:
        return pid
    try:
        work()
    finally:
        os._exit(0)


def _has_ended(pid):
    # Without collecting its status, so that its number is not reused.
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def by_time(arena, seed, count):
    """Kill the command at random moments, most of them while it writes.

    Returns
    -------
    dict
        Number of kills by what they left: absent, old, new; a scratch file; and that came late.
    """
    pick = random.Random(seed)
    began = time.monotonic()
    arena.write(arena.prepare("free name")[0])
    run = time.monotonic() - began
    found = {"absent": 0, "old": 0, "new": 0, "scratch": 0, "late": 0}
    for number in range(count):
        words, target, whole = arena.prepare(CASES[number % len(CASES)])
        pid = _child(lambda words=words: arena.write(words))
        if pick.random() < 0.25:
            time.sleep(pick.random() * run)
        else:
            # Wait until something is in the scratch file, or it is gone again.
            while not arena.is_writing() and not _has_ended(pid):
                time.sleep(0.0005)
            # Mostly soon: writing takes a small part of a run.
            time.sleep(pick.random() ** 4 * run)
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        found["late"] += not os.WIFSIGNALED(status)
        found["scratch"] += arena.clear()
        path = arena.judge(target, whole)
        found["absent" if path is None else "old" if path == whole[0] else "new"] += 1
    return found


def by_line(arena, every=1):
    """Kill the command before each line of the code that writes, in every case.

    Returns
    -------
    int
        Number of kills.
    """
    kills = 0
    for case in CASES:
        lines = _lines_of(lambda: arena.write(arena.prepare(case)[0]))  # noqa: B023
        assert len(lines) > 30
        for line in lines[::every]:
            words, target, whole = arena.prepare(case)

            def work(words=words, line=line):
                _at_line(line, lambda: os.kill(os.getpid(), signal.SIGKILL))
                arena.write(words)

            _, status = os.waitpid(_child(work), 0)
            assert os.WIFSIGNALED(status), f"line {line} was not reached"
            try:
                arena.judge(target, whole)
            except AssertionError as error:
                error.add_note(f"killed before line {line} of the modules that write, {case}")
                raise
            arena.clear()
            kills += 1
    return kills


def _writes(code):
    if code.co_filename.endswith("scratch.py"):
        return True
    names = ("write", "_begin_flush", "_new_header")
    return code.co_filename.endswith("mrc.py") and code.co_qualname.startswith(names)


def _at_line(wanted, act):
    def trace(frame, event, _):
        if not _writes(frame.f_code):
            return None
        if event == "line" and wanted in (None, frame.f_lineno):
            act(frame.f_lineno) if wanted is None else act()
        return trace

    sys.settrace(trace)


def _lines_of(work):
    lines = {}
    _at_line(None, lambda line: lines.setdefault(line))
    try:
        work()
    finally:
        sys.settrace(None)
    return list(lines)
