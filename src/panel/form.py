"""The panel's widgets, and what the user has put into them."""

import html
import os

from chimerax.map import Volume
from chimerax.ui.widgets import FloatSlider, ModelMenuButton, button_row
from Qt.QtCore import Qt, Signal
from Qt.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ..engine.naming import NUMBER, number
from ..engine.recipe import MARGIN, MATCH, PAIR, PAIR_AROUND, RECOMMENDED, read_amounts
from .plot import Profile, signal_color

BOX_CENTER = "box centre"
BOX_CENTERS = (BOX_CENTER, "box center")
ROTATION_CENTER = "centre of rotation"
MRC_FILTER = "MRC density map (*.mrc)"
# As wide as there is room: a long text must not widen the panel.
WIDE = QSizePolicy.Policy.Ignored
# Width of fields, in characters.
CHARACTERS = 9
DEFAULTS = {"edge": "0", "inner": "0", "value": MATCH}


class Form(QWidget):
    """Everything in the panel, from the map's menu to the path of the file made.

    Parameters
    ----------
    session : chimerax.core.session.Session

    Attributes
    ----------
    changed : Signal
        Some field has another content.
    asked, help_asked : Signal
        A button has been pressed.
    moved : Signal
        The radius in Å to which a mouse or an arrow key has moved the slider or the plot's line.
    """

    changed = Signal()
    asked = Signal()
    help_asked = Signal()
    moved = Signal(float)

    def __init__(self, session):
        super().__init__()
        outer = QVBoxLayout(self)
        outer.setContentsMargins(6, 4, 6, 4)
        outer.setSpacing(4)
        # Where there is little room the fields are scrolled; the button and the path stay.
        self._scroll = scroll = QScrollArea(frameShape=QFrame.Shape.NoFrame, widgetResizable=True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        outer.addWidget(scroll)
        fields = QWidget()
        scroll.setWidget(fields)
        layout = QVBoxLayout(fields)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        self._errors = {}
        self.paths = []
        self.menu = ModelMenuButton(
            session,
            class_filter=Volume,
            autoselect=ModelMenuButton.AUTOSELECT_FIRST_DISPLAYED,
            no_value_button_text="No map is open",
            balloon_help="The map on whose grid the sphere is made",
        )
        self.menu.setSizePolicy(WIDE, QSizePolicy.Policy.Fixed)
        layout.addLayout(_row(QLabel("Map"), self.menu))
        layout.addWidget(self._error("map"))
        self._add_radius(layout)
        self._add_options(layout)
        self.profile = Profile()
        self.profile.dragged.connect(self.moved)
        layout.addWidget(self.profile, stretch=1)
        self._add_facts(layout)
        self._add_file(layout)
        bar = scroll.verticalScrollBar().sizeHint().width()
        scroll.setMinimumWidth(fields.minimumSizeHint().width() + bar)
        self._add_buttons()

    @property
    def lack(self):
        """Pixels of the fields' height that are scrolled, less than 0 if the plot could give."""
        fields = self._scroll.widget()
        return fields.heightForWidth(self._scroll.viewport().width()) - self._scroll.height()

    def _add_facts(self, layout):
        self.facts = QLabel(wordWrap=True, textFormat=Qt.TextFormat.RichText)
        self.facts.setSizePolicy(WIDE, QSizePolicy.Policy.Minimum)
        self.facts.setAlignment(Qt.AlignmentFlag.AlignTop)
        flags = Qt.TextInteractionFlag
        self.facts.setTextInteractionFlags(
            flags.TextSelectableByMouse
            | flags.LinksAccessibleByMouse
            | flags.LinksAccessibleByKeyboard
        )
        layout.addWidget(self.facts)

    def _add_radius(self, layout):
        self.radius = self._number("Radius of the sphere")
        self.fit = QToolButton(text="Fit")
        self.fit.setToolTip("Smallest radius that holds 99 % of the map above its contour level")
        self.fit_more = QToolButton(text=f"{MARGIN} Fit")
        self.fit_more.setToolTip(f"The same with a margin: {MARGIN} times the fitting radius")
        self.slider = self.range = None
        self.recommended = QToolButton(text="Recommended")
        self.recommended.setToolTip(f"What caught the most junk: {RECOMMENDED}")
        buttons = self.fit, self.fit_more, self.recommended
        row = _row(QLabel("Radius"), self.radius, QLabel("Å"), *buttons)
        self._slider_row = QHBoxLayout()
        row.addLayout(self._slider_row, stretch=1)
        layout.addLayout(row)
        layout.addWidget(self._error("radius"))

    def _add_options(self, layout):
        self.value = self._choice(
            (MATCH, PAIR_AROUND, "1"),
            "Density inside: match is half as strong as the map, 4match 8 times; 1 is as by hand",
            len(PAIR),
        )
        self.center = self._choice(
            (BOX_CENTER, ROTATION_CENTER), "Or type x,y,z in Å, in the map's coordinates"
        )
        # Not ChimeraX's CollapsiblePanel, which resizes the dock. Its title is beside the centre,
        # as rows are dear where a screen is low.
        self.more = QToolButton(text="Edge, inner radius", checkable=True, autoRaise=True)
        self.more.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.more.setArrowType(Qt.ArrowType.RightArrow)
        self.more.toggled.connect(self._disclose)
        self.options = QWidget()
        self.options.hide()
        layout.addLayout(
            _row(
                *(QLabel("Density"), self.value),
                *(QLabel("Centre"), self.center, self.more),
            )
        )
        for argument in ("value", "center"):
            layout.addWidget(self._error(argument))
        layout.addWidget(self.options)
        self.edge = self._number("Full width of a soft edge; 0 is a hard edge")
        self.inner = self._number("Radius of a hollow; 0 is a solid sphere")
        inside = QVBoxLayout(self.options)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.addLayout(
            _row(
                *(QLabel("Edge"), self.edge, QLabel("Å")),
                *(QLabel("Inner radius"), self.inner, QLabel("Å")),
            )
        )
        for argument in ("edge", "innerRadius"):
            inside.addWidget(self._error(argument))

    def _add_file(self, layout):
        self.save = QCheckBox("Save in")
        self.save.toggled.connect(self.changed)
        self.folder, self.name = self._file_field("Folder"), self._file_field("File name")
        self.browse = QPushButton("Browse…")
        self.browse.clicked.connect(self._browse)
        layout.addLayout(_row(self.save, self.folder, self.browse))
        as_what = QLabel("as")
        as_what.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        as_what.setFixedWidth(self.save.sizeHint().width())
        layout.addLayout(_row(as_what, self.name))
        layout.addWidget(self._error("save"))

    def _add_buttons(self):
        self.failure = QLabel(wordWrap=True)
        self.failure.setSizePolicy(WIDE, QSizePolicy.Policy.Preferred)
        self.failure.hide()
        self.changed.connect(self.failure.hide)
        self.layout().addWidget(self.failure)
        row, (self.make, self.help) = button_row(
            self, [("Make Sphere", self.asked), ("Help", self.help_asked)], button_list=True
        )
        self.made, self.path = QLabel(), QLineEdit(readOnly=True)
        self.copy = QPushButton("Copy path")
        self.copy.setToolTip("For cryoSPARC's Import 3D Volumes, type map")
        for widget in (self.made, self.path, self.copy):
            row.layout().addWidget(widget)
            widget.hide()
        row.layout().setStretchFactor(self.path, 100)

    def _number(self, tip):
        field = QLineEdit()
        field.setToolTip(tip)
        field.setFixedWidth(field.fontMetrics().averageCharWidth() * CHARACTERS)
        field.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        field.textChanged.connect(self.changed)
        return field

    def _choice(self, texts, tip, characters=CHARACTERS):
        field = QComboBox(editable=True, insertPolicy=QComboBox.InsertPolicy.NoInsert)
        field.addItems(texts)
        # A longer text is scrolled: the panel stays narrow.
        field.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        field.setMinimumContentsLength(characters)
        field.setCompleter(None)
        field.setToolTip(tip)
        field.editTextChanged.connect(self.changed)
        return field

    def _file_field(self, what):
        field = QLineEdit()
        field.setToolTip(f"{what}: follows the map and the sphere until you type another")
        field.edited = False
        field.textEdited.connect(lambda: self._edit(field, True))
        # Left empty, it goes back to what is automatic.
        field.editingFinished.connect(lambda: field.text() or self._edit(field, False))
        return field

    def _edit(self, field, edited):
        field.edited = edited
        self.changed.emit()

    def _error(self, argument):
        label = self._errors[argument] = QLabel(wordWrap=True)
        label.setSizePolicy(WIDE, QSizePolicy.Policy.Preferred)
        label.hide()
        return label

    def _browse(self):
        start = os.path.join(self.folder.text(), self.name.text())
        path, _ = QFileDialog.getSaveFileName(self, "Save sphere as", start, MRC_FILTER)
        if path:
            for field, text in zip((self.folder, self.name), os.path.split(path), strict=True):
                field.setText(text)
                field.edited = True
            self.changed.emit()

    def set_range(self, lowest, highest):
        """Give the slider its range in Å; an arrow key moves it by the lowest."""
        if (lowest, highest) == self.range:
            return
        if self.slider is not None:
            self._slider_row.removeWidget(self.slider)
            self.slider.deleteLater()
        self.range = lowest, highest
        self.slider = FloatSlider(lowest, highest, lowest, 1, True)
        self.slider.set_left_text(number(lowest))
        self.slider.set_right_text(number(highest))
        self.slider.valueChanged.connect(self.moved)
        self._slider_row.addWidget(self.slider)

    def enable_fit(self, enabled):
        """Tell whether there is a radius that fits the map."""
        for button in (self.fit, self.fit_more, self.recommended):
            button.setEnabled(enabled)

    def show_radius(self, radius, text):
        """Show a radius in Å on the slider, with a text, and in the plot."""
        lowest, highest = self.range
        self.slider.blockSignals(True)
        self.slider.setValue(min(max(radius, lowest), highest))
        self.slider.blockSignals(False)
        self.slider.set_text(text)
        self.profile.show_radius(radius)

    def show_error(self, sentence="", argument=""):
        """Show a sentence beside a field; none: no error.

        Parameters
        ----------
        sentence : str
        argument : str
            What the field is for; by default the sentence's first word, or else the map.
        """
        for label in self._errors.values():
            label.clear()
            label.hide()
        # Room for the facts and a warning, so that nothing jumps while the radius is dragged; or
        # for the error as well.
        lines = 3 if sentence else 4
        self.facts.setMinimumHeight(lines * self.facts.fontMetrics().lineSpacing())
        if sentence:
            label = self._errors.get(argument or sentence.split()[0], self._errors["map"])
            _show_in_red(label, sentence)
            if self.options.isAncestorOf(label):
                self.more.setChecked(True)

    def show_failure(self, sentence):
        """Show that the command failed, until something is changed or made."""
        _show_in_red(self.failure, sentence)

    def show_made(self, text, paths):
        """Show what has been made, and the paths of its files."""
        self.failure.hide()
        self.made.setText(text)
        self.made.show()
        self.paths = paths
        self.path.setText(", ".join(paths))
        self.path.setToolTip("\n".join(paths))
        self.copy.setText("Copy paths" if len(paths) > 1 else "Copy path")
        self.path.setVisible(bool(paths))
        self.copy.setVisible(bool(paths))

    def show_folder(self, folder, note):
        """Show the automatic folder, unless the user has typed another."""
        if not self.folder.edited:
            self.folder.setText(folder)
            self.folder.setToolTip(note and f"The current folder, as {note}")

    def show_names(self, names):
        """Show the automatic file names, unless the user has typed another."""
        if not self.name.edited:
            # Of a second one, the words that are others.
            same = os.path.commonprefix(names).rpartition("_")[0]  # noqa: RUF071
            self.name.setText(", …".join([names[0], *(name[len(same) :] for name in names[1:])]))
            self.name.setCursorPosition(0)
            self.name.setToolTip("\n".join(names))

    def _disclose(self, shown):
        arrows = Qt.ArrowType
        self.more.setArrowType(arrows.DownArrow if shown else arrows.RightArrow)
        self.options.setVisible(shown)

    def arguments(self):
        """Read the fields.

        Returns
        -------
        dict
            Arguments of `recipe.recipes`.

        Raises
        ------
        ValueError
            One sentence that starts with the argument that is wrong.
        """
        return {
            "radii": [_as_number("radius", self.radius.text())],
            "values": read_amounts("value", self.value.currentText(), MATCH),
            "center": self.center_point(),
            "edge": _as_number("edge", self.edge.text()),
            "inner_radius": _as_number("innerRadius", self.inner.text()),
        }

    def center_point(self):
        """Read the centre (x, y, z) in Å; None is the box centre."""
        text = self.center.currentText().strip()
        if " ".join(text.lower().split()) in BOX_CENTERS:
            return None
        words = text.strip("()[]").replace(",", " ").split()
        if len(words) != 3 or not all(map(NUMBER.fullmatch, words)):
            got = text or "nothing"
            raise ValueError(f"center must be x,y,z or {BOX_CENTER}, got {got}")
        x, y, z = map(float, words)
        return x, y, z

    def save_argument(self):
        """Read where to save: False, True for the automatic place, or an absolute path."""
        if not self.save.isChecked():
            return False
        name = self.name.text() if self.name.edited else ""
        if not name and not (self.folder.edited and self.folder.text()):
            return True
        # Absolute, as a name could be a word of the command's. With its slash a folder cannot be
        # taken for a file.
        folder = os.path.expanduser(self.folder.text())
        return os.path.join(os.path.abspath(folder), name)

    def texts(self):
        """Give the content of all fields, as `set_texts` takes it."""
        texts = {name: getattr(self, name).text() for name in ("radius", "edge", "inner")}
        for name in ("center", "value"):
            texts[name] = getattr(self, name).currentText()
        for name in ("folder", "name"):
            texts[name] = getattr(self, name).text() if getattr(self, name).edited else ""
        return texts

    def set_texts(self, texts):
        """Put texts into fields, by the fields' names."""
        for name, text in texts.items():
            field = getattr(self, name)
            if name in ("folder", "name"):
                field.edited = bool(text)
            (field.setEditText if isinstance(field, QComboBox) else field.setText)(text)
        if any(texts.get(name, "0") != "0" for name in ("edge", "inner")):
            self.more.setChecked(True)


def _row(*widgets):
    layout = QHBoxLayout()
    for widget in widgets:
        wide = widget.sizePolicy().horizontalPolicy() in (WIDE, QSizePolicy.Policy.Expanding)
        layout.addWidget(widget, stretch=int(wide))
    layout.addStretch()
    return layout


def _as_number(argument, text):
    text = text.strip()
    if not NUMBER.fullmatch(text):
        with_point = text.replace(",", ".")
        hint = f": write {with_point}" if NUMBER.fullmatch(with_point) else ""
        raise ValueError(f"{argument} must be a number, got {text or 'nothing'}{hint}")
    return float(text)


def _show_in_red(label, sentence):
    color = signal_color(label, "#c00000", "#ff8080")
    label.setText(f'<span style="color:{color}">{html.escape(sentence)}</span>')
    label.show()
