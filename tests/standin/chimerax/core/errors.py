"""Stand-in for chimerax.core.errors."""


class UserError(Exception):
    """A user's mistake, explained in one sentence."""
