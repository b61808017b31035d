"""What is reported about spheres: facts, warnings, and the next step."""

from collections.abc import Sequence
from math import isfinite
from typing import NamedTuple

import numpy as np

from .amount import Multiple
from .decoy import Decoy, Plan
from .map import About
from .naming import by, number
from .recipe import Asked

# An image goes to the volume that fits it best. Pure noise goes to the fainter of two.
STRONGEST = 1.0
# The views of a fainter sphere are like those of an empty volume.
FAINTEST = 0.01
# More dust than this, as a share of the density above the contour level, gets a warning.
MUCH_DUST = 0.05
# What a sphere encloses less of than this share is nothing.
LEAST_ENCLOSED = 0.005
# Maps whose noise has more energy than this many times the particle's lost particles, if few.
NOISY = 1.1


class Row(NamedTuple):
    """A line of a report.

    The kind is ``more`` for what belongs to the row before.
    """

    kind: str
    text: str

    @property
    def label(self) -> str:
        """Its subject in a word."""
        return "" if self.kind == "more" else self.kind.replace("_", " ").capitalize()


class Block(NamedTuple):
    """What is reported about one sphere."""

    decoy: Decoy  # the sphere
    rows: list[Row]  # facts that differ from those of the map's sphere before
    warnings: list[str]  # sentences that none of the map's spheres before has


def blocks(plan: Plan) -> list[Block]:
    """Report a map's spheres that were made together."""
    reported: list[Block] = []
    before: list[Row] = []
    warned: list[str] = []
    note = plan.destination.note if plan.destination else ""
    for decoy in plan.decoys:
        rows, sentences = facts(decoy), warnings(decoy)
        shown = [row for row in rows if row not in before]
        is_shorter = len(shown) < len(rows)
        shown += [Row("file", decoy.path)] * bool(decoy.path)
        shown += [Row("more", "the rest is as above")] * is_shorter
        shown += [Row("folder", f"current folder ({note})")] * (bool(note) and not is_shorter)
        reported.append(Block(decoy, shown, [s for s in sentences if s not in warned]))
        before = rows
        warned += sentences
    if plan.destination:
        reported[-1].rows.extend(next_steps(plan))
    return reported


def as_text(rows: Sequence[Row]) -> str:
    """Write rows as plain lines."""
    return "\n".join(f"  {row.label:<13} {row.text}" for row in rows)


def next_steps(plan: Plan) -> list[Row]:
    """Say what to do with the files of one map."""
    count = len(plan.decoys)
    paths, files = ("these paths", "the files") if count > 1 else ("this path", "the file")
    them = "it" if count == 1 else "both" if count == 2 else f"all {count}"
    is_mask = all(_is_mask(decoy) for decoy in plan.decoys)
    size = "left empty" if plan.map.is_sized else "that of the particles"
    kind = "mask" if is_mask else "map"
    step = f"in cryoSPARC, Import 3D Volumes: {paths}, type {kind}, pixel size {size}"
    if not is_mask:
        step += f"; then connect {them} with the good volume in Heterogeneous Refinement, and keep "
        step += "every class that shows the particle"
    copy = f"if cryoSPARC runs elsewhere, first copy {files} to a folder its server can read"
    views = plan.decoys[0].about.views
    line = f"volume gaussian {plan.map.spec} sDev 5.6"
    few = f"the map is noisy: with fewer than about 3,000 images, first low-pass it, as with {line}"
    is_noisy = views.noise > NOISY * views.energy and not is_mask
    return [Row("next", step), *[Row("more", few)] * is_noisy, Row("more", copy)]


def _is_mask(decoy: Decoy) -> bool:
    """Check whether a sphere is a soft mask rather than a decoy."""
    return decoy.recipe.edge > 0 and decoy.density == 1


def facts(decoy: Decoy) -> list[Row]:
    """Describe a sphere, with lengths in Å and in voxels."""
    recipe, grid = decoy.recipe, decoy.map.grid
    voxel = min(grid.voxel_size)

    def length(size: float, *remarks: str) -> str:
        voxels = f"{size / voxel:.4g} voxel{'s' * (size != voxel)}"
        return ", ".join([f"{number(size)} Å = {voxels}", *filter(None, remarks)])

    def note(asked: Asked | None, size: float) -> str:
        return asked.note(size) if asked else ""

    box = "{} x {} x {}".format(*grid.size)
    sides = [n * v for n, v in zip(grid.size, grid.voxel_size, strict=True)]
    fills, voxels = _percent(decoy.voxels / grid.voxels), "voxel" + "s" * (decoy.voxels != 1)
    encloses = f"{_percent(decoy.share)} of the map's density above its contour level"
    density = f"{decoy.density:.3g}"
    if isinstance(recipe.value, Multiple):
        density += f" = {recipe.value}"
    elif decoy.density == 1 and not _is_mask(decoy):
        density = "1 (manual protocol)"
    of = "the particle's" if decoy.about.fit else "the whole map's"
    offset = note(recipe.asked_offset, recipe.offset)
    said = {
        "radius": length(recipe.radius, note(recipe.asked_radius, recipe.radius)),
        "offset": recipe.offset and length(recipe.offset, "along x", offset),
        "edge": recipe.edge and length(recipe.edge, "raised cosine"),
        "inner_radius": recipe.inner_radius and length(recipe.inner_radius),
        "center": _center(decoy),
        "box": f"{box} voxels of {by(grid.voxel_size)} Å = {by(sides)} Å",
        "fills": f"{fills} of the box, {decoy.voxels:,} {voxels}",
        "encloses": decoy.measured.above.weights.any() and f"{encloses} {decoy.measured.level:.4g}",
        "fit": _uses_fit(decoy) and fit_text(decoy.about, decoy.measured.particle.specks),
        "density": density,
        "signal": isfinite(decoy.strength) and f"{signal(decoy.strength)} {of}",
    }
    return [Row(kind, text) for kind, text in said.items() if text]


def _uses_fit(decoy: Decoy) -> bool:
    return bool(decoy.recipe.asked_radius or decoy.recipe.asked_offset)


def _center(decoy: Decoy) -> str:
    grid, center = decoy.map.grid, decoy.recipe.center
    if center is None:
        return "box center, voxel {},{},{}".format(*grid.center_voxel)
    voxels = ",".join(f"{i:.6g}" for i in grid.index(center))
    return ",".join(map(number, center)) + f" Å, voxel {voxels}"


def fit_text(about: About, specks: int) -> str:
    """Say what fit is, and what was left out as dust."""
    left_out = f"; {specks:,} speck{'s' * (specks > 1)} left out" if specks else ""
    return f"{number(about.fit)} Å holds 99% of the particle{left_out}"


def signal(strength: float) -> str:
    """Say how strong a sphere is, to be read before "the particle's": ``12.5% of``."""
    if strength < 10:
        return f"{float(f'{100 * strength:.3g}'):g}% of"
    times = float(f"{strength:.3g}")
    return f"{times:,.0f} times" if times < 1e9 else f"{times:.3g} times"


def too_strong(decoys: Sequence[Decoy]) -> str:
    """Warn if none of all spheres made for a map is as faint as the particle; otherwise empty."""
    decoys = [decoy for decoy in decoys if not _is_mask(decoy)]
    faintest = min((decoy.strength for decoy in decoys), default=0.0)
    if not STRONGEST < faintest < float("inf"):
        return ""
    every = "Every sphere" if len(decoys) > 1 else "The sphere"
    strength = signal(faintest).removesuffix(" of")
    return f"{every} is stronger than the particle ({strength}): pure noise will stay with the map."


def warnings(decoy: Decoy) -> list[str]:
    """List what may be wrong with a sphere, in sentences."""
    measured, recipe, sphere, grid = decoy.measured, decoy.recipe, decoy.sphere, decoy.map.grid
    box, angles = "{} x {} x {}".format(*grid.size), "{:.4g}, {:.4g}, {:.4g}".format(*grid.angles)
    sides, voxel = set(grid.size), grid.voxel_size[0]
    is_uneven = not np.allclose(grid.voxel_size, voxel, rtol=1e-3, atol=0)
    is_skewed = not np.allclose(grid.angles, 90, rtol=0, atol=0.01)
    is_turned = not np.allclose(grid.rotation, np.eye(3), rtol=0, atol=1e-6)
    lowest, highest = measured.range
    clearance = grid.clearance(sphere.center)
    sticks_out = sphere.reach > clearance * (1 + 1e-6)
    is_cut = not sticks_out and decoy.about.views.cuts(sphere)
    asked, fit, uses_fit = recipe.asked_radius, decoy.about.fit, _uses_fit(decoy)
    is_empty = asked and decoy.share < LEAST_ENCLOSED and not recipe.offset
    is_faint = decoy.strength < FAINTEST and not _is_mask(decoy)
    dust = measured.particle.speck_share
    found = {
        **dict.fromkeys(decoy.map.warnings, True),
        measured.level_note: measured.level_note,
        f"The particle looks dark: the map's densities go from {lowest:.3g} to {highest:.3g}, "
        "and cryoSPARC expects a bright particle. If it is dark, invert the map, in ChimeraX "
        f"with volume scale {decoy.map.spec} factor -1.": -lowest > abs(highest),
        f"The box is not cubic ({box} voxels); cryoSPARC and RELION expect a cube.": len(sides) > 1,
        f"The box is odd ({box} voxels); cryoSPARC and RELION expect an even one.": (
            any(n % 2 for n in sides)
        ),
        f"The voxels are not equally sized ({by(grid.voxel_size)} Å).": is_uneven,
        f"The cell is skewed (its angles are {angles} degrees). cryoSPARC and RELION ignore "
        "that, and see an ellipsoid.": is_skewed,
        "The grid is rotated, which only ChimeraX reads from an MRC file.": is_turned,
        f"The sphere reaches beyond the box: it extends {sphere.reach:.4g} Å from its center, and "
        f"the box ends at {max(clearance, 0):.4g} Å.": sticks_out,
        "A part of the sphere is outside the largest ball in the box, which is all that "
        "Heterogeneous Refinement looks at; its signal is that of the rest.": is_cut,
        f"The radius is shortened to {number(recipe.radius)} Å to stay in the box, less than fit "
        f"({number(fit)} Å): the sphere does not hold the particle.": (
            asked and recipe.radius < min(fit, asked.length)
        ),
        "The sphere encloses nothing of the map's density above its contour level: check the "
        "level.": is_empty,
        f"A sphere whose signal is {signal(decoy.strength)} the particle's behaves like an empty "
        "volume.": is_faint,
        f"Dust makes up {100 * dust:.2g}% of the density above the contour level. Raise the level "
        "if you see specks; lower it if the particle falls apart.": uses_fit and dust > MUCH_DUST,
        "What is above the contour level reaches the edge of the box, so fit may be too large: "
        "raise the level.": uses_fit and measured.particle.at_edge,
    }
    return [sentence for sentence, holds in found.items() if holds]


def _percent(share: float) -> str:
    if 0.9995 <= share < 1:
        return "more than 99.9%"
    return f"{100 * share:.3g}%"
