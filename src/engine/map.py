"""A map, and what it says about spheres on its grid."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from . import mrc
from .amount import rounded_up
from .grid import Floats, Grid, Planes, Point
from .level import Above, Range, opening_level
from .particle import Particle, particle_of
from .radial import Enclosed, profile
from .sphere import Sphere
from .strength import Binned, Views

# In Å: far beyond anything a microscope sees, and within what float32 can hold.
SMALLEST_VOXEL, LARGEST_VOXEL = 1e-6, 1e9
FARTHEST_ORIGIN = 1e6  # voxels from the origin of space
# Volume of a cell with edges of 1: no crystal is flatter, but angles in radians are.
FLATTEST = 0.2
REMEMBERED = 4  # points


@dataclass(frozen=True)
class Map:
    """A map that spheres are made for.

    Raises
    ------
    ValueError
        No sphere can be drawn on such a grid.
    """

    name: str  # the model's name, or the file's
    grid: Grid  # where its voxels are
    planes: Planes | tuple[()]  # its density: a 3D array ``[z, y, x]``, or a file's reader
    set_level: float | None  # contour level at which it is shown. None: unknown.
    path: str = ""  # its file; empty if it has none
    warnings: tuple[str, ...] = ()  # sentences about its file
    is_sized: bool = True  # whether its pixel size is known
    spec: str = "#1"  # what ChimeraX's commands call it

    def __post_init__(self) -> None:
        grid = self.grid
        far = FARTHEST_ORIGIN * min(grid.voxel_size)
        with np.errstate(invalid="ignore", divide="ignore"):
            fullness = abs(np.linalg.det(grid.axes / grid.voxel_size))
        has_size = all(SMALLEST_VOXEL < v < LARGEST_VOXEL for v in grid.voxel_size)
        if not (has_size and all(abs(o) < far for o in grid.origin) and fullness > FLATTEST):
            threes = grid.voxel_size, grid.origin, grid.angles
            numbers = [", ".join(f"{n:.4g}" for n in three) for three in threes]
            found = "voxels of {} Å, its origin at {} Å and angles of {} degrees".format(*numbers)
            raise ValueError(f"no sphere can be drawn on the map {self.name}: it has {found}")

    @classmethod
    @contextmanager
    def open(cls, path: str, level: float | None = None, remedy: str = "") -> "Iterator[Map]":
        """Open a map's file, to be read as needed until the context ends.

        Parameters
        ----------
        path
            An MRC or CCP4 file.
        level
            Contour level. None: the one at which ChimeraX opens the map.
        remedy
            How to set a pixel size, for a warning.
        """
        with mrc.MapFile(path) as file:
            facts, name = file.facts, os.path.basename(path)
            about_file = facts.warnings(remedy), not facts.unsized
            yield cls(name, file.grid, file, level, path, *about_file)

    @property
    def source(self) -> str:
        """Name of the file, or of the model if there is none."""
        return os.path.basename(self.path) or self.name

    def measure(self) -> "Measured":
        """Measure the map in one pass over its planes.

        If nothing is at or above the contour level, a second pass takes half the maximum. So it is
        with masks, which ChimeraX opens at a level just above their only density.
        """
        grid, level = self.grid, self.set_level
        if level is None:
            level = opening_level(self.planes, grid)
        binned, aboves, ranges = Binned(grid), [], []
        for plane in self.planes:
            binned.add(plane)
            aboves.append(Above.of(plane, level))
            ranges.append(Range.of(plane))
        area, found, note = grid.size[0] * grid.size[1], Range.joined(ranges), ""
        above = Above.joined(aboves, area)
        if not (above.where.size or np.isnan(level) or found.is_constant) and found.highest > 0:
            half = found.highest / 2
            instead = f"half the maximum, {half:.4g}, is taken."
            note = f"No voxel is at or above the contour level {level:.4g}; {instead}"
            level, above = half, Above.joined([Above.of(p, half) for p in self.planes], area)
        particle = particle_of(above, grid.shape)
        return Measured(self, level, note, found, above, particle, binned)


@dataclass(frozen=True)
class Measured:
    """What a map says about spheres."""

    map: Map  # the map
    level: float  # contour level that was used; NaN if there is none
    level_note: str  # a sentence, if the level is not the map's own
    range: Range  # its lowest and highest density
    above: Above  # what is above the level
    particle: Particle  # which of that is the particle
    binned: Binned  # all of it, in bins
    _about: dict[Point, "About"] = field(default_factory=dict, compare=False, repr=False)

    def about(self, center: Point) -> "About":
        """Look at the map from a point (x, y, z) in Å; the last few are remembered."""
        if center not in self._about:
            for other in list(self._about)[: 1 - REMEMBERED]:
                del self._about[other]
            self._about[center] = About(self, center)
        return self._about[center]

    def without_planes(self) -> "Measured":
        """Return the same without the map's density."""
        return replace(self, map=replace(self.map, planes=()))


@dataclass
class About:
    """What a map says about spheres around a point; worked out when it is asked for."""

    measured: Measured
    center: Point  # (x, y, z), in Å

    @cached_property
    def enclosed(self) -> Enclosed:
        """The density above the contour level by its distance from the point."""
        measured = self.measured
        return Enclosed.about(self.center, measured.map.grid, measured.above, measured.particle)

    @property
    def fit(self) -> float:
        """Smallest radius that holds the particle, in whole Å from 10 Å on; 0 if there is none."""
        return rounded_up(self.enclosed.radius)

    @cached_property
    def views(self) -> Views:
        """The views of the particle, against which spheres are measured."""
        if self.measured.range.is_constant:
            return Views(0.0, self.measured.binned.cut, self.measured.map.grid)
        return self.measured.binned.views(self.center, self.fit)

    def profile(self, width: float) -> tuple[Floats, Floats, Floats]:
        """Average the map in shells around the point.

        Parameters
        ----------
        width
            Least thickness of a shell in Å.

        Returns
        -------
        radius, mean, share : numpy.ndarray
            Outer radius of each shell in Å; the map's mean in the shell, NaN where there is none;
            share of the density above the contour level within the radius.
        """
        radius, mean = profile(self.measured.binned, self.center, width)
        share = [self.enclosed.share(Sphere(r, self.center)) for r in radius]
        return radius, mean, np.array(share)
