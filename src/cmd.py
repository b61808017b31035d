"""The command makesphere: ChimeraX's maps, scene and log on one side, `decoy` on the other."""

import html
import os

import numpy as np
from chimerax.core.commands import (
    BoolArg,
    CenterArg,
    CmdDesc,
    CoordSysArg,
    EnumOf,
    Float3Arg,
    FloatArg,
    FloatsArg,
    ModelArg,
    ModelIdArg,
    Or,
    SaveFileNameArg,
    quote_path_if_necessary,
    register,
)
from chimerax.core.errors import UserError
from chimerax.map import MapsArg, Volume, volume_from_grid_data
from chimerax.map_data import ArrayGridData

from . import decoy, memory, radial
from .destination import Destination
from .grid import Grid

# A blue that neither the gray, yellow and cyan of ChimeraX's first maps nor its backgrounds have.
COLOR = (0.35, 0.6, 1.0, 0.4)


class PointArg(CenterArg):
    """A center point whose coordinates keep their digits, which ChimeraX cuts to float32."""

    @staticmethod
    def parse(text, session):
        """Read three numbers, or whatever else ChimeraX takes for a point."""
        point, used, rest = CenterArg.parse(text, session)
        if point.coords is not None and "," in used:
            point.coords = np.array(Float3Arg.parse(used, session)[0])
        return point, used, rest


class FrameArg(CoordSysArg):
    """A model's coordinate system in the scene, also where its group has been moved."""

    @classmethod
    def parse(cls, text, session):
        """Read a model and give its place in the scene."""
        model, used, rest = ModelArg.parse(text, session)
        return model.scene_position, used, rest


class SphereFileArg(SaveFileNameArg):
    """A folder or MRC file to write, or ``browse``."""

    name = "a folder or file name, or 'browse'"
    name_filter = "MRC density map (*.mrc)"


def makesphere(
    session,
    volumes,
    radius,
    center=None,
    coordinate_system=None,
    edge=0.0,
    inner_radius=0.0,
    value=1.0,
    save=True,
    model_id=None,
):
    """Make spheres on the grids of maps, and files of them for cryoSPARC.

    Parameters
    ----------
    session : chimerax.core.session.Session
    volumes : list of Volume
    radius : list of float, or "fit"
        In Å. A list makes one sphere per radius; fit takes it from the map.
    center : chimerax.core.commands.Center, optional
        By default the box centre, grid index N//2 on each axis.
    coordinate_system : Place, optional
        What the coordinates of the centre refer to; by default the scene.
    edge : float
        Full width in Å of a raised-cosine edge, centred on the radius.
    inner_radius : float
        In Å; makes a hollow shell.
    value : float or "match"
        Density inside.
    save : bool or str
        Whether to write MRC files with automatic names, or the folder or file to write.
    model_id : tuple of int, optional
        Id of the first new model; more take the next ones.

    Returns
    -------
    Volume or list of Volume
        The new model, or the list where there are several.

    Raises
    ------
    UserError
        One sentence; then nothing has been made or written.
    """
    if not volumes:
        raise UserError("makesphere needs an open map, and none was specified")
    try:
        models, reports = _make(
            session,
            volumes,
            radius,
            None if center is None else center.scene_coordinates(coordinate_system),
            save,
            model_id,
            edge=edge,
            inner_radius=inner_radius,
            value=value,
        )
    except (ValueError, OSError, MemoryError, UserError) as error:
        # As one line: names of maps and files can have breaks, and some of ChimeraX's errors do.
        sentence = " ".join(str(error).split("\n")).strip()
        if isinstance(error, MemoryError):
            sentence = f"there is not enough memory: {sentence or 'nothing was made'}"
        raise UserError(sentence) from error
    finally:
        session.logger.status("")
    for model, (what, warnings) in zip(models, reports, strict=True):
        _log(session, model, what, warnings)
    return models[0] if len(models) == 1 else models


def _make(session, volumes, radius, center, save, model_id, **more):
    _require_memory(volumes, 1 if radius == decoy.FIT else len(radius))
    open_maps = open_files(session)
    current = os.getcwd()
    jobs, sources = [], []
    for volume in volumes:
        session.logger.status(f"Measuring {volume.name} ...")
        a_map = map_of(volume)
        point = None if center is None else tuple(volume.scene_position.inverse() * center)
        to = Destination(a_map, save, current, open_maps) if save else None
        for recipe in decoy.recipes(a_map, radius, point, **more):
            jobs.append((a_map, recipe, to))
            sources.append(volume)
    ids = _free_ids(session, model_id, len(jobs))
    session.logger.status(f"Making {len(jobs)} sphere{'s' if len(jobs) > 1 else ''} ...")
    spheres, models = [], []
    try:
        with decoy.Batch(jobs) as batch:
            for (made, array), id in zip(batch.make(in_memory=True), ids, strict=True):
                spheres.append(made)
                models.append(_model(session, made, array, id))
            paths = batch.place()
    except BaseException:
        # A model that has an id has its surface in the session, even if it is not open.
        for model in models:
            model.delete()
        raise
    session.models.add(models)
    for model, volume, path in zip(models, sources, paths, strict=True):
        model.scene_position = volume.scene_position
        # For the panel: as the path of its data it would be read again when a session opens.
        model.makesphere_file = path
    reports = [
        (made.report(path, to.note if to else ""), made.warnings)
        for made, path, (_, _, to) in zip(spheres, paths, jobs, strict=True)
    ]
    return models, reports


def _require_memory(volumes, count):
    """Raise an error if spheres, and what is not yet read of their maps, do not fit in memory."""
    needed = 0
    for volume in volumes:
        data = volume.data
        nx, ny, nz = (int(n) for n in data.size)
        bytes_each = count * np.dtype(np.float32).itemsize
        if data.cached_data((0, 0, 0), data.size, (1, 1, 1)) is None:
            bytes_each += np.dtype(data.value_type).itemsize
        needed += bytes_each * nx * ny * nz
    spheres = f"{count * len(volumes)} spheres" if count * len(volumes) > 1 else "a sphere"
    memory.require(needed, f"{spheres} in a box of {nx} x {ny} x {nz} voxels")


def map_of(volume):
    """Take from a volume its whole map, whatever of it is displayed.

    Parameters
    ----------
    volume : Volume

    Returns
    -------
    decoy.Map
    """
    grid = grid_of(volume)
    array = volume.full_matrix()
    return decoy.Map(volume.name, grid, array, level_of(volume, grid, array), path_of(volume))


def grid_of(volume):
    """Take from a volume the grid of its whole map."""
    data = volume.data
    return Grid(
        tuple(int(n) for n in data.size),
        tuple(float(s) for s in data.step),
        tuple(float(o) for o in data.origin),
        tuple(float(a) for a in data.cell_angles),
        tuple(tuple(float(r) for r in row) for row in data.rotation),
    )


def level_of(volume, grid, array):
    """Take from a volume the lowest contour level shown, above 0 if there is one."""
    levels = [surface.level for surface in volume.surfaces]
    if not levels:
        return radial.contour_level(array, grid)
    return min([level for level in levels if level > 0] or levels)


def path_of(volume):
    """Take from a volume its file; empty if it has none."""
    return _files_of(volume)[0]


def _files_of(volume):
    path = volume.data.path
    return [path or ""] if path is None or isinstance(path, str) else list(path)


def open_files(session):
    """List the files of the open maps."""
    return [path for v in session.models.list(type=Volume) for path in _files_of(v) if path]


def _free_ids(session, first, count):
    if first is None:
        return [None] * count
    ids = [(*first[:-1], first[-1] + n) for n in range(count)]
    for id in ids:
        if session.models.have_id(id):
            raise ValueError(f"modelId names a model that is open: {_spec(id)}")
    if len(first) > 1 and not session.models.have_id(first[:-1]):
        raise ValueError(f"modelId names a part of a model that is not open: {_spec(ids[0])}")
    return ids


def _spec(id):
    return "#" + ".".join(map(str, id))


def _model(session, made, array, id):
    grid = made.map.grid
    data = ArrayGridData(
        array, grid.origin, grid.voxel_size, grid.angles, grid.rotation, name=made.name
    )
    data.rgba = COLOR
    model = volume_from_grid_data(
        data, session, style="surface", open_model=False, model_id=id, show_dialog=False
    )
    # Large boxes are contoured at a coarser step, as when they are opened from a file.
    model.new_region((0, 0, 0), tuple(n - 1 for n in grid.size), (1, 1, 1))
    model.set_parameters(surface_levels=[made.value / 2], surface_colors=[COLOR])
    return model


def _log(session, model, facts, warnings):
    title = f"Made #{model.id_string} {model.name}"
    if session.ui.is_gui:
        rows = "".join(
            f"<tr><td>{html.escape(what)}&nbsp;</td><td>{_cell(what, text)}</td></tr>"
            for what, text in facts
        )
        session.logger.info(f"<b>{html.escape(title)}</b><table>{rows}</table>", is_html=True)
    else:
        # As text: ChimeraX would break the path of a table into lines.
        session.logger.info(f"{title}\n{decoy.as_text(facts)}")
    for warning in warnings:
        session.logger.warning(warning)


def _cell(what, text):
    if what != "File":
        return html.escape(text)
    command = html.escape("cxcmd:open " + quote_path_if_necessary(text))
    return f'<a href="{command}">{html.escape(text)}</a>'


DESCRIPTION = CmdDesc(
    required=[("volumes", MapsArg)],
    keyword=[
        ("radius", Or(EnumOf((decoy.FIT,)), FloatsArg)),
        ("center", PointArg),
        ("coordinate_system", FrameArg),
        ("edge", FloatArg),
        ("inner_radius", FloatArg),
        ("value", Or(EnumOf((decoy.MATCH,)), FloatArg)),
        ("save", Or(BoolArg, SphereFileArg)),
        ("model_id", ModelIdArg),
    ],
    required_arguments=["radius"],
    synopsis="Make a solid sphere on a map's grid, as a decoy volume for cryoSPARC",
)


def register_command(name, logger):
    """Register the command with ChimeraX."""
    register(name, DESCRIPTION, makesphere, logger=logger)
