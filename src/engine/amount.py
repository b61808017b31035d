"""Amounts: numbers, or multiples of a quantity that is measured from the map."""

import re
from collections.abc import Callable
from math import ceil, floor, log10
from typing import NamedTuple

from .errors import ArgumentError
from .naming import NUMBER, number

FIT, MATCH = "fit", "match"
LARGEST_MULTIPLE = 1e15  # far above any that makes sense

# Rounding may put a length this much above a round one.
SLACK = 1e-6
# In Å: lengths are whole numbers from here on, and have three digits below.
WHOLE, LENGTH_DIGITS = 10.0, 3

_AMOUNT = re.compile(rf"(?P<number>{NUMBER.pattern})?(?P<unit>[a-z]*)", re.ASCII | re.IGNORECASE)
# 1,3fit has a decimal comma; 60,1.3fit is a list.
_DECIMAL_COMMA = re.compile(r"(?:^|,)([+-]?\d),(\d+[a-z]+)(?:,|$)", re.ASCII | re.IGNORECASE)


class Multiple(NamedTuple):
    """A multiple of a quantity that is measured from the map: ``1.3fit``, ``match``."""

    times: float  # the factor, above 0
    unit: str  # ``fit`` or ``match``

    def __str__(self) -> str:
        return self.unit if self.times == 1 else number(self.times) + self.unit


Amount = float | Multiple


def word(amount: Amount) -> str:
    """Write an amount as it is typed."""
    return str(amount) if isinstance(amount, Multiple) else number(amount)


def read_amounts(argument: str, text: str, unit: str) -> tuple[Amount, ...]:
    """Read amounts separated by commas: ``60,75``, ``1.3fit``.

    Parameters
    ----------
    argument
        Name of the argument, for the error.
    text
        What was typed. Units may be in upper case or cut short.
    unit
        ``fit`` or ``match``.

    Raises
    ------
    ArgumentError
        The text is not a list of amounts.
    """
    comma = _DECIMAL_COMMA.search(text.replace(" ", ""))
    if comma and (unit == FIT or float(comma[1]) == 0):
        whole, decimals = comma.groups()
        instead = f"decimals take a point: {whole}.{decimals}"
        raise ArgumentError(argument, f"{text} would be {whole} and {decimals}; {instead}")
    return tuple(read_amount(argument, part.strip(), unit) for part in text.split(","))


def read_amount(argument: str, text: str, unit: str) -> Amount:
    """Read one amount; see `read_amounts`."""
    found = _parsed(text, unit)
    if not found:
        with_point = text.replace(",", ".")
        hint = f": write {with_point}" if _parsed(with_point, unit) else ""
        must_be = f"must be a number, {unit}, or a multiple such as 2{unit}"
        raise ArgumentError(argument, f"{must_be}, got {text or 'nothing'}{hint}")
    times = float(found["number"] or 1)
    if not found["unit"]:
        return times
    if not 0 < times < LARGEST_MULTIPLE:
        raise ArgumentError(argument, f"must be a multiple of {unit} above 0, got {text}")
    return Multiple(times, unit)


def _parsed(text: str, unit: str) -> re.Match[str] | None:
    found = _AMOUNT.fullmatch(text)
    return found if text and found and unit.startswith(found["unit"].lower()) else None


def rounded_up(length: float) -> float:
    """Round a length up: to a whole Å from 10 Å on, below that to three digits."""
    return _rounded(length - SLACK * min(length, 1), ceil)


def rounded_down(length: float) -> float:
    """Round a length down; see `rounded_up`."""
    return _rounded(length, floor)


def _rounded(length: float, rounding: Callable[[float], int]) -> float:
    if length <= 0:
        return 0.0
    digits = 0 if length > WHOLE else LENGTH_DIGITS - 1 - floor(log10(length))
    return round(rounding(length * 10.0**digits) / 10.0**digits, max(digits, 0))
