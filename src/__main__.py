"""Make a sphere from a shell: ``python -m chimerax.makesphere map.mrc --radius 60``."""

import argparse
import errno
import re
import sys
from contextlib import suppress
from math import isfinite

from .arguments import ARGUMENTS, option, read_number, shell_words
from .engine import report
from .engine.decoy import Batch, Plan, decoys_of
from .engine.destination import NO, YES, Destination
from .engine.errors import ArgumentError, LevelError
from .engine.map import Map
from .engine.naming import NUMBER
from .engine.request import RECOMMENDED, Request

PROGRAM = "python -m chimerax.makesphere"

DESCRIPTION = """\
Make solid spheres on the grid of a map, and write them as MRC files: decoys for junk
particles in cryoSPARC's Heterogeneous Refinement. With no options these are the
recommended ones, a faint and a bright sphere around the particle."""

EPILOG = """\
examples:
  %(prog)s map.mrc --radius 60 75 90
  %(prog)s map.mrc --radius 80 --inner-radius 40 --edge 10 --output spheres/

The file is named <map>_sphere_r060A.mrc, and written beside the map, or in the current folder
if the map's cannot be written to or is in a cryoSPARC job. A file is replaced only if it was
made by the same recipe, or if --output names it. Exit status: 0, or 2 if nothing was made."""

SET_PIXEL_SIZE = "to set it, open the map in ChimeraX, type `volume #1 voxelSize 1.3` and save it"

# Options by their names in the shell, the command and the panel.
NAMES = {"save": "--output", "output": "--output", "level": "--level"}
NAMES.update(
    (name.replace("_", ""), a.option) for a in ARGUMENTS for name in (a.name, a.label.lower())
)
# A value, or several: PowerShell makes three words of 60,75,90.
AMOUNT = rf"(?:{NUMBER.pattern}(?:fit|match)?|fit|match)"
VALUES = re.compile(rf"-[\d.].*|{AMOUNT}(?:,{AMOUNT})*", re.ASCII | re.IGNORECASE)
# A pipe whose reader has read enough, as with `| head`; EINVAL is Windows' word for it.
CLOSED = (errno.EPIPE, errno.EINVAL)


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
    parser = _parser()
    words = sys.argv[1:] if arguments is None else arguments
    options, surplus = parser.parse_known_args(_joined(words))
    if surplus:
        parser.error(_instead(options.map, surplus))
    try:
        typed = {a: getattr(options, a.name) for a in ARGUMENTS}
        asked = {a.name: a.value(text) for a, text in typed.items() if text is not None}
        request = Request.of(asked, shell_words(RECOMMENDED))
        plan = _make(options, request)
    except (ValueError, OSError, MemoryError, KeyboardInterrupt) as error:
        # Names of files can have line breaks.
        _complain(" ".join(_sentence(error, options.map).splitlines()))
        return 2
    try:
        if not asked:
            print(f"Recommended: {shell_words(request)}")
        _report(plan)
    except OSError as error:
        if error.errno not in CLOSED:
            _complain(f"made, but not reported: {error.strerror}")
    return 0


def _complain(sentence):
    with suppress(OSError):
        print(f"makesphere: {sentence}", file=sys.stderr)


def _make(options, request):
    level = None if options.level is None else read_number("level", options.level)
    if level is not None and not isfinite(level):
        raise ArgumentError("level", f"must be a number, got {options.level}")
    with Map.open(options.map, level, SET_PIXEL_SIZE) as source_map:
        destination = None
        if options.output is not False:
            destination = Destination(source_map, options.output, open_maps=[options.map])
        plan = Plan(decoys_of(source_map.measure(), request), destination)
        with Batch([plan]) as batch:
            for _ in batch.make():
                pass
            batch.publish()
        return plan


def _report(plan):
    for block in report.blocks(plan):
        print(block.decoy.name)
        print(report.as_text(block.rows))
        for warning in block.warnings:
            _complain(f"warning: {warning}")
    if problem := report.too_strong(plan.decoys):
        _complain(f"warning: {problem} Try: {shell_words(RECOMMENDED)}")
    # On Windows there may be no standard output, which is fine for this only.
    print(end="", flush=True)


def _sentence(error, path):
    if isinstance(error, ArgumentError):
        remedy = "; give one with --level" if isinstance(error, LevelError) else ""
        return error.sentence(NAMES.get(error.argument, option(error.argument))) + remedy
    if isinstance(error, OSError) and error.errno:
        return f"cannot read {error.filename or path}: {error.strerror}"
    if isinstance(error, MemoryError):
        return "there is not enough memory for this map"
    return str(error) or "interrupted; nothing was made"


def _output(text):
    return True if text.lower() in YES else text.lower() not in NO and text


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        self.exit(2, f"makesphere: {message}\n")


def _joined(words):
    """Attach values to options: by themselves -1 would be an option, and 75 in 60 75 a map."""
    joined = []
    for number, word in enumerate(words):
        if word == "--":
            return joined + list(words[number:])
        if joined and joined[-1].startswith("--") and VALUES.fullmatch(word.strip(",")):
            name, _, value = joined[-1].partition("=")
            joined[-1] = f"{name}=" + f"{value.strip(',')},{word.strip(',')}".strip(",")
        else:
            joined.append(word)
    return joined


def _instead(source, surplus):
    """Say what to type instead of words that nothing takes."""
    for word in (word.partition("=")[0] for word in (source, *surplus)):
        letters = re.sub("[^a-z]", "", word.lower())
        near = [NAMES[name] for name in NAMES if letters and name.startswith(letters)]
        if word.startswith("-") or letters in NAMES:
            return f"there is no {word}; try {' or '.join(dict.fromkeys(near)) or '--help'}"
    if VALUES.fullmatch(surplus[0]):
        return f"{surplus[0]} needs an option before it; try --radius {surplus[0]}"
    return f"takes one map at a time, got {source} and {surplus[0]}: run it once for each"


def _parser():
    raw = argparse.RawDescriptionHelpFormatter
    parser = _Parser(PROGRAM, description=DESCRIPTION, epilog=EPILOG, formatter_class=raw)
    add = parser.add_argument
    add("map", metavar="MAP", help="MRC or CCP4 map, plain or packed (.gz, .bz2, .xz)")
    for argument in ARGUMENTS:
        default = f"; default: {argument.default}" * bool(argument.default)
        add(argument.option, help=f"{argument.help}{default}".replace("%", "%%"))
    opened = "the one at which ChimeraX opens it, which 1%% of its voxels exceed"
    add("--level", help=f"contour level of the map; default: {opened}")
    where = "no: no file; default: beside the map, with an automatic name"
    add("--output", type=_output, default=True, help=f"file or folder to write; {where}")
    return parser


if __name__ == "__main__":
    streams = [stream for stream in (sys.stdout, sys.stderr) if stream is not None]
    for stream in streams:
        # Letters that a terminal or pipe cannot show, such as Å, are no reason to fail.
        stream.reconfigure(errors="backslashreplace")
    status = main()
    for stream in streams:
        # What could not be printed would be tried again at the end, and complained of.
        with suppress(OSError):
            stream.close()
    sys.exit(status)
