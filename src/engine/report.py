"""What is reported about spheres: facts, warnings, and the next step."""

from collections.abc import Sequence
from itertools import groupby
from math import isfinite
from typing import NamedTuple

import numpy as np

from .amount import Multiple
from .decoy import Decoy
from .naming import by, number
from .particle import Particle

# An image goes to the input that it disagrees with least. Pure noise goes to the fainter of two.
STRONGEST = 1.0
# The views of a fainter sphere are like those of an empty volume.
FAINTEST = 0.01
# More dust than this, as a share of the density above the contour level, gets a warning.
MUCH_DUST = 0.05


class Row(NamedTuple):
    """A line of a report: its subject in a word, and the text."""

    label: str
    text: str


class Result(NamedTuple):
    """A decoy that was made, the path of its file, and why it is not in the map's folder."""

    decoy: Decoy
    path: str = ""
    note: str = ""


class Block(NamedTuple):
    """What is reported about one sphere.

    Attributes
    ----------
    decoy
        The sphere.
    rows
        Facts that differ from those of the map's sphere before.
    warnings
        Sentences that none of the map's spheres before has.
    too_strong
        A sentence, in the last block of a map whose spheres are all too strong; otherwise empty.
    """

    decoy: Decoy
    rows: list[Row]
    warnings: list[str]
    too_strong: str = ""


def blocks(results: Sequence[Result]) -> list[Block]:
    """Report spheres that were made together; those of one map must be next to each other."""
    reported = []
    for _, of_map in groupby(results, lambda result: id(result.decoy.map)):
        reported += _blocks_of_map(list(of_map))
    return reported


def _blocks_of_map(results: Sequence[Result]) -> list[Block]:
    reported, facts_before, warned = [], [], []
    for result in results:
        rows = [*facts(result.decoy), *_file(result)]
        sentences = warnings(result.decoy)
        reported.append(
            Block(
                result.decoy,
                [row for row in rows if row not in facts_before],
                [sentence for sentence in sentences if sentence not in warned],
            )
        )
        facts_before = [row for row in rows if row.label not in ("File", "Folder")]
        warned += sentences
    last = reported.pop()
    source_map = results[-1].decoy.map
    steps = next_steps(len(results), source_map.is_sized) if results[-1].path else []
    strong = too_strong([result.decoy for result in results])
    return [*reported, last._replace(rows=last.rows + steps, too_strong=strong)]


def _file(result: Result) -> list[Row]:
    rows = [Row("File", result.path)] if result.path else []
    if result.note:
        rows.append(Row("Folder", f"the current one, because {result.note}"))
    return rows


def as_text(rows: Sequence[Row]) -> str:
    """Write rows as plain lines."""
    return "\n".join(f"  {label:<13} {text}" for label, text in rows)


def next_steps(files: int, is_sized: bool = True) -> list[Row]:
    """Say what to do with the files of one map.

    Parameters
    ----------
    files
        Number of files.
    is_sized
        Whether the map's pixel size is known.
    """
    paths, all_of_them, them = {
        1: ("this path", "it", "the file"),
        2: ("these paths", "both", "the files"),
    }.get(files, ("these paths", f"all {files}", "the files"))
    import_them = (
        f"in cryoSPARC, Import 3D Volumes: {paths}, type map, "
        f"pixel size {'left empty' if is_sized else 'that of the particles'}; "
        f"then connect {all_of_them} with the good volume in Heterogeneous Refinement"
    )
    copy_them = (
        f"if cryoSPARC runs on another computer, first copy {them} to a folder its server can read"
    )
    return [Row("Next", import_them), Row("", copy_them)]


def facts(decoy: Decoy) -> list[Row]:
    """Describe a sphere, with lengths in Å and in voxels."""
    recipe, grid, counts = decoy.recipe, decoy.map.grid, decoy.counts
    voxel = min(grid.voxel_size)

    def length(size: float, *remarks: str) -> str:
        voxels = f"{size / voxel:.4g} voxel{'s' * (size != voxel)}"
        return ", ".join([f"{number(size)} Å = {voxels}", *filter(None, remarks)])

    asked = recipe.asked_radius
    rows = [Row("Radius", length(recipe.radius, asked.note(recipe.radius) if asked else ""))]
    if recipe.offset:
        asked = recipe.asked_offset
        note = asked.note(recipe.offset) if asked else ""
        rows.append(Row("Offset", length(recipe.offset, "along x", note)))
    if recipe.edge:
        rows.append(Row("Edge", length(recipe.edge, "raised cosine")))
    if recipe.inner_radius:
        rows.append(Row("Inner radius", length(recipe.inner_radius)))
    rows.append(Row("Center", _center(decoy)))
    box = "{} x {} x {}".format(*grid.size)
    sides = [n * v for n, v in zip(grid.size, grid.voxel_size, strict=True)]
    rows.append(Row("Box", f"{box} voxels of {by(grid.voxel_size)} Å = {by(sides)} Å"))
    share = _percent(counts.voxels, grid.voxels)
    voxels = f"{counts.voxels:,} voxel{'s' * (counts.voxels != 1)}"
    rows.append(Row("Fills", f"{share} of the box, {voxels}"))
    if counts.above > 0:
        share = _percent(counts.above_inside, counts.above)
        level = f"contour level {decoy.measured.level:.4g}"
        rows.append(Row("Encloses", f"{share} of the map's density above its {level}"))
    if decoy.measured.particle and (recipe.asked_radius or recipe.asked_offset):
        rows.append(Row("Fit", fit_text(decoy.measured.particle)))
    return [*rows, *_strength(decoy)]


def _center(decoy: Decoy) -> str:
    grid, center = decoy.map.grid, decoy.recipe.center
    if center is None:
        return "box center, voxel {},{},{}".format(*grid.center_voxel)
    voxels = ",".join(f"{i:.6g}" for i in grid.index(center))
    return ",".join(map(number, center)) + f" Å, voxel {voxels}"


def fit_text(particle: Particle) -> str:
    """Say what fit is, and what was left out as dust."""
    specks = particle.specks
    left_out = f"; {specks:,} speck{'s' * (specks > 1)} left out" if specks else ""
    return f"{number(particle.fit)} Å holds 99 % of the particle{left_out}"


def _strength(decoy: Decoy) -> list[Row]:
    density = f"{decoy.density:.3g}"
    if isinstance(decoy.recipe.value, Multiple):
        density += f" = {decoy.recipe.value}"
    elif decoy.density == 1:
        density = "1, as by hand"
    rows = [Row("Density", density)]
    if isfinite(decoy.strength):
        rows.append(Row("Signal", f"{signal(decoy.strength)} the map's"))
    return rows


def signal(strength: float) -> str:
    """Say how strong a sphere is, to be read before "the map's": ``12.5 % of``."""
    if strength < 10:
        return f"{float(f'{100 * strength:.3g}'):g} % of"
    times = float(f"{strength:.3g}")
    return f"{times:,.0f} times" if times < 1e9 else f"{times:.3g} times"


def too_strong(decoys: Sequence[Decoy]) -> str:
    """Warn if no sphere is as faint as the map; otherwise return an empty text.

    Parameters
    ----------
    decoys
        All spheres that one command made for one map.
    """
    faintest = min(decoy.strength for decoy in decoys)
    if not STRONGEST < faintest < float("inf"):
        return ""
    return f"Pure noise is unlikely to go to a sphere whose signal is {signal(faintest)} the map's."


def warnings(decoy: Decoy) -> list[str]:
    """List what may be wrong with a sphere, in sentences."""
    measured, grid = decoy.measured, decoy.map.grid
    box = "{} x {} x {}".format(*grid.size)
    found = list(decoy.map.warnings)
    if measured.level_note:
        found.append(measured.level_note)
    if len(set(grid.size)) > 1:
        found.append(f"The box is not cubic ({box} voxels); cryoSPARC and RELION want it cubic.")
    if any(n % 2 for n in grid.size):
        found.append(f"The box is odd ({box} voxels); cryoSPARC and RELION want it even.")
    if not np.allclose(grid.voxel_size, grid.voxel_size[0], rtol=1e-3, atol=0):
        found.append(f"The voxels are not equally sized ({by(grid.voxel_size)} Å).")
    if np.abs(np.subtract(grid.rotation, np.eye(3))).max() > 1e-6:
        found.append("The grid is rotated, which only ChimeraX reads from an MRC file.")
    return found + _of_the_sphere(decoy)


def _of_the_sphere(decoy: Decoy) -> list[str]:
    """List what may be wrong with the sphere itself."""
    measured, sphere, found = decoy.measured, decoy.sphere, []
    clearance = decoy.map.grid.clearance(sphere.center)
    if sphere.reach > clearance * (1 + 1e-6):
        found.append(
            f"The sphere reaches beyond the box: it extends {sphere.reach:.4g} Å from "
            f"its center, and the box ends at {max(clearance, 0):.4g} Å."
        )
    elif measured.views.cuts(sphere):
        found.append(
            "A part of the sphere is outside the largest ball in the box, which is all that "
            "Heterogeneous Refinement looks at; its signal is that of the rest."
        )
    if measured.particle and measured.particle.speck_share > MUCH_DUST:
        share = f"{100 * measured.particle.speck_share:.2g} %"
        found.append(
            f"Dust makes up {share} of the density above the contour level; "
            "at a higher level, fit is more certain."
        )
    if decoy.strength < FAINTEST:
        found.append(
            f"A sphere whose signal is {signal(decoy.strength)} the map's will behave like an "
            "empty volume."
        )
    return found


def _percent(part: float, whole: float) -> str:
    if part < whole and part / whole >= 0.9995:
        return "more than 99.9 %"
    return f"{100 * part / whole:.3g} %"
