"""The mouse mode that shapes the sphere."""

import numpy as np
from chimerax.mouse_modes import MouseMode

# Pixels: less than a hand moves when it clicks.
LEAST = 3


class SphereMouseMode(MouseMode):
    """Drag up or right to enlarge the sphere; with the shift key, drag it about.

    Parameters
    ----------
    session : chimerax.core.session.Session
    panel : function
        Gives the panel, which it opens if need be.
    """

    name = "make sphere"
    icon_file = "../icons/makesphere.png"

    def __init__(self, session, panel):
        super().__init__(session)
        self._panel, self._modes = panel, session.ui.mouse_modes
        self._former = self._mode
        session.triggers.add_handler("set mouse mode", self._remember)

    @classmethod
    def of(cls, session, panel):
        """Return the session's only mode, registered with ChimeraX."""
        modes = session.ui.mouse_modes
        if modes.named_mode(cls.name) is None:
            modes.add_mode(cls(session, panel))
        return modes.named_mode(cls.name)

    @property
    def _mode(self):
        """The mode of the right button."""
        return self._modes.mode("right", [], exact=True)

    def _remember(self, *_):
        if self._mode is not self:
            self._former = self._mode

    def take_button(self):
        """Be the mode of the right button."""
        self._modes.bind_mouse_mode("right", [], self)

    def give_button_back(self):
        """Return the right button the mode that it had, unless it has another one by now."""
        if self._mode is self:
            self._modes.bind_mouse_mode("right", [], self._former)

    def enable(self):
        """Show the panel when a button is given this mode."""
        self._panel().show()

    def mouse_down(self, event):
        """Remember the sphere as it is."""
        super().mouse_down(event)
        self._start, self._moved, self._is_drag = self._panel().sphere, np.zeros(2), False

    def mouse_drag(self, event):
        """Resize or move the sphere by what the mouse has moved since the button was pressed."""
        self._moved += np.multiply(self.mouse_motion(event), (1, -1))
        self._is_drag |= bool(abs(self._moved).max() >= LEAST)
        if self._start is None or not self._is_drag:
            return
        right, up = self._moved
        place, center, radius = self._start
        pixel = self.pixel_size(place * center)
        if event.shift_down():
            shift = self.camera_position.transform_vector((pixel * right, pixel * up, 0))
            self._panel().move_sphere(place.inverse() * (place * center + shift))
        else:
            self._panel().set_radius(radius + pixel * (right + up))
