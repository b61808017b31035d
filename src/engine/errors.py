"""An error that knows which argument is to blame."""


class ArgumentError(ValueError):
    """An argument that cannot be used.

    Each door names the argument in its own way: the command says ``innerRadius``, the shell
    ``--inner-radius``, the panel ``Inner radius``.

    Parameters
    ----------
    argument
        Its name in Python, such as ``inner_radius``.
    problem
        What is wrong, to be read after a name: ``must be 0 Å or more, got -1``.
    """

    def __init__(self, argument: str, problem: str) -> None:
        super().__init__(f"{argument} {problem}")
        self.argument = argument
        self.problem = problem

    def sentence(self, name: str) -> str:
        """Say what is wrong, with the argument's name as it is known to the user."""
        return f"{name} {self.problem}"
