"""A map, and what it says about spheres on its grid."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from . import memory, mrc
from .grid import Grid, Planes, Point
from .level import Above, above, open_map
from .naming import by
from .particle import Particle, ParticleFinder
from .radial import Counter, Counts, RadialTables, Tabulator
from .sphere import Sphere
from .strength import Binned, Views

# In Å: far beyond anything a microscope sees, and within what float32 can hold.
SMALLEST_VOXEL, LARGEST_VOXEL = 1e-6, 1e9
FARTHEST = 1e6  # voxels from the origin of space
FLATTEST = 1e-6  # volume of a cell with edges of 1
# Working memory for each voxel of a plane, and for each plane.
PLANE_BYTES, HEIGHT_BYTES = 100, 200


@dataclass(frozen=True)
class Map:
    """A map that spheres are made for.

    Attributes
    ----------
    name
        The model's name, or the file's.
    grid
        Where its voxels are.
    planes
        Its density: a 3D array ``[z, y, x]``, or a file's reader.
    set_level
        Contour level at which it is shown. None: unknown.
    path
        Its file; empty if it has none.
    plane_grid
        The grid of ``planes``, if their axes are not in the order x, y, z.
    warnings
        Sentences about its file.
    level_help
        How to set the contour level, as the end of a sentence.
    is_sized
        Whether its pixel size is known.

    Raises
    ------
    ValueError
        No sphere can be drawn on such a grid.
    """

    name: str
    grid: Grid
    planes: Planes | tuple[()]
    set_level: float | None
    path: str = ""
    plane_grid: Grid | None = None
    warnings: tuple[str, ...] = ()
    level_help: str = ""
    is_sized: bool = True

    def __post_init__(self) -> None:
        grid = self.grid
        if not all(SMALLEST_VOXEL < v < LARGEST_VOXEL for v in grid.voxel_size):
            raise ValueError(
                f"the map {self.name} has voxels of {by(grid.voxel_size)} Å, "
                "too small or too large to draw a sphere with"
            )
        far = FARTHEST * min(grid.voxel_size)
        if not all(abs(o) < far for o in grid.origin):
            origin = ",".join(f"{o:g}" for o in grid.origin)
            raise ValueError(
                f"the map {self.name} has its origin at {origin} Å, "
                "too far away for its voxels to be told apart"
            )
        with np.errstate(invalid="ignore", divide="ignore"):
            fullness = abs(np.linalg.det(grid.axes / grid.voxel_size))
        if not fullness > FLATTEST:
            angles = ", ".join(f"{a:g}" for a in grid.angles)
            raise ValueError(
                f"the map {self.name} has a flat cell: its angles are {angles} degrees"
            )

    @classmethod
    @contextmanager
    def open(cls, path: str, level: float | None = None) -> "Iterator[Map]":
        """Open a map's file, to be read as needed until the context ends.

        Parameters
        ----------
        path
            An MRC or CCP4 file.
        level
            Contour level. None: the one at which ChimeraX opens the map.
        """
        with mrc.MapFile(path) as file:
            nx, ny, nz = file.plane_grid.size
            memory.require(
                PLANE_BYTES * nx * ny + HEIGHT_BYTES * nz, f"a box of {nx} x {ny} x {nz} voxels"
            )
            yield cls(
                os.path.basename(path),
                file.grid,
                file,
                level,
                path,
                file.plane_grid,
                file.facts.warnings(),
                "give one with --level",
                not file.facts.unsized,
            )

    @property
    def source(self) -> str:
        """Name of the file, or of the model if there is none."""
        return os.path.basename(self.path) or self.name

    def measure(
        self,
        spheres: Sequence[Sphere] = (),
        center: Point | None = None,
        particle: bool = False,
        profile: bool = False,
    ) -> "Measured":
        """Measure the map in one pass over its planes.

        If nothing is at or above the contour level, a second pass takes half the maximum. So it is
        with masks, which ChimeraX opens at a level just above their only density.

        Parameters
        ----------
        spheres
            Spheres whose contents to count.
        center
            Point (x, y, z) in Å to tabulate the map about.
        particle
            Whether to find the particle, about the same point.
        profile
            Whether the tables include the map's mean density.
        """
        level, views, found = self.set_level, None, None
        if level is None:
            binned = Binned(self._plane_grid)
            level, found = open_map(self.planes, self._plane_grid, binned.add)
            views = None if found is None else binned.views()
        asked = spheres, center, particle, profile
        measured = self._pass(level, *asked, views, None if profile else found)
        if measured.is_above or np.isnan(level):
            return measured
        highest = self._maximum()
        if not highest > 0:
            return measured
        note = (
            f"No voxel is at or above the contour level {level:.4g}; "
            f"half the maximum, {highest / 2:.4g}, is taken."
        )
        return replace(self._pass(highest / 2, *asked, measured.views), level_note=note)

    def _pass(
        self,
        level: float,
        spheres: Sequence[Sphere],
        center: Point | None = None,
        particle: bool = False,
        profile: bool = False,
        views: Views | None = None,
        found: Sequence[Above] | None = None,
    ) -> "Measured":
        """Pass over the planes, or over what is known to be above the level in each."""
        grid = self._plane_grid
        about = center or self.grid.center
        counters = {sphere: Counter(grid, sphere) for sphere in spheres}
        tabulators = [] if center is None else [Tabulator(grid, about, profile)]
        finders = [ParticleFinder(grid, about)] if particle else []
        consumers: list[Counter | Tabulator | ParticleFinder]
        consumers = [*counters.values(), *tabulators, *finders]
        binned = Binned(grid)
        for high, plane in self._above(level, found):
            if views is None and plane is not None:
                binned.add(plane)
            for consumer in consumers:
                consumer.add(high, plane)
        counted = {sphere: counter.counts() for sphere, counter in counters.items()}
        tables = tabulators[0].tables() if tabulators else None
        # Views and particle need memory of their own: give back what is done with.
        del consumers, tabulators
        views = views or binned.views()
        del binned
        particle_found = finders[0].particle() if finders else None
        return Measured(self, level, views, counted, tables, particle_found)

    def _above(
        self, level: float, found: Sequence[Above] | None
    ) -> Iterator[tuple[Above, np.ndarray | None]]:
        """Go through what is above a level in each plane, and the planes if they are read."""
        if found is not None:
            yield from ((high, None) for high in found)
        else:
            for plane in self.planes:
                yield above(plane, level), plane

    def _maximum(self) -> float:
        finite = (plane[np.isfinite(plane)] for plane in self.planes)
        return float(max((plane.max() for plane in finite if plane.size), default=0.0))

    @property
    def _plane_grid(self) -> Grid:
        return self.plane_grid or self.grid


@dataclass(frozen=True)
class Measured:
    """What a map says about spheres.

    Attributes
    ----------
    map
        The map.
    level
        Contour level that was used; NaN if there is none.
    views
        Its views, and how strong they are.
    counted
        What each sphere holds.
    tables
        Its radial sums about a point, in which any sphere about that point can be looked up.
    particle
        The particle in it.
    level_note
        A sentence, if the level is not the map's own.
    """

    map: Map
    level: float
    views: Views
    counted: Mapping[Sphere, Counts] = field(default_factory=dict)
    tables: RadialTables | None = None
    particle: Particle | None = None
    level_note: str = ""

    @cached_property
    def is_above(self) -> bool:
        """Whether any voxel is at or above the level, as far as was measured."""
        if self.tables is not None:
            return bool(self.tables.above[-1] > 0)
        return all(counts.above > 0 for counts in self.counted.values())

    def knows(self, sphere: Sphere) -> bool:
        """Check whether a sphere's counts are available without another pass."""
        return sphere in self.counted or (
            self.tables is not None and self.tables.center == sphere.center
        )

    def counts(self, sphere: Sphere) -> Counts:
        """Count what a sphere holds of the map; see `knows`."""
        if sphere in self.counted or self.tables is None:
            return self.counted[sphere]
        return self.tables.count(sphere)

    def with_spheres(self, spheres: Sequence[Sphere]) -> "Measured":
        """Return the same with the counts of more spheres, after another pass over the map."""
        counted = self.map._pass(self.level, spheres, views=self.views).counted
        return replace(self, counted={**self.counted, **counted})

    def without_planes(self) -> "Measured":
        """Return the same without the map's density."""
        return replace(self, map=replace(self.map, planes=()))
