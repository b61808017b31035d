"""The main path: maps and requests become spheres, which are measured, drawn and written."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from threading import Thread
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import mrc
from .amount import Multiple, word
from .destination import Destination
from .errors import ArgumentError
from .map import Map, Measured
from .naming import number
from .radial import Counts
from .recipe import Recipe
from .request import Request
from .scratch import Scratch
from .sphere import Sphere


@dataclass(frozen=True)
class Decoy:
    """A sphere on a map's grid, measured against the map.

    Attributes
    ----------
    measured
        What is known of the map.
    recipe
        The sphere's numbers.
    sphere
        The sphere in the map's box.
    density
        Density inside.
    """

    measured: Measured
    recipe: Recipe
    sphere: Sphere
    density: float

    @property
    def map(self) -> Map:
        """The map that it is made for."""
        return self.measured.map

    @property
    def name(self) -> str:
        """Name of the sphere's model."""
        words = f"{self.map.name} sphere r{number(self.recipe.radius)}"
        return words if self.recipe.value == 1 else f"{words} {word(self.recipe.value)}"

    @cached_property
    def counts(self) -> Counts:
        """How much of the map is inside the sphere."""
        return self.measured.counts(self.sphere)

    @cached_property
    def strength(self) -> float:
        """Energy of the sphere's views divided by the map's; infinite for a constant map."""
        return self.measured.views.strength(self.sphere, self.density)


def measure(measured: Measured, recipe: Recipe, sphere: Sphere) -> Decoy:
    """Measure a recipe's sphere in a map's box against the map.

    Raises
    ------
    ArgumentError
        Nothing matches the map.
    """
    return Decoy(measured, recipe, sphere, recipe.density(sphere, measured.views))


class Job(NamedTuple):
    """A sphere to be made.

    Attributes
    ----------
    map
        The map that it is made for.
    recipe
        The sphere's numbers.
    destination
        Where its file goes. None: no file.
    measured
        What is already known of the map.
    """

    map: Map
    recipe: Recipe
    destination: Destination | None = None
    measured: Measured | None = None


def jobs_of(source_map: Map, request: Request, destination: Destination | None) -> list[Job]:
    """Resolve a request, after measuring the map if it needs that.

    Raises
    ------
    ArgumentError
        The request does not suit the map.
    """
    measured, fit = None, 0.0
    if request.needs_fit:
        measured = source_map.measure((), request.start(source_map.grid), particle=True)
        fit = fit_of(measured, request)
    return [
        Job(source_map, recipe, destination, measured)
        for recipe in request.resolve(source_map.grid, fit)
    ]


def fit_of(measured: Measured, request: Request) -> float:
    """Return the smallest radius in Å that holds the particle.

    Raises
    ------
    ArgumentError
        There is none; the first argument that asks for it is named.
    """
    if measured.particle is not None and measured.particle.fit > 0:
        return measured.particle.fit
    amounts = [*(("radius", radius) for radius in request.radii), ("offset", request.offset)]
    argument, amount = next(pair for pair in amounts if isinstance(pair[1], Multiple))
    remedy = measured.map.level_help and f"; {measured.map.level_help}"
    problem = f"finds no density at or above the contour level {measured.level:.4g}{remedy}"
    if np.isnan(measured.level):
        problem = f"needs a contour level, and the map's is not a number{remedy}"
        if measured.map.set_level is None:
            problem = "finds no number in the map: all of it is NaN or infinite"
    raise ArgumentError(argument, f"{word(amount)} {problem}")


class Made(NamedTuple):
    """A decoy that has been made, and its densities ``[z, y, x]`` if they were asked for."""

    decoy: Decoy
    array: NDArray[np.float32] | None


class Batch:
    """Spheres that are made together: all of them or none.

    It is a context manager: an error that leaves it leaves nothing on disk.

    Parameters
    ----------
    jobs
        The spheres; those of one map must be next to each other.

    Raises
    ------
    ValueError
        A sphere cannot be made, or its file cannot be named; raised before any work.
    """

    def __init__(self, jobs: Sequence[Job]) -> None:
        saved = [(job.recipe, job.destination) for job in jobs if job.destination is not None]
        if len(saved) > 1 and any(destination.file for _, destination in saved):
            raise ArgumentError("save", "must name a folder for more than one sphere")
        for recipe, destination in saved:
            destination.path(recipe)  # Raises if the name is too long.
        self._jobs = jobs
        self._spheres = [job.recipe.sphere(job.map.grid) for job in jobs]
        self._scratches: list[Scratch] = []

    def __enter__(self) -> "Batch":
        return self

    def __exit__(self, error: type | None, *_: object) -> None:
        for scratch in self._scratches:
            if error:
                scratch.withdraw()
            scratch.discard()

    def make(self, in_memory: bool = False) -> Iterator[Made]:
        """Measure, draw and write the spheres, one after the other.

        Parameters
        ----------
        in_memory
            Whether to return them as arrays as well.

        Raises
        ------
        ValueError, OSError
            A density has no match, or a file could not be written.
        """
        pairs = zip(self._jobs, self._spheres, strict=True)
        for _, of_map in groupby(pairs, lambda pair: id(pair[0].map)):
            group = list(of_map)
            # The map is measured while a sphere is drawn and written.
            with _Measuring(group[0][0], [sphere for _, sphere in group]) as measuring:
                for job, sphere in group:
                    yield self._make(job, sphere, measuring, in_memory)

    def _make(self, job: Job, sphere: Sphere, measuring: "_Measuring", in_memory: bool) -> Made:
        views = measuring.result().views if isinstance(job.recipe.value, Multiple) else None
        density = job.recipe.density(sphere, views)
        grid = job.map.grid
        array = np.zeros(grid.shape, np.float32) if in_memory else None
        if job.destination is not None:
            labels = job.recipe.labels(density, job.map.source)
            with _writing(job.destination.folder):
                scratch = Scratch(job.destination.folder)
                self._scratches.append(scratch)
                mrc.write(scratch.file, grid, sphere, density, labels, array)
                scratch.flush()
        elif array is not None:
            sphere.draw(grid, density, array)
        return Made(measure(measuring.result(), job.recipe, sphere), array)

    def publish(self) -> list[str]:
        """Give the files their names, once all are made.

        Returns
        -------
        list of str
            Absolute path of each sphere's file; empty if it has none.

        Raises
        ------
        OSError
            A file could not be written.
        """
        scratches = iter(self._scratches)
        paths = []
        for job in self._jobs:
            if job.destination is None:
                paths.append("")
                continue
            with _writing(job.destination.file or job.destination.folder):
                paths.append(job.destination.publish(next(scratches), job.recipe))
        return paths


class _Measuring(Thread):
    """Measures a job's map for all of its spheres, as far as that has not been done.

    Importing ``concurrent.futures`` instead would cost the shell command milliseconds.
    """

    def __init__(self, job: Job, spheres: Sequence[Sphere]) -> None:
        super().__init__()
        self._map, self._measured = job.map, job.measured
        known = job.measured
        self._new = list(dict.fromkeys(s for s in spheres if not (known and known.knows(s))))
        self._error: BaseException | None = None

    def __enter__(self) -> "_Measuring":
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.join()

    def run(self) -> None:
        """Measure; Thread calls this."""
        try:
            if self._measured is None:
                self._measured = self._map.measure(self._new)
            elif self._new:
                self._measured = self._measured.with_spheres(self._new)
        except BaseException as error:
            self._error = error

    def result(self) -> Measured:
        """Wait for the end, and return what was measured or raise its error."""
        self.join()
        if self._error is not None:
            raise self._error
        assert self._measured is not None
        return self._measured


@contextmanager
def _writing(where: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OSError(f"cannot write {where}: {error.strerror or error}") from error
