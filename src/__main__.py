"""Make a sphere from a shell: ``python -m chimerax.makesphere map.mrc --radius 60``."""

import argparse
import os
import re
import sys
from math import isfinite

if __name__ == "__main__":
    # Otherwise a thread of NumPy's OpenBLAS spins for a tenth of a second, waiting for work.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from .arguments import ARGUMENTS, option, shell_words
from .engine import report
from .engine.decoy import Batch, Plan, decoys_of
from .engine.destination import NO, YES, Destination
from .engine.errors import ArgumentError, LevelError
from .engine.map import Map
from .engine.request import RECOMMENDED, Request

PROGRAM = "python -m chimerax.makesphere"

DESCRIPTION = """\
Make solid spheres on the grid of a map, and write them as MRC files: decoys for junk
particles in cryoSPARC's Heterogeneous Refinement. With no options these are the
recommended ones, a faint and a bright sphere around the particle."""

EPILOG = """\
examples:
  %(prog)s map.mrc
  %(prog)s map.mrc --radius 60
  %(prog)s map.mrc --radius 60,75,90
  %(prog)s map.mrc --radius 80 --inner-radius 40 --edge 10 --output spheres/

The file is named after the map and the recipe, <map>_sphere_r060A.mrc, and written beside
the map, or in the current folder if the map's cannot be written to or is in a cryoSPARC job.
An existing file is replaced only if it was made from the same map by the same recipe, or
if --output names it. Exit status: 0 done; 2 nothing made, and one line says why."""

SET_PIXEL_SIZE = "to set it, open the map in ChimeraX, type `volume #1 voxelSize 1.3` and save it"

# Arguments that have another name in the shell.
OPTIONS = {"save": "--output"}


def main(arguments=None):
    """Run the shell command.

    Parameters
    ----------
    arguments : sequence of str, optional
        Words after the command's name; by default those of this process.

    Returns
    -------
    int
        Exit status: 0, or 2 if one line on stderr says why nothing was made.
    """
    options = _parser().parse_args(_joined(sys.argv[1:] if arguments is None else arguments))
    try:
        asked = {
            argument.name: argument.value(getattr(options, argument.name))
            for argument in ARGUMENTS
            if getattr(options, argument.name) is not None
        }
        request = Request.of(asked, shell_words(RECOMMENDED))
        plan = _make(options, request)
    except (ValueError, OSError, MemoryError, KeyboardInterrupt) as error:
        # Names of files can have line breaks.
        print("makesphere:", *_sentence(error).splitlines(), file=sys.stderr)
        return 2
    if sys.stdout is None:
        # As on Windows, in a program without a console.
        return 0
    try:
        if not asked:
            print(f"Recommended: {shell_words(request)}")
        _report(plan)
    except BrokenPipeError:
        sys.stdout = None  # As with `| head`, which has read enough.
    except OSError as error:
        sys.stdout = None
        print(f"makesphere: made, but not reported: {error.strerror}", file=sys.stderr)
    return 0


def _make(options, request):
    if options.level is not None and not isfinite(options.level):
        raise ArgumentError("level", f"must be a number, got {options.level}")
    with Map.open(options.map, options.level, SET_PIXEL_SIZE) as source_map:
        destination = None
        if options.output is not False:
            destination = Destination(source_map, options.output, open_maps=[options.map])
        plan = Plan(decoys_of(source_map.measure(), request), destination)
        with Batch([plan]) as batch:
            for _ in batch.make():
                pass
            return batch.publish()[0]


def _report(plan):
    for block in report.blocks(plan):
        print(block.decoy.name)
        print(report.as_text(block.rows))
        for warning in block.warnings:
            print(f"makesphere: warning: {warning}", file=sys.stderr)
    if problem := report.too_strong(plan.decoys):
        remedy = f"{problem} Try: {shell_words(RECOMMENDED)}"
        print(f"makesphere: warning: {remedy}", file=sys.stderr)
    sys.stdout.flush()


def _sentence(error):
    if isinstance(error, ArgumentError):
        remedy = "; give one with --level" if isinstance(error, LevelError) else ""
        return error.sentence(OPTIONS.get(error.argument, option(error.argument))) + remedy
    if isinstance(error, OSError) and error.filename is not None:
        return f"cannot read {error.filename}: {error.strerror}"
    if isinstance(error, MemoryError):
        return "there is not enough memory for this map"
    if isinstance(error, KeyboardInterrupt):
        return "interrupted; nothing was made"
    return str(error)


def _output(text):
    return True if text.lower() in YES else text.lower() not in NO and text


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        self.exit(2, f"makesphere: {message}\n")


def _joined(words):
    """Attach values that begin with a minus sign to their options, or argparse would lose them."""
    joined = []
    for word in words:
        if re.match(r"-[\d.]", word) and joined and joined[-1].startswith("--"):
            joined[-1] += "=" + word
        else:
            joined.append(word)
    return joined


def _parser():
    parser = _Parser(
        prog=PROGRAM,
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "map", metavar="MAP", help="MRC or CCP4 map, plain or packed (.gz, .bz2, .xz)"
    )
    for argument in ARGUMENTS:
        text = f"{argument.help}; default: {argument.default}".replace("%", "%%")
        parser.add_argument(argument.option, metavar=argument.placeholder, help=text)
    parser.add_argument(
        "--level",
        metavar="L",
        type=float,
        help="contour level of the map; default: the one at which ChimeraX opens it, which 1 %% "
        "of its voxels exceed",
    )
    parser.add_argument(
        "--output",
        metavar="FILE|FOLDER",
        type=_output,
        default=True,
        help="where to write; no: no file; default: beside the map, with an automatic name",
    )
    return parser


if __name__ == "__main__":
    # Letters that a terminal or pipe cannot show, such as Å, are no reason to fail.
    if sys.stdout is not None:
        sys.stdout.reconfigure(errors="backslashreplace")
    status = main()
    # All is written. A normal exit would first tear down NumPy, which takes a tenth of the time.
    os._exit(status)
