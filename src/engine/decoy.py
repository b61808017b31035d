"""The one way through: maps and recipes become spheres, measured, drawn and written."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

from . import memory, mrc, report
from .map import Map
from .naming import number
from .radial import Counts
from .recipe import Multiple, Recipe
from .scratch import Scratch
from .sphere import Sphere


@dataclass(frozen=True)
class Decoy:
    """A sphere on a map's grid, measured against the map.

    Attributes
    ----------
    map : Map
    recipe : Recipe
    sphere : Sphere
    density : float
        Density inside.
    counts : radial.Counts
    """

    map: Map
    recipe: Recipe
    sphere: Sphere
    density: float
    counts: Counts

    @property
    def name(self):
        """Name of the sphere's model."""
        words = f"{self.map.name} sphere r{number(self.recipe.radius)}"
        return words if self.recipe.value == 1 else f"{words} {self.recipe.value_word}"

    @cached_property
    def strength(self):
        """Energy of the sphere's views over that of the map's; infinite for a constant map."""
        return self.map.views.strength(self.sphere, self.density)


def measure(a_map, recipe, tables=None):
    """Measure a recipe's sphere against a map.

    Parameters
    ----------
    a_map : Map
    recipe : Recipe
    tables : RadialTables, optional
        Those of the map about the recipe's centre, to be asked instead of the map.

    Returns
    -------
    Decoy

    Raises
    ------
    ValueError
        The sphere holds no voxel or all of them, or nothing matches the map.
    """
    sphere = recipe.sphere(a_map.grid)
    counts = (a_map if tables is None else tables).count(sphere)
    return Decoy(a_map, recipe, sphere, recipe.density(sphere, a_map), counts)


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
        One sentence says why a sphere cannot be, or its file cannot be named, before there is
        any work.
    """

    def __init__(self, jobs):
        files = [(recipe, to) for _, recipe, to in jobs if to is not None]
        if len(files) > 1 and any(to.file for _, to in files):
            raise ValueError("save must name a folder for more than one sphere")
        for recipe, to in files:
            to.path(recipe)  # It says if the name is too long.
        self._jobs = jobs
        self._spheres = [recipe.sphere(a_map.grid) for a_map, recipe, _ in jobs]
        self._scratches = []

    def __enter__(self):
        return self

    def __exit__(self, error, *_):
        for scratch in self._scratches:
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
        # Spheres that differ only in density hold the same of their map.
        measured = {}
        for (a_map, recipe, to), sphere in zip(self._jobs, self._spheres, strict=True):
            array = memory.zeros(a_map.grid.shape) if in_memory or to is None else None
            known = id(a_map), sphere
            # The map is measured while the sphere is drawn, and the disk takes it.
            with ThreadPoolExecutor(1) as pool:
                if known not in measured:
                    measured[known] = pool.submit(a_map.count, sphere)
                if isinstance(recipe.value, Multiple):
                    measured[known].result()
                density = recipe.density(sphere, a_map)
                if to is None:
                    sphere.draw(a_map.grid, density, array)
                else:
                    self._write(a_map, recipe, sphere, density, to, array)
                counts = measured[known].result()
            yield Decoy(a_map, recipe, sphere, density, counts), array

    def _write(self, a_map, recipe, sphere, density, to, array):
        with _writing(to.folder):
            scratch = Scratch(to.folder)
            self._scratches.append(scratch)
            words = report.labels(a_map, recipe, density)
            mrc.write(scratch.file, a_map.grid, sphere, density, words, array)
            scratch.flush()

    def publish(self):
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
        scratches = iter(self._scratches)
        paths = []
        for _, recipe, to in self._jobs:
            with _writing(to and (to.file or to.folder)):
                paths.append(to.publish(next(scratches), recipe) if to else "")
        return paths


@contextmanager
def _writing(where):
    try:
        yield
    except OSError as error:
        raise OSError(f"save cannot write {where}: {error.strerror or error}") from error
