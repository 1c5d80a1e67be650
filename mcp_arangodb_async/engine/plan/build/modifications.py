"""INSERT, UPDATE, REPLACE, REMOVE and UPSERT."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, assert_never

from mcp_arangodb_async.engine import errors
from mcp_arangodb_async.engine.aql import ast
from mcp_arangodb_async.engine.catalog.options import OverwriteMode, WriteOptions
from mcp_arangodb_async.engine.errors import ArangoError
from mcp_arangodb_async.engine.expressions.tree import (
    TRUE,
    Attribute,
    Comparison,
    Constant,
    Element,
    Expression,
    ObjectLiteral,
    Reference,
    Variable,
    all_of,
)
from mcp_arangodb_async.engine.plan.nodes import (
    CalculationNode,
    EnumerateCollectionNode,
    FilterNode,
    InsertNode,
    LimitNode,
    ModificationOptions,
    Plan,
    RemoveNode,
    ReplaceNode,
    ReturnNode,
    ScanHint,
    SingletonNode,
    SubqueryNode,
    UpdateNode,
    UpsertNode,
)

from .expressions import ExpressionBuilder
from .options import Options, index_hint

OVERWRITE_MODES: dict[str, OverwriteMode] = {
    "ignore": "ignore",
    "replace": "replace",
    "update": "update",
    "conflict": "conflict",
}


def modification(expressions: ExpressionBuilder, node: ast.Modification, collection: str) -> None:
    """Add one data-modification operation on a collection, and declare OLD and NEW."""
    match node:
        case ast.Insert():
            _insert(expressions, node, collection)
        case ast.Update():
            _update(expressions, node, collection)
        case ast.Remove():
            _remove(expressions, node, collection)
        case ast.Upsert():
            _upsert(expressions, node, collection)
        case _:
            assert_never(node)


def _insert(expressions: ExpressionBuilder, node: ast.Insert, collection: str) -> None:
    document = expressions.variable(node.document)
    options = _options(expressions, node.options, "INSERT")
    overwrites = options.write.overwrite_mode != "conflict"
    _write(expressions, collection, options)
    old = _pseudo(expressions, "OLD") if overwrites else None
    new = _pseudo(expressions, "NEW")
    expressions.build.nodes.append(
        InsertNode(collection=collection, document=document, options=options, old=old, new=new)
    )


def _update(expressions: ExpressionBuilder, node: ast.Update, collection: str) -> None:
    key = None if node.key is None else expressions.variable(node.key)
    document = expressions.variable(node.document)
    options = _options(expressions, node.options, "REPLACE" if node.replace else "UPDATE")
    _write(expressions, collection, options)
    kind = ReplaceNode if node.replace else UpdateNode
    expressions.build.nodes.append(
        kind(
            collection=collection,
            key=key,
            document=document,
            options=options,
            old=_pseudo(expressions, "OLD"),
            new=_pseudo(expressions, "NEW"),
        )
    )


def _remove(expressions: ExpressionBuilder, node: ast.Remove, collection: str) -> None:
    key = expressions.variable(node.key)
    options = _options(expressions, node.options, "REMOVE")
    _write(expressions, collection, options)
    old = _pseudo(expressions, "OLD")
    expressions.build.nodes.append(RemoveNode(collection=collection, key=key, options=options, old=old))


def _upsert(expressions: ExpressionBuilder, node: ast.Upsert, collection: str) -> None:
    build = expressions.build
    build.collection(collection)
    options = _options(expressions, node.options, "UPSERT")
    document = build.variables.make("CURRENT", kind="object", collection=collection)
    condition = _search(expressions, node, document)
    found = _lookup(expressions, collection, document, condition, options.hint)
    insert = expressions.variable(node.insert)
    build.scopes.shadow("OLD", found)
    update = expressions.variable(node.update)
    _write(expressions, collection, options)
    build.nodes.append(
        UpsertNode(
            collection=collection,
            found=found,
            insert=insert,
            update=update,
            is_replace=node.replace,
            options=options,
            old=_pseudo(expressions, "OLD"),
            new=_pseudo(expressions, "NEW"),
        )
    )


def _search(expressions: ExpressionBuilder, node: ast.Upsert, document: Variable) -> Expression:
    """The condition that UPSERT looks a document up by, over `document`."""
    build = expressions.build
    if node.filter is not None:
        build.scopes.open("for")
        build.scopes.shadow("CURRENT", document)
        build.lazy += 1
        condition = expressions.expression(node.filter)
        build.lazy -= 1
        build.scopes.close()
        return condition
    example: Expression
    match node.search:
        case ast.BindParameter(name=name):
            example = Constant(value=build.shape(name))
        case ast.ObjectLiteral():
            example = expressions.expression(node.search)
        case _:
            raise ArangoError(errors.ERROR_QUERY_PARSE, "UPSERT needs an object literal to search for")
    if isinstance(example, Constant) and not isinstance(example.value, dict):
        raise ArangoError(
            errors.ERROR_QUERY_BIND_PARAMETER_TYPE, "the bind parameter of UPSERT must be an object"
        )
    conditions = [
        Comparison(operator="==", left=path, right=value)
        for path, value in _example(Reference(variable=document), example)
    ]
    return all_of(conditions) or TRUE


def _example(base: Expression, example: Expression) -> Iterator[tuple[Expression, Expression]]:
    """The attribute paths of an example with their values; objects in it are taken apart."""
    match example:
        case Constant(value=values) if isinstance(values, dict) and values:
            for name, value in _items(values):
                yield from _example(Attribute(base=base, name=name), Constant(value=value))
        case ObjectLiteral(entries=entries):
            for entry in entries:
                if not isinstance(entry.key, str):
                    raise ArangoError(
                        errors.ERROR_QUERY_PARSE,
                        "found unexpected expression in UPSERT search: attribute names must be constant",
                    )
                yield from _example(Attribute(base=base, name=entry.key), entry.value)
        case _:
            if not isinstance(base, Reference):
                yield base, example


def _items(values: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    yield from values.items()


def _lookup(
    expressions: ExpressionBuilder,
    collection: str,
    document: Variable,
    condition: Expression,
    hint: ScanHint,
) -> Variable:
    """A subquery for the first document that fulfils the condition; the variable that holds it, or null."""
    build = expressions.build
    test = build.variables.make()
    plan = Plan(
        nodes=(
            SingletonNode(),
            EnumerateCollectionNode(collection=collection, variable=document, hint=hint),
            CalculationNode(variable=test, expression=condition),
            FilterNode(condition=test),
            LimitNode(offset=0, count=1),
            ReturnNode(source=document),
        )
    )
    rows = build.variables.make(kind="array")
    build.nodes.append(SubqueryNode(variable=rows, plan=plan, is_lookup=True))
    return build.calculate(Element(base=Reference(variable=rows), index=Constant(value=0)))


def _pseudo(expressions: ExpressionBuilder, name: str) -> Variable:
    variable = expressions.build.variables.make(name)
    expressions.build.scopes.shadow(name, variable)
    return variable


def _write(expressions: ExpressionBuilder, collection: str, options: ModificationOptions) -> None:
    expressions.build.collection(collection, "exclusive" if options.exclusive else "write")


def _options(
    expressions: ExpressionBuilder, node: ast.ObjectLiteral | None, operation: str
) -> ModificationOptions:
    options = Options(expressions, node, operation)
    sync: Any = options.get("waitForSync")
    hint = index_hint(options) if operation == "UPSERT" else ScanHint()
    write = WriteOptions(
        overwrite_mode=_overwrite_mode(options, expressions.build.compat),
        keep_null=options.flag("keepNull", default=True) and not options.flag("nullMeansRemove"),
        merge_objects=options.flag("mergeObjects", default=True),
        ignore_revs=options.flag("ignoreRevs", default=True),
        wait_for_sync=None if sync is None else bool(sync),
        version_attribute=options.text("versionAttribute"),
        validate=not options.flag("skipDocumentValidation"),
    )
    options.get("refillIndexCaches")
    made = ModificationOptions(
        write=write,
        ignore_errors=options.flag("ignoreErrors"),
        exclusive=options.flag("exclusive"),
        read_own_writes=options.flag("readOwnWrites", default=True),
        hint=hint,
    )
    options.finish()
    return made


def _overwrite_mode(options: Options, compat: str) -> OverwriteMode:
    mode = options.text("overwriteMode")
    overwrite = compat == "3.12" and options.flag("overwrite")  # ArangoDB 4.0 has no such option
    if mode is None:
        return "replace" if overwrite else "conflict"
    if mode not in OVERWRITE_MODES:
        options.reject("overwriteMode", f"one of {', '.join(OVERWRITE_MODES)} is possible, not '{mode}'")
        return "conflict"
    return OVERWRITE_MODES[mode]
