"""The spheres in the scene before they are made."""

import numpy as np
from chimerax.core.models import MODEL_POSITION_CHANGED
from chimerax.geometry import Bounds, scale, translation
from chimerax.graphics import Drawing
from chimerax.surface import sphere_geometry2

# An orange that is not the blue of the spheres that have been made, in 0-255.
COLOR = (255, 170, 60, 60)
WIRE_COLOR = (255, 170, 60, 255)
TRIANGLES, WIRE_TRIANGLES = 5120, 320
# More can be typed than can be told apart.
MOST = 12


class Preview:
    """See-through spheres about points of a map.

    These are drawings, not models: they take no model id, no command finds them, and sessions do
    not save them.
    """

    def __init__(self, session):
        self._view = session.main_view
        self._volume = None
        self._balls = []
        self._drawings = []
        self._handler = session.triggers.add_handler(MODEL_POSITION_CHANGED, self._follow)

    def show(self, volume, balls):
        """Show balls of a map and no others; only their place in the scene is computed."""
        self._volume = volume
        self._balls = sorted(balls, key=lambda ball: ball.radius)[-MOST:]
        # ChimeraX shows only the nearest of see-through surfaces, so those inside are wires.
        kinds = [any(other.holds(ball) for other in self._balls) for ball in self._balls]
        if [is_wire for _, is_wire in self._drawings] != kinds:
            self._remove()
            self._drawings = [(_drawing(is_wire), is_wire) for is_wire in kinds]
            for drawing, _ in self._drawings:
                self._view.drawing.add_drawing(drawing)
        self._place()

    def hide(self):
        """Show nothing."""
        self.show(None, [])

    def close(self):
        """Take the spheres out of the scene for good."""
        self._handler.remove()
        self._remove()

    @property
    def is_larger_than_view(self):
        """Whether a sphere is cut by all sides of the window, and is seen as nothing but a haze."""
        camera, size = self._view.camera, self._view.window_size
        sides = camera.rectangle_bounding_planes((0, 0), size, size)
        return len(sides) > 0 and any(
            all(side[:3] @ center + side[3] < radius for side in sides)
            for center, radius in self._in_scene()
        )

    def view_all(self):
        """Move the camera so that all spheres are in view."""
        found = list(self._in_scene())
        if found:
            low = np.min([center - radius for center, radius in found], axis=0)
            high = np.max([center + radius for center, radius in found], axis=0)
            self._view.view_all(Bounds(low, high))

    def _in_scene(self):
        for ball in self._balls:
            yield np.array(self._volume.scene_position * ball.center), ball.radius

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


def _drawing(is_wire):
    drawing = Drawing("makesphere preview")
    drawing.set_geometry(*sphere_geometry2(WIRE_TRIANGLES if is_wire else TRIANGLES))
    drawing.color = WIRE_COLOR if is_wire else COLOR
    if is_wire:
        drawing.display_style = Drawing.Mesh
    # It must not catch clicks, darken the map, or change what `view` shows.
    drawing.pickable = drawing.casts_shadows = False
    drawing.accept_shadow = drawing.accept_multishadow = False
    drawing.skip_bounds = True
    return drawing
