"""Stand-in for chimerax.core.session."""

from .models import Models


class _Logger:
    def __init__(self):
        self._logs = []

    def add_log(self, log):
        self._logs.append(log)

    def remove_log(self, log):
        self._logs.remove(log)

    def _tell(self, level, text):
        for log in self._logs:
            log.log(level, text)

    def info(self, text, is_html=False):
        self._tell("info", text)

    def warning(self, text, is_html=False):
        self._tell("warning", text)

    def status(self, text):
        pass


class _UI:
    is_gui = False


class Session:
    """One ChimeraX."""

    def __init__(self):
        self.models, self.logger, self.ui = Models(), _Logger(), _UI()
