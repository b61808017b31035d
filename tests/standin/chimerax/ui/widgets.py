"""Stand-in for chimerax.ui.widgets."""

from chimerax.core.models import ADD_MODELS, MODEL_NAME_CHANGED, REMOVE_MODELS
from Qt.QtCore import Qt, QTimer, Signal
from Qt.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QSlider,
    QVBoxLayout,
    QWidget,
)


def button_row(parent, name_and_callback_list, button_list):
    row, buttons = QFrame(parent), []
    layout = QHBoxLayout(row)
    for name, callback in name_and_callback_list:
        button = QPushButton(name)
        button.clicked.connect(callback)
        layout.addWidget(button)
        buttons.append(button)
    parent.layout().addWidget(row)
    return row, buttons


class FloatSlider(QWidget):
    valueChanged = Signal(float)

    def __init__(self, minimum, maximum, step, decimal_places, continuous_callback):
        super().__init__()
        self._low, self._width = minimum, (maximum - minimum) / 5000
        self._slider, self._text = QSlider(Qt.Orientation.Horizontal), QLabel()
        self._slider.setMaximum(5000)
        self._slider.setSingleStep(max(1, int(step / self._width)))
        self._slider.valueChanged.connect(self._moved)
        layout = QVBoxLayout(self)
        layout.addWidget(self._slider)
        layout.addWidget(self._text)

    def _moved(self, place):
        self._text.setText("the slider's own")
        self.valueChanged.emit(self._low + place * self._width)

    def blockSignals(self, block):
        self._slider.blockSignals(block)

    def setValue(self, value):
        self._slider.setValue(int((value - self._low) / self._width + 0.5))

    def value(self):
        return self._low + self._slider.value() * self._width

    def set_left_text(self, text):
        pass

    set_right_text = set_left_text

    def set_text(self, text):
        self._text.setText(text)


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
