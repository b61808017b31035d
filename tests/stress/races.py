"""Several shell commands that write into one folder at the same time leave whole files."""

import json
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path

from stress.kills import RADII, Arena

SCRIPT = Path(__file__).with_name("in_chimerax.py")
# Runs the shell command again and again, as starting Python anew would spread the runs in time.
RUNNER = """
import contextlib, io, json, sys
from chimerax.makesphere.__main__ import main
for line in sys.stdin:
    said = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(said):
        status = main(json.loads(line))
    print(json.dumps([status, said.getvalue()]), flush=True)
"""


def run(folder, count, size=96):
    """Have two processes overwrite each other's file, again and again.

    Parameters
    ----------
    folder : str
        Empty folder to work in.
    count : int
        Number of rounds, alternately with a typed name and with automatic names.

    Returns
    -------
    int
        Number of rounds.
    """
    arena = Arena(folder, size)
    typed = arena.folder / "typed.mrc"
    with _runners(2) as together:
        for number in range(count):
            arena.prepare("free name")
            to_typed = number % 2 == 0
            lines = [["--radius", "120"]] * 2
            target, whole = arena.auto, [arena.kept / "auto.mrc"]
            if to_typed:
                lines = [["--radius", radius, "--output", str(typed)] for radius in RADII.values()]
                target, whole = typed, [arena.kept / "old.mrc", arena.kept / "new.mrc"]
            together([[str(arena.map), *words] for words in lines])
            arena.judge(target, whole)
            left = {p.name for p in arena.folder.iterdir()} - {arena.map.name, target.name}
            assert not left, f"round {number} left {left}"
    return count


def run_many(folder, count, processes=6, size=48):
    """Have several processes write spheres of their own maps into one folder, again and again.

    Returns
    -------
    int
        Number of rounds.
    """
    arena = Arena(folder, size)
    out = arena.folder / "out"
    out.mkdir()
    maps = [arena.folder / f"m{n}.mrc" for n in range(processes)]
    for path in maps:
        path.write_bytes(arena.map.read_bytes())
    expected = {f"m{n}_sphere_r120A.mrc" for n in range(processes)}
    with _runners(processes) as together:
        for number in range(count):
            together([[str(path), "--radius", "120", "--output", str(out)] for path in maps])
            found = {path.name for path in out.iterdir()}
            assert found == expected, f"round {number} left {found ^ expected}"
    return count


def run_in_chimerax(chimerax, folder, count, size=128):
    """Have two ChimeraX processes overwrite each other's file, again and again.

    Returns
    -------
    int
        Number of rounds.
    """
    arena = Arena(folder, size)
    whole = [arena.kept / f"{name}.mrc" for name in RADII]
    words = [chimerax, "--nogui", "--silent", "--script"]
    processes = [
        subprocess.Popen(
            [*words, f"{SCRIPT} race {arena.folder} {radius} {count}"],
            stdout=sys.stderr,
        )
        for radius in RADII.values()
    ]
    try:
        for number in range(count):
            while len(list(arena.folder.glob(f"done-{number}-*"))) < 2:
                assert not any(p.poll() for p in processes), "ChimeraX failed"
                time.sleep(0.002)
            arena.judge(arena.folder / "here.mrc", whole)
            assert not arena.scratches()
            (arena.folder / "here.mrc").unlink()
            (arena.folder / f"judged-{number}").touch()
        assert [p.wait() for p in processes] == [0, 0]
    finally:
        for process in processes:
            process.kill()
    return count


@contextmanager
def _runners(count):
    """Start processes, and give a function that has each run its words, all at once."""
    with ExitStack() as stack:
        words = [sys.executable, "-c", RUNNER]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "encoding": "utf-8"}
        runners = [stack.enter_context(subprocess.Popen(words, **pipes)) for _ in range(count)]

        def together(lines):
            for runner, line in zip(runners, lines, strict=True):
                runner.stdin.write(json.dumps(line) + "\n")
            for runner in runners:
                runner.stdin.flush()
            said = [json.loads(runner.stdout.readline()) for runner in runners]
            assert all(status == 0 for status, _ in said), said

        yield together
