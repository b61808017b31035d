"""Long runs that try to make makesphere lose something.

    python tests/stress [part ...] [--seed S] [--count N]

COUNT 1000 is what the README promises: 200 random kills, 2,000 files, 5,000 command lines, 50
rounds of two at once. Parts that need ChimeraX run if CHIMERAX names it and it has makesphere.
Ends with a table of figures, or at the first failure with what repeats it.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from stress import big, files, fits, kills, matches, races

CHIMERAX = os.environ.get("CHIMERAX")


def _kills(folder, seed, count):
    arena = kills.Arena(folder, 256)
    found = kills.by_time(arena, seed, count // 5)
    lines = kills.by_line(arena)
    return (
        f"{count // 5} kills at random moments of writing 64 MB ({found['scratch']} while the new "
        f"file was half written), {lines} before each line that writes: target always whole "
        f"({found['absent']} x absent, {found['old']} x old, {found['new']} x new)"
    )


def _files(folder, seed, count):
    with files.little_memory():
        made, refused = files.run(seed, 2 * count, folder)
        # Similar files, in real processes as from a shell.
        files.run(seed, count // 20, folder, real=True)
    return f"{2 * count} files in 2 GB: {made} right spheres, {refused} refused in one line"


def _races(folder, seed, count):
    rounds = races.run(folder, count // 20)
    many = races.run_many(Path(folder, "many"), count // 20)
    return (
        f"{rounds} rounds of two shell commands: one whole file; "
        f"{many} of six with maps of their own: six whole files"
    )


def _fits(folder, seed, count):
    compared = fits.run(seed, count // 20)
    return f"{compared} times fit and dust as in labels of the whole array, up to 720 voxels a side"


def _matches(folder, seed, count):
    found = matches.run(seed, count)
    spans = ", ".join(
        f"{min(ratios):.2f} to {max(ratios):.2f} at {resolution} Å ({len(ratios)})"
        for resolution, ratios in found.items()
    )
    return f"match of noisy maps over the clean map's by definition: {spans}"


def _big(folder, seed, count):
    seconds, peak = big.run(folder)
    return f"1024 x 1024 x 1024 voxels, 4 GiB: {peak / 1e6:.0f} MB of memory, {seconds:.0f} s"


def _lines(folder, seed, count):
    script = f"{races.SCRIPT} lines {folder} {seed} {5 * count}"
    done = subprocess.run(
        [CHIMERAX, "--nogui", "--silent", "--script", script],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return f"{5 * count} command lines in ChimeraX: {done.stdout.splitlines()[-1]} in one sentence"


def _chimerax_races(folder, seed, count):
    rounds = races.run_in_chimerax(CHIMERAX, folder, count // 20)
    return f"{rounds} rounds of two ChimeraX: one whole file"


PARTS = {"races": _races, "fits": _fits, "matches": _matches}
if hasattr(os, "fork"):
    # These need fork, or limits of memory, as of POSIX.
    PARTS = {"kills": _kills, "files": _files, **PARTS, "big": _big}
CHIMERAX_PARTS = {"lines": _lines, "chimerax-races": _chimerax_races}


def main():
    """Run the parts named on the command line, or all."""
    parts = {**PARTS, **(CHIMERAX_PARTS if CHIMERAX else {})}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="part", help=", ".join(parts))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=1000)
    options = parser.parse_args()
    if unknown := set(options.parts) - set(parts):
        parser.error(f"no such part here: {', '.join(unknown)}")
    rows = []
    for part in options.parts or parts:
        print(f"{part} ...", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(prefix="makesphere-stress-") as folder:
            found = parts[part](folder, options.seed, options.count)
        command = f"python tests/stress {part} --seed {options.seed} --count {options.count}"
        rows.append(f"| {part} | {found} | `{command}` |")
    print("| what | found | repeat with |\n|---|---|---|", *rows, sep="\n")


if __name__ == "__main__":
    main()
