"""A map to make spheres for: where it is, and what it says about a sphere on its grid."""

import os
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from . import memory, mrc, radial
from .grid import Grid
from .naming import by
from .strength import Binned

# Between them is whatever a microscope can see; beyond, numbers of float32 run out. In Å.
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
    name : str
        What the user calls it: the model's name, or the file's.
    grid : Grid
    planes : sequence of 2D arrays
        Its density: a 3D array ``[z, y, x]`` or a file's reader.
    set_level : float or None
        Contour level at which it is shown; None: not known.
    path : str
        Its file; empty if it has none.
    plane_grid : Grid
        The grid of ``planes``, where its axes are in another order than x, y, z.
    warnings : tuple of str
        Sentences about its file.

    Raises
    ------
    ValueError
        No sphere can be drawn on such a grid: one sentence says why.
    """

    name: str
    grid: Grid
    planes: Sequence
    set_level: float | None
    path: str = ""
    plane_grid: Grid | None = None
    warnings: tuple[str, ...] = ()

    def __post_init__(self):
        grid = self.grid
        if not all(SMALLEST_VOXEL < v < LARGEST_VOXEL for v in grid.voxel_size):
            raise ValueError(
                f"the map {self.name} has voxels of {by(grid.voxel_size)} Å, "
                "which is no size that a sphere can be drawn with"
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
    def open(cls, path, level=None):
        """Open a map's file, to be read as needed in a context.

        Parameters
        ----------
        path : str
        level : float, optional
            Contour level.
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
            )

    @cached_property
    def level(self):
        """Contour level: the one set, or that at which ChimeraX would open the map.

        NaN where nothing is above any.
        """
        if self.set_level is not None:
            return self.set_level
        return radial.contour_level(self.planes, self._plane_grid)

    @property
    def source(self):
        """Name of the file, or of the model that has none."""
        return os.path.basename(self.path) or self.name

    @property
    def _plane_grid(self):
        return self.plane_grid or self.grid

    @cached_property
    def views(self):
        """How strong its views are: `strength.Views`."""
        binned = Binned(self._plane_grid)
        for _ in binned.watch(self.planes):
            pass
        return binned.views()

    def tables(self, center=None):
        """Tabulate the map about a point, in one pass that also measures its views.

        Parameters
        ----------
        center : (float, float, float), optional
            Position (x, y, z) in Å; by default the box centre.

        Returns
        -------
        RadialTables
        """
        center = center or self.grid.center
        return self._measured(radial.RadialTables.of, self._plane_grid, center, self.level)

    def count(self, sphere):
        """Count the map's voxels inside a sphere, in one pass that also measures its views.

        Parameters
        ----------
        sphere : Sphere

        Returns
        -------
        radial.Counts
        """
        return self._measured(radial.count, self._plane_grid, sphere, self.level)

    def _measured(self, measure, *more):
        if "views" in self.__dict__:
            return measure(self.planes, *more)
        binned = Binned(self._plane_grid)
        found = measure(binned.watch(self.planes), *more)
        self.__dict__["views"] = binned.views()
        return found

    def without_planes(self):
        """Return the map with what has been measured, but not its density."""
        return self._changed(planes=())

    def renamed(self, name):
        """Return the map, as it has been measured, by another name."""
        return self._changed(name=name)

    def _changed(self, **changes):
        changed = replace(self, **changes)
        for name in ("level", "views"):
            if name in self.__dict__:
                changed.__dict__[name] = self.__dict__[name]
        return changed
