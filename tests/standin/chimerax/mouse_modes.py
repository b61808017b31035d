"""Stand-in for chimerax.mouse_modes."""


class MouseMode:
    """What a mouse button does in the scene."""

    def __init__(self, session):
        self.session = session
        self.last_mouse_position = None

    def enable(self):
        pass

    def mouse_down(self, event):
        self.last_mouse_position = event.position()

    def mouse_motion(self, event):
        (x0, y0), (x, y) = self.last_mouse_position, event.position()
        self.last_mouse_position = x, y
        return x - x0, y - y0

    def pixel_size(self, center):
        return self.session.main_view.pixel_size(center)

    @property
    def camera_position(self):
        return self.session.main_view.camera.position


class _Named:
    def __init__(self, name):
        self.name = name


class MouseModes:
    """Which mode a button has."""

    def __init__(self, triggers):
        self._triggers = triggers
        self._modes = [_Named("translate"), _Named("zoom")]
        self._right = self._modes[0]

    def add_mode(self, mode):
        self._modes.append(mode)

    def named_mode(self, name):
        return next((m for m in self._modes if m.name == name), None)

    def mode(self, button, modifiers, exact):
        return self._right

    def bind_mouse_mode(self, button, modifiers, mode):
        self._right = mode
        if isinstance(mode, MouseMode):
            mode.enable()
        self._triggers.activate_trigger("set mouse mode", (button, modifiers, mode))
