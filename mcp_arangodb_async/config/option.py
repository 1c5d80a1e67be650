"""An option is one field of a record: everything else about it is derived from here.

The field's annotation carries an `Option`: help text, variables, flags. The command line's parser, the
environment's reader, the merge and the manual's tables walk these fields; none of them repeats a name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from pydantic import BaseModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """What is true of an option besides its name, type and default.

    `variables` are environment variables, the first one that is set wins. `parse` turns the text of a
    variable or flag into what the type expects. A `tolerant` option answers a wrong word in its variable with
    a warning and the default, as 0.5.4 did, so that a client's old configuration still starts.
    """

    help: str
    variables: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    metavar: str | None = None
    parse: Callable[[str], object] | None = None
    tolerant: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionField:
    """One option with its place: `path` is the dotted name in the file and in `config show`.

    `annotation` is the type with its checks.
    """

    path: str
    type: Any
    annotation: Any
    default: object
    option: Option

    @property
    def choices(self) -> tuple[str, ...]:
        """The possible words, when the option is a choice."""
        return get_args(self.type) if all(isinstance(arg, str) for arg in get_args(self.type)) else ()


def options_of(record: type[Any], prefix: str = "") -> Iterator[OptionField]:
    """Every option of a record and of the records inside it, in the order they are written."""
    hints = _hints(record)
    for name, default in _defaults(record):
        hint = hints[name]
        path = f"{prefix}{name}"
        if isinstance(hint, type) and (is_dataclass(hint) or issubclass(hint, BaseModel)):
            yield from options_of(hint, f"{path}.")
        elif get_origin(hint) is Annotated:
            kind, *metadata = get_args(hint)
            for extra in metadata:
                if isinstance(extra, Option):
                    yield OptionField(path=path, type=kind, annotation=hint, default=default, option=extra)


@cache
def _hints(record: type[Any]) -> dict[str, Any]:
    """The record's annotations; evaluating them is most of what reading the options costs."""
    return get_type_hints(record, include_extras=True)


def _defaults(record: type[Any]) -> Iterator[tuple[str, object]]:
    if issubclass(record, BaseModel):
        for name, info in record.model_fields.items():
            yield name, None if info.is_required() else info.get_default(call_default_factory=True)
        return
    for field in fields(record):
        if field.default is not MISSING:
            yield field.name, field.default
        else:
            yield field.name, None if field.default_factory is MISSING else field.default_factory()
