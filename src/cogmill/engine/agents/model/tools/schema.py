"""Checks a value against the user's schema at a bounded cost: steps are counted, patterns take linear time."""

import time
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any

from cogmill.engine.agents.clipping import first_line

MOST_STEPS = 100_000
"""A count, so that the answer is the same whenever it is asked for."""
MOST_SECONDS = 2.0
"""The last resort, should single steps be slow."""
MOST_SHOWN = 8

Keyword = Callable[[Any, Any, Any, Any], Iterator[Any] | None]


class Unusable(Exception):
    """The schema cannot be worked with; says why."""


class _Budget:
    def __init__(self) -> None:
        self._left = MOST_STEPS
        self._until = time.monotonic() + MOST_SECONDS

    def counted(self, keyword: Keyword) -> Keyword:
        def check(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[Any]:
            self._left -= 1 + (len(wanted) if isinstance(wanted, list | dict) else 0)
            if self._left < 0 or time.monotonic() > self._until:
                raise Unusable("checking a value against it takes too long; make the schema simpler")
            yield from keyword(validator, wanted, instance, schema) or ()

        return check


def problems(schema: Any, value: Any) -> list[str]:
    """What is wrong with the value, the first few only. Unusable: the schema itself is wrong, or costs too much."""
    # Imported here: only sessions with a schema need the validator.
    from jsonschema import Draft7Validator, validators
    from jsonschema.exceptions import SchemaError
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    budget = _Budget()
    keywords = {**Draft7Validator.VALIDATORS, **LINEAR}
    extend: Any = validators.extend  # the library leaves it untyped
    bounded = extend(Draft7Validator, {name: budget.counted(one) for name, one in keywords.items()})
    try:
        Draft7Validator.check_schema(schema)
        # An empty registry: a schema must not make the server fetch things.
        found = islice(bounded(schema, registry=Registry()).iter_errors(value), MOST_SHOWN)
        return [f"- at /{'/'.join(str(step) for step in one.absolute_path)}: {one.message[:300]}" for one in found]
    except (SchemaError, Unresolvable) as problem:
        raise Unusable(first_line(str(problem), 200)) from None
    except RecursionError:
        raise Unusable("it refers to itself without end, or is nested too deeply") from None


def _pattern(_validator: Any, wanted: str, instance: Any, _schema: Any) -> Iterator[Any]:
    if isinstance(instance, str) and not _matches(wanted, instance):
        yield _wrong(f"{instance!r} does not match {wanted!r}")


def _pattern_properties(validator: Any, wanted: Mapping[str, Any], instance: Any, _schema: Any) -> Iterator[Any]:
    for regex, inner in wanted.items() if isinstance(instance, dict) else ():
        for name, value in instance.items():
            if _matches(regex, name):
                yield from validator.descend(value, inner, path=name, schema_path=regex)


def _additional_properties(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[Any]:
    if not isinstance(instance, dict):
        return
    known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    extras = [name for name in instance if name not in known and not any(_matches(one, name) for one in patterns)]
    if isinstance(wanted, dict):
        for name in extras:
            yield from validator.descend(instance[name], wanted, path=name)
    elif wanted is False and extras:
        yield _wrong(f"Additional properties are not allowed: {', '.join(map(repr, extras))}")


def _unique_items(_validator: Any, wanted: bool, instance: Any, _schema: Any) -> Iterator[Any]:
    if wanted and isinstance(instance, list) and len({_canonical(one) for one in instance}) < len(instance):
        yield _wrong(f"{first_line(repr(instance), 200)} has items that are not unique")


LINEAR: Mapping[str, Keyword] = {
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "uniqueItems": _unique_items,
}
"""The keywords whose usual implementation may take exponential or quadratic time."""


def _wrong(message: str) -> Any:
    from jsonschema.exceptions import ValidationError

    return ValidationError(message)


def _canonical(value: Any) -> Any:
    """Equal for values that JSON calls equal: 1 is 1.0, but neither is true."""
    if isinstance(value, list):
        return ("list", *map(_canonical, value))
    if isinstance(value, dict):
        return ("dict", frozenset((name, _canonical(one)) for name, one in value.items()))
    return (isinstance(value, bool), value)


def _matches(regex: str, text: str) -> bool:
    from pydantic import ValidationError

    try:
        _compiled(regex).validate_python(text)
    except ValidationError:
        return False
    return True


@lru_cache(256)
def _compiled(regex: str) -> Any:
    """The pattern in an engine without backtracking, whatever the pattern is."""
    from pydantic_core import SchemaError, SchemaValidator, core_schema

    try:
        return SchemaValidator(core_schema.str_schema(pattern=regex, regex_engine="rust-regex"))
    except SchemaError:
        raise Unusable(
            f"its pattern {first_line(regex, 100)!r} cannot be used; look-around and back-references are not supported"
        ) from None
