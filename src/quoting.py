"""Text in a command line, so that it comes back as itself."""

import re


def quoted(text):
    """Quote a text, such as a path, as one word of a command.

    ChimeraX's ``quote_path_if_necessary`` leaves ``;`` bare, which parts commands. In quotes its
    parser knows no escapes, and ends at a quote before a blank or a ``;``.

    Parameters
    ----------
    text : str

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
