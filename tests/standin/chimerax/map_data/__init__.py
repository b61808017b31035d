"""Stand-in for chimerax.map_data."""


class GridData:
    """A map's data."""


class ArrayGridData(GridData):
    """A 3D array and where it is."""

    def __init__(
        self,
        array,
        origin=(0, 0, 0),
        step=(1, 1, 1),
        cell_angles=(90, 90, 90),
        rotation=((1, 0, 0), (0, 1, 0), (0, 0, 1)),
        name="",
    ):
        self.array = array
        self.size, self.value_type = array.shape[::-1], array.dtype
        self.origin, self.step = tuple(origin), tuple(step)
        self.cell_angles, self.rotation = tuple(cell_angles), rotation
        self.name, self.path, self.rgba = name, "", None
        self.file_type = ""
        self.change_callbacks = []

    def full_matrix(self):
        return self.array

    def cached_data(self, ijk_origin, ijk_size, ijk_step):
        return self.array

    def cache_data(self, array, ijk_origin, ijk_size, ijk_step):
        pass

    def set_origin(self, origin):
        self.origin = tuple(origin)
        for callback in self.change_callbacks:
            callback("coordinates changed")
