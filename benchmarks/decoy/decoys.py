"""The one place where a map and makesphere's words become spheres: by the package itself."""

from dataclasses import dataclass

import torch
from chimerax.makesphere.arguments import BY_NAME
from chimerax.makesphere.engine.decoy import decoys_of
from chimerax.makesphere.engine.grid import Grid
from chimerax.makesphere.engine.map import Map
from chimerax.makesphere.engine.request import Request
from fourier import Lattice
from plan import SOFT
from torch import Tensor


@dataclass(frozen=True)
class Decoy:
    """A sphere.

    Attributes
    ----------
    radius, offset, density : float
        Å, Å along x, and the density inside.
    strength : float
        Energy of its views in images over that of the particle's.
    volume : Tensor
    """

    radius: float
    offset: float
    density: float
    strength: float
    volume: Tensor


def make(volume: Tensor, lattice: Lattice, words: str) -> list[Decoy]:
    """Make the spheres that words ask for, such as "radius 1.3fit value 0.5match,2match".

    Parameters
    ----------
    volume : Tensor
        The map that `fit` and `match` are taken from, at the level at which ChimeraX opens it.
    lattice : Lattice
    words : str
        As they are typed in ChimeraX after the map.
    """
    asked = words.split()
    values = {
        name: BY_NAME[name].value(text) for name, text in zip(asked[::2], asked[1::2], strict=True)
    }
    grid = Grid((lattice.box,) * 3, (lattice.voxel,) * 3)
    measured = Map("map", grid, volume.cpu().numpy(), None).measure()
    return [
        Decoy(
            decoy.recipe.radius,
            decoy.recipe.offset,
            decoy.density,
            decoy.strength,
            torch.from_numpy(decoy.sphere.draw(grid, decoy.density)).to(volume.device),
        )
        for decoy in decoys_of(measured, Request.of(values, ""))
    ]


def masked(volume: Tensor, lattice: Lattice) -> Tensor:
    """Return a map without what is around its particle."""
    (mask,) = make(volume, lattice, SOFT)
    return volume * mask.volume
