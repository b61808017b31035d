"""Stand-in for chimerax.ui.widgets."""

from chimerax.core.models import ADD_MODELS, MODEL_NAME_CHANGED, REMOVE_MODELS
from Qt.QtCore import QTimer, Signal
from Qt.QtWidgets import QMenu, QPushButton


class ModelMenuButton(QPushButton):
    value_changed = Signal()
    AUTOSELECT_FIRST_DISPLAYED = "first displayed"

    def __init__(self, session, class_filter, autoselect, no_value_button_text, balloon_help):
        super().__init__()
        self._list = lambda: session.models.list(type=class_filter)
        self._none = no_value_button_text
        self._value = None
        self.setMenu(QMenu(self))
        self.menu().triggered.connect(self._choose)
        self._handlers = [
            session.triggers.add_handler(trigger, self._update)
            for trigger in (ADD_MODELS, REMOVE_MODELS, MODEL_NAME_CHANGED)
        ]
        self._update()

    def _update(self, *_):
        self.menu().clear()
        models = self._list()
        for model in models:
            self.menu().addAction(f"{model.name} #{model.id_string}").setData(model)
        if self._value not in models:
            # As in ChimeraX, only after all listeners have been called, or are gone.
            QTimer.singleShot(0, self.value_changed.emit)
            self._value = models[0] if models else None
        self._show()

    def _show(self):
        model = self._value
        self.setText(f"{model.name} #{model.id_string}" if model else self._none)

    def _choose(self, action):
        self.value = action.data()

    @property
    def value(self):
        return self._value

    @value.setter
    def value(self, model):
        self._value = model
        self._show()
        self.value_changed.emit()

    def destroy(self):
        for handler in self._handlers:
            handler.remove()
