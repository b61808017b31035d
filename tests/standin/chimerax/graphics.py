"""Stand-in for chimerax.graphics."""

from chimerax.geometry import Place

opengl = None


class Drawing:
    """Triangles in the scene."""

    Mesh, display_style = "mesh", "solid"

    def __init__(self, name):
        self.name, self.parent, self.position = name, None, Place()
        self.display = True
        self._children = []

    def child_drawings(self):
        return list(self._children)

    def add_drawing(self, drawing):
        drawing.parent = self
        self._children.append(drawing)

    def remove_drawing(self, drawing):
        self._children.remove(drawing)

    def set_geometry(self, vertices, normals, triangles):
        self.vertices = vertices
