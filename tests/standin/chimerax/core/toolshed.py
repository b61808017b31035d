"""Stand-in for chimerax.core.toolshed."""


class BundleAPI:
    """Base class of a bundle's API."""
