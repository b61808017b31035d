"""Stand-in for chimerax.map."""

import numpy as np
from chimerax.core.commands import ModelsArg
from chimerax.core.models import Model


class _Surface:
    """Where a map crosses a level: the voxels above it that have a neighbor below."""

    def __init__(self, volume, level, rgba):
        self.level, self.rgba, self.display = level, rgba, True
        self._volume, data = volume, volume.data
        above = np.pad(data.full_matrix() >= level, 1)
        inside = above.copy()
        for axis in range(3):
            inside &= np.roll(above, 1, axis) & np.roll(above, -1, axis)
        indices = np.argwhere(above & ~inside)[:, ::-1] - 1
        self.vertices = indices * data.step + data.origin

    @property
    def scene_position(self):
        return self._volume.scene_position

    def showing_transparent(self):
        return self.display and self.rgba[3] < 1


class Volume(Model):
    """A map that is open."""

    def __init__(self, session, data):
        super().__init__(data.name, session)
        self.data, self.image_shown, self.image_will_show = data, False, False
        self.surfaces = []
        self.region = ((0, 0, 0), tuple(n - 1 for n in data.size), (1, 1, 1))
        self._callbacks = []
        data.change_callbacks.append(self.call_change_callbacks)

    def add_volume_change_callback(self, callback):
        self._callbacks.append(callback)

    def remove_volume_change_callback(self, callback):
        self._callbacks.remove(callback)

    def call_change_callbacks(self, change):
        for callback in self._callbacks:
            callback(self, change)

    def full_matrix(self):
        return self.data.full_matrix()

    def new_region(self, ijk_min, ijk_max, ijk_step):
        self.region = tuple(ijk_min), tuple(ijk_max), tuple(ijk_step)

    def set_parameters(self, surface_levels, surface_colors=((0.7, 0.7, 0.7, 1),)):
        colors = tuple(surface_colors) * len(surface_levels)
        self.surfaces = [
            _Surface(self, level, rgba) for level, rgba in zip(surface_levels, colors, strict=False)
        ]
        self.call_change_callbacks("thresholds changed")


class MapsArg(ModelsArg):
    name = "a density maps specifier"

    @staticmethod
    def convert(token, session):
        return [m for m in ModelsArg.convert(token, session) if isinstance(m, Volume)]


def volume_from_grid_data(
    data, session, style="auto", open_model=True, model_id=None, show_dialog=True
):
    volume = Volume(session, data)
    volume.id = model_id
    if open_model:
        session.models.add([volume])
    return volume
