"""A recipe: the numbers of one sphere, and how to write them."""

import textwrap
from dataclasses import dataclass, field
from typing import NamedTuple

from ..arguments import command_words, is_density, written
from .amount import Amount, Multiple
from .errors import ArgumentError
from .grid import Grid, Point, beside
from .mrc import LABEL_BYTES
from .naming import FILE_NAME_LIMIT, file_name, number, tag
from .sphere import Sphere
from .strength import Views

MOST_LABELS = 8
DENSITY_DIGITS = 6


class Asked(NamedTuple):
    """A length that was asked for as a multiple of fit, and that multiple in Å."""

    word: str
    length: float

    def note(self, length: float) -> str:
        """Say what was asked for, and that it is shortened if the length in Å differs."""
        if length == self.length:
            return self.word
        return f"{self.word} = {number(self.length)} Å, shortened to stay in the box"


@dataclass(frozen=True)
class Recipe:
    """The numbers of one sphere."""

    radius: float  # in Å
    edge: float = 0.0  # full width in Å of a raised-cosine edge. 0: hard.
    inner_radius: float = 0.0  # in Å. 0: solid.
    value: Amount = 1.0  # density inside
    # Position (x, y, z) in Å in the map's coordinates. None: the box center.
    center: Point | None = None
    offset: float = 0.0  # how far from there the sphere is along x, in Å
    # What was asked for, if they were measured from the map
    asked_radius: Asked | None = field(default=None, compare=False)
    asked_offset: Asked | None = field(default=None, compare=False)

    def sphere(self, grid: Grid) -> Sphere:
        """Return the sphere of density 1 on a grid.

        Raises
        ------
        ArgumentError
            The sphere holds no voxel, or all of them.
        """
        center = beside(self.center or grid.center, self.offset)
        sphere = Sphere(self.radius, center, self.edge, self.inner_radius)
        voxels = sphere.voxels(grid)
        if not voxels and -grid.clearance(sphere.center) > sphere.radius:
            if self.offset:
                problem = f"of {number(self.offset)} Å puts the sphere outside the box"
                raise ArgumentError("offset", problem)
            raise ArgumentError("center", "is too far outside the box for this radius")
        if voxels in (0, grid.voxels):
            held = "the whole box" if voxels else "no voxel"
            asked = self.asked_radius
            radius = asked.note(self.radius) if asked else number(self.radius)
            raise ArgumentError("radius", f"{radius} gives a sphere that holds {held}")
        return sphere

    def density(self, sphere: Sphere, views: Views) -> float:
        """Return the density inside this recipe's sphere, given the views of the particle.

        Raises
        ------
        ArgumentError
            Nothing matches the map.
        """
        if not isinstance(self.value, Multiple):
            return self.value
        # As in the label: further digits differ between computers.
        density = float(f"{self.value.times * views.match(sphere):.{DENSITY_DIGITS}g}")
        if not is_density(density):
            density_of = f"{self.value} gives a density of {density:.4g}"
            problem = f"{density_of}, which other programs cannot work with"
            raise ArgumentError("value", problem)
        return density

    def labels(self, density: float, source: str) -> list[str]:
        """Return the labels of the sphere's file: the recipe, and the name of its map."""
        words = f"makesphere {command_words(self)}"
        if isinstance(self.value, Multiple):
            words += f" = {density:.{DENSITY_DIGITS}g}"
        source = "".join(c if " " <= c <= "~" else "?" for c in f"map {source}")
        source = source[: LABEL_BYTES - 3] + "..." if len(source) > LABEL_BYTES else source
        # A header has room for ten; only numbers with hundreds of digits need so many.
        return [*textwrap.wrap(words, LABEL_BYTES, max_lines=MOST_LABELS), source]

    def file_name(self, source: str, copy: int = 1, longest: int = FILE_NAME_LIMIT) -> str:
        """Name the file of this recipe for a map, or its `copy`-th such file; see `naming`."""
        # Coordinates come last.
        parts = sorted(written(self), key=lambda pair: pair[0].name == "center")
        texts = [argument.part(text) for argument, text in parts]
        return file_name(tag(source), texts, copy, longest)
