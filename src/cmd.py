"""The command makesphere: it connects ChimeraX's maps, scene and log with the engine."""

import html
import os
import re
import weakref
from itertools import islice
from math import prod
from urllib.parse import quote

import numpy as np
import psutil
from chimerax.core import commands
from chimerax.core.errors import UserError
from chimerax.map import MapsArg, Volume, volume_from_grid_data
from chimerax.map_data import ArrayGridData

from .arguments import ARGUMENTS, command_text, quoted
from .engine import report
from .engine.decoy import Batch, Plan, decoys_of
from .engine.destination import NO, YES, Destination
from .engine.errors import ArgumentError, LevelError
from .engine.naming import keyword
from .engine.request import RECOMMENDED, Request
from .volumes import map_of, open_files

FLOAT32_DIGITS = 6
BROWSE = "browse"
# A blue unlike the gray, yellow and cyan of ChimeraX's first maps, and unlike its backgrounds.
COLOR = (0.35, 0.6, 1.0, 0.4)


class TopMapsArg(commands.ModelsArg):
    """Maps, without those below others that are named: ``#1`` is one map, and so is ``#1.1``."""

    name = MapsArg.name

    @classmethod
    def parse(cls, text, session):
        """Read a specifier of maps or their surfaces."""
        models, used, rest = super().parse(text, session)
        found = [m if isinstance(m, Volume) else m.parent for m in models]
        volumes = list(dict.fromkeys(m for m in found if isinstance(m, Volume)))
        return [v for v in volumes if v.parent not in volumes], used, rest


class PointArg(commands.CenterArg):
    """A center point whose coordinates keep the digits that ChimeraX cuts to float32."""

    @staticmethod
    def parse(text, session):
        """Read three numbers, or anything else that ChimeraX takes for a point."""
        point, used, rest = commands.CenterArg.parse(text, session)
        if point.coords is not None and "," in used:
            point.coords = np.array(commands.Float3Arg.parse(used, session)[0])
        return point, used, rest


class FrameArg(commands.CoordSysArg):
    """A model's coordinate system in the scene, even if its group has been moved."""

    @classmethod
    def parse(cls, text, session):
        """Read a model and return its place in the scene."""
        model, used, rest = commands.ModelArg.parse(text, session)
        return model.scene_position, used, rest


class ReaderArg(commands.Annotation):
    """An argument that the table of arguments reads."""

    def __init__(self, argument):
        super().__init__(name=argument.expected)
        self._argument = argument

    def parse(self, text, session):
        """Read the text up to a blank."""
        if not text:
            raise commands.AnnotationError(f"Expected {self.name}")
        token, used, rest = commands.next_token(text)
        try:
            return self._argument.value(token), used, rest
        except ArgumentError as error:
            raise commands.AnnotationError(error.sentence(self._argument.keyword)) from None


class SaveArg(commands.SaveFileNameArg):
    """Whether to save, a folder or MRC file to write, or ``browse``."""

    name = "true, false, a folder or file name, or 'browse'"
    name_filter = "MRC density map (*.mrc)"

    @classmethod
    def parse(cls, text, session):
        """Read it, and quote a path so that the logged command can be run again."""
        word, _, rest = commands.next_token(text) if text else ("", "", "")
        if word.lower() in YES + NO:
            is_on = word.lower() in YES
            return is_on, str(is_on).lower(), rest
        if word == BROWSE:
            # What to ask for depends on how many spheres there are.
            return BROWSE, BROWSE, rest
        path, _, rest = super().parse(text, session)
        return path, quoted(path), rest

    @classmethod
    def browse(cls, session, count):
        """Ask for the file of one sphere, or for the folder of several."""
        argument = super() if count == 1 else commands.SaveFolderNameArg
        return argument.parse(BROWSE, session)[0]


def makesphere(
    session, volumes, center=None, coordinate_system=None, save=True, model_id=None, **asked
):
    """Make spheres on the grids of maps, and files of them for cryoSPARC.

    Parameters
    ----------
    session : chimerax.core.session.Session
    volumes : list of Volume
    center : chimerax.core.commands.Center, optional
    coordinate_system : Place, optional
        What the coordinates of the center refer to; by default the scene.
    save : bool or str
        Whether to write MRC files with automatic names, or the folder or file to write.
    model_id : tuple of int, optional
        Id of the first new model; the others take the next ones.
    **asked
        The other arguments of `arguments.ARGUMENTS`; without any, the recommended decoys.

    Returns
    -------
    Volume or list of Volume
        The new model, or the list if there are several.

    Raises
    ------
    UserError
        Something is wrong, in one sentence; nothing has been made or written.
    """
    if not volumes:
        raise UserError("makesphere needs an open map, and none was specified")
    spec = "#" + ",".join(volume.id_string for volume in volumes)
    recommended = command_text(spec, RECOMMENDED)
    try:
        if center is not None:
            point = _point(center, coordinate_system)
        elif coordinate_system is not None:
            raise ArgumentError("coordinate_system", "needs a center to apply to")
        requests = []
        for volume in volumes:
            if center is not None:
                asked["center"] = tuple(volume.scene_position.inverse() * point)
            requests.append(Request.of(asked, recommended))
        made = _make(session, volumes, requests, save, model_id)
    except (ValueError, OSError, MemoryError, UserError) as error:
        raise UserError(_sentence(error)) from error
    finally:
        session.logger.status("")
    if not asked:
        _say(session.logger.info, session, "Recommended:", recommended)
    for volume, plan, models in made:
        # For the panel, without keeping models that are closed.
        volume.makesphere_made = [(weakref.ref(m), m.makesphere_file) for m in models]
        for model, block in zip(models, report.blocks(plan), strict=True):
            _log(session, model, block)
        if problem := report.too_strong(plan.decoys):
            line = command_text(plan.map.spec, RECOMMENDED)
            _say(session.logger.warning, session, f"{problem} Try:", line)
    models = [model for *_, of_map in made for model in of_map]
    return models[0] if len(models) == 1 else models


def _sentence(error):
    """Say what is wrong, on one line: names of maps and files can have line breaks."""
    text = str(error)
    if isinstance(error, ArgumentError):
        text = error.sentence(keyword(error.argument))
    elif isinstance(error, MemoryError):
        text = f"there is not enough memory: {text or 'nothing was made'}"
    return " ".join(text.split("\n")).strip()


def _point(center, coordinate_system):
    """Return a center in the scene, without digits that are only float32's rounding."""
    point = center.scene_coordinates(coordinate_system)
    if center.coords is not None:
        return point
    return np.array([float(f"{c:.{FLOAT32_DIGITS}g}") for c in point])


def _make(session, volumes, requests, save, model_id):
    """Make the spheres, and return for each map the volume, the plan and the new models."""
    per_map = len(requests[0].radius) * len(requests[0].value)
    count = per_map * len(volumes)
    _require_memory(volumes, per_map)
    if save == BROWSE:
        save = SaveArg.browse(session, count)
    rest = save, open_files(session)
    plans = [_plan(session, *both, *rest) for both in zip(volumes, requests, strict=True)]
    new_ids = _free_ids(session, model_id, count)
    session.logger.status(f"Making {count} sphere{'s' if count > 1 else ''} ...")
    models = []
    try:
        with Batch(plans) as batch:
            made = batch.make(in_memory=True)
            for new_id, (plan, decoy, array) in zip(new_ids, made, strict=True):
                models.append(_model(session, plan, decoy, array, new_id))
            batch.publish()
    except BaseException:
        # The surface of a model that has an id is in the session, even if the model is not open.
        for model in models:
            model.delete()
        raise
    session.models.add(models)
    rest, made = iter(models), []
    for volume, plan in zip(volumes, plans, strict=True):
        made.append((volume, plan, list(islice(rest, per_map))))
        for model, decoy in zip(made[-1][2], plan.decoys, strict=True):
            model.scene_position = volume.scene_position
            _refer_to_file(session, model, decoy.path)
    return made


def _plan(session, volume, request, save, open_maps):
    session.logger.status(f"Measuring {volume.name} ...")
    source_map = map_of(volume)
    destination = None if save is False else Destination(source_map, save, open_maps=open_maps)
    try:
        return Plan(decoys_of(source_map.measure(), request), destination)
    except LevelError as error:
        remedy = f"set it in Volume Viewer, or with volume {source_map.spec} level"
        raise ArgumentError(error.argument, f"{error.problem}; {remedy}") from error


def _refer_to_file(session, model, path):
    """Have sessions refer to a sphere's file, as they do for a map that ChimeraX has saved."""
    for other in session.models.list(type=Volume):
        if path and getattr(other, "makesphere_file", "") == path:
            # The file is another sphere's now, so that sessions have to hold the one before.
            other.data.path = other.makesphere_file = ""
    model.makesphere_file = model.data.path = path
    model.data.file_type = "mrc" if path else ""


def _require_memory(volumes, per_map):
    """Raise an error if the spheres, and maps that are not yet read, do not fit in memory."""
    needed = 0
    for data in (volume.data for volume in volumes):
        is_read = data.cached_data((0, 0, 0), data.size, (1, 1, 1)) is not None
        of_map = 0 if is_read else np.dtype(data.value_type).itemsize
        needed += prod(map(int, data.size)) * (per_map * np.dtype(np.float32).itemsize + of_map)
    # Allocating it would prove nothing: most systems promise memory that they do not have.
    free = psutil.virtual_memory().available
    if needed > free:
        need = f"the spheres would need {needed / 2**30:.3g} GB of memory"
        raise ValueError(f"{need}, and {free / 2**30:.3g} GB is free")


def _free_ids(session, first, count):
    if first is None:
        return [None] * count
    ids = [(*first[:-1], first[-1] + n) for n in range(count)]
    taken = ["#" + ".".join(map(str, one)) for one in ids if session.models.have_id(one)]
    if taken:
        raise ArgumentError("model_id", f"names a model that is open: {taken[0]}")
    if len(first) > 1 and not session.models.have_id(first[:-1]):
        raise ArgumentError("model_id", "names a part of a model that is not open")
    return ids


def _model(session, plan, decoy, array, model_id):
    grid = decoy.map.grid
    # Surfaces in the same place are together as transparent as one.
    *rgb, opacity = COLOR
    layers = sum(other.sphere == decoy.sphere for other in plan.decoys)
    color = (*rgb, 1 - (1 - opacity) ** (1 / layers))
    data = ArrayGridData(
        array, grid.origin, grid.voxel_size, grid.angles, grid.rotation, name=decoy.name
    )
    data.rgba = color
    model = volume_from_grid_data(
        data, session, style="surface", open_model=False, model_id=model_id, show_dialog=False
    )
    # Contour large boxes at a coarser step, as when they are opened from a file.
    model.new_region((0, 0, 0), tuple(n - 1 for n in grid.size), (1, 1, 1))
    model.set_parameters(surface_levels=[decoy.density / 2], surface_colors=[color])
    return model


def _log(session, model, block):
    title = f"Made #{model.id_string} {model.name}"
    if session.ui.is_gui:
        rows = "".join(
            f"<tr><td>{html.escape(row.label)}&nbsp;</td><td>{_cell(row, block)}</td></tr>"
            for row in block.rows
        )
        session.logger.info(f"<b>{html.escape(title)}</b><table>{rows}</table>", is_html=True)
    else:
        # As plain text: ChimeraX would wrap a path in a table.
        session.logger.info(f"{title}\n{report.as_text(block.rows)}")
    for warning in block.warnings:
        session.logger.warning(warning)


def _say(log, session, sentence, line):
    """Log a sentence that ends with a command to click."""
    if session.ui.is_gui:
        link = f'<a href="cxcmd:{quote(line)}">{html.escape(line)}</a>'
        log(f"{html.escape(sentence)} {link}", is_html=True)
    else:
        log(f"{sentence} {line}")


def _cell(row, block):
    shown = html.escape(row.text)
    if row.kind != "file":
        return shown
    try:
        word = quoted(row.text)
        # The command open quotes it again in ChimeraX's own way, which must agree.
        if word != commands.quote_path_if_necessary(row.text):
            return shown
    except ValueError:
        return shown
    line = f"open {word}"
    name = os.path.basename(row.text)
    if re.fullmatch(r"[\w.-]+", name, re.ASCII):
        # ChimeraX opens a map of one density at a level just above it, which shows nothing.
        line += f"; volume ##name={name} level {block.decoy.density / 2:.4g}"
    return f'<a href="cxcmd:{quote(line)}">{shown}</a>'


DESCRIPTION = commands.CmdDesc(
    required=[("volumes", TopMapsArg)],
    keyword=[
        *((a.name, PointArg if a.name == "center" else ReaderArg(a)) for a in ARGUMENTS),
        ("coordinate_system", FrameArg),
        ("save", SaveArg),
        ("model_id", commands.ModelIdArg),
    ],
    synopsis="Make solid spheres on a map's grid, as decoy volumes for cryoSPARC",
)


def register_command(name, logger):
    """Register the command with ChimeraX."""
    commands.register(name, DESCRIPTION, makesphere, logger=logger)
