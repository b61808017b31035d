"""The engine: from a map to spheres on its grid and their files. NumPy, SciPy and mrcfile only."""
