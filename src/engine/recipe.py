"""What was asked for, checked: the words of the command, and a recipe for each sphere."""

import re
from dataclasses import dataclass, replace
from math import isfinite

import numpy as np

from . import naming
from .naming import NUMBER, number
from .sphere import Sphere

FIT, MATCH = "fit", "match"
# A third of room around the particle.
MARGIN = 1.3
# Two small spheres beside the particle, a faint and a brighter one, or two around it: what was
# measured is in docs/choosing-a-decoy.md.
SMALL, OFFSET, PAIR = 0.2, 1, "0.25match,match"
RECOMMENDED = f"radius {SMALL}{FIT} offset {FIT} value {PAIR}"
PAIR_AROUND = "match,4match"
# Centres come through transforms of the scene: this is rounding, in Å.
SAME_POINT = 1e-6
SMALLEST_RADIUS = 1e-3  # voxels: well above rounding
# Other programs square densities, and add them up, in float32.
LOWEST_VALUE, HIGHEST_VALUE = 1e-15, 1e15

_AMOUNT = re.compile(rf"(?P<number>{NUMBER.pattern})?(?P<unit>[a-z]*)", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True)
class Multiple:
    """So many times what the map says: ``1.3fit``, ``match``, ``2match``.

    Attributes
    ----------
    times : float
    unit : "fit" or "match"
    """

    times: float
    unit: str

    def __str__(self):
        return self.unit if self.times == 1 else number(self.times) + self.unit


def read_amounts(argument, text, unit):
    """Read numbers and multiples with commas between them: ``60,75``, ``1.3fit``.

    Parameters
    ----------
    argument : str
        Name of the argument, for the error's sentence.
    text : str
    unit : "fit" or "match"
        What there may be multiples of; upper case and the first letters will do.

    Returns
    -------
    list of float or Multiple

    Raises
    ------
    ValueError
        One sentence that names the argument and what it got.
    """
    return [read_amount(argument, word.strip(), unit) for word in text.split(",")]


def read_amount(argument, word, unit):
    """Read one number or multiple, as `read_amounts` does."""
    found = _AMOUNT.fullmatch(word)
    if not word or not found or not unit.startswith(found["unit"].lower()):
        raise ValueError(
            f"{argument} must be a number, {unit} or a multiple such as 2{unit}, "
            f"got {word or 'nothing'}"
        )
    times = float(found["number"] or 1)
    if not found["unit"]:
        return times
    if not (isfinite(times) and times > 0):
        raise ValueError(f"{argument} must be a multiple above 0 of {unit}, got {word}")
    return Multiple(times, unit)


@dataclass(frozen=True)
class Recipe:
    """What the user asked for, checked.

    Attributes
    ----------
    radius : float
        In Å.
    edge : float
        Full width in Å of a raised-cosine edge. 0: hard.
    inner_radius : float
        In Å. 0: solid.
    value : float or Multiple
        Density inside.
    center : (float, float, float) or None
        Position (x, y, z) in Å in the map's coordinates. None: the box centre.

    Raises
    ------
    ValueError
        One sentence that names the argument and what it got.
    """

    radius: float
    edge: float = 0.0
    inner_radius: float = 0.0
    value: float | Multiple = 1.0
    center: tuple[float, float, float] | None = None

    def __post_init__(self):
        if not (isfinite(self.radius) and self.radius > 0):
            raise ValueError(f"radius must be a number above 0 Å, got {self.radius:g}")
        if not (isfinite(self.edge) and self.edge >= 0):
            raise ValueError(f"edge must be 0 Å or more, got {self.edge:g}")
        if not (isfinite(self.inner_radius) and self.inner_radius >= 0):
            raise ValueError(f"innerRadius must be 0 Å or more, got {self.inner_radius:g}")
        if self.inner_radius >= self.radius:
            raise ValueError(
                f"innerRadius must be less than the radius of {self.radius:g} Å, "
                f"got {self.inner_radius:g}"
            )
        if not isinstance(self.value, Multiple):
            _require_density(self.value)
        if self.center is not None and not all(map(isfinite, self.center)):
            point = ",".join(f"{c:g}" for c in self.center)
            raise ValueError(f"center must be three finite numbers, got {point}")

    def simplified(self, grid):
        """Return the recipe with no centre, if its centre is the box centre of a grid."""
        if self.center is None:
            return self
        # + 0.0: no minus zero
        center = tuple(round(float(c), 6) + 0.0 for c in self.center)
        if np.allclose(center, grid.center, rtol=0, atol=SAME_POINT):
            center = None
        return replace(self, center=center)

    @property
    def words(self):
        """The command's arguments, without those that have their default."""
        words = [f"radius {number(self.radius)}", *self.form_words]
        if self.value != 1:
            words.append(f"value {self.value_word}")
        return " ".join(words)

    @property
    def form_words(self):
        """Those of the words that are neither radius nor value: a list."""
        words = []
        if self.center is not None:
            words.append("center " + ",".join(map(number, self.center)))
        if self.edge:
            words.append(f"edge {number(self.edge)}")
        if self.inner_radius:
            words.append(f"innerRadius {number(self.inner_radius)}")
        return words

    @property
    def value_word(self):
        """The density as it is typed: ``0.05``, ``2match``."""
        return _word(self.value)

    def sphere(self, grid):
        """Give the sphere of density 1 on a grid.

        Returns
        -------
        Sphere

        Raises
        ------
        ValueError
            The radius is nothing beside a voxel, or the sphere holds no voxel or all of them.
        """
        smallest = SMALLEST_RADIUS * min(grid.voxel_size)
        if self.radius < smallest:
            raise ValueError(
                f"radius must be at least {smallest:g} Å, a thousandth of a voxel, "
                f"got {self.radius:g}"
            )
        sphere = Sphere(self.radius, self.center or grid.center, self.edge, self.inner_radius)
        some, all_of_them = sphere.covers(grid)
        if all_of_them or not some:
            held = "no voxel" if not some else "the whole box"
            raise ValueError(f"radius {self.radius:g} gives a sphere that holds {held}")
        return sphere

    def density(self, sphere, a_map):
        """Give the density inside.

        Parameters
        ----------
        sphere : Sphere
            This recipe's.
        a_map : Map
            Asked for its views only if the value is a multiple of match.

        Returns
        -------
        float

        Raises
        ------
        ValueError
            Nothing matches the map.
        """
        if not isinstance(self.value, Multiple):
            return self.value
        density = self.value.times * a_map.views.match(sphere)
        word = f"{self.value.times:g}{self.value.unit}"
        _require_density(density, f"value {word} gives a density of {density:.4g}, and it")
        return density

    def file_name(self, source, copy=1):
        """Name the file of this recipe, `copy` times, for a map of a name."""
        return naming.file_name(
            naming.tag(source),
            self.radius,
            self.edge,
            self.inner_radius,
            self.value_word,
            self.center,
            copy,
        )


def _require_density(value, subject=""):
    if not LOWEST_VALUE <= abs(value) <= HIGHEST_VALUE:
        raise ValueError(
            (subject or f"value must be a number other than 0, or match, got {value:g}; it")
            + f" may be {LOWEST_VALUE:g} to {HIGHEST_VALUE:g} above or below 0"
        )


def recipes(a_map, radii, values=(1.0,), center=None, offset=0.0, **more):
    """Check what was asked of a map and give a recipe for each sphere, radius first.

    Parameters
    ----------
    a_map : Map
    radii : sequence of float or Multiple
        In Å, or of `fit`.
    values : sequence of float or Multiple
        Densities, or of `match`.
    center : (float, float, float), optional
        Position (x, y, z) in Å in the map's coordinates.
    offset : float or Multiple
        How far from there along the map's x axis the spheres are, in Å, or of `fit`: then no
        farther than leaves the largest one inside the box.
    **more
        The other arguments of `Recipe`.

    Returns
    -------
    list of Recipe

    Raises
    ------
    ValueError
        One sentence that names the argument and what it got.
    """
    _require_once("value", values)
    of_fit = [
        name
        for name, amounts in (("radius", radii), ("offset", [offset]))
        if any(isinstance(amount, Multiple) for amount in amounts)
    ]
    if "offset" not in of_fit and not (isfinite(offset) and offset >= 0):
        raise ValueError(f"offset must be 0 Å or more, got {offset:g}")
    if of_fit:
        # Checked before the map is read, with a radius that passes.
        for value in values:
            Recipe(float("1e300"), center=center, value=value, **more)
        tables = a_map.tables(center)
        try:
            fit = tables.fit()
        except ValueError as error:
            raise ValueError(f"{of_fit[0]} {error}") from error
        radii = [fitting(r.times, fit) if isinstance(r, Multiple) else r for r in radii]
    _require_once("radius", radii)
    if offset:
        point = center or a_map.grid.center
        if isinstance(offset, Multiple):
            reach = max(radii) + more.get("edge", 0.0) / 2
            offset = fitting_offset(offset.times, fit, a_map.grid.clearance(point) - reach)
        center = beside(point, offset)
    return [
        Recipe(float(r), center=center, value=value, **more).simplified(a_map.grid)
        for r in radii
        for value in values
    ]


def fitting(times, fit):
    """Give a multiple of fit, rounded up to a whole Å."""
    # 1.1 x 50 is a little more than 55.
    return float(np.ceil(times * fit - 1e-9 * fit))


def fitting_offset(times, fit, room):
    """Give a multiple of fit, rounded up to a whole Å, but not more than the room in the box."""
    return min(fitting(times, fit), max(float(np.floor(room)), 0.0))


def beside(point, offset):
    """Give the point (x, y, z) that is so many Å from another along x."""
    x, y, z = point
    return x + offset, y, z


def _require_once(argument, amounts):
    for place, amount in enumerate(amounts):
        if amount in amounts[:place]:
            raise ValueError(f"{argument} has {_word(amount)} more than once")


def _word(amount):
    return str(amount) if isinstance(amount, Multiple) else number(amount)
