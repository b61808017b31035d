"""Stand-in for chimerax.ui."""

from Qt.QtWidgets import QWidget


class MainToolWindow:
    """A tool's window, by itself."""

    def __init__(self, tool):
        self.ui_area = QWidget()
        self._tool = tool

    def manage(self, placement):
        self.ui_area.show()

    @property
    def shown(self):
        return self.ui_area.isVisible()

    @shown.setter
    def shown(self, shown):
        self.ui_area.setVisible(shown)
        self.shown_changed(shown)

    def destroy(self):
        self.shown = False
        self.ui_area.deleteLater()
        self.ui_area = None
