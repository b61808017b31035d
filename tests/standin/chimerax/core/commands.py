"""Stand-in for chimerax.core.commands: the few annotations that makesphere uses, and run()."""

import os
import re

import numpy as np

from .errors import UserError


class AnnotationError(UserError, ValueError):
    """A word that its argument does not accept."""


def next_token(text):
    """Split a text into its first word, without quotes, the text of it, and the rest.

    A quoted word ends at the first such quote before a blank, a ``;`` or the end.
    """
    match = re.match(r"""\s*(?:(["'])(.*?)\1(?=[\s;]|$)|((?!["'])[^;\s]+))""", text)
    if match is None:
        raise AnnotationError("Expected a word")
    token = match.group(2) if match.group(1) else match.group(3)
    return token, match.group().strip(), text[match.end() :].lstrip()


class Annotation:
    name = "something"

    def __init__(self, name=None):
        self.name = name or self.name

    @classmethod
    def parse(cls, text, session):
        token, _, rest = next_token(text)
        try:
            return cls.convert(token, session), token, rest
        except (ValueError, KeyError):
            raise AnnotationError(f"Expected {cls.name}") from None


class Float3Arg(Annotation):
    name = "three numbers"

    @staticmethod
    def convert(token, session):
        x, y, z = (float(word) for word in token.split(","))
        return x, y, z


class ModelIdArg(Annotation):
    name = "a model id"

    @staticmethod
    def convert(token, session):
        return tuple(int(word) for word in token.removeprefix("#").split("."))


class SaveFileNameArg(Annotation):
    name = "a file name"

    @staticmethod
    def convert(token, session):
        return os.path.expanduser(token)


class SaveFolderNameArg(SaveFileNameArg):
    name = "a folder name"


class ModelsArg(Annotation):
    name = "a models specifier"

    @staticmethod
    def convert(token, session):
        models = []
        for word in token.removeprefix("#").split(","):
            first, _, last = word.partition("-")
            id = tuple(int(n) for n in first.split("."))
            ids = [(*id[:-1], n) for n in range(id[-1], int(last or id[-1]) + 1)]
            # With the models below them.
            models += [m for m in session.models.list() if m.id[: len(id)] in ids]
        return models


class ModelArg(ModelsArg):
    name = "a model specifier"

    @staticmethod
    def convert(token, session):
        (model,) = ModelsArg.convert(token, session)
        return model


class CoordSysArg(ModelArg):
    name = "a coordinate-system"


class Center:
    """A point in the scene, or in a coordinate system."""

    def __init__(self, coords):
        self.coords = np.array(coords, np.float32)

    def scene_coordinates(self, coordinate_system=None):
        return self.coords if coordinate_system is None else coordinate_system * self.coords


class CenterArg(Annotation):
    name = "center point"

    @classmethod
    def parse(cls, text, session):
        coords, used, rest = Float3Arg.parse(text, session)
        return Center(coords), used, rest


class CmdDesc:
    """A command's arguments."""

    def __init__(self, required=(), keyword=(), required_arguments=(), synopsis=""):
        self.required = required
        self.keyword = {_camel(name): (name, annotation) for name, annotation in keyword}
        self.required_arguments = required_arguments
        self.synopsis = synopsis


def _camel(name):
    first, *more = name.split("_")
    return first + "".join(word.title() for word in more)


_commands = {}


def register(name, description, function, logger=None):
    _commands[name] = description, function


def run(session, text):
    """Run a registered command, and those after it, separated by ``;``."""
    name, _, rest = next_token(text)
    if name not in _commands:
        raise UserError(f"Unknown command: {text}")
    description, function = _commands[name]
    arguments = {}
    for argument, annotation in description.required:
        if not rest:
            raise UserError(f'Missing required "{argument}" argument')
        arguments[argument], _, rest = annotation.parse(rest, session)
    while rest and rest[0] != ";":
        word, _, rest = next_token(rest)
        keys = [k for k in description.keyword if k.lower().startswith(word.lower())]
        if len(keys) != 1:
            raise UserError("Expected a keyword")
        argument, annotation = description.keyword[keys[0]]
        if argument in arguments:
            raise UserError(f'Repeated keyword argument "{keys[0]}"')
        try:
            arguments[argument], _, rest = annotation.parse(rest, session)
        except AnnotationError as error:
            raise UserError(f'Invalid "{keys[0]}" argument: {error}') from None
    for argument in description.required_arguments:
        if argument not in arguments:
            raise UserError(f'Missing required "{argument}" argument')
    result = function(session, **arguments)
    session.triggers.activate_trigger("command finished", text)
    if rest:
        run(session, rest[1:])
    return result


def concise_model_spec(session, models, relevant_types=None, allow_empty_spec=True):
    """Name models by ranges of their ids."""
    ranges = []
    for model in sorted(models, key=lambda model: (len(model.id), model.id)):
        *_, last = ranges or [((), ())]
        if last[1][:-1] == model.id[:-1] and last[1] and last[1][-1] + 1 == model.id[-1]:
            ranges[-1] = last[0], model.id
        else:
            ranges.append((model.id, model.id))
    words = [
        ".".join(map(str, first)) + (f"-{last[-1]}" if last != first else "")
        for first, last in ranges
    ]
    return "#" + ",".join(words)


def quote_path_if_necessary(path):
    """Quote a path if it has blanks."""
    return f'"{path}"' if re.search(r"\s", path) else path
