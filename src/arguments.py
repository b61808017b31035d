"""The arguments of a sphere: one table, from which command, shell, panel and names are made."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from .engine.amount import FIT, MATCH, Amount, Multiple, read_amount, read_amounts, word
from .engine.errors import ArgumentError
from .engine.naming import NUMBER, keyword

Point = tuple[float, float, float]
Value = Amount | Sequence[Amount] | None

# In Å. No map is there, and beyond it squares and sums run out of numbers.
FARTHEST = 1e100
# Other programs sum the squares of densities in float32.
LOWEST_VALUE, HIGHEST_VALUE = 1e-15, 1e15


@dataclass(frozen=True)
class Argument:
    """An argument: its names, how it is read, checked and written, and what is said of it."""

    name: str  # name in Python
    label: str  # name in the panel
    width: int  # width of its field in the panel, in characters
    expected: str  # what to type, in words
    # Reads what was typed, given the name for the `ArgumentError` that it may raise
    read: Callable[[str, str], Value]
    must_be: str  # what a number must be, to be read after *must be*
    is_good: Callable[[float], bool]  # checks that
    default: str  # text of the default; empty if there is none
    help: str  # what it means
    # How it is written in file names: ``r062p5A``. Numbers are padded to so many digits before the
    # point, so that names sort as numbers.
    letter: str
    digits: int = 1
    unit: str = ""
    is_list: bool = False  # whether it is a list, which makes a sphere for each

    @property
    def keyword(self) -> str:
        """Name in the command: ``innerRadius``."""
        return keyword(self.name)

    @property
    def option(self) -> str:
        """Name in the shell: ``--inner-radius``."""
        return option(self.name)

    def value(self, text: str) -> Value:
        """Read what was typed, or raise `ArgumentError`."""
        return self.read(self.name, text)

    def require(self, value: Value) -> None:
        """Raise `ArgumentError` if a value is out of range, or listed more than once."""
        amounts = as_list(value)
        for i, amount in enumerate(amounts):
            if not isinstance(amount, Multiple) and not self.is_good(amount):
                raise ArgumentError(self.name, f"must be {self.must_be}, got {amount:g}")
            if self.is_list and amount in amounts[:i]:
                raise ArgumentError(self.name, f"has {word(amount)} more than once")

    def part(self, text: str) -> str:
        """Write the argument for a file name, which has one dot only."""
        whole, point, fraction = text.replace(".", "p").replace(",", "_").partition("p")
        return self.letter + whole.zfill(self.digits) + point + fraction + self.unit


def as_list(value: Value) -> list[Amount]:
    """Return the amounts of a value: none, one, or several."""
    if value is None:
        return []
    return [value] if isinstance(value, (Multiple, float, int)) else list(value)


def option(name: str) -> str:
    """Spell an argument as the shell command does: ``--inner-radius``."""
    return "--" + name.replace("_", "-")


def read_number(name: str, text: str) -> float:
    """Read a number; the error for a decimal comma suggests a point."""
    text = text.strip()
    if not NUMBER.fullmatch(text):
        with_point = text.replace(",", ".")
        hint = f": write {with_point}" if NUMBER.fullmatch(with_point) else ""
        raise ArgumentError(name, f"must be a number, got {text or 'nothing'}{hint}")
    return float(text)


def read_point(name: str, text: str) -> Point:
    """Read a point (x, y, z) in Å."""
    words = [word.strip() for word in text.split(",")]
    if len(words) != 3 or not all(map(NUMBER.fullmatch, words)):
        raise ArgumentError(name, f"must be three numbers x,y,z, got {text.strip() or 'nothing'}")
    x, y, z = map(float, words)
    return x, y, z


def is_density(number: float) -> bool:
    """Check whether other programs can work with a density."""
    return LOWEST_VALUE <= abs(number) <= HIGHEST_VALUE


# What to type, and how it is read.
RADII = "numbers, 'fit', or multiples such as '1.3fit'", partial(read_amounts, unit=FIT)
LENGTH = "a number, 'fit', or a multiple such as '0.5fit'", partial(read_amount, unit=FIT)
DENSITIES = "numbers, 'match', or multiples such as '2match'", partial(read_amounts, unit=MATCH)
NUMBERS = "a number", read_number
POINT = "three numbers x,y,z", read_point
# What a number must be.
ABOVE_0 = "a number above 0 Å", lambda number: 1 / FARTHEST < number < FARTHEST
FROM_0 = "0 Å or more", lambda number: 0 <= number < FARTHEST
NEAR = f"three numbers below {FARTHEST:g}", lambda number: abs(number) < FARTHEST
DENSITY = f"match, or a number {LOWEST_VALUE:g} to {HIGHEST_VALUE:g} above or below 0", is_density

ARGUMENTS = (
    Argument(
        *("radius", "Radius", 9, *RADII, *ABOVE_0, ""),
        "radius in Å. fit is the smallest radius that holds 99% of the particle: of the density "
        "above the map's contour level, without dust; 1.3fit is 1.3 times that, rounded up. "
        "A list makes a sphere for each",
        *("r", 3, "A", True),
    ),
    Argument(
        *("center", "Center", 16, *POINT, *NEAR, ""),
        "center x,y,z in Å, in the map's coordinates; if it is not given, the box center",
        "c",
    ),
    Argument(
        *("offset", "Offset", 7, *LENGTH, *FROM_0, "0"),
        "how far beside the center the sphere is, along the map's x axis, in Å or multiples of "
        "fit. For a second round: with a poor map such a sphere can take particles",
        *("o", 3, "A"),
    ),
    Argument(
        *("edge", "Edge", 5, *NUMBERS, *FROM_0, "0"),
        "full width in Å of a raised-cosine edge, half the density at the radius; 0 is a hard edge",
        *("e", 1, "A"),
    ),
    Argument(
        *("inner_radius", "Inner radius", 5, *NUMBERS, *FROM_0, "0"),
        "radius in Å of a hollow; 0 is a solid sphere",
        *("i", 3, "A"),
    ),
    Argument(
        *("value", "Density", 16, *DENSITIES, *DENSITY, "1"),
        "density inside. match is the density at which the sphere's signal in images is half of "
        "the particle's; 2match is twice that density; 1 is the manual protocol. A list makes a "
        "sphere for each",
        *("v", 1, "", True),
    ),
)
BY_NAME = {argument.name: argument for argument in ARGUMENTS}


def written(values: object) -> Iterator[tuple[Argument, str]]:
    """Write the arguments that an object has as attributes, without those at their default."""
    for argument in ARGUMENTS:
        text = ",".join(map(word, as_list(getattr(values, argument.name))))
        if text != argument.default:
            yield argument, text


def command_words(values: object) -> str:
    """Write an object's arguments as the command has them."""
    return " ".join(f"{argument.keyword} {text}" for argument, text in written(values))


def shell_words(values: object) -> str:
    """Write an object's arguments as the shell's options, in a line for every shell."""
    # PowerShell would make three words of 60,75,90.
    parts = ((argument.option, text.replace(",", " ")) for argument, text in written(values))
    return " ".join(map(" ".join, parts))


def command_text(spec: str, request: Any, save: bool | str = True, is_moved: bool = False) -> str:
    """Write the command that makes a request.

    Parameters
    ----------
    spec
        The map's specifier, such as ``#1``.
    request
        What to make: a `Request`.
    save
        Whether to save, or an absolute path.
    is_moved
        Whether the map's coordinates differ from the scene's.

    Raises
    ------
    ValueError
        No command can hold such a path.
    """
    words = ["makesphere", spec, command_words(request)]
    if request.center is not None and is_moved:
        words.append(f"coordinateSystem {spec}")
    if save is not True:
        words.append(f"save {quoted(save) if save else 'false'}")
    return " ".join(words)


def quoted(text: str) -> str:
    """Quote a text, such as a path, as one word of a command.

    ChimeraX's ``quote_path_if_necessary`` leaves ``;`` bare, which separates commands. Its parser
    has no escapes in quotes, and ends them at a quote before a blank or a ``;``.

    Returns
    -------
    str
        What ChimeraX's file name arguments read as `text`.

    Raises
    ------
    ValueError
        No command can hold it.
    """
    if text.splitlines() not in ([], [text]):
        raise ValueError(f"a command cannot have a line break in a name: {text!a}")
    if text and text[0] not in "\"'" and not re.search(r"[\s;]", text):
        return text
    for quote in "\"'":
        if not re.search(quote + r"[\s;]", text):
            return f"{quote}{text}{quote}"
    raise ValueError(f"a command cannot have both kinds of quotes before blanks in a name: {text}")
