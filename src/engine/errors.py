"""Errors that know which argument caused them."""


class ArgumentError(ValueError):
    """An argument that cannot be used.

    Command, shell and panel each put their own name for it first: ``innerRadius``,
    ``--inner-radius``, ``Inner radius``.

    Parameters
    ----------
    argument
        Its name in Python, such as ``inner_radius``.
    problem
        What is wrong, to be read after the name: ``must be 0 Å or more, got -1``.
    """

    def __init__(self, argument: str, problem: str) -> None:
        super().__init__(f"{argument} {problem}")
        self.argument = argument
        self.problem = problem

    def sentence(self, name: str) -> str:
        """Say what is wrong, with the argument's name as the user knows it."""
        return f"{name} {self.problem}"


class LevelError(ArgumentError):
    """Nothing can be measured at the contour level; another level would help."""
