"""A request: what was asked for, in words such as fit; it resolves to recipes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arguments import ARGUMENTS, command_words
from .amount import FIT, MATCH, Amount, Multiple, rounded_down, rounded_up, word
from .errors import ArgumentError
from .grid import Grid, Point, beside
from .naming import number
from .recipe import Asked, Recipe

# In Å: rounding of centers that pass through the scene's transforms.
SAME_POINT = 1e-6
# Nobody asks for a sphere that has to be shortened to less than this share.
LEAST_SHARE = 0.1


@dataclass(frozen=True)
class Request:
    """The spheres that were asked for, in amounts as they were typed.

    Raises
    ------
    ArgumentError
        An amount is out of range, or listed more than once.
    """

    radius: tuple[Amount, ...]  # in Å, or multiples of fit: a sphere for each
    # Densities inside, or multiples of match: a sphere for each radius and each value
    value: tuple[Amount, ...] = (1.0,)
    # Position (x, y, z) in Å in the map's coordinates. None: the box center.
    center: Point | None = None
    # How far from there the spheres are along the map's x axis, in Å or a multiple of fit
    offset: Amount = 0.0
    edge: float = 0.0  # full width in Å of a raised-cosine edge
    inner_radius: float = 0.0  # radius of the hollow, in Å

    def __post_init__(self) -> None:
        for argument in ARGUMENTS:
            argument.require(getattr(self, argument.name))
        for radius in self.radius:
            if not isinstance(radius, Multiple):
                self._require_wall(radius)

    @classmethod
    def of(cls, values: Mapping[str, Any], recommended: str) -> "Request":
        """Make a request of arguments; without any it is the recommended one.

        Parameters
        ----------
        values
            The value of each argument that was given, by name.
        recommended
            The recommended arguments as the user would type them, for the error.

        Raises
        ------
        ArgumentError
            A value is out of range, or there is no radius.
        """
        if not values:
            return RECOMMENDED
        if "radius" not in values:
            raise ArgumentError(next(iter(values)), f"needs a radius; try: {recommended}")
        return cls(**values)

    @property
    def words(self) -> str:
        """The arguments as the command has them."""
        return command_words(self)

    @property
    def measured(self) -> list[tuple[str, Multiple]]:
        """The arguments that are multiples of fit, by name."""
        amounts = [*(("radius", radius) for radius in self.radius), ("offset", self.offset)]
        return [(name, amount) for name, amount in amounts if isinstance(amount, Multiple)]

    def start(self, grid: Grid) -> Point:
        """Return the point (x, y, z) in Å about which fit is measured, as recipes have it."""
        return _simplified(self.center, grid) or grid.center

    def resolve(self, grid: Grid, fit: float = 0.0) -> list[Recipe]:
        """Return a recipe for each sphere, radius first.

        What is measured from the map is shortened to what its box holds.

        Parameters
        ----------
        grid
            The map's grid.
        fit
            Smallest radius in Å that holds the map's particle; used if anything is `measured`.

        Raises
        ------
        ArgumentError
            The box has no room for a sphere, or two spheres come to the same radius.
        """
        center, start = _simplified(self.center, grid), self.start(grid)
        # An offset in multiples of fit gives way to the radius; one in Å does not.
        typed = 0.0 if isinstance(self.offset, Multiple) else self.offset
        room = grid.clearance(beside(start, typed)) - self.edge / 2
        radii = [_shortened(amount, fit, room) for amount in self.radius]
        lengths = [length for length, _ in radii]
        for amount, (length, asked) in zip(self.radius, radii, strict=True):
            if asked and length < LEAST_SHARE * asked.length:
                problem = "has no room in the box: check center, offset and edge"
                raise ArgumentError("radius", f"{asked.word} = {number(asked.length)} Å {problem}")
            self._require_wall(length)
            first = self.radius[lengths.index(length)]
            if first != amount:
                both = f"{word(first)} and {word(amount)} both come to {number(length)} Å"
                raise ArgumentError("radius", both)
        room = grid.room_along_x(start, max(lengths) + self.edge / 2)
        offset, asked_offset = _shortened(self.offset, fit, room)
        if self.offset and not offset:
            problem = f"is not possible: a sphere of {number(max(lengths))} Å has no room to move"
            raise ArgumentError("offset", f"of {word(self.offset)} {problem} in this box")
        return [
            Recipe(length, self.edge, self.inner_radius, value, center, offset, asked, asked_offset)
            for length, asked in radii
            for value in self.value
        ]

    def _require_wall(self, radius: float) -> None:
        """Raise an error if a sphere has no place where its density is whole."""
        hollow = self.inner_radius
        if hollow >= radius:
            problem = f"must be less than the radius of {radius:g} Å, got {hollow:g}"
            raise ArgumentError("inner_radius", problem)
        of, widest = ("wall of the hollow", radius - hollow) if hollow else ("sphere", 2 * radius)
        if self.edge > widest:
            problem = f"must not be wider than the {of}, {widest:g} Å, got {self.edge:g}"
            raise ArgumentError("edge", problem)


def _shortened(amount: Amount, fit: float, room: float) -> tuple[float, Asked | None]:
    """Return a length, shortened to the room that there is if it is a multiple of fit."""
    if not isinstance(amount, Multiple):
        return float(amount), None
    asked = Asked(word(amount), rounded_up(amount.times * fit))
    return min(asked.length, rounded_down(room)), asked


def _simplified(center: Point | None, grid: Grid) -> Point | None:
    """Round a center, and return None if it is the box center."""
    if center is None:
        return None
    # + 0.0: no minus zero
    x, y, z = (round(float(c), 6) + 0.0 for c in center)
    return None if np.allclose((x, y, z), grid.center, rtol=0, atol=SAME_POINT) else (x, y, z)


# A faint and a bright sphere around the particle: what they catch is in docs/choosing-a-decoy.md.
FAINT_AND_BRIGHT = Multiple(0.5, MATCH), Multiple(2.0, MATCH)
RECOMMENDED = Request(radius=(Multiple(1.3, FIT),), value=FAINT_AND_BRIGHT)
