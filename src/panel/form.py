"""The panel's widgets, and what stands in them."""

import html
import os

from chimerax.map import Volume
from chimerax.ui.widgets import ModelMenuButton
from Qt import QtWidgets as qt
from Qt.QtCore import Qt, Signal
from Qt.QtGui import QColor, QPalette

from ..arguments import BY_NAME
from ..engine.request import RECOMMENDED
from .plot import Profile, signal_color
from .view import BOX_CENTER, ROTATION_CENTER, View, recommended_words

MRC_FILTER = "MRC density map (*.mrc)"
# As wide as there is room: a long text must not widen the panel.
WIDE = qt.QSizePolicy.Policy.Ignored
NARROW = qt.QSizePolicy.Policy.Fixed
RECOMMENDED_WORDS = recommended_words()
# What menus propose.
CHOICES = {
    "value": (RECOMMENDED_WORDS["value"], "match", "1"),
    "center": (BOX_CENTER, ROTATION_CENTER),
}
NARROWEST = 70  # pixels
ARROW = 12  # characters: a menu's arrow
WARNING = "#a05000", "#ffb050"
MORE = ("offset", "edge", "inner_radius")
MARGIN_FIT = RECOMMENDED_WORDS["radius"]


class Form(qt.QWidget):
    """Everything in the panel, from the map's menu to the plot.

    Attributes
    ----------
    changed : Signal
        Other text stands in some field, or something else is to be saved.
    moved : Signal
        The radius in Å to which a mouse or an arrow key has moved the slider or the plot's line.
    entered : Signal
        The mouse has come.
    links : dict of function
        What the links of warnings do, by name.
    """

    changed = Signal()
    moved = Signal(float)
    entered = Signal()

    def __init__(self, session):
        super().__init__()
        self.text_fields, self.beside_labels, self._facts = {}, {}, ""
        self._shown, self.paths, self._copied = View(), [], []
        self._grid = qt.QGridLayout()
        self._grid.setVerticalSpacing(3)
        self._grid.setColumnStretch(1, 1)
        outer = qt.QVBoxLayout(self, spacing=4)
        outer.setContentsMargins(6, 4, 6, 4)
        outer.addLayout(self._grid)
        self._add_map(session)
        self._add_sphere()
        self._add_file()
        outer.addLayout(self._buttons())
        outer.addWidget(self._facts_area(), 1)

    # Rows

    def _add_row(self, label, *widgets):
        row = self._grid.rowCount()
        self._grid.addWidget(label, row, 0)
        self._grid.addLayout(_row(*widgets), row, 1)

    def _word_button(self, text, tip, words):
        """Make a button that puts words into fields."""
        return qt.QToolButton(text=text, toolTip=tip, clicked=lambda: self.set_words(words))

    def _add_map(self, session):
        self.map_menu = ModelMenuButton(
            session,
            class_filter=Volume,
            autoselect=ModelMenuButton.AUTOSELECT_FIRST_DISPLAYED,
            no_value_button_text="No map is open",
            balloon_help="The map on whose grid the spheres are made",
        )
        self.map_menu.setSizePolicy(WIDE, NARROW)
        tip = f"A faint and a bright sphere around the particle: {RECOMMENDED.words}"
        words = {name: RECOMMENDED_WORDS[name] for name in BY_NAME}
        self.recommended_button = self._word_button("Recommended", tip, words)
        self._add_row(qt.QLabel("Map"), self.map_menu, self.recommended_button)
        self.links = {"recommended": self.recommended_button.click}

    def _add_sphere(self):
        tip = "The smallest radius that holds 99% of the particle"
        self.fit_button = self._word_button("Fit", tip, {"radius": "fit"})
        self.margin_button = self._word_button(MARGIN_FIT, "fit plus 30%", {"radius": MARGIN_FIT})
        tip = "Drag it: the radius becomes a number, and the preview follows"
        self.slider = qt.QSlider(Qt.Orientation.Horizontal, toolTip=tip, minimumWidth=NARROWEST)
        _ignore_wheel(self.slider)
        self.slider.valueChanged.connect(lambda radius: self.moved.emit(radius))
        self._add_row(*self._field("radius"), self.fit_button, self.margin_button, self.slider)
        self._add_row(*self._field("value"))
        # Not ChimeraX's CollapsiblePanel, which resizes the dock.
        tip = ", ".join(BY_NAME[name].label for name in MORE)
        self.more_button = qt.QToolButton(text="More", toolTip=tip, checkable=True, autoRaise=True)
        self.more_button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.more_button.toggled.connect(self._disclose)
        self._add_row(*self._field("center"), self.more_button)
        self._more = [widget for name in MORE for widget in self._field(name)]
        self._add_row(*self._more)
        self._disclose(False)

    def _field(self, name):
        """Make a label, a field, and what stands beside it."""
        argument = BY_NAME[name]
        if name in CHOICES:
            field = qt.QComboBox(editable=True, insertPolicy=qt.QComboBox.InsertPolicy.NoInsert)
            field.addItems(CHOICES[name])
            field.setCompleter(None)
            _ignore_wheel(field)
            line = field.lineEdit()
        else:
            field = line = qt.QLineEdit()
        # A longer text is scrolled: the panel stays narrow.
        characters = argument.width + (ARROW if name in CHOICES else 1)
        field.setFixedWidth(field.fontMetrics().averageCharWidth() * characters)
        field.setToolTip(f"<p>{html.escape(argument.help)}</p>")
        line.setText(RECOMMENDED_WORDS[name])
        line.textChanged.connect(self.changed)
        self.text_fields[name] = line
        beside = self.beside_labels[name] = qt.QLabel()
        if name in ("radius", "offset"):
            # The slider must not move while it is dragged.
            beside.setMinimumWidth(beside.fontMetrics().horizontalAdvance("= 1888.8 Å"))
        return qt.QLabel(argument.label), field, beside

    def _add_file(self):
        self.save_box = qt.QCheckBox("Save in", toolTip="Uncheck it to make models only")
        self.save_box.toggled.connect(self.changed)
        self.path_fields = {"folder": _PathField(), "name": _PathField()}
        self.folder_field, self.name_field = self.path_fields.values()
        self.folder_field.setToolTip("Folder; leave empty for the map's folder")
        for field in self.path_fields.values():
            field.typed_changed.connect(self.changed)
        self.name_field.editingFinished.connect(self._complete_name)
        tip = "Pick the file; of several spheres, the folder"
        self.browse_button = qt.QPushButton("Browse...", toolTip=tip, clicked=self._browse)
        self._add_row(self.save_box, self.folder_field, self.browse_button)
        color = signal_color(self, *WARNING)
        self.replaces_label = qt.QLabel(f'<span style="color:{color}">⚠ replaces a file</span>')
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        self._add_row(qt.QLabel("as", alignment=right), self.name_field, self.replaces_label)

    def _buttons(self):
        self.make_button = qt.QPushButton("Make 88 Spheres")
        # A double click is one click.
        self.make_button.mouseDoubleClickEvent = lambda event: None
        self.help_button = qt.QPushButton("Help", toolTip="The manual's page about this panel")
        self.made_label, self.reason_label = qt.QLabel(), _Message()
        self.path_field = qt.QLineEdit(readOnly=True, minimumWidth=NARROWEST)
        tip = "For cryoSPARC's Import 3D Volumes, type map"
        self.copy_button = qt.QPushButton("Copy paths", toolTip=tip, clicked=self._copy)
        # As wide for one sphere as for several.
        for button in (self.make_button, self.copy_button):
            button.setFixedWidth(button.sizeHint().width())
        made = self.made_label, self.path_field, self.copy_button
        row = _row(self.make_button, self.help_button, *made, self.reason_label)
        # Two lines of a message, and nothing moves when it comes.
        row.addStrut(2 * self.fontMetrics().lineSpacing() + 4)
        return row

    def _facts_area(self):
        """Return the only part that gives way where there is little room."""
        self.facts_label = qt.QLabel(wordWrap=True, alignment=Qt.AlignmentFlag.AlignTop)
        self.facts_label.setSizePolicy(WIDE, qt.QSizePolicy.Policy.Minimum)
        browser = Qt.TextInteractionFlag.TextBrowserInteraction
        self.facts_label.setTextInteractionFlags(browser)
        self.facts_label.linkActivated.connect(lambda name: self.links[name]())
        line = self.fontMetrics().lineSpacing()
        # Room for them all, so that the plot does not jump when they come.
        self.facts_label.setMinimumHeight(5 * line)
        self.profile_plot = Profile()
        self.profile_plot.dragged.connect(self.moved)
        rows = qt.QWidget()
        layout = qt.QVBoxLayout(rows)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.facts_label)
        layout.addWidget(self.profile_plot, stretch=1)
        frame = qt.QFrame.Shape.NoFrame
        area = qt.QScrollArea(frameShape=frame, widgetResizable=True, minimumHeight=line)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(rows)
        self.scroll_area = area
        return area

    def _disclose(self, shown):
        arrows = Qt.ArrowType
        self.more_button.setArrowType(arrows.DownArrow if shown else arrows.RightArrow)
        for widget in self._more:
            widget.setVisible(shown)

    def enterEvent(self, event):
        """Tell that the mouse has come: the files may be others."""
        super().enterEvent(event)
        self.entered.emit()

    # What stands in them

    def words(self):
        """Return what stands in the fields, by the arguments' names, and as folder and name."""
        words = {name: field.text() for name, field in self.text_fields.items()}
        return words | {name: field.typed for name, field in self.path_fields.items()}

    def set_words(self, words):
        """Put words into fields."""
        self.blockSignals(True)
        for name, text in words.items():
            if name in self.path_fields:
                self.path_fields[name].take(text)
            else:
                self.text_fields[name].setText(text)
        if any(words.get(name, "0") != "0" for name in MORE):
            self.more_button.setChecked(True)
        self.blockSignals(False)
        self.changed.emit()

    def _browse(self):
        start, name = self.folder_field.text(), self.name_field.text()
        if self.name_field.isReadOnly():
            folder = qt.QFileDialog.getExistingDirectory(self, "Folder for spheres", start)
            picked = name
        else:
            # What would be replaced is asked when it is.
            option = qt.QFileDialog.Option.DontConfirmOverwrite
            path, _ = qt.QFileDialog.getSaveFileName(
                self, "Save sphere as", os.path.join(start, name), MRC_FILTER, options=option
            )
            folder, picked = os.path.split(path)
        # Qt writes / on Windows, too.
        if folder and (folder := os.path.normpath(folder)) != os.path.normpath(start):
            self.folder_field.take(folder)
        if folder and picked != name:
            self.name_field.take(picked)

    def _complete_name(self):
        """Show a name that was typed as it will be."""
        folder, name = os.path.split(self._shown.file)
        if name and self.name_field.typed not in ("", name):
            if os.path.dirname(self.name_field.typed):
                self.folder_field.take(folder)
            self.name_field.take(name)

    def may_replace(self, path):
        """Ask whether a file may be replaced, as ChimeraX's save dialog does."""
        buttons = qt.QMessageBox.StandardButton
        question = f"{os.path.basename(path)} already exists.\nDo you want to replace it?"
        choice = buttons.Yes | buttons.No
        answer = qt.QMessageBox.warning(self, "Make Sphere", question, choice, buttons.No)
        return answer == buttons.Yes

    # What is shown

    def show_view(self, shown):
        """Show what `view.view` has worked out."""
        self._shown = shown
        for name, label in self.beside_labels.items():
            label.setText(shown.beside[name])
            label.setEnabled(not shown.is_old)
        self.slider.blockSignals(True)
        self.slider.setRange(1, shown.largest)
        if shown.radius:
            self.slider.setValue(round(min(shown.radius, shown.largest)))
        self.slider.blockSignals(False)
        self._show_facts(shown)
        self._show_file(shown)
        self._show_reason(shown)
        spheres = f"{shown.count} Spheres" if shown.count > 1 else "Sphere"
        self.make_button.setText(f"Make {spheres}")
        self.make_button.setToolTip(shown.command)
        self.make_button.setEnabled(bool(shown.command))

    def _show_facts(self, shown):
        # Where nothing is known now, what was stays, in gray.
        if shown.facts or not shown.is_old:
            self.profile_plot.show_map(shown.about, shown.largest)
            self._facts = _written(shown)
        # Of a sphere beside the center the plot knows nothing.
        self.profile_plot.show_radius(None if shown.offset else shown.radius, shown.is_old)
        color = "gray" if shown.is_old else signal_color(self, *WARNING)
        self.facts_label.setEnabled(not shown.is_old)
        self.facts_label.setText(f"<style>.warning {{ color: {color} }}</style>{self._facts}")

    def _show_file(self, shown):
        if shown.names is not None:
            self._show_names(shown.names, shown.count > 1)
        if shown.folder or not (shown.is_old or shown.names is None):
            self.folder_field.show_automatic(shown.folder)
        for widget in (self.folder_field, self.name_field, self.browse_button):
            widget.setEnabled(self.save_box.isChecked())
        self.replaces_label.setVisible(bool(shown.replaced))
        self.replaces_label.setToolTip(f"{shown.replaced} has different settings")

    def _show_names(self, names, are_automatic):
        # Of a second one, the words that are others.
        same = os.path.commonprefix(names).rpartition("_")[0]  # noqa: RUF071
        others = [f"...{name[len(same) :]}" for name in names[1:]]
        self.name_field.setReadOnly(are_automatic)
        self.name_field.show_automatic(", ".join([*names[:1], *others]))
        self.name_field.setToolTip("\n".join(names))

    def _show_reason(self, shown):
        color = signal_color(self, "#c00000", "#ff8080") if shown.argument else ""
        self.reason_label.setStyleSheet(color and f"color: {color}")
        self.reason_label.say(shown.reason)
        for name, field in self.text_fields.items():
            _write_in(color if name == shown.argument else "", field)
        for field in self.path_fields.values():
            gray = "gray" if shown.is_old else ""
            _write_in(color if shown.argument == "save" else gray, field)
        if shown.argument in MORE:
            self.more_button.setChecked(True)

    def show_made(self, text, paths):
        """Show what has been made, and the paths of its files."""
        self.paths = paths
        # Its place is taken by the reason why nothing can be made.
        is_free = not self.reason_label.whole
        self.made_label.setText(text)
        self.made_label.setVisible(is_free and bool(text))
        self.path_field.setText(", ".join(paths))
        self.path_field.setToolTip("\n".join(paths))
        copy = "Copy paths" if len(paths) > 1 else "Copy path"
        self.copy_button.setText("Copied" if paths == self._copied else copy)
        for widget in (self.path_field, self.copy_button):
            widget.setVisible(is_free and bool(paths))

    def _copy(self):
        self._copied = self.paths
        qt.QApplication.clipboard().setText("\n".join(self.paths))
        self.copy_button.setText("Copied")


def _row(*widgets):
    """Put widgets beside each other; what can be wide takes the room."""
    row = qt.QHBoxLayout(spacing=6)
    for widget in widgets:
        policy = widget.sizePolicy().horizontalPolicy()
        row.addWidget(widget, int(policy in (WIDE, qt.QSizePolicy.Policy.Expanding)))
    row.addStretch()
    return row


def _written(shown):
    """Write warnings and facts as HTML."""
    text = ""
    for sentence, name in shown.warnings.items():
        link = name and f' <a href="{name}" class="warning">{name.capitalize()}</a>'
        text += f'<div class="warning">⚠ {html.escape(sentence)}{link}</div>'
    rows = "".join(
        f"<tr><td>{row.label}&nbsp;&nbsp;</td><td>{html.escape(row.text)}</td></tr>"
        for row in shown.facts
    )
    return f'{text}<table cellspacing="0">{rows}</table>'


class _PathField(qt.QLineEdit):
    """A field that follows what is automatic until something else is typed."""

    typed_changed = Signal()

    def __init__(self):
        super().__init__()
        self.typed = ""
        self.textEdited.connect(self._take)
        # Left empty, it goes back to what is automatic.
        self.editingFinished.connect(lambda: self.text().strip() or self.take(""))

    def _take(self, text):
        self.typed = text.strip()
        self.typed_changed.emit()

    def take(self, text):
        """Take a text as if it had been typed."""
        self.setText(text)
        self._take(text)

    def show_automatic(self, text):
        """Show what is automatic, unless something is typed, or is being typed."""
        self.setPlaceholderText(text)
        shown = text if self.isReadOnly() else self.typed or text
        is_being_typed = self.hasFocus() and self.isModified() and not self.isReadOnly()
        if shown != self.text().strip() and not is_being_typed:
            self.setText(shown)
            self.setCursorPosition(0)


class _Message(qt.QLabel):
    """A message of two lines at most; its tooltip has the whole of it."""

    def __init__(self):
        super().__init__(wordWrap=True, textFormat=Qt.TextFormat.PlainText)
        self.setSizePolicy(WIDE, qt.QSizePolicy.Policy.Ignored)
        self.whole = ""

    def say(self, text):
        """Show a text, or nothing."""
        self.whole = " ".join(text.split())
        self.setVisible(bool(text))
        self.setToolTip(f"<p>{html.escape(text)}</p>" if text else "")
        self.resizeEvent()

    def resizeEvent(self, event=None):
        """Use the room that there is."""
        room = int(1.7 * max(self.width(), 2 * NARROWEST))
        text = self.fontMetrics().elidedText(self.whole, Qt.TextElideMode.ElideMiddle, room)
        # A word that is longer than a line would not be broken.
        self.setText(text.replace("…", "…\u200b") if text != self.whole else text)


def _ignore_wheel(widget):
    """Let no value change where the mouse's wheel is to scroll facts."""
    widget.wheelEvent = lambda event: event.ignore()


def _write_in(color, field):
    """Return a field's text a color; none: as it was."""
    palette = QPalette()
    if color:
        palette.setColor(QPalette.ColorRole.Text, QColor(color))
    if field.isReadOnly():
        palette.setColor(QPalette.ColorRole.Base, palette.color(QPalette.ColorRole.Window))
    field.setPalette(palette)
