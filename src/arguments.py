"""The arguments of a sphere: one table, from which command, shell and panel are made."""

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from .engine.amount import FIT, MATCH, Amount, read_amount, read_amounts
from .engine.errors import ArgumentError
from .engine.grid import Point
from .engine.naming import NUMBER, keyword
from .engine.request import RECOMMENDED, Request

Value = float | Amount | tuple[Amount, ...] | Point | None


class Argument(NamedTuple):
    """An argument, with all its names.

    Attributes
    ----------
    name
        Name in Python.
    field
        Name in `Request`.
    label
        Name in the panel.
    placeholder
        What to type, in usage lines.
    expected
        What to type, in words.
    read
        Reads what was typed, given the name for the `ArgumentError` that it may raise.
    default
        Default, in words.
    help
        What it means.
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
        """Name in the command: ``innerRadius``."""
        return keyword(self.name)

    @property
    def option(self) -> str:
        """Name in the shell: ``--inner-radius``."""
        return option(self.name)

    def value(self, text: str) -> Value:
        """Read what was typed, or raise `ArgumentError`."""
        return self.read(self.name, text)


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
    """Make a request of arguments; without any it is the recommended one.

    Parameters
    ----------
    values
        The value of each argument that was given, by name.
    recommended
        The recommended arguments as the user would type them, for the error.

    Raises
    ------
    ArgumentError
        A value is out of range, or there is no radius.
    """
    if not values:
        return RECOMMENDED
    if "radius" not in values:
        raise ArgumentError(next(iter(values)), f"needs a radius; try: {recommended}")
    return Request(**{BY_NAME[name].field: value for name, value in values.items()})


def command_text(
    spec: str, request: Request, save: bool | str = True, is_moved: bool = False
) -> str:
    """Write the command that makes a request.

    Parameters
    ----------
    spec
        The map's specifier, such as ``#1``.
    request
        What to make.
    save
        Whether to save, or an absolute path.
    is_moved
        Whether the map's coordinates differ from the scene's.

    Raises
    ------
    ValueError
        No command can hold such a path.
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
