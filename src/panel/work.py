"""Work that goes on beside the panel."""

from concurrent.futures import ThreadPoolExecutor

from Qt.QtCore import QTimer

# Milliseconds from step to step.
TURN = 5


class Work:
    """Something that is done in steps, while Qt goes on between them.

    Parameters
    ----------
    parent : QObject
        The work ends with it.
    begin : function
        Returns a generator of the steps.
    done : function
        Called after the last step.

    Attributes
    ----------
    timer : QTimer
        Runs as long as there are more steps to come.
    """

    def __init__(self, parent, begin, done):
        self._begin, self._done, self._steps = begin, done, None
        # No QObject of its own: Python would remove it in whichever thread it tidies up.
        self.timer = QTimer(parent, singleShot=True)
        self.timer.timeout.connect(self._take_step)
        self._thread = ThreadPoolExecutor(1)

    def start(self, delay=0):
        """Begin in so many milliseconds, unless it has begun."""
        if self._steps is None:
            self.timer.start(delay)

    def drop(self):
        """Take no further step."""
        self.timer.stop()
        self._steps = None

    def _take_step(self):
        steps, self._steps = self._steps or self._begin(), None
        for _ in steps:
            self._steps = steps
            self.timer.start(TURN)
            return
        self._done()

    def elsewhere(self, function, *arguments):
        """Run a function in another thread; a generator that returns what it has returned."""
        work = self._thread.submit(function, *arguments)
        try:
            while not work.done():
                yield
        finally:
            work.cancel()
        return work.result()
