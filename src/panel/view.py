"""What the panel shows, worked out from what stands in its fields: without Qt or ChimeraX."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from math import floor

from ..arguments import ARGUMENTS, command_text, written
from ..engine import report
from ..engine.amount import Multiple
from ..engine.decoy import decoys_of
from ..engine.destination import Destination
from ..engine.errors import ArgumentError, LevelError
from ..engine.grid import Point
from ..engine.map import About, Map, Measured
from ..engine.naming import number
from ..engine.report import Row
from ..engine.request import RECOMMENDED, Request

BOX_CENTER = "box center"
ROTATION_CENTER = "center of rotation"
NO_MAP = "Open a map first: File > Open, or the command open with its path."
MEASURING = "Measuring the map ..."
# Facts that have no other place in the panel.
FACTS = ("radius", "offset", "fills", "encloses", "fit", "signal")
LABELS = {argument.name: argument.label for argument in ARGUMENTS} | {"save": "Save in"}
UNITS = {argument.name: "Å" if argument.unit else "" for argument in ARGUMENTS}
# More spheres can be typed than anyone reads facts of.
MOST = 8
# Of what amounts come to, next to a field.
MOST_AMOUNTS = 3
BESIDE_NOTE = (
    "Spheres beside the particle are for a second round, with a good map: they can take particles."
)


@dataclass(frozen=True)
class Place:
    """Where spheres would be written, and what is there."""

    destination: Destination | None = None  # None: not yet known
    save: bool | str = True  # the command's argument
    files: Mapping[str, Sequence[str] | None] = field(default_factory=dict)  # labels, by name
    error: Exception | None = None  # why nothing can be written


@dataclass(frozen=True)
class Known:
    """What is known of the map that the panel is for."""

    map: Map | None = None  # without its density; None: none is open, or it cannot be used
    trouble: str = ""  # why the map cannot be used
    measured: Measured | None = None  # the map as it was last measured
    points: Sequence[Point] = ()  # from where it has been looked at
    is_current: bool = True  # whether it has been measured as it is now
    is_moved: bool = False  # whether the map's coordinates are not those of the scene


@dataclass
class View:
    """What the panel shows; lengths in Å."""

    command: str = ""  # what the button runs; empty if nothing can be made
    reason: str = ""  # why that is so
    is_old: bool = False  # whether facts are of a map as it was; without facts: those shown are
    argument: str = ""  # whose field is to blame for it, by name
    count: int = 0  # spheres
    radius: float | None = None  # of the first
    offset: float = 0.0
    largest: int = 2  # what slider and plot go to, from 1
    center: Point | None = None  # of the preview, in the map's coordinates
    radii: list[float] = field(default_factory=list)  # of the preview's surfaces, sorted
    beside: dict[str, str] = field(default_factory=UNITS.copy)  # next to fields, by argument
    facts: list[Row] = field(default_factory=list)
    warnings: dict[str, str] = field(default_factory=dict)  # and names of links that mend
    about: About | None = None  # what the plot shows
    wanted: list[Point] = field(default_factory=list)  # to look from; the particle: the first
    folder: str = ""
    file: str = ""  # path of the one that was typed
    names: list[str] | None = field(default_factory=list)  # None: not yet known
    replaced: str = ""  # path of a file that was not written from this recipe


def recommended_words():
    """Return what stands in the fields for the recommended decoys."""
    words = {argument.name: argument.default for argument in ARGUMENTS} | {"center": BOX_CENTER}
    words |= {argument.name: text for argument, text in written(RECOMMENDED)}
    return words | {"folder": "", "name": ""}


def view(words, is_saved, known, place_of=lambda *_: Place()):
    """Work out what to show.

    Parameters
    ----------
    words : dict of str
        What stands in the fields, by the arguments' names, and as folder and name. Empty folders
        and names are automatic.
    is_saved : bool
        Whether files are wanted.
    known : Known
        The map.
    place_of : function
        Gives the `Place` for a map, a folder and a name, as far as it is known.

    Returns
    -------
    View
    """
    shown = View(reason=known.trouble)
    if known.map is None:
        shown.reason = known.trouble or NO_MAP
        return shown
    grid = known.map.grid
    shown.largest = max(floor(grid.clearance(grid.center) + 1e-6), 2)
    if known.trouble:
        return shown
    try:
        _fill(shown, words, is_saved, known, place_of)
    except ArgumentError as error:
        shown.argument = error.argument
        shown.reason = error.sentence(LABELS.get(error.argument, error.argument))
        if isinstance(error, LevelError):
            shown.reason += "; set it in Volume Viewer"
    except (ValueError, OSError) as error:
        shown.argument, shown.reason = "save", str(error)
    shown.is_old = not (known.is_current and shown.facts)
    return shown


def request(words):
    """Read the fields.

    Raises
    ------
    ArgumentError
    """
    values = {}
    for argument in ARGUMENTS:
        text = words[argument.name]
        if argument.name == "center":
            if _plain(text) == BOX_CENTER:
                continue
            text = text.strip().strip("()[]").strip()
            text = text if "," in text else ",".join(text.split())
        values[argument.name] = argument.value(text)
    return Request.of(values, "")


def is_rotation_center(text):
    """Check whether a text is a word for the point about which the scene is rotated."""
    return _plain(text) in (ROTATION_CENTER, "cofr")


def _plain(text):
    return " ".join(text.lower().split()).replace("centre", "center")


def _fill(shown, words, is_saved, known, place_of):
    """Fill in everything, in an order that leaves much where an error stops it."""
    asked, grid = request(words), known.map.grid
    center = asked.start(grid)
    shown.count, shown.wanted = len(asked.radius) * len(asked.value), [center]
    decoys = []
    if center in known.points:
        shown.about = known.measured.about(center)
        decoys = decoys_of(known.measured, asked)
    elif asked.measured:
        shown.reason = MEASURING
        return
    recipes = [one.recipe for one in decoys] or asked.resolve(grid)
    spheres = [one.sphere for one in decoys] or [recipe.sphere(grid) for recipe in recipes]
    # They have one center.
    first, shown.center = recipes[0], spheres[0].center
    shown.radius, shown.offset = first.radius, first.offset
    radii = [radius for one in spheres for radius in (one.radius, one.inner_radius)]
    shown.radii = sorted({*radii} - {0})
    shown.wanted = list(dict.fromkeys([center, shown.center]))
    shown.beside["radius"] = _beside(asked.radius, [number(one.radius) for one in recipes], " Å")
    shown.beside["offset"] = _beside([asked.offset], [number(shown.offset)], " Å")
    if decoys and shown.center in known.points:
        _fill_facts(shown, asked, decoys)
    # The names of more than one sphere are makesphere's own.
    name = words["name"] if shown.count == 1 else ""
    place = place_of(known.map, words["folder"], name) if is_saved else Place(save=False)
    if place.error:
        raise place.error
    if place.destination:
        _fill_file(shown, place, recipes[:MOST], decoys[:MOST], known.is_current)
    elif is_saved:
        shown.names = None
    amounts = (*asked.radius, *asked.value, asked.offset)
    if decoys and not known.is_current and any(isinstance(one, Multiple) for one in amounts):
        # What they come to will be another sphere than the one shown.
        shown.reason = MEASURING
        return
    shown.command = command_text(known.map.spec, asked, place.save, known.is_moved)


def _beside(amounts, texts, unit=""):
    """Say what amounts come to, if one of them is a word."""
    if not any(isinstance(amount, Multiple) for amount in amounts):
        return unit.strip()
    some = list(dict.fromkeys(texts))
    if len(some) > MOST_AMOUNTS:
        some[MOST_AMOUNTS:] = ["..."]
    return f"= {', '.join(some)}{unit}"


def _fill_facts(shown, asked, decoys):
    shown.beside["value"] = _beside(asked.value, [f"{one.density:.3g}" for one in decoys])
    rows, first = {}, decoys[:MOST]
    for row in (row for one in first for row in report.facts(one) if row.kind in FACTS):
        rows.setdefault(row.kind, {})[row.text] = None
    shown.facts = [Row(kind, _together(list(texts))) for kind, texts in rows.items()]
    if len(decoys) > MOST:
        shown.facts.append(Row("same", f"These are the first {MOST} of {len(decoys)} spheres."))
    shown.warnings = {sentence: "" for one in first for sentence in report.warnings(one)}
    if shown.offset:
        shown.warnings[BESIDE_NOTE] = ""
    if problem := report.too_strong(decoys):
        shown.warnings[problem] = "recommended"


def _together(texts):
    """Join texts, with the words that all have at their end only once."""
    if len(texts) < 2:
        return "".join(texts)
    words = [text.split(" ")[::-1] for text in texts]
    same = len(os.path.commonprefix(words))  # noqa: RUF071
    *most, last = parts = [" ".join(one[same:][::-1]) for one in words]
    joined = f"{', '.join(most)} and {last}" if "," not in "".join(parts) else "; ".join(parts)
    return " ".join([joined, *words[0][:same][::-1]])


# Files


def _fill_file(shown, place, recipes, decoys, is_current):
    """Fill in what will be written."""
    destination, files = place.destination, place.files
    shown.folder, shown.file = destination.folder, destination.file
    if destination.note and shown.facts:
        shown.facts.append(Row("folder", f"The current folder, because {destination.note}"))
    # As long as the densities are not known, nor is what is written in the files.
    labels = [one.labels for one in decoys] or [[]] * len(recipes)
    if shown.file:
        shown.names = [os.path.basename(shown.file)]
        is_ours = is_current and files.get(shown.names[0]) == labels[0]
        shown.replaced = shown.file if shown.names[0] in files and not is_ours else ""
    else:
        pairs = zip(recipes, labels, strict=True)
        shown.names = [_free_name(destination, files, *pair) for pair in pairs]


def _free_name(destination, files, recipe, labels):
    """Return the automatic name that a sphere will have."""
    names = (os.path.basename(destination.path(recipe, copy)) for copy in count(1))
    return next(name for name in names if not labels or files.get(name, labels) == labels)
