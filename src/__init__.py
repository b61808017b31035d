"""MakeSphere: spheres on a map's grid, decoys for cryoSPARC's Heterogeneous Refinement."""


def __getattr__(name):
    # Only ChimeraX asks for it, so that the rest of the package does not need ChimeraX.
    if name == "bundle_api":
        from .bundle import bundle_api

        return bundle_api
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
