"""The router finds what trying row after row would find."""

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match

from cogmill.api.routing import OpRoute, OpRouter
from cogmill.api.table import TABLE


async def nothing(_request):
    return Response()


ROUTES = [OpRoute(op, nothing) for op in TABLE]
VALUES = ("one", "sessions", "a/b", "")
METHODS = ("GET", "POST", "DELETE")


def addresses():
    yield from ("", "/", "//", "/v3", "/v3/", "/v3/organizations//sessions", "/nowhere", "/v3/self/", "/" * 3000)
    for op in TABLE:
        for value in VALUES:
            path = op.path
            while "{" in path:
                path = path[: path.index("{")] + value + path[path.index("}") + 1 :]
            yield path
        yield f"{path}/more"


def row_after_row(scope, method):
    fitting = [route for route in ROUTES if route.matches(scope)[0] is not Match.NONE]
    found = next((route for route in fitting if method in route.methods), None)
    return found, {method for route in fitting for method in route.methods}


async def by_segments(router, scope):
    try:
        await router.app(scope, None, _send)
    except HTTPException as refused:
        return None, set(refused.headers["Allow"].split(", ")) - {"HEAD"} if refused.status_code == 405 else set()
    return scope["route"], set()


async def _send(_message): ...


async def test_the_same_row_as_one_after_the_other():
    router = OpRouter(ROUTES)
    for number, path in enumerate(dict.fromkeys(addresses())):
        method = METHODS[number % len(METHODS)]
        scope = {"type": "http", "method": method, "path": path, "path_params": {}, "headers": [], "app": None}
        expected, allowed = row_after_row(scope, method)
        found, said = await by_segments(router, scope)
        assert found is expected, (method, path)
        if expected is None:
            assert said == allowed, (method, path)
