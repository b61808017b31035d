"""Stand-in for chimerax.surface."""

import numpy as np


def sphere_geometry2(triangles):
    """An octahedron."""
    vertices = np.concatenate([np.eye(3), -np.eye(3)]).astype(np.float32)
    return vertices, vertices.copy(), np.zeros((8, 3), np.int32)
