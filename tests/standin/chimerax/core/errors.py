"""Stand-in for chimerax.core.errors."""


class UserError(Exception):
    """A mistake of the user's, told in one sentence."""
