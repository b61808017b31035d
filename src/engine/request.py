"""A request: what was asked for, in words such as fit; it resolves to recipes."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor

import numpy as np

from .amount import FIT, MATCH, Amount, Multiple, word
from .errors import ArgumentError
from .grid import Grid, Point, beside
from .naming import keyword, number
from .recipe import Asked, Recipe, pairs, require_density

# In Å: rounding of centers that pass through the scene's transforms.
SAME_POINT = 1e-6
# In Å. No map is there, and beyond it squares and sums run out of numbers.
FARTHEST = 1e100
# Nobody asks for a sphere that has to be shortened to less than this share.
LEAST_SHARE = 0.1


@dataclass(frozen=True)
class Request:
    """The spheres that were asked for, in amounts as they were typed.

    Attributes
    ----------
    radii
        In Å, or multiples of fit: a sphere for each.
    values
        Densities inside, or multiples of match: a sphere for each radius and each value.
    center
        Position (x, y, z) in Å in the map's coordinates. None: the box center.
    offset
        How far from there the spheres are along the map's x axis, in Å or a multiple of fit.
    edge
        Full width in Å of a raised-cosine edge.
    inner_radius
        Radius of the hollow, in Å.

    Raises
    ------
    ArgumentError
        An amount is out of range, or listed more than once.
    """

    radii: tuple[Amount, ...]
    values: tuple[Amount, ...] = (1.0,)
    center: Point | None = None
    offset: Amount = 0.0
    edge: float = 0.0
    inner_radius: float = 0.0

    def __post_init__(self) -> None:
        for radius in _numbers(self.radii):
            if not 0 < radius < FARTHEST:
                raise ArgumentError("radius", f"must be a number above 0 Å, got {radius:g}")
            self._require_wall(radius)
        amounts = {"edge": self.edge, "inner_radius": self.inner_radius, "offset": self.offset}
        for argument, amount in amounts.items():
            for length in _numbers([amount]):
                if not 0 <= length < FARTHEST:
                    raise ArgumentError(argument, f"must be 0 Å or more, got {length:g}")
        for value in _numbers(self.values):
            require_density(value)
        if self.center is not None and not all(abs(c) < FARTHEST for c in self.center):
            point = ",".join(f"{c:g}" for c in self.center)
            raise ArgumentError("center", f"must be three numbers below {FARTHEST:g}, got {point}")
        _require_once("radius", self.radii)
        _require_once("value", self.values)

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The arguments as (name, text), without those at their default."""
        return pairs(
            self.radii, self.center, self.offset, self.edge, self.inner_radius, self.values
        )

    @property
    def words(self) -> str:
        """The arguments as the command has them."""
        return " ".join(f"{keyword(argument)} {text}" for argument, text in self.pairs)

    @property
    def needs_fit(self) -> bool:
        """Whether a radius or the offset is measured from the map."""
        return any(isinstance(amount, Multiple) for amount in (*self.radii, self.offset))

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
            Smallest radius in Å that holds the map's particle; used if `needs_fit`.

        Raises
        ------
        ArgumentError
            The box has no room for a sphere, or two spheres come to the same radius.
        """
        center, start = _simplified(self.center, grid), self.start(grid)
        radii = [self._radius(amount, grid, start, fit) for amount in self.radii]
        lengths = [radius for radius, _ in radii]
        self._require_different(lengths)
        offset, asked_offset = self._offset(grid, start, max(lengths), fit)
        for radius in lengths:
            self._require_wall(radius)
        return [
            Recipe(
                *(radius, self.edge, self.inner_radius, value, center, offset),
                *(asked_radius, asked_offset),
            )
            for radius, asked_radius in radii
            for value in self.values
        ]

    def _radius(
        self, amount: Amount, grid: Grid, start: Point, fit: float
    ) -> tuple[float, Asked | None]:
        if not isinstance(amount, Multiple):
            return float(amount), None
        asked = Asked(word(amount), fitting(amount.times, fit))
        # An offset in multiples of fit gives way to the radius; one in Å does not.
        offset = 0.0 if isinstance(self.offset, Multiple) else self.offset
        clearance = grid.clearance(beside(start, offset))
        room = clearance - self.edge / 2
        least = LEAST_SHARE * asked.length
        if room < least:
            no_room = f"leaves no room in the box for {asked.word} = {number(asked.length)} Å"
            if clearance > 0 and self.edge / 2 > room:
                raise ArgumentError("edge", f"of {number(self.edge)} Å {no_room}")
            if offset and grid.clearance(start) >= least:
                raise ArgumentError("offset", f"of {number(offset)} Å {no_room}")
            if self.center is not None:
                raise ArgumentError("center", no_room)
            raise ArgumentError("radius", f"{asked.word} is too large for this box")
        return min(asked.length, _rounded_down(room)), asked

    def _offset(
        self, grid: Grid, start: Point, radius: float, fit: float
    ) -> tuple[float, Asked | None]:
        if not isinstance(self.offset, Multiple):
            return float(self.offset), None
        asked = Asked(word(self.offset), fitting(self.offset.times, fit))
        room = grid.room_along_x(start, radius + self.edge / 2)
        offset = min(asked.length, _rounded_down(max(room, 0.0)))
        if not offset:
            raise ArgumentError(
                "offset",
                f"{asked.word} comes to 0 Å: a sphere of {number(radius)} Å has no room beside "
                "the center",
            )
        return offset, asked

    def _require_different(self, radii: Sequence[float]) -> None:
        for i, radius in enumerate(radii):
            if radius in radii[:i]:
                first, second = self.radii[radii.index(radius)], self.radii[i]
                raise ArgumentError(
                    "radius", f"{word(first)} and {word(second)} both come to {number(radius)} Å"
                )

    def _require_wall(self, radius: float) -> None:
        if self.inner_radius >= radius:
            raise ArgumentError(
                "inner_radius",
                f"must be less than the radius of {radius:g} Å, got {self.inner_radius:g}",
            )


def fitting(times: float, fit: float) -> float:
    """Multiply fit, and round up to a whole Å unless fit is below 1 Å, with tiny voxels."""
    length = times * fit
    # 1.1 x 50 is a little more than 55.
    return float(np.ceil(length - 1e-9 * fit)) if fit >= 1 else length


def _rounded_down(room: float) -> float:
    """Round down to a whole Å, or to three digits if there is less room than that."""
    if room >= 1 or not room:
        return float(floor(room))
    digits = 2 - floor(np.log10(room))
    return floor(room * 10**digits) / 10**digits


def _simplified(center: Point | None, grid: Grid) -> Point | None:
    """Round a center, and return None if it is the box center."""
    if center is None:
        return None
    # + 0.0: no minus zero
    x, y, z = (round(float(c), 6) + 0.0 for c in center)
    return None if np.allclose((x, y, z), grid.center, rtol=0, atol=SAME_POINT) else (x, y, z)


def _numbers(amounts: Sequence[Amount]) -> list[float]:
    return [amount for amount in amounts if not isinstance(amount, Multiple)]


def _require_once(argument: str, amounts: Sequence[Amount]) -> None:
    for i, amount in enumerate(amounts):
        if amount in amounts[:i]:
            raise ArgumentError(argument, f"has {word(amount)} more than once")


# A faint and a bright sphere around the particle: what they catch is in docs/choosing-a-decoy.md.
RECOMMENDED = Request(
    radii=(Multiple(1.3, FIT),), values=(Multiple(0.5, MATCH), Multiple(2.0, MATCH))
)
