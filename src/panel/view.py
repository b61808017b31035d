"""What the panel shows, worked out from what stands in its fields: without Qt or ChimeraX."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import dist, floor

from ..arguments import ARGUMENTS, command_text, written
from ..engine import report
from ..engine.amount import Multiple
from ..engine.decoy import Decoy, decoys_of
from ..engine.destination import Destination
from ..engine.errors import ArgumentError, LevelError
from ..engine.grid import Point
from ..engine.map import About, Map, Measured
from ..engine.naming import number
from ..engine.recipe import Recipe
from ..engine.report import Row
from ..engine.request import RECOMMENDED, Request

BOX_CENTER = "box center"
ROTATION_CENTER = "center of rotation"
NO_MAP = "Open a map first: File > Open, or the command open with its path."
MEASURING = "Measuring the map ..."
# Facts that have no other place in the panel.
FACTS = ("radius", "offset", "fills", "encloses", "fit", "signal")
LABELS = {argument.name: argument.label for argument in ARGUMENTS} | {"save": "Save in"}
# More spheres can be typed than anyone reads facts of.
MOST = 8
# Of what amounts come to, next to a field.
MOST_AMOUNTS = 3
# In Å. The slider has at least so many steps, if they need not be finer than that.
STEP, FINEST_STEP, FEWEST_STEPS = 1.0, 0.001, 40
PLACES = 3
MOST_COPIES = 100
BESIDE_NOTE = (
    "Spheres beside the particle are for a second round, with a good map: they can take particles."
)


@dataclass(frozen=True)
class Ball:
    """The surface of a sphere: its center in the map's coordinates and its radius, in Å."""

    center: Point
    radius: float

    def holds(self, other: "Ball") -> bool:
        """Check whether another ball is inside this one."""
        return dist(self.center, other.center) + other.radius < self.radius


@dataclass(frozen=True)
class Place:
    """Where spheres would be written, and what is there."""

    destination: Destination | None = None
    save: bool | str = True  # the command's argument
    files: Mapping[str, Sequence[str] | None] = field(default_factory=dict)  # labels, by name
    error: Exception | None = None  # why nothing can be written


@dataclass(frozen=True)
class Known:
    """What is known of the map that the panel is for."""

    map: Map | None  # without its density; None: none is open, or it cannot be used
    # The map as it was last measured, if that is known from points.
    measured: Callable[[Sequence[Point]], Measured | None] = lambda _: None
    trouble: str = ""  # why the map cannot be used
    spec: str = "#1"
    is_moved: bool = False  # whether the map's coordinates are not those of the scene
    place: Callable[[str, str], Place | None] = lambda *_: None  # for a folder and a name typed
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
    is_old: bool = False  # whether facts are of a map as it was; without facts: those shown are
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
    about: About | None = None  # what the plot shows
    wanted: list[Point] = field(default_factory=list)  # to look from; the particle: the first
    folder: str = ""
    file: str = ""  # path of the one that was typed
    folder_note: str = ""  # why it is not the map's own
    names: list[str] = field(default_factory=list)
    save: bool | str = False  # the command's argument
    replaced: str = ""  # path of a file that was not written from this recipe

    @property
    def button(self) -> str:
        """The text of the button."""
        return f"Make {self.count} Spheres" if self.count > 1 else "Make Sphere"


def recommended_texts() -> dict[str, str]:
    """Return the fields' texts for the recommended decoys."""
    texts = {argument.name: argument.default for argument in ARGUMENTS} | {"center": BOX_CENTER}
    return texts | {argument.name: text for argument, text in written(RECOMMENDED)}


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
        if isinstance(error, LevelError):
            shown.reason += "; set it in Volume Viewer"
    except (ValueError, OSError) as error:
        shown.argument, shown.reason = "save", str(error)
    shown.is_old = not known.trouble and not (known.is_current and shown.facts)
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
    return Request.of(values, "")


def is_box_center(text: str) -> bool:
    """Check whether a text is the word for it, in either spelling."""
    return _plain(text) == BOX_CENTER


def is_rotation_center(text: str) -> bool:
    """Check whether a text is a word for the point about which the scene is rotated."""
    return _plain(text) in (ROTATION_CENTER, "cofr")


def _plain(text: str) -> str:
    return " ".join(text.lower().split()).replace("centre", "center")


def rounded(radius: float, slider_range: tuple[float, float]) -> float:
    """Round a radius in Å, and bring it into the slider's range."""
    step, highest = slider_range
    return min(max(round(round(radius / step) * step, PLACES), step), highest)


def _slider_range(source_map: Map) -> tuple[float, float]:
    half, step = source_map.grid.clearance(source_map.grid.center), STEP
    while half < FEWEST_STEPS * step and step > FINEST_STEP:
        step = round(step / 10, PLACES)
    return step, max(round(floor(half / step + 1e-6) * step, PLACES), 2 * step)


def _fill(shown: View, asked: Request, save: Save, known: Known) -> None:
    """Fill in everything, in an order that leaves much where an error stops it."""
    grid = known.map.grid
    center = asked.start(grid)
    shown.asked, shown.count = asked, len(asked.radius) * len(asked.value)
    shown.wanted = [center]
    measured, decoys = known.measured(shown.wanted), []
    if measured:
        shown.about = measured.about(center)
        decoys = decoys_of(measured, asked)
    elif asked.measured:
        shown.reason = MEASURING
        return
    recipes = [one.recipe for one in decoys] or asked.resolve(grid)
    _fill_lengths(shown, asked, recipes)
    spheres = [one.sphere for one in decoys] or [recipe.sphere(grid) for recipe in recipes]
    shown.balls = list(
        dict.fromkeys(
            Ball(sphere.center, radius)
            for sphere in spheres
            for radius in (sphere.radius, sphere.inner_radius)
            if radius
        )
    )
    shown.wanted = list(dict.fromkeys([center, *(sphere.center for sphere in spheres)]))
    if decoys and known.measured(shown.wanted):
        _fill_facts(shown, asked, decoys)
    if save.wanted:
        _fill_file(shown, recipes, decoys, save, known)
    words = (*asked.radius, *asked.value, asked.offset)
    if decoys and not known.is_current and any(isinstance(word, Multiple) for word in words):
        # What they come to will be another sphere than the one shown.
        shown.reason = MEASURING
        return
    shown.command = command_text(known.spec, asked, shown.save, known.is_moved)


def _fill_lengths(shown: View, asked: Request, recipes: Sequence[Recipe]) -> None:
    shown.radius, shown.offset = recipes[0].radius, recipes[0].offset
    radii = list(dict.fromkeys(number(recipe.radius) for recipe in recipes))
    offsets = list(dict.fromkeys(number(recipe.offset) for recipe in recipes))
    shown.beside["radius"] = f"{_beside(asked.radius, radii)} Å".strip()
    shown.beside["offset"] = f"{_beside([asked.offset], offsets)} Å".strip()


def _beside(amounts: Sequence, texts: Sequence[str]) -> str:
    """Say what amounts come to, if one of them is a word."""
    some = ", ".join([*texts[:MOST_AMOUNTS], *["..."][: len(texts) - MOST_AMOUNTS]])
    return f"= {some}" if any(isinstance(amount, Multiple) for amount in amounts) else ""


def _fill_facts(shown: View, asked: Request, decoys: Sequence[Decoy]) -> None:
    densities = list(dict.fromkeys(f"{one.density:.3g}" for one in decoys))
    shown.beside["value"] = _beside(asked.value, densities)
    rows = {}
    for row in (row for one in decoys[:MOST] for row in report.facts(one)):
        if row.kind in FACTS:
            rows.setdefault(row.kind, {})[row.text] = None
    shown.facts = [Row(kind, _together(list(texts))) for kind, texts in rows.items()]
    if len(decoys) > MOST:
        shown.facts.append(Row("same", f"These are the first {MOST} of {len(decoys)} spheres."))
    sentences = (sentence for one in decoys[:MOST] for sentence in report.warnings(one))
    shown.warnings = list(dict.fromkeys(sentences))
    if shown.offset:
        shown.warnings.append(BESIDE_NOTE)
    if len(decoys) <= MOST:
        shown.too_strong = report.too_strong(decoys)


def _together(texts: Sequence[str]) -> str:
    """Join texts, with the words that all have at their start and end only once."""
    if len(texts) < 2:
        return "".join(texts)
    words = [text.split(" ") for text in texts]
    start = len(os.path.commonprefix(words))  # noqa: RUF071
    ends = [one[start:][::-1] for one in words]
    end = len(os.path.commonprefix(ends))  # noqa: RUF071
    parts = [" ".join(one[start : len(one) - end]) for one in words]
    *most, last = parts
    joined = f"{', '.join(most)} and {last}" if "," not in "".join(parts) else "; ".join(parts)
    return " ".join([*words[0][:start], joined, *words[0][len(words[0]) - end :]])


# Files


def _fill_file(
    shown: View, recipes: Sequence[Recipe], decoys: Sequence[Decoy], save: Save, known: Known
) -> None:
    # The names of more than one sphere are makesphere's own.
    name = save.name if len(recipes) == 1 else ""
    place = known.place(save.folder, name)
    if place is None:
        # Soon known, and asked again before anything is made.
        shown.save = save.folder or name or True
        shown.names = (
            [name] if name else [recipe.file_name(known.map.source) for recipe in recipes[:MOST]]
        )
        return
    if place.error:
        raise place.error
    destination, shown.save = place.destination, place.save
    shown.folder, shown.file = destination.folder, destination.file
    if destination.note:
        shown.folder_note = f"The current folder, because {destination.note}"
    if destination.note and shown.facts:
        shown.facts.append(Row("folder", shown.folder_note))
    # As long as the densities are not known, nor is what is written in the files.
    labels = [one.labels for one in decoys[:MOST]]
    labels = labels or [[]] * len(recipes[:MOST])
    if shown.file:
        shown.names = [os.path.basename(shown.file)]
        is_ours = known.is_current and place.files.get(shown.names[0]) == labels[0]
        if shown.names[0] in place.files and not is_ours:
            shown.replaced = shown.file
    else:
        pairs = zip(recipes, labels, strict=False)
        shown.names = [_free_name(destination, place.files, *pair) for pair in pairs]


def _free_name(
    destination: Destination, files: Mapping, recipe: Recipe, labels: Sequence[str]
) -> str:
    """Return the automatic name that a sphere will have."""
    for copy in range(1, MOST_COPIES):
        name = os.path.basename(destination.path(recipe, copy))
        if not labels or name not in files or files[name] == labels:
            break
    return name
