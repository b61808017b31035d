"""The one way through: a map and a recipe become a sphere, a report and a file."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from math import isfinite

import numpy as np

from . import memory, mrc, naming, radial
from .grid import Grid
from .naming import number
from .sphere import Sphere

MATCH = "match"
FIT = "fit"
# Centres come through transforms of the scene: this is rounding, in Å.
SAME_POINT = 1e-6
TOO_DENSE = 2
# Between them is whatever a microscope can see; beyond, numbers of float32 run out. In Å.
SMALLEST_VOXEL, LARGEST_VOXEL = 1e-6, 1e9
FARTHEST = 1e6  # voxels from the origin of space
SMALLEST_RADIUS = 1e-3  # voxels: well above rounding
FLATTEST = 1e-6  # volume of a cell with edges of 1
# Other programs square densities, and add them up, in float32.
LOWEST_VALUE, HIGHEST_VALUE = 1e-15, 1e15
# Working memory for each voxel of a plane, and for each plane.
PLANE_BYTES, HEIGHT_BYTES = 100, 200
NEXT_STEP = (
    "in cryoSPARC, Import 3D Volumes: this path, type map, pixel size left empty; "
    "then connect it with the good volume in Heterogeneous Refinement"
)


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
    """

    name: str
    grid: Grid
    planes: Sequence
    set_level: float | None
    path: str = ""
    plane_grid: Grid | None = None

    def __post_init__(self):
        grid = self.grid
        if not all(SMALLEST_VOXEL < v < LARGEST_VOXEL for v in grid.voxel_size):
            raise ValueError(
                f"the map {self.name} has voxels of {_by(grid.voxel_size)} Å, "
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
            yield cls(os.path.basename(path), file.grid, file, level, path, file.plane_grid)

    @cached_property
    def level(self):
        """Contour level: the one set, or that at which ChimeraX would open the map.

        NaN where nothing is above any.
        """
        if self.set_level is not None:
            return self.set_level
        return radial.contour_level(self.planes, self.plane_grid or self.grid)

    @property
    def source(self):
        """Name of the file, or of the model that has none."""
        return os.path.basename(self.path) or self.name

    def tables(self, center=None):
        """Tabulate the map about a point (x, y, z) in Å, the box centre if none is given.

        Returns
        -------
        RadialTables
        """
        return radial.RadialTables.of(
            self.planes, self.plane_grid or self.grid, center or self.grid.center, self.level
        )


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
    value : float or "match"
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
    value: float | str = 1.0
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
        if self.value != MATCH and not _is_density(self.value):
            raise ValueError(
                f"value must be a number other than 0, or match, got {self.value:g}; "
                f"it may be {LOWEST_VALUE:g} to {HIGHEST_VALUE:g} above or below 0"
            )
        if self.center is not None and not all(map(isfinite, self.center)):
            point = ",".join(f"{c:g}" for c in self.center)
            raise ValueError(f"center must be three finite numbers, got {point}")

    def on(self, grid):
        """Return the recipe as it is for a grid: with no centre if that is the box centre."""
        if self.center is None:
            return self
        # + 0.0: no minus zero
        center = tuple(round(float(c), 6) + 0.0 for c in self.center)
        if np.allclose(center, grid.center, rtol=0, atol=SAME_POINT):
            center = None
        return Recipe(self.radius, self.edge, self.inner_radius, self.value, center)

    @property
    def words(self):
        """The command's arguments, without those that have their default."""
        words = [f"radius {number(self.radius)}"]
        if self.center is not None:
            words.append("center " + ",".join(map(number, self.center)))
        if self.edge:
            words.append(f"edge {number(self.edge)}")
        if self.inner_radius:
            words.append(f"innerRadius {number(self.inner_radius)}")
        if self.value != 1:
            words.append(f"value {self.value if self.value == MATCH else number(self.value)}")
        return " ".join(words)

    def file_name(self, source, copy=1):
        """Name the file of this recipe, `copy` times, for a map of a name."""
        return naming.file_name(
            naming.tag(source),
            self.radius,
            self.edge,
            self.inner_radius,
            self.value,
            self.center,
            copy,
        )

    def sphere(self, grid):
        """Give the sphere of density 1 on a grid.

        Returns
        -------
        Sphere

        Raises
        ------
        ValueError
            The radius is nothing beside a voxel.
        """
        smallest = SMALLEST_RADIUS * min(grid.voxel_size)
        if self.radius < smallest:
            raise ValueError(
                f"radius must be at least {smallest:g} Å, a thousandth of a voxel, "
                f"got {self.radius:g}"
            )
        return Sphere(self.radius, self.center or grid.center, self.edge, self.inner_radius)


def _is_density(value):
    return LOWEST_VALUE <= abs(value) <= HIGHEST_VALUE


def recipes(a_map, radius, center=None, **more):
    """Check what was asked of a map and give a recipe for each sphere.

    Parameters
    ----------
    a_map : Map
    radius : "fit" or sequence of float
        In Å.
    center : (float, float, float), optional
        Position (x, y, z) in Å in the map's coordinates.
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
    if radius == FIT:
        # Checked before the map is read, with a radius that passes.
        Recipe(float("1e300"), center=center, **more)
        radius = [a_map.tables(center).fit()]
    for place, r in enumerate(radius):
        if r in radius[:place]:
            raise ValueError(f"radius has {number(r)} more than once")
    return [Recipe(float(r), center=center, **more).on(a_map.grid) for r in radius]


class Decoy:
    """A sphere on a map's grid, measured against the map, ready to be drawn and written.

    Parameters
    ----------
    a_map : Map
    recipe : Recipe
    tables : RadialTables, optional
        Those of the map about the recipe's centre, to be asked instead of the map.

    Attributes
    ----------
    sphere : Sphere
    value : float
        Density inside.
    inside : radial.Inside

    Raises
    ------
    ValueError
        The sphere holds no voxel or all of them, or nothing matches the map.
    """

    def __init__(self, a_map, recipe, tables=None):
        self.map = a_map
        self.recipe = recipe
        grid = a_map.grid
        self.sphere = recipe.sphere(grid)
        if tables is None:
            self.inside = radial.inside(
                a_map.planes, a_map.plane_grid or grid, self.sphere, a_map.level
            )
        else:
            self.inside = tables.inside(self.sphere)
        if self.inside.voxels in (0, grid.voxels):
            held = "the whole box" if self.inside.voxels else "no voxel"
            raise ValueError(f"radius {recipe.radius:g} gives a sphere that holds {held}")
        self.value = recipe.value
        if recipe.value == MATCH:
            self.value = self.inside.matched
            if not self.value > 0:
                raise ValueError(
                    "value match needs a map whose mean inside the sphere is above 0, "
                    f"got {self.value:.4g}"
                )
            if not _is_density(self.value):
                raise ValueError(
                    f"value match needs a map with a mean from {LOWEST_VALUE:g} to "
                    f"{HIGHEST_VALUE:g} inside the sphere, got {self.value:.4g}"
                )

    @property
    def name(self):
        """Name of the sphere's model."""
        return f"{self.map.name} sphere r{number(self.recipe.radius)}"

    @property
    def labels(self):
        """The file's labels: the recipe, and the map it came from."""
        words = self.recipe.words
        if self.recipe.value == MATCH:
            words += f" = {self.value:.6g}"
        source = "".join(c if " " <= c <= "~" else "?" for c in self.map.source)
        return [_label("makesphere " + words), _label("map " + source)]

    @cached_property
    def warnings(self):
        """What may be wrong with the sphere: a list of sentences."""
        grid, matched = self.map.grid, self.inside.matched
        box = "{} x {} x {}".format(*grid.size)
        found = []
        if len(set(grid.size)) > 1:
            found.append(f"The box is not cubic ({box} voxels), as cryoSPARC and RELION want it.")
        if any(n % 2 for n in grid.size):
            found.append(f"The box is odd ({box} voxels); cryoSPARC and RELION want it even.")
        if not np.allclose(grid.voxel_size, grid.voxel_size[0], rtol=1e-3, atol=0):
            found.append(f"The voxels are not equally sized ({_by(grid.voxel_size)} Å).")
        clearance = grid.clearance(self.sphere.center)
        if self.sphere.reach > clearance * (1 + 1e-6):
            found.append(
                f"The sphere reaches beyond the box: it extends {self.sphere.reach:.4g} Å from "
                f"its centre, and the box ends at {max(clearance, 0):.4g} Å."
            )
        if abs(self.value) > TOO_DENSE * abs(matched):
            found.append(
                f"Junk may avoid density {self.value:.4g}, more than twice the matching "
                f"{matched:.4g}: see value match."
            )
        if np.abs(np.subtract(grid.rotation, np.eye(3))).max() > 1e-6:
            found.append("The grid is rotated, which an MRC file tells to ChimeraX only.")
        return found

    @cached_property
    def facts(self):
        """What was made: a list of (what, text), all lengths in Å and in voxels."""
        recipe, grid, inside = self.recipe, self.map.grid, self.inside
        voxel = min(grid.voxel_size)

        def length(size):
            return f"{number(size)} Å = {size / voxel:.4g} voxels"

        facts = [("Radius", length(recipe.radius))]
        if recipe.edge:
            facts.append(("Edge", f"{length(recipe.edge)}, raised cosine"))
        if recipe.inner_radius:
            facts.append(("Inner radius", length(recipe.inner_radius)))
        where = "box centre, voxel {},{},{}".format(*grid.center_voxel)
        if recipe.center:
            voxels = ",".join(f"{i:.6g}" for i in grid.index(recipe.center))
            where = ",".join(map(number, recipe.center)) + f" Å, voxel {voxels}"
        facts.append(("Centre", where))
        box = "{} x {} x {}".format(*grid.size)
        sides = [n * v for n, v in zip(grid.size, grid.voxel_size, strict=True)]
        facts.append(("Box", f"{box} voxels of {_by(grid.voxel_size)} Å = {_by(sides)} Å"))
        share = _percent(inside.voxels, grid.voxels)
        facts.append(("Fills", f"{share} of the box, {inside.voxels:,} voxels"))
        if inside.above:
            share = _percent(inside.above_inside, inside.above)
            level = f"contour level {self.map.level:.4g}"
            facts.append(("Encloses", f"{share} of the map's density above its {level}"))
        density = f"{self.value:.4g}"
        if recipe.value == MATCH:
            density += ", matched to the map"
        elif inside.matched > 0:
            density += f" ({inside.matched:.4g} would match the map)"
        facts.append(("Density", density))
        return facts

    def report(self, path="", note=""):
        """Report what was made, where it is and what to do with it: a list of (what, text).

        Parameters
        ----------
        path : str
            The sphere's file; empty if it was not saved.
        note : str
            Why the file is not in the map's folder.
        """
        if not path:
            return self.facts
        file = [("File", path)]
        if note:
            file.append(("Folder", f"the current one, as {note}"))
        return [*self.facts, *file, ("Next", NEXT_STEP)]


def _label(text):
    """Cut a text to a label, so that no cut number is taken for a whole one."""
    return text if len(text) <= mrc.LABEL_BYTES else text[: mrc.LABEL_BYTES - 3] + "..."


def as_text(rows):
    """Write a report's (what, text) as plain lines."""
    return "\n".join(f"  {what:<13} {text}" for what, text in rows)


def _by(sizes):
    """Write three sizes, or one where they are equal."""
    texts = [f"{s:.4g}" for s in sizes]
    return texts[0] if len(set(texts)) == 1 else " x ".join(texts)


def _percent(part, whole):
    if part < whole and part / whole >= 0.9995:
        return "more than 99.9 %"
    return f"{100 * part / whole:.3g} %"


class Batch:
    """Spheres that are made together: all of them or none.

    A context: where an error leaves it, nothing of them stays on disk.

    Parameters
    ----------
    jobs : sequence of (Map, Recipe, Destination or None)
        None: no file.

    Raises
    ------
    ValueError
        One sentence says why a file cannot be named, before there is any work.
    """

    def __init__(self, jobs):
        files = [(recipe, to) for _, recipe, to in jobs if to is not None]
        if len(files) > 1 and any(to.file for _, to in files):
            raise ValueError("save must name a folder for more than one sphere")
        for recipe, to in files:
            to.path(recipe)  # It says if the name is too long.
        self._jobs = jobs
        self._scratches = []

    def __enter__(self):
        return self

    def __exit__(self, error, *_):
        for scratch in self._scratches:
            if scratch is not None:
                if error:
                    scratch.withdraw()
                scratch.discard()

    def make(self, in_memory=False):
        """Measure, draw and write the spheres, one after the other.

        Parameters
        ----------
        in_memory : bool
            Whether they are wanted as arrays as well; those that get no file always are.

        Yields
        ------
        made : Decoy
        array : numpy.ndarray or None
            Densities, float32, indexed ``[z, y, x]``.

        Raises
        ------
        ValueError, OSError
            One sentence says what is wrong with a recipe or could not be written.
        """
        for a_map, recipe, to in self._jobs:
            grid = a_map.grid
            array = memory.zeros(grid.shape) if in_memory else None
            scratch = None
            if to is not None:
                with _writing(to.folder):
                    scratch = mrc.Scratch(to.folder)
            self._scratches.append(scratch)
            # The map is measured while the sphere is drawn, and the disk takes it.
            with ThreadPoolExecutor(1) as pool:
                measured = pool.submit(Decoy, a_map, recipe)
                value = measured.result().value if recipe.value == MATCH else recipe.value
                sphere = recipe.sphere(grid)
                if scratch is None:
                    array = sphere.draw(grid, value, array)
                else:
                    with _writing(to.folder):
                        scratch.fill(grid, sphere.strips(grid, value, array))
                made = measured.result()
            if scratch is not None:
                with _writing(to.folder):
                    scratch.finish(grid, made.value, made.inside, made.labels)
            yield made, array

    def place(self):
        """Give the files their names, when all are made.

        Returns
        -------
        list of str
            Absolute paths of the files, empty where there is none.

        Raises
        ------
        OSError
            One sentence says what could not be written.
        """
        paths = []
        for (_, recipe, to), scratch in zip(self._jobs, self._scratches, strict=True):
            with _writing(to and (to.file or to.folder)):
                paths.append(to.place(scratch, recipe) if to else "")
        return paths


@contextmanager
def _writing(where):
    try:
        yield
    except OSError as error:
        raise OSError(f"save cannot write {where}: {error.strerror or error}") from error
