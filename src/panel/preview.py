"""The spheres in the scene before they are made."""

import numpy as np
from chimerax.geometry import Bounds, scale, translation
from chimerax.graphics import Drawing, opengl
from chimerax.map import Volume
from chimerax.surface import sphere_geometry2

# An orange that is not the blue of the spheres that have been made, in 0-255.
COLOR = (255, 170, 60, 60)
WIRE_COLOR = (255, 170, 60, 255)
TRIANGLES, WIRE_TRIANGLES = 5120, 320
# More can be typed than can be told apart.
MOST = 12
# Points that tell where a surface is.
SAMPLE = 2000
# Of the points of a surface that is spheres; the inner wall of a hollow one has few of them.
MOST_POINTS, SOME_POINTS = 0.5, 0.02
# Of the window, around what is to be seen.
MARGIN = 0.05
# What is beyond the far plane is drawn before the background, by this share of the depth.
BEFORE_GROUND = 2.0**-20


class Preview:
    """See-through spheres about a point of a map.

    These are drawings, not models: they take no model id, no command finds them, sessions do not
    save them, and `view` does not count them.
    """

    def __init__(self, session):
        self._session, self._view = session, session.main_view
        self._volume = self._center = None
        self._radii, self._drawings = [], []

    def show(self, volume, center, radii):
        """Show spheres about a point of a map and no others, the smallest first.

        Where such a surface stands already, there is no other.
        """
        self._volume, self._center = volume, center
        self._radii = self._without_those_that_stand(radii[-MOST:])
        # ChimeraX shows only the nearest of see-through surfaces.
        is_hiding = any(
            volume.image_shown
            or volume.image_will_show
            or any(surface.showing_transparent() for surface in volume.surfaces)
            for volume in self._volumes()
        )
        kinds = [is_hiding or radius < self._radii[-1] for radius in self._radii]
        if kinds != [drawing.display_style == Drawing.Mesh for drawing in self._drawings]:
            self._remove()
            self._drawings = [_drawing(is_wire) for is_wire in kinds]
            for drawing in self._drawings:
                self._view.drawing.add_drawing(drawing)
        self.place()

    # What else is there

    def _volumes(self):
        return [v for v in self._session.models.list(type=Volume) if v.visible]

    def _without_those_that_stand(self, radii):
        """Leave out radii at which another map's surface is: whoever made it, there is a sphere."""
        for volume in self._volumes():
            if radii and any(one.display and one.vertices is None for one in volume.surfaces):
                # It has just come; the next frame would show both.
                volume.update_drawings()
            spacing = np.multiply(volume.data.step, volume.region[2]).max()
            for surface in volume.surfaces if volume is not self._volume else ():
                points = surface.vertices if surface.display else None
                if points is None or not len(points) or not radii:
                    continue
                # At random: every n-th could be of one side.
                some = points[np.random.default_rng(0).integers(len(points), size=SAMPLE)]
                distances = np.linalg.norm(surface.scene_position * some - self._middle, axis=1)
                near = abs(distances[:, None] - radii) <= spacing
                if near.any(axis=1).mean() > MOST_POINTS:
                    stands = near.mean(axis=0) > SOME_POINTS
                    radii = [
                        radius for radius, there in zip(radii, stands, strict=True) if not there
                    ]
        return radii

    # The camera

    @property
    def _middle(self):
        """The center in the scene."""
        return np.array(self._volume.scene_position * self._center)

    @property
    def is_larger_than_view(self):
        """Whether a sphere is larger than the window."""
        if not self._radii:
            return False
        pixels = 2 * self._radii[-1] / self._view.pixel_size(self._middle)
        return pixels > min(self._view.window_size)

    def view_all(self):
        """Move the camera so that all spheres are in view."""
        if self._radii:
            bounds = Bounds(self._middle - self._radii[-1], self._middle + self._radii[-1])
            self._view.view_all(bounds, pad=MARGIN)

    # The drawings

    def place(self, *_):
        """Follow the map, which may be in a group that has moved."""
        for drawing, radius in zip(self._drawings, self._radii, strict=True):
            place = self._volume.scene_position * translation(self._center)
            drawing.position = place * scale(float(radius))

    def _remove(self):
        for drawing in self._drawings:
            drawing.parent.remove_drawing(drawing)
        self._drawings = []


class _Uncut(Drawing):
    """A drawing that the near and far planes do not cut: they are set for what `view` counts."""

    def draw(self, renderer, draw_pass):
        """Draw all of it, what is out of the planes' range at its ends."""
        gl = opengl.GL
        gl.glEnable(gl.GL_DEPTH_CLAMP)
        gl.glDepthRange(0, 1 - BEFORE_GROUND)
        super().draw(renderer, draw_pass)
        gl.glDepthRange(0, 1)
        gl.glDisable(gl.GL_DEPTH_CLAMP)


def _drawing(is_wire):
    drawing = _Uncut("makesphere preview")
    drawing.set_geometry(*sphere_geometry2(WIRE_TRIANGLES if is_wire else TRIANGLES))
    drawing.color = WIRE_COLOR if is_wire else COLOR
    if is_wire:
        drawing.display_style = Drawing.Mesh
    # It must not catch clicks, darken the map, or change what `view` shows; beyond the map it
    # would fade.
    drawing.pickable = drawing.casts_shadows = drawing.allow_depth_cue = False
    drawing.accept_shadow = drawing.accept_multishadow = False
    drawing.skip_bounds = True
    return drawing
