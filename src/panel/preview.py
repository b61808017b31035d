"""The spheres in the scene before they are made."""

from typing import NamedTuple

import numpy as np
from chimerax.core.models import MODEL_POSITION_CHANGED
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
# Of the window, around what is to be seen.
MARGIN = 0.05
# What is beyond the far plane is drawn before the background, by this share of the depth.
BEFORE_GROUND = 2.0**-20


class _Surface(NamedTuple):
    """A map's surface as it is seen in the scene."""

    volume: Volume
    points: np.ndarray  # some of it, in the scene's coordinates
    spacing: float  # Å from voxel to voxel
    is_see_through: bool

    def distances(self, center):
        """Return the distances of its points from a point."""
        return np.linalg.norm(self.points - center, axis=1)

    def hides(self, center, radius):
        """Check whether it could not be seen inside a see-through sphere, or the sphere in it.

        ChimeraX shows only the nearest of see-through surfaces.
        """
        low, high = self.points.min(axis=0), self.points.max(axis=0)
        is_around = (low < center - radius).all() and (high > center + radius).all()
        return self.is_see_through and (is_around or self.distances(center).min() < radius)


class Preview:
    """See-through spheres about points of a map.

    These are drawings, not models: they take no model id, no command finds them, sessions do not
    save them, and `view` does not count them.
    """

    def __init__(self, session):
        self._session, self._view = session, session.main_view
        self._volume = self._scene = None
        self._balls, self._drawings = [], []
        self._handler = session.triggers.add_handler(MODEL_POSITION_CHANGED, self._follow)

    def show(self, volume, balls):
        """Show balls of a map and no others, save where such a surface stands already."""
        self._volume = volume
        surfaces = list(self._surfaces()) if balls else []
        balls = sorted(balls, key=lambda ball: ball.radius)[-MOST:]
        self._balls = self._without_those_that_stand(balls, surfaces)
        has_image = any(volume.image_shown for volume in self._volumes())
        kinds = [
            has_image
            or any(other.holds(ball) for other in self._balls)
            or any(surface.hides(*self._in_scene(ball)) for surface in surfaces)
            for ball in self._balls
        ]
        if [is_wire for _, is_wire in self._drawings] != kinds:
            self._remove()
            self._drawings = [(_drawing(is_wire), is_wire) for is_wire in kinds]
            for drawing, _ in self._drawings:
                self._view.drawing.add_drawing(drawing)
        self._place()
        self._scene = self._seen()

    def _without_those_that_stand(self, balls, surfaces):
        """Leave out balls whose surface is another map's: whoever made it, there is a sphere."""
        others = [surface for surface in surfaces if surface.volume is not self._volume]
        left = []
        for ball in reversed(balls):
            center, radius = self._in_scene(ball)
            stands = False
            for n, surface in enumerate(others):
                near = abs(surface.distances(center) - radius) <= surface.spacing
                if near.size and near.mean() > 0.5:
                    stands = True
                    # Of a hollow sphere, the inner wall stands as well.
                    others[n] = surface._replace(points=surface.points[~near])
            if not stands:
                left.insert(0, ball)
        return left

    def hide(self):
        """Show nothing."""
        self.show(None, [])

    def close(self):
        """Take the spheres out of the scene for good."""
        self._handler.remove()
        self._remove()

    # What else is there

    def _volumes(self):
        return [v for v in self._session.models.list(type=Volume) if v.visible]

    def _surfaces(self):
        for volume in self._volumes():
            step = np.multiply(volume.data.step, volume.region[2]).max()
            if any(surface.display and surface.vertices is None for surface in volume.surfaces):
                # It has just come; the next frame would show both.
                volume.update_drawings()
            for surface in volume.surfaces:
                points = surface.vertices if surface.display else None
                if points is not None and len(points):
                    # At random: every n-th could be of one side.
                    some = points[np.random.default_rng(0).integers(len(points), size=SAMPLE)]
                    place = surface.scene_position
                    yield _Surface(volume, place * some, step, surface.showing_transparent())

    def _seen(self):
        """Sum up what the preview depends on."""
        return self.is_larger_than_view, [
            (v, v.image_shown, [(id(s.vertices), s.display, s.rgba[3]) for s in v.surfaces])
            for v in self._volumes()
        ]

    @property
    def is_outdated(self):
        """Whether other things are seen than when it was shown."""
        return self._scene != self._seen()

    # The camera

    @property
    def is_larger_than_view(self):
        """Whether a sphere reaches beyond opposite sides of the window."""
        camera, size = self._view.camera, self._view.window_size
        sides = camera.rectangle_bounding_planes((0, 0), size, size)
        for center, radius in map(self._in_scene, self._balls):
            cut = [side[:3] @ center + side[3] < radius for side in sides]
            if any(one and other for one, other in zip(cut[:2], cut[2:], strict=True)):
                return True
        return False

    def view_all(self):
        """Move the camera so that all spheres are in view."""
        found = [self._in_scene(ball) for ball in self._balls]
        if found:
            low = np.min([center - radius for center, radius in found], axis=0)
            high = np.max([center + radius for center, radius in found], axis=0)
            self._view.view_all(Bounds(low, high), pad=MARGIN)

    # The drawings

    def _in_scene(self, ball):
        return np.array(self._volume.scene_position * ball.center), ball.radius

    def _follow(self, *_):
        # A group that the map is in may have moved as well.
        if self._volume is not None and self._volume.id is not None:
            self._place()

    def _place(self):
        for (drawing, _), ball in zip(self._drawings, self._balls, strict=True):
            place = self._volume.scene_position * translation(ball.center)
            drawing.position = place * scale(float(ball.radius))

    def _remove(self):
        for drawing, _ in self._drawings:
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
