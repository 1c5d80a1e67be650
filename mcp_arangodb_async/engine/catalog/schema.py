"""Schema validation: the JSON Schema of a collection, and when it is asked.

ArangoDB understands draft 4 of JSON Schema and looks at a document without its system attributes:
https://docs.arangodb.com/3.12/concepts/data-structure/documents/schema-validation/.
"""

from typing import Any, Final, cast

from mcp_arangodb_async.engine.errors import (
    ERROR_VALIDATION_BAD_PARAMETER,
    ERROR_VALIDATION_FAILED,
    ERRORS,
    ArangoError,
)

from .names import shown
from .properties import Schema, ValidationLevel

Document = dict[str, Any]

_LEVELS: Final[tuple[ValidationLevel, ...]] = ("none", "new", "moderate", "strict")
_SYSTEM: Final = frozenset({"_key", "_id", "_rev", "_from", "_to"})


def parse_schema(body: Any) -> Schema | None:
    """The schema in a request; 1621 for what is wrong with it. null and {} remove a schema."""
    if body is None or body == {}:
        return None
    if not isinstance(body, dict):
        raise _bad("'schema' must be an object")
    fields = cast("Document", body)
    rule, level, message = fields.get("rule"), fields.get("level", "strict"), fields.get("message", "")
    if not isinstance(rule, dict):
        raise _bad("'schema' needs a 'rule' with a JSON Schema")
    if level not in _LEVELS:
        raise _bad(f"'level' of 'schema' is one of {', '.join(_LEVELS)}; not {shown(level)}")
    if not isinstance(message, str):
        raise _bad("'message' of 'schema' must be a string")
    if fields.get("type", "json") != "json":
        raise _bad("'type' of 'schema' can only be json")
    schema = Schema(rule=cast("Document", rule), level=level, message=message)
    Validator(schema).check_rule()
    return schema


def describe_schema(schema: Schema | None) -> Document | None:
    """A schema as HTTP shows it."""
    if schema is None:
        return None
    return {"rule": schema.rule, "level": schema.level, "message": schema.message, "type": schema.type}


class Validator:
    """A compiled schema. The library behind it is loaded with the first document that is checked."""

    __slots__ = ("_compiled", "schema")

    def __init__(self, schema: Schema) -> None:
        """Compile later: most processes never write to a collection with a schema."""
        self.schema = schema
        self._compiled: Any = None

    def check_rule(self) -> None:
        """Raise 1621 when the rule is not a JSON Schema."""
        # `jsonschema` takes a tenth of a second to load.
        from jsonschema.exceptions import SchemaError
        from jsonschema.validators import Draft4Validator

        try:
            Draft4Validator.check_schema(self.schema.rule)
        except SchemaError as error:
            raise _bad(f"'rule' is not a JSON Schema (draft 4): {error.message}") from error

    def check(self, new: Document, old: Document | None) -> None:
        """Raise 1620 when a document that is written must match and does not; `old` is None for an insert."""
        level = self.schema.level
        if level == "none" or (level == "new" and old is not None) or self.matches(new):
            return
        if level == "moderate" and old is not None and not self.matches(old):
            return
        raise ArangoError(
            ERROR_VALIDATION_FAILED, self.schema.message or ERRORS[ERROR_VALIDATION_FAILED].message
        )

    def matches(self, document: Document) -> bool:
        """Whether a document matches, without its system attributes."""
        if self._compiled is None:
            from jsonschema.validators import Draft4Validator

            self._compiled = Draft4Validator(self.schema.rule)
        return self._compiled.is_valid(
            {name: value for name, value in document.items() if name not in _SYSTEM}
        )


def _bad(message: str) -> ArangoError:
    return ArangoError(ERROR_VALIDATION_BAD_PARAMETER, f"invalid schema validation parameter: {message}")
