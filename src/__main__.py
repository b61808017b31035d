"""Make a sphere from a shell: ``python -m chimerax.makesphere map.mrc --radius 60``."""

import argparse
import os
import re
import sys

if __name__ == "__main__":
    # OpenBLAS, within NumPy, else has a thread spin for a tenth of a second, in wait of work
    # that never comes.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from .engine import report
from .engine.decoy import Batch
from .engine.destination import NO, YES, Destination
from .engine.map import Map
from .engine.recipe import FIT, MATCH, RECOMMENDED, read_amount, read_amounts, recipes

DESCRIPTION = """\
Make a solid sphere on the grid of a map and write it as an MRC file: a decoy for junk
particles in cryoSPARC's Heterogeneous Refinement."""

REMEDY = re.sub("(radius|offset|value) ", r"--\1 ", RECOMMENDED)

EPILOG = """\
examples:
  %(prog)s map.mrc --radius 0.2fit --offset fit --value 0.25match,match
  %(prog)s map.mrc --radius 60
  %(prog)s map.mrc --radius 60,75,90
  %(prog)s map.mrc --radius 80 --inner-radius 40 --edge 10 --output spheres/

The file is named after the map and the recipe, <map>_sphere_r060A.mrc, and written beside
the map; in the current folder where the map's cannot be written or is a cryoSPARC job's.
An existing file is replaced only if it was made from the same map by the same recipe, or
if --output names it. Exit status: 0 done; 2 nothing made, and one line says why."""


def main(arguments=None):
    """Run the shell command.

    Parameters
    ----------
    arguments : sequence of str, optional
        Words after the command's name; by default those of this process.

    Returns
    -------
    int
        Exit status: 0, or 2 where one line on stderr says why nothing was made.
    """
    options = _parser().parse_args(_joined(sys.argv[1:] if arguments is None else arguments))
    try:
        if options.radius is None:
            raise ValueError(f"--radius is missing; try: {REMEDY}")
        options.radius = read_amounts("radius", options.radius, FIT)
        options.value = read_amounts("value", options.value, MATCH)
        options.offset = read_amount("offset", options.offset, FIT)
        spheres = _make(options)
    except (ValueError, OSError, MemoryError, KeyboardInterrupt) as error:
        # File names can have line breaks.
        print("makesphere:", *_sentence(error).splitlines(), file=sys.stderr)
        return 2
    if sys.stdout is None:
        # As on Windows, where the program has no console.
        return 0
    try:
        _report(spheres)
    except BrokenPipeError:
        sys.stdout = None  # As in `| head`: it has read enough.
    except OSError as error:
        sys.stdout = None
        print(f"makesphere: made, but not reported: {error.strerror}", file=sys.stderr)
    return 0


def _make(options):
    with Map.open(options.map, options.level) as a_map:
        to = None
        if options.output is not False:
            to = Destination(a_map, options.output, open_maps=[options.map])
        asked = recipes(
            a_map,
            options.radius,
            options.value,
            options.center,
            options.offset,
            edge=options.edge,
            inner_radius=options.inner_radius,
        )
        with Batch([(a_map, recipe, to) for recipe in asked]) as batch:
            spheres = [made for made, _ in batch.make()]
            paths = batch.publish()
    note = to.note if to else ""
    return report.blocks([(made, path, note) for made, path in zip(spheres, paths, strict=True)])


def _report(blocks):
    for block in blocks:
        print(block.made.name)
        print(report.as_text(block.rows))
        for warning in block.warnings:
            print(f"makesphere: warning: {warning}", file=sys.stderr)
        if block.too_strong:
            print(f"makesphere: warning: {block.too_strong} Try: {REMEDY}", file=sys.stderr)
    sys.stdout.flush()


def _sentence(error):
    if isinstance(error, OSError) and error.filename is not None:
        return f"cannot read {error.filename}: {error.strerror}"
    if isinstance(error, MemoryError):
        return "there is not enough memory for this map"
    if isinstance(error, KeyboardInterrupt):
        return "interrupted, nothing was made"
    return str(error)


def _kind(name):
    """Give a converter the name that argparse puts into its message."""

    def named(convert):
        convert.__name__ = name
        return convert

    return named


def _output(text):
    return True if text.lower() in YES else text.lower() not in NO and text


@_kind("center (X,Y,Z)")
def _center(text):
    x, y, z = (float(word) for word in text.split(","))
    return x, y, z


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        self.exit(2, f"makesphere: {message}\n")


def _joined(words):
    """Tie values that begin with a minus sign to their option, where argparse would lose them."""
    joined = []
    for word in words:
        if re.match(r"-[\d.]", word) and joined and joined[-1].startswith("--"):
            joined[-1] += "=" + word
        else:
            joined.append(word)
    return joined


def _parser():
    parser = _Parser(
        prog="python -m chimerax.makesphere",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("map", metavar="MAP", help="MRC or CCP4 map, plain or packed (.gz, .bz2)")
    add(
        "--radius",
        metavar="R[,R2,...]",
        help="in Å; a list makes one sphere per radius; fit: the smallest whole Å that holds 99 %% "
        "of the map's voxels at or above its contour level; 1.3fit: 1.3 times that",
    )
    add(
        "--center",
        metavar="X,Y,Z",
        type=_center,
        help="in Å, in the map's coordinates; default: the box centre, voxel N//2 on each axis, "
        "about which cryoSPARC and RELION rotate",
    )
    add(
        "--offset",
        metavar="D",
        default="0",
        help="how far from the centre the sphere is put along the map's x axis, in Å, or fit, or a "
        "multiple of it; default: 0",
    )
    add(
        "--edge",
        metavar="W",
        type=float,
        default=0.0,
        help="full width in Å of a raised-cosine edge, half the density at the radius; default: 0",
    )
    add(
        "--inner-radius",
        metavar="R",
        type=float,
        default=0.0,
        help="in Å; makes a hollow shell; default: 0",
    )
    add(
        "--value",
        metavar="V[,V2,...]",
        default="1",
        help="density inside; match: that at which the sphere's views are half as strong as the "
        "map's; 2match: twice that density; a list makes a sphere for each; default: 1",
    )
    add(
        "--level",
        metavar="L",
        type=float,
        help="contour level of the map; default: the value that 1 %% of its voxels exceed",
    )
    add(
        "--output",
        metavar="FILE|FOLDER",
        type=_output,
        default=True,
        help="where to write; no: no file; default: beside the map, with an automatic name",
    )
    return parser


if __name__ == "__main__":
    # What a terminal or a pipe cannot show, Å or a file's name, is no reason to fail.
    if sys.stdout is not None:
        sys.stdout.reconfigure(errors="backslashreplace")
    status = main()
    # All is written. The usual way out first takes NumPy apart: a tenth of the time.
    os._exit(status)
