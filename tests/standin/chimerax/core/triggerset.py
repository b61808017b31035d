"""Stand-in for chimerax.core.triggerset."""


class _Handler:
    def __init__(self, handlers, function):
        self._handlers, self.function = handlers, function
        handlers.append(self)

    def remove(self):
        self._handlers.remove(self)


class TriggerSet:
    """Functions to call when something happens."""

    def __init__(self):
        self._handlers = {}

    def add_handler(self, name, function):
        return _Handler(self._handlers.setdefault(name, []), function)

    def activate_trigger(self, name, data):
        for handler in list(self._handlers.get(name, [])):
            handler.function(name, data)
