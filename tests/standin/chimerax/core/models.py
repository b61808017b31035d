"""Stand-in for chimerax.core.models."""

from chimerax.geometry import Place


class Model:
    """Something in the scene."""

    def __init__(self, name, session):
        self.name, self.session = name, session
        self.id = self.parent = None
        self.position = Place()
        self.display = True

    def delete(self):
        pass

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

    def __init__(self):
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

    def close(self, models):
        self._models = [m for m in self._models if m not in models]
