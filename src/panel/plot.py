"""The plot of a map from its center outwards."""

from math import ceil, floor, log10

import numpy as np
from Qt.QtCore import QPointF, QRectF, Qt, Signal
from Qt.QtGui import QColor, QPainter, QPalette, QPen, QPolygonF, QTransform
from Qt.QtWidgets import QWidget

from .preview import COLOR

SHELLS = 1000
FAINT = 0.3
TICKS = 5  # at most
# Pixels from ticks to the middles of their labels.
LEFT, RIGHT, BELOW = (-22, 0), (14, 0), (0, 8)
LABEL = QRectF(-50, -50, 100, 100)
# In %, with a margin.
SHARES = -5.0, 105.0


def signal_color(widget, light, dark):
    """Choose a color that can be read on a widget, in light and dark themes."""
    ground = widget.palette().color(QPalette.ColorRole.Window)
    return dark if ground.lightness() < 128 else light


class Profile(QWidget):
    """Plot of a map's mean density, and of the share enclosed, against the radius.

    Attributes
    ----------
    dragged : Signal
        The radius in Å to which the mouse has moved the line.
    mean, share : numpy.ndarray
        The points (x, y) of the two curves.
    limit, radius : float
        The largest radius, and where the line is, in Å; None: nowhere.
    """

    dragged = Signal(float)

    def __init__(self):
        tip = "The map from its center outwards; drag the line to set the radius"
        super().__init__(toolTip=tip, minimumHeight=60)
        font = self.font()
        font.setPointSize(7)
        self.setFont(font)
        self._about = self.radius = None
        self._is_gray = False

    def show_map(self, about, limit):
        """Plot a map as it is seen from a point, up to a radius in Å."""
        if about is not None and about is not self._about:
            # No more shells than can be told apart, however far away the center is.
            radius, mean, share = about.profile(max(1.0, np.abs(about.center).max() / SHELLS))
            middle, known = radius - radius[0] / 2, np.isfinite(mean)
            self.mean = np.column_stack([middle, mean])[known]
            self.share = np.column_stack([radius, 100 * share])
            near = [0.0, *mean[known & (middle <= limit)]]
            margin = 0.05 * (max(near) - min(near)) or 1.0
            self._densities = min(near) - margin, max(near) + margin
        self._about, self.limit = about, limit

    def show_radius(self, radius, is_gray):
        """Move the line, or hide it for None; gray is what was."""
        self.radius, self._is_gray = radius, is_gray
        self.update()

    @property
    def _area(self):
        """The rectangle between the axes."""
        line = self.fontMetrics().height()
        return QRectF(self.rect()).adjusted(4 * line, 1.6 * line, -3 * line, -1.5 * line)

    def paintEvent(self, event):
        """Draw everything."""
        if self._about is None:
            return
        text = self.palette().color(QPalette.ColorRole.WindowText)
        blue = QColor(signal_color(self, "#1f5fa8", "#7db8ff"))
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setOpacity(FAINT if self._is_gray else 1)
        painter.setPen(blue)
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignLeft, " density")
        painter.setPen(text)
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignRight, "% inside ")
        frame = [(0, 105), (0, -5), (self.limit, -5), (self.limit, 105)]
        painter.drawPolyline(self._places(frame, *SHARES))
        for x, y, scale, shift, label in (
            *((0, y, self._densities, LEFT, f"{y:.4g}") for y in _ticks(*self._densities)),
            *((self.limit, y, SHARES, RIGHT, f"{y}") for y in (0, 50, 100)),
            *((x, -5, SHARES, BELOW, f"{x:g} Å") for x in _ticks(0, self.limit)),
        ):
            place = self._places([(x, y)], *scale)[0] + QPointF(*shift)
            painter.drawText(LABEL.translated(place), Qt.AlignmentFlag.AlignCenter, label)
        painter.setClipRect(self._area)
        line = [] if self.radius is None else [(self.radius, -5), (self.radius, 105)]
        for points, scale, pen in (
            (self.mean, self._densities, QPen(blue, 1.5)),
            (self.share, SHARES, QPen(text, 1.5, Qt.PenStyle.DashLine)),
            (line, SHARES, QPen(QColor(*COLOR[:3]), 2)),
        ):
            painter.setPen(pen)
            painter.drawPolyline(self._places(points, *scale))
        painter.end()

    def _places(self, points, low, high):
        """Return where points (x, y) are in the widget, for y from the lowest to the highest."""
        area = self._area
        place = QTransform.fromTranslate(area.x(), area.bottom())
        place.scale(area.width() / self.limit, area.height() / (low - high)).translate(0, -low)
        return place.map(QPolygonF([QPointF(*point) for point in points]))

    def mouseMoveEvent(self, event):
        """Set the radius where a line can be dragged, also beyond the ends of the axes."""
        if event.buttons() & Qt.MouseButton.LeftButton and self.radius is not None:
            right = (event.position().x() - self._area.x()) / self._area.width()
            self.dragged.emit(right * self.limit)


def _ticks(low, high):
    """Choose round numbers between two others."""
    least = (high - low) / TICKS
    power = 10.0 ** floor(log10(least))
    step = next(n * power for n in (1, 2, 5, 10) if n * power >= least)
    return [n * step for n in range(ceil(low / step), floor(high / step) + 1)]
