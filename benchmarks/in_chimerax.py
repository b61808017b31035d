"""Ways to a sphere in one ChimeraX session, in turn: run by bench.py.

ChimeraX --nogui --script "benchmarks/in_chimerax.py MAP BOX ROUNDS RESULT"
"""

import glob
import json
import os
import sys
import time

from chimerax.core.commands import run

path, box, rounds, result = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
output = os.path.join(os.path.dirname(result), "chimerax.mrc")
center = ",".join([str(box // 2)] * 3)
radius = 0.35 * box
# step 1: ChimeraX opens large maps at a coarser one, and volume scale would keep to that.
WAYS = {
    "makesphere": [f"makesphere #1 radius {radius} save {output}"],
    # All that the recommended decoys take, at the radius of the others.
    "pair": [f"makesphere #1 radius 1.8fit value 0.5match,2match save {os.path.dirname(output)}"],
    "shape": [
        f"shape sphere radius {radius} center {center}",
        "volume onesmask #2 onGrid #1",
        f"save {output} models #3",
    ],
    "hand": [
        "volume scale #1 factor 0 step 1",
        "volume scale #2 shift 1 step 1",
        f"volume erase #3 center {center} radius {radius} outside true",
        f"save {output} models #4",
    ],
    "molmap": [
        f"marker #2 position {center} radius {radius}",
        "molmap #2 2 balls true onGrid #1",
        f"save {output} models #3",
    ],
}


def memory(field):
    """Memory of this process, or its peak: Linux only."""
    with open("/proc/self/status") as file:
        return next(1024 * int(line.split()[1]) for line in file if line.startswith(field))


def measure(commands):
    """Time commands and see how far the memory of the session goes up."""
    for old in glob.glob(os.path.join(os.path.dirname(output), "*.mrc")):
        os.unlink(old)
    os.sync()
    before = None
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
        before = memory("VmRSS")
    except OSError:
        pass
    start = time.perf_counter()
    for command in commands:
        run(session, command)  # noqa: F821  ChimeraX gives it to the script.
    seconds = time.perf_counter() - start
    peak = None if before is None else memory("VmHWM") - before
    written = glob.glob(os.path.join(os.path.dirname(output), "*.mrc"))
    # The mask of a shape has a byte for each voxel.
    assert sum(map(os.path.getsize, written)) >= box**3
    run(session, "close #2-9", log=False)  # noqa: F821
    return {"seconds": seconds, "bytes": peak}


def prepare(way):
    """Show the map, at step 1 for molmap, which takes over what is shown: not timed."""
    volume.display = way != "molmap"
    run(session, f"volume #1 step {1 if way == 'molmap' else step}", log=False)  # noqa: F821


(volume,) = run(session, f"open {path}", log=False)  # noqa: F821
step = volume.region[2][0]
# Once before they are timed, as all ways are.
for name, commands in WAYS.items():
    prepare(name)
    measure(commands)
found = {name: [] for name in WAYS}
for _ in range(rounds):
    for name, commands in WAYS.items():
        prepare(name)
        found[name].append(measure(commands))
with open(result, "w") as file:
    json.dump(found, file)
