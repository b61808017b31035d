"""The main path: maps and requests become spheres, which are measured, drawn and written."""

from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import mrc
from .amount import word
from .destination import Destination
from .errors import ArgumentError, LevelError
from .map import About, Map, Measured
from .naming import number
from .recipe import Recipe
from .request import Request
from .scratch import Scratch
from .sphere import Sphere, copied


@dataclass
class Decoy:
    """A sphere on a map's grid, measured against the map."""

    measured: Measured  # what is known of the map
    about: About  # the same as seen from the point about which the particle is measured
    recipe: Recipe  # the sphere's numbers
    sphere: Sphere  # the sphere in the map's box
    density: float  # density inside
    path: str = ""  # absolute path of its file, once it has been written

    @property
    def map(self) -> Map:
        """The map that it is made for."""
        return self.measured.map

    @property
    def name(self) -> str:
        """Name of the sphere's model."""
        recipe = self.recipe
        words = [self.map.name, "sphere", f"r{number(recipe.radius)}"]
        if recipe.offset:
            words.append(f"o{number(recipe.offset)}")
        if recipe.center is not None:
            words.append("c" + ",".join(map(number, recipe.center)))
        if recipe.value != 1:
            words.append(word(recipe.value))
        return " ".join(words)

    @property
    def labels(self) -> list[str]:
        """The labels of its file."""
        return self.recipe.labels(self.density, self.map.source)

    @cached_property
    def voxels(self) -> int:
        """Number of voxels that it holds."""
        return self.sphere.voxels(self.map.grid)

    @cached_property
    def share(self) -> float:
        """Share of the map's density above its contour level that is inside."""
        return self.measured.about(self.sphere.center).enclosed.share(self.sphere)

    @cached_property
    def strength(self) -> float:
        """Energy of its views divided by the particle's; infinite for a constant map."""
        return self.about.views.strength(self.sphere, self.density)


def decoys_of(measured: Measured, request: Request) -> list[Decoy]:
    """Resolve a request for a map.

    Raises
    ------
    ArgumentError
        The request does not suit the map.
    """
    grid = measured.map.grid
    about = measured.about(request.start(grid))
    if request.measured:
        _require_particle(about, measured, request)
    decoys = []
    for recipe in request.resolve(grid, about.fit):
        sphere = recipe.sphere(grid)
        density = recipe.density(sphere, about.views)
        decoys.append(Decoy(measured, about, recipe, sphere, density))
    return decoys


def _require_particle(about: About, measured: Measured, request: Request) -> None:
    """Raise an error if there is nothing to measure, which names the argument that asks for it."""
    argument, amount = request.measured[0]
    cannot, lowest = f"{word(amount)} cannot be measured", measured.range.lowest
    if np.isnan(lowest):
        raise ArgumentError(argument, f"{cannot}: no voxel of the map is a finite number")
    if measured.range.is_constant:
        # + 0.0: no minus zero
        constant = f"the map is constant, all its voxels are {lowest + 0.0:.4g}"
        raise ArgumentError(argument, f"{cannot}: {constant}")
    if np.isnan(measured.level):
        raise LevelError(argument, f"{cannot}: the contour level is not a number")
    if not about.fit:
        below = f"no voxel reaches the contour level {measured.level:.4g}"
        raise LevelError(argument, f"{cannot}: {below}")


class Plan(NamedTuple):
    """A map's spheres, and where their files go; None: no files."""

    decoys: list[Decoy]
    destination: Destination | None

    @property
    def map(self) -> Map:
        """The map."""
        return self.decoys[0].map


class Batch:
    """Spheres that are made together: all of them or none.

    It is a context manager: an error that leaves it leaves nothing on disk, or says what stayed.

    Parameters
    ----------
    plans
        The spheres of each map.

    Raises
    ------
    ValueError
        A file cannot be named; raised before any work.
    """

    def __init__(self, plans: Sequence[Plan]) -> None:
        count = sum(len(plan.decoys) for plan in plans)
        for decoys, destination in plans:
            if destination is None:
                continue
            if count > 1 and destination.file:
                raise ArgumentError("save", "must name a folder for more than one sphere")
            for decoy in decoys:
                destination.path(decoy.recipe)  # Raises if the name is too long.
        self._plans = plans
        self._scratches: list[Scratch] = []

    def __enter__(self) -> "Batch":
        return self

    def __exit__(self, error: type | None, problem: BaseException | None, *_: object) -> None:
        stayed = [scratch.withdraw() for scratch in self._scratches if error]
        for scratch in self._scratches:
            scratch.discard()
        if any(stayed):
            why, kept = str(problem) or "not all was made", " and ".join(filter(None, stayed))
            raise OSError(f"{why}; {kept} could not be removed") from problem

    def make(
        self, in_memory: bool = False
    ) -> Iterator[tuple[Plan, Decoy, NDArray[np.float32] | None]]:
        """Draw and write the spheres, one after the other.

        Parameters
        ----------
        in_memory
            Whether to return their densities ``[z, y, x]`` as well.

        Raises
        ------
        OSError
            A file could not be written.
        """
        for plan in self._plans:
            destination = plan.destination
            for decoy in plan.decoys:
                grid = decoy.map.grid
                strips = decoy.sphere.strips(grid, decoy.density)
                array = np.zeros(grid.shape, np.float32) if in_memory else None
                if array is not None:
                    strips = copied(strips, array)
                if destination is None:
                    # Nothing but the array is wanted.
                    deque(strips, 0)
                else:
                    with _writing(destination.folder):
                        scratch = Scratch(destination.folder)
                        self._scratches.append(scratch)
                        mrc.write(scratch.file, grid, strips, decoy.labels)
                        scratch.flush()
                yield plan, decoy, array

    def publish(self) -> None:
        """Return the files their names, once all are made, and tell the spheres their paths.

        Raises
        ------
        OSError
            A file could not be written.
        """
        scratches = iter(self._scratches)
        for decoys, destination in self._plans:
            if destination is not None:
                with _writing(destination.file or destination.folder):
                    for decoy in decoys:
                        decoy.path = destination.publish(next(scratches), decoy.recipe)


@contextmanager
def _writing(where: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OSError(f"cannot write {where}: {error.strerror or error}") from error
