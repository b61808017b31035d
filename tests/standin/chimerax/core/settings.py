"""Stand-in for chimerax.core.settings: in memory only."""


class Settings:
    """Values that outlive the tool."""

    AUTO_SAVE = {}
    _saved = {}

    def __init__(self, session, tool_name):
        for name, value in {**self.AUTO_SAVE, **self._saved}.items():
            super().__setattr__(name, value)

    def __setattr__(self, name, value):
        super().__setattr__(name, value)
        self._saved[name] = value
