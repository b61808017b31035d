"""The sphere in the scene before it is made, and the mouse mode that shapes it."""

from chimerax.core.models import MODEL_POSITION_CHANGED
from chimerax.geometry import scale, translation
from chimerax.graphics import Drawing
from chimerax.mouse_modes import MouseMode
from chimerax.surface import sphere_geometry2

# An orange that is not the blue of the spheres that have been made, in 0-255.
COLOR = (255, 170, 60, 60)
WALL_COLOR = (255, 170, 60, 255)


class Preview:
    """A see-through sphere about a point of a map, with its inner wall as a wire frame.

    These are drawings, not models: they take no model id, no command finds them, and sessions
    do not save them.

    Parameters
    ----------
    session : chimerax.core.session.Session
    """

    def __init__(self, session):
        self._volume = None
        self._sphere = _drawing("makesphere preview", COLOR, triangles=5120)
        # ChimeraX shows only the nearest of see-through surfaces, so the wall is lines.
        self._wall = _drawing("makesphere inner wall", WALL_COLOR, triangles=320)
        self._wall.display_style = Drawing.Mesh
        for drawing in self._drawings:
            session.main_view.drawing.add_drawing(drawing)
        self._handler = session.triggers.add_handler(MODEL_POSITION_CHANGED, self._follow)

    @property
    def _drawings(self):
        return self._sphere, self._wall

    def show(self, volume, center, radius, inner_radius=0.0):
        """Show the sphere; only its place in the scene is computed.

        Parameters
        ----------
        volume : Volume
        center : (float, float, float)
            In the map's coordinates, Å.
        radius, inner_radius : float
            In Å. No inner radius: solid.
        """
        self._volume, self._center = volume, center
        self._radii = radius, inner_radius
        self._sphere.display = True
        self._wall.display = inner_radius > 0
        self._place()

    def hide(self):
        """Show nothing."""
        for drawing in self._drawings:
            drawing.display = False
        self._volume = None

    def close(self):
        """Take the sphere out of the scene."""
        self._handler.remove()
        for drawing in self._drawings:
            drawing.parent.remove_drawing(drawing)

    def _follow(self, *_):
        # A group that the map is in may have moved as well.
        if self._volume is not None and self._volume.id is not None:
            self._place()

    def _place(self):
        place = self._volume.scene_position * translation(self._center)
        for drawing, radius in zip(self._drawings, self._radii, strict=True):
            if radius:
                drawing.position = place * scale(float(radius))


def _drawing(name, color, triangles):
    drawing = Drawing(name)
    drawing.set_geometry(*sphere_geometry2(triangles))
    drawing.color = color
    drawing.display = False
    # It must not catch clicks, darken the map, or change what `view` shows.
    drawing.pickable = drawing.casts_shadows = False
    drawing.accept_shadow = drawing.accept_multishadow = False
    drawing.skip_bounds = True
    return drawing


class SphereMouseMode(MouseMode):
    """Drag up or right to enlarge the sphere; with the shift key, drag it about.

    Parameters
    ----------
    session : chimerax.core.session.Session
    panel : function
        Gives the panel, which it opens if need be.
    """

    name = "make sphere"
    icon_file = "icons/makesphere.png"

    def __init__(self, session, panel):
        super().__init__(session)
        self._panel = panel
        self._former = session.ui.mouse_modes.mode("right", [], exact=True)
        session.triggers.add_handler("set mouse mode", self._remember)

    @classmethod
    def of(cls, session, panel):
        """Return the session's only mode, registered with ChimeraX when it is first asked for."""
        modes = session.ui.mouse_modes
        mode = modes.named_mode(cls.name)
        if mode is None:
            mode = cls(session, panel)
            modes.add_mode(mode)
        return mode

    def _remember(self, _, told):
        button, modifiers, mode = told
        if button == "right" and not modifiers and mode is not self:
            self._former = mode

    @property
    def _has_button(self):
        return self.session.ui.mouse_modes.mode("right", [], exact=True) is self

    def take_button(self):
        """Be the mode of the right button."""
        if not self._has_button:
            self.session.ui.mouse_modes.bind_mouse_mode("right", [], self)

    def give_button_back(self):
        """Give the right button the mode that it had, unless it has another one by now."""
        if self._has_button:
            self.session.ui.mouse_modes.bind_mouse_mode("right", [], self._former)

    def enable(self):
        """Show the panel when a button is given this mode."""
        self._panel().show()

    def mouse_down(self, event):
        """Remember the sphere as it is."""
        super().mouse_down(event)
        self._start = self._panel().sphere
        self._moved = [0.0, 0.0]

    def mouse_drag(self, event):
        """Resize or move the sphere by what the mouse has moved since the button was pressed."""
        dx, dy = self.mouse_motion(event)
        if self._start is None:
            return
        self._moved[0] += dx
        self._moved[1] -= dy
        right, up = self._moved
        place, center, radius = self._start
        pixel = self.pixel_size(place * center)
        if event.shift_down():
            shift = self.camera_position.transform_vector((pixel * right, pixel * up, 0))
            self._panel().set_center(place.inverse() * (place * center + shift))
        else:
            self._panel().set_radius(radius + pixel * (right + up))
