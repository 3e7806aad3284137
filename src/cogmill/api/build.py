"""From the table to routes: the guard and one transaction surround every handler."""

import inspect
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any

from pydantic import TypeAdapter
from starlette.requests import Request
from starlette.responses import Response

from cogmill.access.context import Context, Runtime
from cogmill.api import idempotency
from cogmill.api.operations import GET, Op
from cogmill.api.routing import Endpoint, OpRoute
from cogmill.domain.audit_logs import chain
from cogmill.domain.audit_logs.refused import Attempt, note
from cogmill.kit.errors import NotFound, Refusal
from cogmill.web.call import Call, Work
from cogmill.web.errors import refused
from cogmill.web.guard import Reach, admit
from cogmill.web.inputs import no_query, read_body, read_query


def routes(table: list[Op], runtime: Runtime) -> list[OpRoute]:
    """Every row of the table as a route."""
    turns = idempotency.Turns()
    return [OpRoute(op, endpoint(op, runtime, turns)) for op in table]


def inputs_of(op: Op) -> dict[str, Any]:
    """Names and types of what the handler takes of a request."""
    return {name: kind for name, kind in _parameters(op.handler).items() if name not in {"ctx", "call", "request"}}


@cache
def _parameters(handler: Callable[..., Any]) -> dict[str, Any]:
    signature = inspect.signature(handler, eval_str=True)
    return {name: parameter.annotation for name, parameter in signature.parameters.items()}


@cache
def _dumper(output: Any) -> Callable[..., bytes]:
    """Made for the first answer: of most operations a server never gives any."""
    return TypeAdapter(output).dump_json


def endpoint(op: Op, runtime: Runtime, turns: idempotency.Turns) -> Endpoint:
    """The way of a request through one row: guard, inputs, one transaction, answer."""
    act, answer = _acting(op, runtime), _answer(op)
    takes_key, notes_refusals = idempotency.applies(op), op.method != GET and op.reach is not Reach.PUBLIC

    async def once(call: Call, request: Request, key: str) -> Response:
        request, fingerprint = await idempotency.read_all(op, call, request)
        attempt = idempotency.Once(call, key, fingerprint, answer)
        async with turns.turn((attempt.principal_id, key)):
            earlier = await attempt.earlier()
            if earlier is not None:
                return earlier
            try:
                result = await act(call, request, attempt.write)
            except idempotency.Answered as answered:
                return answered.response
        if result is not attempt.written:
            raise TypeError(f"{op.id} must answer with what its write answered: that is what was stored.")
        return answer(result)

    async def handle(request: Request) -> Response:
        try:
            if "\0" in request.scope["path"]:
                raise NotFound("There is no operation at an address that holds the NUL character.")
            call = await admit(runtime, request, op.reach, op.permissions, op.legacy)
            if takes_key and (key := idempotency.sent_key(request)) is not None:
                return await once(call, request, key)
            return answer(await act(call, request, call.write))
        except Refusal as refusal:
            if refusal.afterwards is not None:
                await call.write(refusal.afterwards)
            if notes_refusals:
                await note(runtime, _attempt(op, request), refusal)
            return refused(refusal, request.scope["request_id"], legacy=op.legacy is not None)

    return handle


Write = Callable[[Work[Any]], Awaitable[Any]]
Act = Callable[[Call, Request, Write], Awaitable[Any]]


def _acting(op: Op, runtime: Runtime) -> Act:
    """Reading the inputs and running the handler; every write of a changing row goes through the given one."""
    inputs = inputs_of(op)
    path_names = [name for name in inputs if name not in {"query", "body"}]
    query_model, body_model = inputs.get("query"), inputs.get("body")
    wants_request = "request" in _parameters(op.handler)
    run = _streaming(op) if inspect.iscoroutinefunction(op.handler) else _transacting(op)
    limit = runtime.settings.max_body

    async def act(call: Call, request: Request, write: Write) -> Any:
        given: dict[str, Any] = {name: str(request.path_params[name]) for name in path_names}
        if query_model is not None:
            is_asked = bool(request.scope["query_string"])
            given["query"] = read_query(query_model, request.query_params) if is_asked else no_query(query_model)
        if body_model is not None:
            given["body"] = await read_body(body_model, request, limit)
            request.scope["as_user_id"] = _acts_as(given["body"])
        if wants_request:
            given["request"] = request
        return await run(call, given, write)

    return act


def _attempt(op: Op, request: Request) -> Attempt:
    """What the record of a refusal says of the call."""
    caller, named = request.scope.get("caller"), dict(request.path_params)
    org_id = named.pop("org_id", None)
    if op.reach in {Reach.IN_HOME_ORG, Reach.IN_KEY_ORG} and caller is not None:
        org_id = caller.home_org
    if (as_user := request.scope.get("as_user_id")) is not None:
        named["as_user_id"] = as_user
    sent_key = request.scope.get("sent_key")
    return Attempt(op.audit or op.id, request.scope["request_id"], caller, org_id, named, sent_key)


def _acts_as(body: Any) -> str | None:
    """The user in whose place the caller wants to act, whom the record names as well."""
    found = (getattr(body, name) for name in _naming(body.__class__))
    return next((one for one in found if one is not None), None)


@cache
def _naming(model: Any) -> list[str]:
    """The fields of a body that name such a user."""
    names = ("create_as_user_id", "message_as_user_id", "run_as_user_id")
    return [name for name in names if name in getattr(model, "model_fields", ())]


def _streaming(op: Op) -> Callable[[Call, dict[str, Any], Write], Awaitable[Any]]:
    async def run(call: Call, given: dict[str, Any], write: Write) -> Any:
        return await op.handler(_Writing(call, op, given, write), **given)

    return run


class _Writing(Call):
    """A call whose every write goes through the given one and, where that is the row's part, leaves an audit record."""

    __slots__ = ("_given", "_op", "_write")

    def __init__(self, call: Call, op: Op, given: dict[str, Any], write: Write) -> None:
        super().__init__(call.runtime, call.scope, call.request_id, call.caller, call.held)
        for name, value in (("_op", op), ("_given", given), ("_write", write)):
            object.__setattr__(self, name, value)

    async def write(self, work: Callable[[Context], Any]) -> Any:
        op, write = self._op, self._write  # type: ignore[attr-defined]
        return await write(_recorded(op, work, self._given) if _is_recorded(op) else work)  # type: ignore[attr-defined]


def _transacting(op: Op) -> Callable[[Call, dict[str, Any], Write], Awaitable[Any]]:
    async def run(call: Call, given: dict[str, Any], write: Write) -> Any:
        def work(ctx: Context) -> Any:
            return op.handler(ctx, **given)

        if op.method == GET:
            return await call.read(work)
        return await write(_recorded(op, work, given) if _is_recorded(op) else work)

    return run


def _is_recorded(op: Op) -> bool:
    """Handlers of public rows leave their records themselves: they alone know whose sign-in it is."""
    return op.audit is not None and op.reach is not Reach.PUBLIC


def _recorded(op: Op, work: Callable[[Context], Any], given: dict[str, Any]) -> Callable[[Context], Any]:
    """The work and its audit record in one transaction: no record, no change."""

    def both(ctx: Context) -> Any:
        result = work(ctx)
        subject = {name: value for name, value in given.items() if isinstance(value, str)}
        made = getattr(result, "__dict__", {})
        subject |= {name: made[name] for name in ("session_id", "attachment_id") if isinstance(made.get(name), str)}
        if (as_user := _acts_as(given.get("body"))) is not None:
            subject["as_user_id"] = as_user
        chain.append(
            ctx.db, ctx.runtime.keyring,
            enterprise_id=ctx.scope.enterprise_id, org_id=ctx.scope.org_id,
            action=ctx.action or op.audit or op.id, at=ctx.now,
            user_id=ctx.principal.user_id, service_user_id=ctx.principal.service_user_id, request_id=ctx.request_id,
            data=ctx.principal.nobody_but_key | subject | ctx.audited,
        )  # fmt: skip
        return result

    return both


def _answer(op: Op) -> Callable[[Any], Response]:
    """From the handler's result to the response, written once."""

    def answer(result: Any) -> Response:
        if isinstance(result, Response):
            return result
        assert op.output is not None, f"{op.id} must answer with a response"  # noqa: S101
        return Response(_dumper(op.output)(result), op.status, media_type="application/json")

    return answer
