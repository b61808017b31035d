"""What the panel shows, worked out from what stands in its fields: without Qt or ChimeraX."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from math import dist

from ..arguments import ARGUMENTS, command_text, request_of
from ..engine import decoy, report
from ..engine.amount import Multiple
from ..engine.decoy import Decoy
from ..engine.destination import Destination
from ..engine.errors import ArgumentError
from ..engine.grid import Point
from ..engine.map import Map, Measured
from ..engine.mrc import read_labels
from ..engine.naming import number
from ..engine.recipe import Recipe
from ..engine.report import Row
from ..engine.request import RECOMMENDED, Request

BOX_CENTER = "box center"
ROTATION_CENTER = "center of rotation"
NO_MAP = "Open a map first: File > Open, or the command open with its path."
MEASURING = "Measuring the map ..."
# Facts that have no other place in the panel.
FACTS = ("Radius", "Offset", "Fills", "Encloses", "Fit", "Signal")
LABELS = {argument.name: argument.label for argument in ARGUMENTS} | {"save": "Save in"}
# More spheres can be typed than anyone reads facts of.
MOST = 8
# In Å: whole numbers will do for all but the smallest boxes.
STEP, FINE_STEP, SMALL_BOX = 1.0, 0.1, 50.0
MOST_COPIES = 100


@dataclass(frozen=True)
class Ball:
    """The surface of a sphere: its center in the map's coordinates and its radius, in Å."""

    center: Point
    radius: float

    def holds(self, other: "Ball") -> bool:
        """Tell whether another ball is inside this one."""
        return dist(self.center, other.center) + other.radius < self.radius

    def is_like(self, other: "Ball", tolerance: float) -> bool:
        """Tell whether no point of another ball is farther off than a tolerance (Å)."""
        return dist(self.center, other.center) + abs(self.radius - other.radius) <= tolerance


@dataclass(frozen=True)
class Known:
    """What is known of the map that the panel is for."""

    map: Map | None  # without its density; None: none is open, or it cannot be used
    about: Callable[[Point], Measured | None] = lambda _: None  # what is known about a point
    trouble: str = ""  # why the map cannot be used
    spec: str = "#1"
    is_moved: bool = False  # whether the map's coordinates are not those of the scene
    open_files: Sequence[str] = ()  # must not be written
    is_current: bool = True  # whether it has been measured as it is now


@dataclass(frozen=True)
class Save:
    """Whether to save, and the folder and the file name that were typed; empty: automatic."""

    wanted: bool = True
    folder: str = ""
    name: str = ""


@dataclass
class View:
    """What the panel shows; lengths in Å."""

    command: str = ""  # what the button runs; empty if nothing can be made
    reason: str = ""  # why that is so
    argument: str = ""  # whose field is to blame for it, by name
    asked: Request | None = None
    count: int = 0  # spheres
    radius: float | None = None  # of the first
    offset: float = 0.0  # of the first
    slider_range: tuple[float, float] = (STEP, 2 * STEP)  # the lowest is a step as well
    balls: list[Ball] = field(default_factory=list)  # the preview: outer and inner surfaces
    beside: dict[str, str] = field(default_factory=dict)  # next to fields, by argument
    facts: list[Row] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    too_strong: str = ""  # a warning that Recommended mends
    measured: Measured | None = None  # what the plot shows
    wanted: list[Point] = field(default_factory=list)  # to be measured about; fit: the first
    folder: str = ""
    folder_note: str = ""  # why it is not the map's own
    names: list[str] = field(default_factory=list)
    save: bool | str = False  # the command's argument
    replaced: str = ""  # path of a file that was not written from this recipe

    @property
    def button(self) -> str:
        """The text of the button."""
        return f"Make {self.count} Spheres" if self.count > 1 else "Make Sphere"


def recommended_texts() -> dict[str, str]:
    """Give the fields' texts for the recommended decoys."""
    texts = {argument.name: "0" for argument in ARGUMENTS} | {"center": BOX_CENTER}
    return texts | dict(RECOMMENDED.pairs)


def view(texts: dict[str, str], save: Save, known: Known) -> View:
    """Work out what to show.

    Parameters
    ----------
    texts
        What stands in the fields, by the arguments' names.
    save
        Where to save.
    known
        The map.
    """
    shown = View()
    if known.map is None:
        shown.reason = known.trouble or NO_MAP
        return shown
    shown.slider_range = _slider_range(known.map)
    shown.reason = known.trouble
    try:
        if not known.trouble:
            _fill(shown, request(texts), save, known)
    except ArgumentError as error:
        shown.argument = error.argument
        shown.reason = error.sentence(LABELS.get(error.argument, error.argument))
    except (ValueError, OSError) as error:
        shown.argument, shown.reason = "save", str(error)
    return shown


def request(texts: dict[str, str]) -> Request:
    """Read the fields.

    Raises
    ------
    ArgumentError
    """
    values = {}
    for argument in ARGUMENTS:
        text = texts[argument.name]
        if argument.name == "center":
            if is_box_center(text):
                continue
            text = text.strip().strip("()[]").strip()
            text = text if "," in text else ",".join(text.split())
        values[argument.name] = argument.value(text)
    return request_of(values, "")


def is_box_center(text: str) -> bool:
    """Tell whether a text is the word for it, in either spelling."""
    return _plain(text) == BOX_CENTER


def is_rotation_center(text: str) -> bool:
    """Tell whether a text is a word for the point about which the scene is rotated."""
    return _plain(text) in (ROTATION_CENTER, "cofr")


def _plain(text: str) -> str:
    return " ".join(text.lower().split()).replace("centre", "center")


def rounded(radius: float, slider_range: tuple[float, float]) -> float:
    """Round a radius in Å, and bring it into the slider's range."""
    step, highest = slider_range
    return min(max(round(round(radius / step) * step, 1), step), highest)


def _slider_range(source_map: Map) -> tuple[float, float]:
    half = source_map.grid.clearance(source_map.grid.center)
    step = STEP if half > SMALL_BOX else FINE_STEP
    return step, max(round(int(half / step) * step, 1), 2 * step)


def _fill(shown: View, asked: Request, save: Save, known: Known) -> None:
    """Fill in everything, in an order that leaves much where an error stops it."""
    grid = known.map.grid
    center = asked.start(grid)
    shown.asked, shown.measured = asked, known.about(center)
    measured = shown.measured
    shown.count = len(asked.radius) * len(asked.value)
    if grid.clearance(center) > 0:
        shown.wanted = [center]
    elif asked.needs_fit:
        asked.resolve(grid, 1.0)  # It says that the center is outside.
    if asked.needs_fit and measured is None:
        shown.reason = MEASURING
        return
    recipes = asked.resolve(grid, decoy.fit_of(measured, asked) if asked.needs_fit else 0.0)
    _fill_lengths(shown, asked, recipes)
    spheres = [recipe.sphere(grid) for recipe in recipes[:MOST]]
    shown.balls = list(
        dict.fromkeys(
            Ball(sphere.center, radius)
            for sphere in spheres
            for radius in (sphere.radius, sphere.inner_radius)
            if radius
        )
    )
    shown.wanted = list(dict.fromkeys([center, *(sphere.center for sphere in spheres)]))
    decoys = []
    if all(known.about(point) for point in shown.wanted):
        for recipe, sphere in zip(recipes[:MOST], spheres, strict=True):
            of_sphere = replace(known.about(sphere.center), particle=measured.particle)
            decoys.append(decoy.measure(of_sphere, recipe, sphere))
        _fill_facts(shown, asked, decoys)
    if save.wanted:
        _fill_file(shown, recipes, decoys, save, known)
    shown.command = command_text(known.spec, asked, shown.save, known.is_moved)


def _fill_lengths(shown: View, asked: Request, recipes: Sequence[Recipe]) -> None:
    shown.radius, shown.offset = recipes[0].radius, recipes[0].offset
    radii = list(dict.fromkeys(number(recipe.radius) for recipe in recipes))
    offsets = list(dict.fromkeys(number(recipe.offset) for recipe in recipes))
    shown.beside["radius"] = f"{_beside(asked.radius, radii)} Å".strip()
    shown.beside["offset"] = f"{_beside([asked.offset], offsets)} Å".strip()


def _beside(amounts: Sequence, texts: Sequence[str]) -> str:
    """Say what amounts come to, if one of them is a word."""
    some = ", ".join(texts[:MOST])
    return f"= {some}" if any(isinstance(amount, Multiple) for amount in amounts) else ""


def _fill_facts(shown: View, asked: Request, decoys: Sequence[Decoy]) -> None:
    densities = list(dict.fromkeys(f"{one.density:.3g}" for one in decoys))
    shown.beside["value"] = _beside(asked.value, densities)
    rows = {}
    for row in (row for one in decoys for row in report.facts(one)):
        if row.label in FACTS:
            rows.setdefault(row.label, {})[row.text] = None
    shown.facts = [Row(label, "; ".join(texts)) for label, texts in rows.items()]
    sentences = (sentence for one in decoys for sentence in report.warnings(one))
    shown.warnings = list(dict.fromkeys(sentences))
    if len(decoys) == shown.count:
        shown.too_strong = report.too_strong(decoys)


# Files


def _fill_file(
    shown: View, recipes: Sequence[Recipe], decoys: Sequence[Decoy], save: Save, known: Known
) -> None:
    folder = os.path.expanduser(save.folder)
    if folder:
        # With its slash a folder cannot be taken for a file, nor for a word of the command.
        folder = os.path.join(os.path.abspath(folder), "")
    destination = Destination(known.map, folder or True, os.getcwd, known.open_files)
    shown.save, shown.folder = folder or True, destination.folder
    if destination.note:
        shown.folder_note = f"The current folder, because {destination.note}"
    # The names of more than one sphere are makesphere's own.
    if save.name and len(recipes) == 1:
        shown.save = os.path.join(destination.folder, save.name)
        destination = Destination(known.map, shown.save, os.getcwd, known.open_files)
    # As long as the densities are not known, nor is what is written in the files.
    labels = [one.recipe.labels(one.density, known.map.source) for one in decoys]
    labels = labels or [[]] * len(recipes[:MOST])
    paths = [_path(destination, *pair) for pair in zip(recipes, labels, strict=False)]
    shown.names = [os.path.basename(path) for path in paths]
    if destination.file and os.path.exists(destination.file):
        is_ours = known.is_current and read_labels(destination.file) == labels[0]
        shown.replaced = "" if is_ours else destination.file


def _path(destination: Destination, recipe: Recipe, labels: Sequence[str]) -> str:
    """Give the path that a sphere will have: where names are automatic, one that is free."""
    for copy in range(1, MOST_COPIES):
        path = destination.path(recipe, copy)
        is_free = not os.path.lexists(path) or read_labels(path) == labels
        if destination.file or not labels or is_free:
            return path
    return path
