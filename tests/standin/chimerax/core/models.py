"""Stand-in for chimerax.core.models."""

from chimerax.geometry import Place

ADD_MODELS = "add models"
REMOVE_MODELS = "remove models"
MODEL_NAME_CHANGED = "model name changed"
MODEL_POSITION_CHANGED = "model position changed"
MODEL_DISPLAY_CHANGED = "model display changed"


class Model:
    """Something in the scene."""

    def __init__(self, name, session):
        self.session = session
        self.id = self.parent = None
        self.name, self.position = name, Place()
        self.display = True

    def __setattr__(self, key, value):
        super().__setattr__(key, value)
        triggers = {
            "name": MODEL_NAME_CHANGED,
            "position": MODEL_POSITION_CHANGED,
            "display": MODEL_DISPLAY_CHANGED,
        }
        if key in triggers and self.id is not None:
            self.session.triggers.activate_trigger(triggers[key], self)

    def delete(self):
        pass

    @property
    def visible(self):
        return self.display and (self.parent is None or self.parent.visible)

    @property
    def id_string(self):
        return ".".join(map(str, self.id))

    @property
    def scene_position(self):
        return self.parent.scene_position * self.position if self.parent else self.position

    @scene_position.setter
    def scene_position(self, place):
        self.position = self.parent.scene_position.inverse() * place if self.parent else place


class Models:
    """The models of a session."""

    def __init__(self, triggers):
        self._triggers = triggers
        self._models = []

    def list(self, type=Model):
        return [m for m in self._models if isinstance(m, type)]

    def have_id(self, id):
        return any(m.id == id for m in self._models)

    def add(self, models, parent=None):
        for model in models:
            if model.id is None:
                model.parent = parent
                stem = parent.id if parent else ()
                taken = [m.id[-1] for m in self._models if m.id[:-1] == stem]
                model.id = (*stem, max(taken, default=0) + 1)
            self._models.append(model)
        self._triggers.activate_trigger(ADD_MODELS, models)

    def close(self, models):
        self._models = [m for m in self._models if m not in models]
        for model in models:
            model.id = None
        self._triggers.activate_trigger(REMOVE_MODELS, models)
