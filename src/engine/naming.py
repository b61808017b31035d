"""Names: numbers as text, a map's traceable tag, and the file name of a sphere."""

import re
import unicodedata
from collections.abc import Sequence

import numpy as np

TAG_LIMIT = 120  # leaves room for the recipe within FILE_NAME_LIMIT
FILE_NAME_LIMIT = 255  # in ext4, XFS, APFS and NTFS

# A number as users type it: without underscores or other scripts' digits, which Python takes.
NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?", re.ASCII | re.IGNORECASE)

# Used where a map's name says nothing but its type ("volume.mrc").
NAMELESS = "decoy"

# Also inside a model's name: ChimeraX calls a filtered map "J12_map.mrc gaussian".
_EXTENSION = re.compile(
    r"(?:\.(?:mrcs?|map|ccp4|rec|st|ali|preali|em|hdf5?|h5|cmp|cmap|vol|spi|situs?|brix|omap|dsn6"
    r"|xplor|cns|dx|cube|pif|grd|nrrd|nii|dv|img|tiff?|gz|bz2|xz))+(?=\s|$)",
    re.IGNORECASE,
)

# What cryoSPARC calls the kinds of volume, as whole words; "_" and "-" separate words.
_TYPE = re.compile(
    r"(?<![a-z0-9])"
    r"(?:cryosparc|final[_-]+(?:volume|map)|volume|map|sharp|locres|precision"
    r"|half[_-]*(?:map[_-]*)?[ab]"
    r"|mask[a-z0-9]*(?:[_-]+(?:refine|fsc|auto))*)"
    r"(?![a-z0-9])",
    re.IGNORECASE,
)


def number(x: float) -> str:
    """Write a number as short, plain decimal text.

    Parameters
    ----------
    x
        A finite number.

    Returns
    -------
    str
        The shortest text without an exponent that reads back as the same float: ``60``,
        ``62.5``, ``0.00001``. Negative zero is ``0``.

    """
    # + 0.0: no minus zero
    return np.format_float_positional(float(x) + 0.0, trim="-")


def by(sizes: Sequence[float]) -> str:
    """Write three sizes, or one where they are equal, to four digits."""
    texts = [f"{s:.4g}" for s in sizes]
    return texts[0] if len(set(texts)) == 1 else " x ".join(texts)


def keyword(argument: str) -> str:
    """Spell an argument as the command does: ``innerRadius``."""
    return re.sub("_(.)", lambda match: match[1].upper(), argument)


def tag(name: str) -> str:
    """Keep the part of a map's name that traces it, and nothing that cryoSPARC reads as a type.

    ``cryosparc_P1_J15_class_00_final_volume.mrc`` gives ``P1_J15_class_00``, and
    ``J310_003_volume_map_sharp.mrc`` gives ``J310_003``.

    Parameters
    ----------
    name
        A map's file name or model name. Folders before the last slash or backslash and the
        extension of a map file, compressed or not, are left out.

    Returns
    -------
    str
        At most 120 of the characters ``A-Z a-z 0-9 _ -``, with no ``_`` or ``-`` at either end;
        the tag of a tag is itself. Accents are dropped, and each run of other characters becomes
        one ``_``. It is ``decoy`` if nothing is left, as from ``volume.mrc``.
    """
    last = re.split(r"[/\\]", name.rstrip("/\\"))[-1]
    decomposed = unicodedata.normalize("NFKD", _EXTENSION.sub("", last))
    letters = "".join(c for c in decomposed if not unicodedata.combining(c))
    return _traced(re.sub(r"[^A-Za-z0-9_-]", "_", letters))


def file_name(tag: str, parts: Sequence[str], copy: int = 1, longest: int = FILE_NAME_LIMIT) -> str:
    """Name the MRC file of one recipe; different recipes have different names.

    The decimal point is ``p``:
    ``J310_003_sphere_r062p5A_o086A_e12A_i020A_v0p35_c12p5_-3_40_02.mrc``.

    Parameters
    ----------
    tag
        What traces the map, from `tag`.
    parts
        The recipe: ``r062p5A``, ``v2match``.
    copy
        2 and up number further files of the same recipe.
    longest
        Most characters that a name can have in its folder; the tag is cut to fit.

    Returns
    -------
    str
        The file name, with ``.mrc`` and without a folder.

    Raises
    ------
    ValueError
        The recipe leaves the tag no room.
    """
    recipe = "_".join(["", "sphere", *parts, *[f"{copy:02d}"] * (copy > 1)]) + ".mrc"
    room = longest - len(recipe)
    if len(tag) > room > 0:
        tag = _traced(tag[:room])
    if len(tag) > room:
        would = f"The file name would have {len(tag + recipe)} characters, more than the {longest}"
        remedy = "give numbers with fewer digits, or name the file yourself"
        raise ValueError(f"{would} that it can have: {remedy}")
    return tag + recipe


def _traced(text: str) -> str:
    # Dropping a word or cutting the end can expose another type (half_volume_A, ..._maple) or "_".
    while (shorter := _without_types(text)) != text:
        text = shorter
    return text or NAMELESS


def _without_types(text: str) -> str:
    """Drop type words and surplus separators once, and cut to the limit."""
    return re.sub(r"[_-]*_[_-]*", "_", _TYPE.sub("_", text)).strip("_-")[:TAG_LIMIT]
