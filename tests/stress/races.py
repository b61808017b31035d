"""Several shell commands that write the same name at the same time leave whole files."""

import os
import subprocess
import sys
import time
from pathlib import Path

from stress.kills import RADII, Arena

SCRIPT = Path(__file__).with_name("in_chimerax.py")


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
    for number in range(count):
        arena.prepare("free name")
        to_typed = number % 2 == 0
        lines = [["--radius", "120"]] * 2
        if to_typed:
            lines = [["--radius", radius, "--output", str(typed)] for radius in RADII.values()]
        together([lambda words=words: arena.write(words) for words in lines])
        target, whole = arena.auto, [arena.kept / "auto.mrc"]
        if to_typed:
            target, whole = typed, [arena.kept / "old.mrc", arena.kept / "new.mrc"]
        arena.judge(target, whole)
        left = {p.name for p in arena.folder.iterdir()} - {arena.map.name, target.name}
        assert not left, f"round {number} left {left}"
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


def together(works):
    """Run functions at once, each in its own process, and expect an exit status of 0."""
    start, go = os.pipe()
    pids = []
    for work in works:
        pid = os.fork()
        if not pid:
            status = 70
            try:
                os.close(go)
                os.read(start, 1)  # Ends when nobody holds the other end.
                status = work()
            finally:
                os._exit(status)
        pids.append(pid)
    os.close(start)
    os.close(go)
    statuses = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]
    assert statuses == [0] * len(works), f"exit statuses {statuses}"
