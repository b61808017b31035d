"""What is said of a sphere: facts, warnings, the file's labels, and the next step."""

from dataclasses import dataclass
from math import isfinite

import numpy as np

from .mrc import LABEL_BYTES
from .naming import by, number
from .recipe import Multiple

# Noise goes to the fainter of two inputs.
STRONGEST = 1.0
# The views of less are those of an empty volume.
FAINTEST = 0.01


@dataclass(frozen=True)
class Block:
    """What is said of one sphere.

    Attributes
    ----------
    made : Decoy
    rows : list of (str, str)
        What, and the text; of spheres of one map, only what the one before does not say.
    warnings : list of str
        Sentences, likewise.
    too_strong : str
        On the last block of a map whose spheres are all too strong: a sentence. Else empty.
    """

    made: object
    rows: list
    warnings: list
    too_strong: str = ""


def blocks(spheres):
    """Report spheres that were made together.

    Parameters
    ----------
    spheres : sequence of (Decoy, str, str)
        Each with the path of its file, empty if it was not saved, and why that is not in the
        map's folder, empty if it is or was given.

    Returns
    -------
    list of Block
    """
    found = []
    for place, (made, path, note) in enumerate(spheres):
        of_map = [sphere for sphere in spheres if sphere[0].map is made.map]
        is_last = all(later[0].map is not made.map for later in spheres[place + 1 :])
        before = [block for block in found if block.made.map is made.map]
        rows = facts(made)
        if path:
            rows.append(("File", path))
            if note:
                rows.append(("Folder", f"the current one, as {note}"))
        if before:
            known = facts(before[-1].made)
            rows = [row for row in rows if row not in known]
        if is_last and path:
            rows += next_steps(len(of_map))
        told = [sentence for block in before for sentence in block.warnings]
        new = [sentence for sentence in warnings(made) if sentence not in told]
        strong = too_strong([sphere[0] for sphere in of_map]) if is_last else ""
        found.append(Block(made, rows, new, strong))
    return found


def as_text(rows):
    """Write (what, text) as plain lines."""
    return "\n".join(f"  {what:<13} {text}" for what, text in rows)


def next_steps(files):
    """Say what to do with a number of files of one map: a list of (what, text)."""
    paths, all_of_them, them = {
        1: ("this path", "it", "the file"),
        2: ("these paths", "both", "the files"),
    }.get(files, ("these paths", f"all {files}", "the files"))
    import_them = (
        f"in cryoSPARC, Import 3D Volumes: {paths}, type map, pixel size left empty; "
        f"then connect {all_of_them} with the good volume in Heterogeneous Refinement"
    )
    copy_them = (
        f"if cryoSPARC runs on another computer, first copy {them} to a folder its server can read"
    )
    return [("Next", import_them), ("", copy_them)]


def facts(made):
    """Say what was made: a list of (what, text), all lengths in Å and in voxels."""
    recipe, grid, counts = made.recipe, made.map.grid, made.counts
    voxel = min(grid.voxel_size)

    def length(size):
        return f"{number(size)} Å = {size / voxel:.4g} voxels"

    rows = [("Radius", length(recipe.radius))]
    if recipe.edge:
        rows.append(("Edge", f"{length(recipe.edge)}, raised cosine"))
    if recipe.inner_radius:
        rows.append(("Inner radius", length(recipe.inner_radius)))
    where = "box centre, voxel {},{},{}".format(*grid.center_voxel)
    if recipe.center:
        voxels = ",".join(f"{i:.6g}" for i in grid.index(recipe.center))
        where = ",".join(map(number, recipe.center)) + f" Å, voxel {voxels}"
    rows.append(("Centre", where))
    box = "{} x {} x {}".format(*grid.size)
    sides = [n * v for n, v in zip(grid.size, grid.voxel_size, strict=True)]
    rows.append(("Box", f"{box} voxels of {by(grid.voxel_size)} Å = {by(sides)} Å"))
    share = _percent(counts.voxels, grid.voxels)
    rows.append(("Fills", f"{share} of the box, {counts.voxels:,} voxels"))
    if counts.above:
        share = _percent(counts.above_inside, counts.above)
        level = f"contour level {made.map.level:.4g}"
        rows.append(("Encloses", f"{share} of the map's voxels at or above its {level}"))
    rows.append(("Density", _density(made)))
    return rows


def _density(made):
    text = f"{made.density:.3g}"
    strength = made.strength
    if isinstance(made.recipe.value, Multiple):
        return f"{text} = {made.recipe.value}; its views are {_as_strong(strength)} the map's"
    if made.density == 1:
        text = "1, as by hand"
    if not isfinite(strength):
        return text
    times = _three_digits((2 * strength) ** 0.5)
    return f"{text}: {times} x match; its views are {_as_strong(strength)} the map's"


def _as_strong(strength):
    times = _three_digits(strength)
    words = {"0.5": "half", "1": "", "2": "twice"}
    return f"{words.get(times, f'{times} times')} as strong as".strip()


def _three_digits(x):
    text = f"{x:.3g}"
    return f"{float(text):,.0f}" if 1000 <= float(text) < 1e9 else text


def too_strong(spheres):
    """Say what will not happen where no sphere of a map is as faint as the map; else nothing.

    Parameters
    ----------
    spheres : sequence of Decoy
        All of one command for one map.

    Returns
    -------
    str
    """
    faintest = min(made.strength for made in spheres)
    if not STRONGEST < faintest < float("inf"):
        return ""
    return f"Noise may not go to a sphere whose views are {_as_strong(faintest)} the map's."


def warnings(made):
    """Say what may be wrong with a sphere: a list of sentences."""
    grid = made.map.grid
    box = "{} x {} x {}".format(*grid.size)
    found = [*made.map.warnings]
    if len(set(grid.size)) > 1:
        found.append(f"The box is not cubic ({box} voxels), as cryoSPARC and RELION want it.")
    if any(n % 2 for n in grid.size):
        found.append(f"The box is odd ({box} voxels); cryoSPARC and RELION want it even.")
    if not np.allclose(grid.voxel_size, grid.voxel_size[0], rtol=1e-3, atol=0):
        found.append(f"The voxels are not equally sized ({by(grid.voxel_size)} Å).")
    clearance = grid.clearance(made.sphere.center)
    if made.sphere.reach > clearance * (1 + 1e-6):
        found.append(
            f"The sphere reaches beyond the box: it extends {made.sphere.reach:.4g} Å from "
            f"its centre, and the box ends at {max(clearance, 0):.4g} Å."
        )
    if made.strength < FAINTEST:
        found.append(
            f"A sphere whose views are {_as_strong(made.strength)} the map's is as good as "
            "an empty volume."
        )
    if np.abs(np.subtract(grid.rotation, np.eye(3))).max() > 1e-6:
        found.append("The grid is rotated, which an MRC file tells to ChimeraX only.")
    return found


def labels(a_map, recipe, density):
    """Give the labels of a sphere's file: the recipe, and the map it came from."""
    words = recipe.words
    if isinstance(recipe.value, Multiple):
        words += f" = {density:.6g}"
    source = "".join(c if " " <= c <= "~" else "?" for c in a_map.source)
    return [_label("makesphere " + words), _label("map " + source)]


def _label(text):
    """Cut a text to a label, so that no cut number is taken for a whole one."""
    return text if len(text) <= LABEL_BYTES else text[: LABEL_BYTES - 3] + "..."


def _percent(part, whole):
    if part < whole and part / whole >= 0.9995:
        return "more than 99.9 %"
    return f"{100 * part / whole:.3g} %"
