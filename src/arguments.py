"""The arguments of a sphere: one table, from which command, shell, and panel come."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from .engine.amount import FIT, MATCH, Amount, read_amount, read_amounts
from .engine.errors import ArgumentError
from .engine.grid import Point
from .engine.naming import NUMBER, keyword
from .engine.request import RECOMMENDED, Request

Value = float | Amount | tuple[Amount, ...] | Point | None


@dataclass(frozen=True)
class Argument:
    """An argument, by all its names.

    Attributes
    ----------
    name
        In Python.
    field
        Of `Request`.
    label
        In the panel.
    placeholder
        What is typed, in usage lines.
    expected
        What is typed, in words.
    read
        Takes the name and what was typed, and raises `ArgumentError`.
    default
        In words.
    help
        What it is.
    """

    name: str
    field: str
    label: str
    placeholder: str
    expected: str
    read: Callable[[str, str], Value]
    default: str
    help: str

    @property
    def keyword(self) -> str:
        """In the command: ``innerRadius``."""
        return keyword(self.name)

    @property
    def option(self) -> str:
        """In a shell: ``--inner-radius``."""
        return option(self.name)

    def value(self, text: str) -> Value:
        """Read what was typed."""
        return self.read(self.name, text)


def option(name: str) -> str:
    """Spell an argument as the shell command does: ``--inner-radius``."""
    return "--" + name.replace("_", "-")


def read_number(name: str, text: str) -> float:
    """Read a number; a decimal comma is told from a list."""
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


ARGUMENTS = (
    Argument(
        *("radius", "radii", "Radius", "R[,R2,...]"),
        "numbers, 'fit', or multiples such as '1.3fit'",
        partial(read_amounts, unit=FIT),
        "the recommended decoys",
        "radius in Å. fit is the smallest radius that holds 99 % of the particle: of the density "
        "above the map's contour level, without dust; 1.3fit is 1.3 times that, rounded up. "
        "A list makes a sphere for each",
    ),
    Argument(
        *("center", "center", "Center", "X,Y,Z", "three numbers x,y,z"),
        read_point,
        "the box center",
        "center in Å, in the map's coordinates",
    ),
    Argument(
        *("offset", "offset", "Offset", "D", "a number, 'fit', or a multiple such as '0.5fit'"),
        partial(read_amount, unit=FIT),
        "0",
        "how far beside the center the sphere is, along the map's x axis, in Å or multiples of fit",
    ),
    Argument(
        *("edge", "edge", "Edge", "W", "a number"),
        read_number,
        "0",
        "full width in Å of a raised-cosine edge, half the density at the radius; 0 is a hard edge",
    ),
    Argument(
        *("inner_radius", "inner_radius", "Inner radius", "R", "a number"),
        read_number,
        "0",
        "radius in Å of a hollow; 0 is a solid sphere",
    ),
    Argument(
        *("value", "values", "Density", "V[,V2,...]"),
        "numbers, 'match', or multiples such as '2match'",
        partial(read_amounts, unit=MATCH),
        "1",
        "density inside. match is the density at which the sphere is half as strong as the map "
        "in images; 2match is twice that density. A list makes a sphere for each",
    ),
)
BY_NAME = {argument.name: argument for argument in ARGUMENTS}


def request_of(values: Mapping[str, Any], recommended: str) -> Request:
    """Make a request of the arguments that were given; none are the recommended decoys.

    Parameters
    ----------
    values
        By name.
    recommended
        The recommended line as the user would type it, for the error.

    Raises
    ------
    ArgumentError
        Something is wrong with a value, or there is no radius.
    """
    if not values:
        return RECOMMENDED
    if "radius" not in values:
        raise ArgumentError(next(iter(values)), f"needs a radius; try: {recommended}")
    return Request(**{BY_NAME[name].field: value for name, value in values.items()})


def command_text(
    spec: str, request: Request, save: bool | str = True, is_moved: bool = False
) -> str:
    """Write the command of a request, so that it can be run again.

    Parameters
    ----------
    spec
        The map's, such as ``#1``.
    save
        True: the default. A path must be absolute.
    is_moved
        Whether the map's coordinates are not those of the scene.

    Raises
    ------
    ValueError
        No command can have such a path.
    """
    words = ["makesphere", spec, request.words]
    if request.center is not None and is_moved:
        words.append(f"coordinateSystem {spec}")
    if save is not True:
        words.append(f"save {quoted(save) if save else 'false'}")
    return " ".join(words)


def shell_words(request: Request) -> str:
    """Write a request as the shell's options."""
    return " ".join(f"{option(name)} {text}" for name, text in request.pairs)


def quoted(text: str) -> str:
    """Quote a text, such as a path, as one word of a command.

    ChimeraX's ``quote_path_if_necessary`` leaves ``;`` bare, which parts commands. In quotes its
    parser knows no escapes, and ends at a quote before a blank or a ``;``.

    Returns
    -------
    str
        What ChimeraX's file name arguments read as `text`.

    Raises
    ------
    ValueError
        No command can have it.
    """
    if text.splitlines() not in ([], [text]):
        raise ValueError(f"a command cannot have a line break in a name: {text!a}")
    if text and text[0] not in "\"'" and not re.search(r"[\s;]", text):
        return text
    for quote in "\"'":
        if not re.search(quote + r"[\s;]", text):
            return f"{quote}{text}{quote}"
    raise ValueError(f"a command cannot have both kinds of quotes before blanks in a name: {text}")
