"""The command makesphere: ChimeraX's maps, scene and log on one side, `decoy` on the other."""

import html
from math import prod
from urllib.parse import quote

import numpy as np
from chimerax.core.commands import (
    Annotation,
    AnnotationError,
    BoolArg,
    CenterArg,
    CmdDesc,
    CoordSysArg,
    Float3Arg,
    FloatArg,
    ModelArg,
    ModelIdArg,
    Or,
    SaveFileNameArg,
    next_token,
    quote_path_if_necessary,
    register,
)
from chimerax.core.errors import UserError
from chimerax.map import MapsArg, Volume, volume_from_grid_data
from chimerax.map_data import ArrayGridData

from .engine import memory, report
from .engine.decoy import Batch
from .engine.destination import NO, YES, Destination
from .engine.recipe import FIT, MATCH, RECOMMENDED, read_amount, read_amounts, recipes
from .quoting import quoted
from .volumes import map_of, open_files

# A blue that neither the gray, yellow and cyan of ChimeraX's first maps nor its backgrounds have.
COLOR = (0.35, 0.6, 1.0, 0.4)


class TopMapsArg(MapsArg):
    """Maps, without those that are below others that are named: ``#1`` is one map."""

    @classmethod
    def parse(cls, text, session):
        """Read a specifier."""
        volumes, used, rest = super().parse(text, session)
        return [v for v in volumes if not any(m in volumes for m in _above(v))], used, rest


def _above(model):
    while (model := model.parent) is not None:
        yield model


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


class AmountsArg(Annotation):
    """Numbers, or multiples of what the map says, with commas between them."""

    _read = staticmethod(read_amounts)
    _name = "numbers, '{0}' or multiples such as '2{0}'"

    def __init__(self, argument, unit):
        super().__init__(name=self._name.format(unit))
        self._argument, self._unit = argument, unit

    def parse(self, text, session):
        """Read what there is up to a blank."""
        if not text:
            raise AnnotationError(f"Expected {self.name}")
        token, used, rest = next_token(text)
        try:
            return self._read(self._argument, token, self._unit), used, rest
        except ValueError as error:
            raise AnnotationError(str(error)) from None


class AmountArg(AmountsArg):
    """A number, or a multiple of what the map says."""

    _read = staticmethod(read_amount)
    _name = "a number, '{0}' or a multiple such as '2{0}'"


class SwitchArg(BoolArg):
    """True or false, also as yes or no."""

    @staticmethod
    def parse(text, session):
        """Read the word."""
        if not text:
            raise AnnotationError(f"Expected {SwitchArg.name}")
        token, _, rest = next_token(text)
        if token.lower() in YES:
            return True, "true", rest
        if token.lower() in NO:
            return False, "false", rest
        raise AnnotationError(f"Expected {SwitchArg.name}")


class SphereFileArg(SaveFileNameArg):
    """A folder or MRC file to write, or ``browse``."""

    name = "a folder or file name, or 'browse'"
    name_filter = "MRC density map (*.mrc)"

    @classmethod
    def parse(cls, text, session):
        """Read a path; the log shows it so that it can be run again."""
        path, _, rest = super().parse(text, session)
        return path, quoted(path), rest


def makesphere(
    session,
    volumes,
    radius=None,
    center=None,
    coordinate_system=None,
    offset=0.0,
    edge=0.0,
    inner_radius=0.0,
    value=(1.0,),
    save=True,
    model_id=None,
):
    """Make spheres on the grids of maps, and files of them for cryoSPARC.

    Parameters
    ----------
    session : chimerax.core.session.Session
    volumes : list of Volume
    radius : list of float or Multiple
        In Å, or multiples of fit, which the map tells.
    center : chimerax.core.commands.Center, optional
        By default the box centre, grid index N//2 on each axis.
    coordinate_system : Place, optional
        What the coordinates of the centre refer to; by default the scene.
    offset : float or Multiple
        How far from the centre the sphere is put along the map's x axis, in Å, or a multiple of
        fit, which the map tells.
    edge : float
        Full width in Å of a raised-cosine edge, centred on the radius.
    inner_radius : float
        In Å; makes a hollow shell.
    value : list of float or Multiple
        Density inside, or multiples of match, which the map tells. There is a sphere for each
        radius and each value, radius first.
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
    if radius is None:
        spec = ",".join(volume.id_string for volume in volumes)
        raise UserError(f"makesphere needs a radius; try: makesphere #{spec} {RECOMMENDED}")
    try:
        models, blocks, sources = _make(
            session,
            volumes,
            radius,
            value,
            None if center is None else center.scene_coordinates(coordinate_system),
            save,
            model_id,
            offset=offset,
            edge=edge,
            inner_radius=inner_radius,
        )
    except (ValueError, OSError, MemoryError, UserError) as error:
        # As one line: names of maps and files can have breaks, and some of ChimeraX's errors do.
        sentence = " ".join(str(error).split("\n")).strip()
        if isinstance(error, MemoryError):
            sentence = f"there is not enough memory: {sentence or 'nothing was made'}"
        raise UserError(sentence) from error
    finally:
        session.logger.status("")
    for model, block, volume in zip(models, blocks, sources, strict=True):
        _log(session, model, block)
        if block.too_strong:
            line = f"makesphere #{volume.id_string} {RECOMMENDED}"
            _warn(session, block.too_strong, line)
        if session.ui.is_gui and not _is_in_view(session, model, block.made.sphere):
            _warn(session, "The sphere is outside the view.", f"view #{model.id_string}")
    return models[0] if len(models) == 1 else models


def _make(session, volumes, radii, values, center, save, model_id, **more):
    _require_memory(volumes, len(radii) * len(values))
    open_maps = open_files(session)
    jobs, sources = [], []
    for volume in volumes:
        session.logger.status(f"Measuring {volume.name} ...")
        a_map = map_of(volume)
        point = None if center is None else tuple(volume.scene_position.inverse() * center)
        to = None if save is False else Destination(a_map, save, open_maps=open_maps)
        for recipe in recipes(a_map, radii, values, point, **more):
            jobs.append((a_map, recipe, to))
            sources.append(volume)
    ids = _free_ids(session, model_id, len(jobs))
    session.logger.status(f"Making {len(jobs)} sphere{'s' if len(jobs) > 1 else ''} ...")
    spheres, models = [], []
    try:
        with Batch(jobs) as batch:
            for (made, array), id in zip(batch.make(in_memory=True), ids, strict=True):
                spheres.append(made)
                models.append(_model(session, made, array, id))
            paths = batch.publish()
    except BaseException:
        # A model that has an id has its surface in the session, even if it is not open.
        for model in models:
            model.delete()
        raise
    session.models.add(models)
    for model, volume, path in zip(models, sources, paths, strict=True):
        model.scene_position = volume.scene_position
        _refer_to_file(session, model, path)
    notes = [to.note if to else "" for _, _, to in jobs]
    return models, report.blocks(list(zip(spheres, paths, notes, strict=True))), sources


def _refer_to_file(session, model, path):
    """Let sessions refer to a sphere's file, as they do when ChimeraX has saved a map."""
    for other in session.models.list(type=Volume):
        if path and getattr(other, "makesphere_file", "") == path:
            # This file is another sphere's now: sessions have to hold that of before.
            other.data.path = other.makesphere_file = ""
    model.makesphere_file = model.data.path = path
    model.data.file_type = "mrc" if path else ""


def _require_memory(volumes, count):
    """Raise an error if spheres, and what is not yet read of their maps, do not fit in memory."""
    needed = 0
    for volume in volumes:
        data = volume.data
        bytes_each = count * np.dtype(np.float32).itemsize
        if data.cached_data((0, 0, 0), data.size, (1, 1, 1)) is None:
            bytes_each += np.dtype(data.value_type).itemsize
        needed += bytes_each * _voxels(volume)
    largest = max(volumes, key=_voxels)
    spheres = f"{count * len(volumes)} spheres" if count * len(volumes) > 1 else "a sphere"
    where = "a box of" if len({_voxels(v) for v in volumes}) == 1 else "boxes of up to"
    box = " x ".join(str(int(n)) for n in largest.data.size)
    memory.require(needed, f"{spheres} in {where} {box} voxels")


def _voxels(volume):
    return prod(int(n) for n in volume.data.size)


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
    model.set_parameters(surface_levels=[made.density / 2], surface_colors=[COLOR])
    return model


def _log(session, model, block):
    title = f"Made #{model.id_string} {model.name}"
    if session.ui.is_gui:
        rows = "".join(
            f"<tr><td>{html.escape(what)}&nbsp;</td><td>{_cell(what, text)}</td></tr>"
            for what, text in block.rows
        )
        session.logger.info(f"<b>{html.escape(title)}</b><table>{rows}</table>", is_html=True)
    else:
        # As text: ChimeraX would break the path of a table into lines.
        session.logger.info(f"{title}\n{report.as_text(block.rows)}")
    for warning in block.warnings:
        session.logger.warning(warning)


def _is_in_view(session, model, sphere):
    """Tell whether the camera's window has a part of a sphere; yes if the camera cannot tell."""
    camera, size = session.main_view.camera, session.main_view.window_size
    center = model.scene_position * sphere.center
    sides = camera.rectangle_bounding_planes((0, 0), size, size)
    return all(side[:3] @ center + side[3] > -sphere.reach for side in sides)


def _warn(session, sentence, remedy):
    """Warn of something, with the line that mends it."""
    if session.ui.is_gui:
        link = f'<a href="cxcmd:{quote(remedy)}">{html.escape(remedy)}</a>'
        session.logger.warning(f"{html.escape(sentence)} Try: {link}", is_html=True)
    else:
        session.logger.warning(f"{sentence} Try: {remedy}")


def _cell(what, text):
    if what != "File":
        return html.escape(text)
    shown = html.escape(text)
    try:
        word = quoted(text)
        # The command open quotes it once more, in ChimeraX's own way: there it must also hold.
        if word != quote_path_if_necessary(text):
            return shown
    except ValueError:
        return shown
    return f'<a href="cxcmd:{quote("open " + word)}">{shown}</a>'


DESCRIPTION = CmdDesc(
    required=[("volumes", TopMapsArg)],
    keyword=[
        ("radius", AmountsArg("radius", FIT)),
        ("center", PointArg),
        ("coordinate_system", FrameArg),
        ("offset", AmountArg("offset", FIT)),
        ("edge", FloatArg),
        ("inner_radius", FloatArg),
        ("value", AmountsArg("value", MATCH)),
        ("save", Or(SwitchArg, SphereFileArg)),
        ("model_id", ModelIdArg),
    ],
    synopsis="Make a solid sphere on a map's grid, as a decoy volume for cryoSPARC",
)


def register_command(name, logger):
    """Register the command with ChimeraX."""
    register(name, DESCRIPTION, makesphere, logger=logger)
