"""The parts of the stress test that run inside ChimeraX.

ChimeraX --nogui --script "tests/stress/in_chimerax.py lines FOLDER SEED COUNT"
ChimeraX --nogui --script "tests/stress/in_chimerax.py race FOLDER RADIUS ROUNDS"
"""

import os
import sys
import time
import traceback
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


def _lines(session, folder, seed, count):
    from stress import lines

    worked, refused = lines.run(session, seed, int(count), folder)
    print(f"{worked} worked, {refused} refused")


def _race(session, folder, radius, rounds):
    from chimerax.core.commands import run

    os.chdir(folder)
    run(session, "open J1_map.mrc", log=False)
    for number in range(int(rounds)):
        Path(f"ready-{number}-{radius}").touch()
        while len(list(Path().glob(f"ready-{number}-*"))) < 2:
            time.sleep(0.0002)
        sphere = run(session, f"makesphere #1 radius {radius} save here.mrc", log=False)
        session.models.close([sphere])
        Path(f"done-{number}-{radius}").touch()
        # The parent process judges the file, then lets the next round begin.
        while not Path(f"judged-{number}").exists():
            time.sleep(0.001)


status = 0
try:
    {"lines": _lines, "race": _race}[sys.argv[1]](session, *sys.argv[2:])  # noqa: F821
except BaseException:
    traceback.print_exc()
    status = 1
sys.stdout.flush()
sys.stderr.flush()
# ChimeraX would replace the exit status.
os._exit(status)
