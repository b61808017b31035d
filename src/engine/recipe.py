"""A recipe: the numbers of one sphere, and how to write them."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from . import naming
from .amount import Amount, Multiple, word
from .errors import ArgumentError
from .grid import Grid, Point, beside
from .mrc import LABEL_BYTES
from .naming import keyword, number
from .sphere import Sphere
from .strength import Views

MOST_LABELS = 8
SMALLEST_RADIUS = 1e-3  # voxels: well above rounding
# Other programs sum the squares of densities in float32.
LOWEST_VALUE, HIGHEST_VALUE = 1e-15, 1e15


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
    """The numbers of one sphere.

    Attributes
    ----------
    radius
        In Å.
    edge
        Full width in Å of a raised-cosine edge. 0: hard.
    inner_radius
        In Å. 0: solid.
    value
        Density inside.
    center
        Position (x, y, z) in Å in the map's coordinates. None: the box center.
    offset
        How far from there the sphere is along x, in Å.
    asked_radius, asked_offset
        What was asked for, if they were measured from the map.
    """

    radius: float
    edge: float = 0.0
    inner_radius: float = 0.0
    value: Amount = 1.0
    center: Point | None = None
    offset: float = 0.0
    asked_radius: Asked | None = field(default=None, compare=False)
    asked_offset: Asked | None = field(default=None, compare=False)

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The arguments that make this sphere, as (name, text), without those at their default."""
        return pairs(
            [self.radius], self.center, self.offset, self.edge, self.inner_radius, [self.value]
        )

    @property
    def words(self) -> str:
        """The same as the command has them."""
        return " ".join(f"{keyword(argument)} {text}" for argument, text in self.pairs)

    def sphere(self, grid: Grid) -> Sphere:
        """Return the sphere of density 1 on a grid.

        Raises
        ------
        ArgumentError
            The radius is tiny compared with a voxel, or the sphere holds no voxel or all of them.
        """
        smallest = SMALLEST_RADIUS * min(grid.voxel_size)
        if self.radius < smallest:
            raise ArgumentError(
                "radius",
                f"must be at least {smallest:g} Å, a thousandth of a voxel, got {self.radius:g}",
            )
        center = beside(self.center or grid.center, self.offset)
        sphere = Sphere(self.radius, center, self.edge, self.inner_radius)
        some, all_of_them = sphere.covers(grid)
        if not some and -grid.clearance(sphere.center) > sphere.radius:
            if self.offset:
                raise ArgumentError(
                    "offset", f"of {number(self.offset)} Å puts the sphere outside the box"
                )
            raise ArgumentError("center", "is too far outside the box for this radius")
        if all_of_them or not some:
            held = "the whole box" if all_of_them else "no voxel"
            raise ArgumentError("radius", f"{self._radius_word} gives a sphere that holds {held}")
        return sphere

    @property
    def _radius_word(self) -> str:
        return self.asked_radius.note(self.radius) if self.asked_radius else number(self.radius)

    def density(self, sphere: Sphere, views: Views | None) -> float:
        """Return the density inside.

        Parameters
        ----------
        sphere
            This recipe's sphere.
        views
            The map's views, needed if the value is a multiple of match.

        Raises
        ------
        ArgumentError
            Nothing matches the map.
        """
        if not isinstance(self.value, Multiple):
            return self.value
        assert views is not None
        density = self.value.times * views.match(sphere)
        require_density(density, f"{self.value} gives a density of {density:.4g}; a density")
        return density

    def labels(self, density: float, source: str) -> list[str]:
        """Return the labels of the sphere's file: the recipe, and the name of its map."""
        words = f"makesphere {self.words}"
        if isinstance(self.value, Multiple):
            words += f" = {density:.6g}"
        source = "".join(c if " " <= c <= "~" else "?" for c in f"map {source}")
        if len(source) > LABEL_BYTES:
            source = source[: LABEL_BYTES - 3] + "..."
        # A header has room for ten; only numbers with hundreds of digits need so many.
        return [*textwrap.wrap(words, LABEL_BYTES, max_lines=MOST_LABELS), source]

    def file_name(self, source: str, copy: int = 1) -> str:
        """Name the file of this recipe for a map, or its `copy`-th such file."""
        return naming.file_name(naming.tag(source), dict(self.pairs), copy)


def pairs(
    radii: Sequence[Amount],
    center: Point | None,
    offset: Amount,
    edge: float,
    inner_radius: float,
    values: Sequence[Amount],
) -> list[tuple[str, str]]:
    """Write arguments as (name, text), without those at their default."""
    written = [("radius", ",".join(map(word, radii)))]
    if center is not None:
        written.append(("center", ",".join(map(number, center))))
    if offset:
        written.append(("offset", word(offset)))
    if edge:
        written.append(("edge", number(edge)))
    if inner_radius:
        written.append(("inner_radius", number(inner_radius)))
    if tuple(values) != (1,):
        written.append(("value", ",".join(map(word, values))))
    return written


def require_density(value: float, subject: str = "") -> None:
    """Raise an error if a density is 0 or beyond what other programs can work with."""
    if not LOWEST_VALUE <= abs(value) <= HIGHEST_VALUE:
        raise ArgumentError(
            "value",
            (subject or f"must be a number other than 0, or match, got {value:g}; it")
            + f" may be {LOWEST_VALUE:g} to {HIGHEST_VALUE:g} above or below 0",
        )
