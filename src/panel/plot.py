"""The plot of a map from its center outwards."""

import numpy as np
from matplotlib.figure import Figure
from Qt.QtCore import QEvent, QSize, Signal
from Qt.QtGui import QPalette

from .preview import COLOR

# Matplotlib takes the Qt that is loaded, so it comes after it.
from matplotlib.backends.backend_qtagg import FigureCanvasQTAgg  # isort: skip

SHELLS = 1000
FAINT = 0.3


def signal_color(widget, light, dark):
    """Choose a color that can be read on a widget, in light and dark themes."""
    ground = widget.palette().color(QPalette.ColorRole.Window)
    return dark if ground.lightness() < 128 else light


class Profile(FigureCanvasQTAgg):
    """Plot of a map's mean density, and of the share enclosed, against the radius.

    Attributes
    ----------
    dragged : Signal
        The radius in Å to which the mouse has moved the line.
    """

    dragged = Signal(float)

    def __init__(self):
        super().__init__(Figure(figsize=(3, 1.3), dpi=100, layout="constrained"))
        # Matplotlib's is white.
        self.setPalette(QPalette())
        self.setMinimumHeight(60)
        self.setToolTip("The map from its center outwards; drag the line to set the radius")
        self._mean_axes = self.figure.add_subplot()
        self._share_axes = self._mean_axes.twinx()
        self._line = self._share_axes.axvline(
            0, color=np.array(COLOR[:3]) / 255, linewidth=2, animated=True
        )
        (self._mean,) = self._mean_axes.plot([], [], linewidth=1.2)
        (self._share,) = self._share_axes.plot([], [], linewidth=1.2, linestyle="--")
        self._backdrop = self._about = self._radius = None
        self._color()
        for axes in self.figure.axes:
            axes.set_visible(False)
        self.mpl_connect("motion_notify_event", self._drag)
        self.mpl_connect("draw_event", self._drawn)

    def sizeHint(self):
        """Ask for little: Matplotlib asks for what it has."""
        return QSize(300, 60)

    def show_map(self, about, shell, limit):
        """Plot a map as it is seen from a point, in shells of a thickness, up to a limit (Å)."""
        if about is self._about:
            return
        self._about = about
        for axes in self.figure.axes:
            axes.set_visible(about is not None)
        if about is not None:
            self._plot(about, shell, limit)
        self.draw_idle()

    def _plot(self, about, shell, limit):
        # No more shells than can be told apart, however far away the center is.
        shell = max(shell, np.abs(about.center).max() / SHELLS)
        radius, mean, share = about.profile(shell)
        width = radius[0]
        self._mean.set_data(radius - width / 2, mean)
        self._share.set_data(radius, 100 * share)
        near = radius - width / 2 <= limit
        known = mean[near][np.isfinite(mean[near])]
        self._mean_axes.set_xlim(0, limit)
        if known.size:
            low, high = min(known.min(), 0.0), known.max()
            margin = 0.05 * (high - low) or 1.0
            self._mean_axes.set_ylim(low - margin, high + margin)
        self._share_axes.set_ylim(-5, 105)

    def gray(self, is_gray):
        """Show whether it is of what is in the fields, or of what was."""
        alpha = FAINT if is_gray else 1
        if self._mean.get_alpha() != alpha:
            self._mean.set_alpha(alpha)
            self._share.set_alpha(alpha)
            self.draw_idle()

    def show_radius(self, radius):
        """Move the line, or hide it for None; the rest is not drawn again."""
        if radius == self._radius:
            return
        self._radius = radius
        if radius is not None:
            self._line.set_xdata([radius, radius])
        if self._backdrop is None:
            self.draw_idle()
            return
        self.restore_region(self._backdrop)
        self._draw_line()
        self.update()

    def wheelEvent(self, event):
        """Leave the wheel to the rows that it scrolls."""
        event.ignore()

    def changeEvent(self, event):
        """Take on the colors of a new theme."""
        super().changeEvent(event)
        # The first change comes before there is anything to color.
        if event.type() == QEvent.Type.PaletteChange and self.figure.axes:
            self._color()
            self.draw_idle()

    def _color(self):
        palette = self.palette()
        ground = palette.color(QPalette.ColorRole.Window).name()
        text = palette.color(QPalette.ColorRole.WindowText).name()
        mean, share = signal_color(self, "#1f5fa8", "#7db8ff"), text
        self.figure.set_facecolor(ground)
        self._mean_axes.set_facecolor(ground)
        self._mean.set_color(mean)
        self._share.set_color(share)
        for axes, color, label in (
            (self._mean_axes, mean, "density"),
            (self._share_axes, share, "% inside"),
        ):
            axes.set_ylabel(label, color=color, fontsize=7)
            axes.tick_params(colors=text, labelsize=7, length=2)
            axes.spines[:].set_color(text)
            axes.spines["top"].set_visible(False)
        self._mean_axes.locator_params(axis="y", nbins=4)
        self._mean_axes.xaxis.set_major_formatter("{x:g} Å")
        self._share_axes.set_yticks([0, 50, 100])

    def _drawn(self, _):
        self._backdrop = self.copy_from_bbox(self.figure.bbox)
        self._draw_line()

    def _draw_line(self):
        if self._share_axes.get_visible() and self._radius is not None:
            self._share_axes.draw_artist(self._line)

    def _drag(self, event):
        """Set the radius where a line can be dragged, also beyond the ends of the axes."""
        if event.button == 1 and self._radius is not None:
            to_radius = self._share_axes.transData.inverted()
            self.dragged.emit(to_radius.transform((event.x, event.y))[0])
