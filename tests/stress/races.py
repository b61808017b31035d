"""Several shell commands that write into one folder at the same time leave whole files."""

import io
import multiprocessing
import os
import subprocess
import sys
import time
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

from chimerax.makesphere.__main__ import main
from stress.kills import RADII, Arena

SCRIPT = Path(__file__).with_name("in_chimerax.py")
PROCESSES = multiprocessing.get_context("fork" if hasattr(os, "fork") else "spawn")


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
    pipes = [PROCESSES.Pipe() for _ in range(count)]
    runners = [PROCESSES.Process(target=_run_again, args=(end,), daemon=True) for _, end in pipes]
    for runner in runners:
        runner.start()

    def together(lines):
        for (pipe, _), line in zip(pipes, lines, strict=True):
            pipe.send(line)
        said = [pipe.recv() for pipe, _ in pipes]
        assert all(status == 0 for status, _ in said), said

    try:
        yield together
    finally:
        for runner in runners:
            runner.kill()
            runner.join()


def _run_again(pipe):
    """Run the shell command again and again: starting Python anew would spread the runs in time."""
    while True:
        words, said = pipe.recv(), io.StringIO()
        with redirect_stdout(io.StringIO()), redirect_stderr(said):
            status = main(words)
        pipe.send((status, said.getvalue()))
