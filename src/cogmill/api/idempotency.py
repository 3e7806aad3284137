"""Idempotency-Key: a repeated POST gets the first answer again, which was stored in the transaction of the change."""

import asyncio
import hashlib
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message

from cogmill.access.context import Context
from cogmill.api.operations import POST, Op
from cogmill.domain.attachments.endpoints import FORM_OVERHEAD
from cogmill.kit.errors import Invalid, TooLarge
from cogmill.models.audit import idempotent_request
from cogmill.web.call import Call, Work
from cogmill.web.inputs import bounded

HEADER = "idempotency-key"
REPLAYED = "idempotent-replayed"
PARAMETER: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "A repeated request with the same key and body gets the first answer again, for 24 hours.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]*$"},
}
_KEY = re.compile(r"[!-~]{1,255}")
_BOUNDARY = re.compile(r'boundary="?([^";,]+)"?', re.IGNORECASE)
_INSERTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
NOBODY = "nobody"
"""In whose name answers of public rows are kept: what they are about is in the body, which must be the same."""
_NOT_KEPT = {"content-length", "set-cookie", "x-request-id"}


def applies(op: Op) -> bool:
    """Whether callers may send the header: on every POST but two, where what proves the caller is in the request.

    An answer kept for a sign-in would tell whoever knows the header whether a password is right, past the slow-down.
    An incoming webhook counts a repeated message once by itself, behind the proof of its secret: its senders have no
    identity here that could keep their keys apart.
    """
    return is_documented(op) and op.id != "trigger_automation"


def is_documented(op: Op) -> bool:
    """Whether the header means something on the row, be it here or, for an incoming webhook, in its handler."""
    return op.method == POST and op.id != "sign_in"


def sent_key(request: Request) -> str | None:
    """The key of a request, if it has one."""
    given = request.headers.getlist(HEADER)
    if not given:
        return None
    if len(given) > 1 or not _KEY.fullmatch(given[0]):
        raise Invalid.at("header", "Idempotency-Key", msg="Send one key of 1 to 255 visible ASCII characters.")
    return given[0]


class Answered(Exception):
    """Not a failure: another process was first; its answer is here."""

    def __init__(self, response: Response) -> None:
        self.response = response


@dataclass(slots=True)
class Turns:
    """Requests of this process with the same key go one after the other."""

    _locks: dict[tuple[str, str], tuple[asyncio.Lock, int]] = field(default_factory=dict)

    @asynccontextmanager
    async def turn(self, name: tuple[str, str]) -> AsyncIterator[None]:
        lock, users = self._locks.get(name, (asyncio.Lock(), 0))
        self._locks[name] = lock, users + 1
        try:
            async with lock:
                yield
        finally:
            lock, users = self._locks.pop(name)
            if users > 1:
                self._locks[name] = lock, users - 1


@dataclass(slots=True)
class Once:
    """One request that is done once, however often it is sent."""

    call: Call
    key: str
    fingerprint: str
    answer: Callable[[Any], Response]
    written: Any = None
    """What the handler's write answered, once there was one."""

    @property
    def principal_id(self) -> str:
        return self.call.caller.principal_id if self.call.caller is not None else NOBODY

    async def earlier(self) -> Response | None:
        """The answer to an earlier request with this key."""
        found = await self.call.read(self._find)
        return None if found is None else self._replay(found)

    async def write(self, work: Work[Any]) -> Any:
        """The change, and its answer for repeated requests, in one transaction. `Answered` when it was done before."""
        if self.written is not None:
            raise TypeError("A POST handler writes once: its answer is stored in the transaction of the change.")

        def unit(ctx: Context) -> tuple[Any, Any]:
            if not self._claim(ctx):
                return self._find(ctx), None
            result = work(ctx)
            self._keep(ctx, self.answer(result))
            return None, result

        found, self.written = await self.call.write(unit)
        if found is not None:
            raise Answered(self._replay(found))
        return self.written

    def _find(self, ctx: Context) -> Any:
        columns = idempotent_request.c
        query = select(idempotent_request).where(columns.principal_id == self.principal_id, columns.key == self.key)
        return ctx.db.execute(query.where(columns.created_at > self._expiry(ctx))).one_or_none()

    def _expiry(self, ctx: Context) -> float:
        return ctx.now - ctx.runtime.settings.idempotency_keep_hours * 3600

    def _claim(self, ctx: Context) -> bool:
        """Take the key, unless it is taken; on PostgreSQL this waits for a transaction that is just taking it."""
        columns = idempotent_request.c
        mine = (columns.principal_id == self.principal_id) & (columns.key == self.key)
        ctx.db.execute(delete(idempotent_request).where(mine, columns.created_at <= self._expiry(ctx)))
        values = {
            "principal_id": self.principal_id, "key": self.key, "fingerprint": self.fingerprint, "status": 0,
            "answer": b"", "created_at": ctx.now,
        }  # fmt: skip
        statement = _INSERTS[ctx.db.dialect.name](idempotent_request).values(values).on_conflict_do_nothing()
        return ctx.db.execute(statement.returning(columns.key)).first() is not None

    def _keep(self, ctx: Context, response: Response) -> None:
        headers = [(k.decode("latin-1"), v.decode("latin-1")) for k, v in response.raw_headers]
        kept = [(name, value) for name, value in headers if name not in _NOT_KEPT]
        body = bytes(response.body).decode("utf-8", "surrogateescape")
        sealed = ctx.runtime.keyring.encrypt_briefly(json.dumps([kept, body]), self._bound_to)
        columns = idempotent_request.c
        change = update(idempotent_request).where(columns.principal_id == self.principal_id, columns.key == self.key)
        ctx.db.execute(change.values(status=response.status_code, answer=sealed.encode()))

    @property
    def _bound_to(self) -> str:
        return f"{self.principal_id}/{self.key}"

    def _replay(self, found: Any) -> Response:
        if found.fingerprint != self.fingerprint:
            raise Invalid.at(
                "header", "Idempotency-Key",
                msg="This key was used for another request (method, address or body): use a fresh key.",
            )  # fmt: skip
        headers, body = json.loads(self.call.runtime.keyring.decrypt(found.answer.decode(), self._bound_to))
        response = Response(body.encode("utf-8", "surrogateescape"), found.status)
        response.headers.update({**dict(headers), REPLAYED: "true"})
        return response


async def read_all(op: Op, call: Call, request: Request) -> tuple[Request, str]:
    """The request with its body read, and the fingerprint of method, address and body."""
    settings = call.runtime.settings
    limit = settings.max_attachment + FORM_OVERHEAD if op.takes_file else settings.max_body
    body = await bounded(request, limit, TooLarge(f"The body may have at most {limit} bytes.")).body()
    digest = hashlib.sha256()
    boundary = _BOUNDARY.search(request.headers.get("content-type", "")) if op.takes_file else None
    if boundary is not None:  # clients draw another boundary when they repeat a form
        for part in body.split(b"--" + boundary[1].encode("latin-1")):
            digest.update(b"%d:" % len(part) + part)
    else:
        digest.update(body)
    scope = request.scope
    address = f"{request.method}\n{scope['path']}\n{scope['query_string'].decode('latin-1')}\n{digest.hexdigest()}"

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return Request(scope, receive), call.runtime.keyring.sign("idempotency", address)
