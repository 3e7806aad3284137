"""Which row of the table answers a request: found by the segments of its path, not by trying row after row."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route, Router
from starlette.types import Receive, Scope, Send

from cogmill.api.operations import Op

Endpoint = Callable[[Request], Awaitable[Response]]


class OpRoute(Route):
    """One row of the table in the router; FastAPI, which documents it, takes no part in requests."""

    def __init__(self, op: Op, run: Endpoint) -> None:
        super().__init__(op.path, run, methods=[op.method], name=op.id)
        self.methods: set[str] = {op.method}  # HEAD is answered for every GET row alike (web/head.py)
        self.legacy = op.legacy

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            response = await run(Request(scope, receive, send))
            await response(scope, receive, send)

        self.app = app


class Branch:
    """The rows whose paths begin with the same segments."""

    __slots__ = ("any", "ends", "named", "rest")

    def __init__(self) -> None:
        self.named: dict[str, Branch] = {}
        self.any: Branch | None = None
        """Below a parameter."""
        self.ends: list[tuple[int, OpRoute]] = []
        """Rows that end here, each with its place in the table."""
        self.rest: list[tuple[int, OpRoute]] = []
        """Rows that go on with a parameter that may hold slashes."""

    def add(self, place: int, route: OpRoute) -> None:
        branch = self
        for segment in route.path.split("/"):
            if ":path}" in segment:
                branch.rest.append((place, route))
                return
            if "{" in segment:
                branch.any = branch.any or Branch()
                branch = branch.any
            else:
                branch = branch.named.setdefault(segment, Branch())
        branch.ends.append((place, route))

    def fitting(self, segments: Sequence[str]) -> Iterator[tuple[int, OpRoute]]:
        """Rows that may fit a path; their own pattern decides."""
        yield from self.rest
        if not segments:
            yield from self.ends
            return
        for branch in (self.named.get(segments[0]), self.any):
            if branch is not None:
                yield from branch.fitting(segments[1:])


class OpRouter(Router):
    """Starlette's router over the rows of the table: the first row that fits answers, as in any list of routes."""

    def __init__(self, routes: list[OpRoute], **options: Any) -> None:
        super().__init__(routes, redirect_slashes=False, **options)
        self._root = Branch()
        for place, route in enumerate(routes):
            self._root.add(place, route)

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await super().app(scope, receive, send)
            return
        scope["router"] = self
        allowed: set[str] = set()
        for _, route in sorted(self._root.fitting(scope["path"].split("/")), key=lambda found: found[0]):
            match, child = route.matches(scope)
            if match is Match.NONE:
                continue
            scope["route"] = route  # by whose path requests are counted, refused ones too
            if match is Match.FULL:
                scope.update(child)
                await route.handle(scope, receive, send)
                return
            allowed |= route.methods
        if allowed:
            if "GET" in allowed:
                allowed.add("HEAD")
            raise HTTPException(405, headers={"Allow": ", ".join(sorted(allowed))})
        await self.default(scope, receive, send)
