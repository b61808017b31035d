"""Stand-in for chimerax.core.toolshed."""


class BundleAPI:
    """What a bundle's face inherits."""
