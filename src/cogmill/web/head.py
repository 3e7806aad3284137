"""HEAD wherever GET is: the status and headers of GET, and no body."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class HeadAsGet:
    """Runs HEAD as GET until its headers are known. What would follow is cut off: a stream ends, a file is not read."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        is_answered = False

        async def sending(message: Message) -> None:
            nonlocal is_answered
            if is_answered or message["type"] != "http.response.start":
                return
            is_answered, scope["method"] = True, "HEAD"
            await send(message)
            await send({"type": "http.response.body", "body": b""})
            work.cancel()

        scope["method"] = "GET"
        work = asyncio.ensure_future(self._app(scope, receive, sending))
        try:
            await work
        except asyncio.CancelledError:
            caller = asyncio.current_task()
            if not is_answered or (caller is not None and caller.cancelling()):
                raise
        finally:
            scope["method"] = "HEAD"
