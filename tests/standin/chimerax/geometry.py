"""Stand-in for chimerax.geometry."""

import numpy as np


class Place:
    """A rotation, scaling and translation."""

    def __init__(self, matrix=None):
        self.matrix = np.eye(3, 4) if matrix is None else np.array(matrix, float)

    def __mul__(self, other):
        turn, shift = self.matrix[:, :3], self.matrix[:, 3]
        if not isinstance(other, Place):
            return np.asarray(other, float) @ turn.T + shift
        matrix = turn @ other.matrix
        matrix[:, 3] += shift
        return Place(matrix)

    def is_identity(self):
        return np.array_equal(self.matrix, np.eye(3, 4))

    def transform_vector(self, vector):
        return self.matrix[:, :3] @ np.asarray(vector, float)

    def inverse(self):
        turn = np.linalg.inv(self.matrix[:, :3])
        return Place(np.column_stack([turn, -turn @ self.matrix[:, 3]]))


class Bounds:
    """A box along the axes."""

    def __init__(self, xyz_min, xyz_max):
        self.xyz_min, self.xyz_max = xyz_min, xyz_max


def translation(shift):
    return Place(np.column_stack([np.eye(3), shift]))


def scale(factor):
    return Place(np.column_stack([factor * np.eye(3), np.zeros(3)]))


def rotation(axis, angle):
    """Rotate about an axis by an angle in degrees."""
    x, y, z = np.asarray(axis, float) / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    angle = np.radians(angle)
    turn = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    return Place(np.column_stack([turn, np.zeros(3)]))
