"""The API document, which FastAPI makes from the handlers' types. Serving needs none of it: imported when asked for."""

import inspect
from collections.abc import Callable
from functools import cache
from typing import Annotated, Any

from fastapi import FastAPI
from fastapi import Query as QueryParameters
from starlette.responses import JSONResponse, Response

from cogmill import __version__
from cogmill.api import idempotency
from cogmill.api.build import inputs_of
from cogmill.api.operations import Op
from cogmill.api.refusals import LEGACY_NAME, LEGACY_SCHEMA, SCHEMA, SCHEMA_NAME, refusals
from cogmill.api.table import TABLE
from cogmill.web.guard import Reach


def document() -> dict[str, Any]:
    """OpenAPI 3.1 as a JSON object; needs neither data folder nor keys."""
    app = FastAPI(
        title="Cogmill",
        version=__version__,
        description="Compatible with the Devin API. Operations marked x-extension are Cogmill's own.",
        license_info={"name": "Apache-2.0"},
    )
    for op in TABLE:
        _add(app, op)
    made = app.openapi()
    components = made.setdefault("components", {})
    components.setdefault("schemas", {})[SCHEMA_NAME] = SCHEMA
    schemes = components.setdefault("securitySchemes", {})
    schemes["bearer"] = {"type": "http", "scheme": "bearer", "description": "An API key: cog_…"}
    old = "A key of the old APIs: apk_user_…, or for v1 also apk_…"
    schemes["legacy"] = {"type": "http", "scheme": "bearer", "description": old}
    components["schemas"][LEGACY_NAME] = LEGACY_SCHEMA
    return made


@cache
def rendered() -> bytes:
    """The document as it is served."""
    return bytes(JSONResponse(document()).body)


def _add(app: FastAPI, op: Op) -> None:
    has_inputs = bool(inputs_of(op)) or "{org_id}" in op.path or idempotency.is_documented(op)
    responses = refusals(op, has_inputs=has_inputs)
    if op.output is None:
        content = {op.media_type: {"schema": {"type": "string"}}} if op.media_type else {}
        responses[op.status] = {"description": "see the address", "content": content}
    elif op.media_type is not None:
        responses[op.status] = {"content": {op.media_type: {"schema": {"type": "string"}}}}
    app.router.add_api_route(
        op.path,
        _stand_in(op),
        methods=[op.method],
        operation_id=f"{op.id}_home" if op.reach is Reach.IN_HOME_ORG else op.id,
        response_model=op.output,
        status_code=op.status,
        include_in_schema=not op.hidden,
        responses=responses,
        response_class=Response if op.output is None else JSONResponse,
        summary=op.id.replace("_", " ").capitalize(),
        description=_description(op),
        deprecated=True if op.legacy else None,
        openapi_extra=_extra(op),
        tags=[op.tag],
    )


def _description(op: Op) -> str | None:
    said = inspect.getdoc(op.handler)
    return "\n\n".join(filter(None, (said, op.legacy.way_forward))) if op.legacy else said


def _extra(op: Op) -> dict[str, Any]:
    """What the document says of a row beyond its types."""
    said: dict[str, Any] = {"x-permission": list(op.permissions), "x-extension": op.extension}
    if op.reach is not Reach.PUBLIC:
        said["security"] = [{"legacy" if op.legacy else "bearer": []}]
    if op.legacy:
        said["x-v3"] = list(op.legacy.successors)
    if idempotency.is_documented(op):
        said["parameters"] = [idempotency.PARAMETER]
    if op.takes_file:
        file = {"type": "string", "format": "binary"}
        schema = {"type": "object", "properties": {"file": file}, "required": ["file"]}
        said["requestBody"] = {"required": True, "content": {"multipart/form-data": {"schema": schema}}}
    return said


def _stand_in(op: Op) -> Callable[..., Any]:
    """A function with the signature that FastAPI documents."""

    def stand_in() -> None: ...

    parameters = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=_documented_type(name, annotation))
        for name, annotation in inputs_of(op).items()
    ]
    extra = inspect.Parameter("org_id", inspect.Parameter.KEYWORD_ONLY, annotation=str)
    if "{org_id}" in op.path and "org_id" not in inputs_of(op):
        parameters.append(extra)
    stand_in.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    stand_in.__name__ = op.id
    return stand_in


def _documented_type(name: str, annotation: Any) -> Any:
    return Annotated[annotation, QueryParameters()] if name == "query" else annotation
