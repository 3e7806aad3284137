"""A small server that speaks the wire of the real one: Starlette on uvicorn in a thread."""

import asyncio
import json
import socket
import threading
import time
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

KEY = "cog_" + "a" * 52
ENTERPRISE_KEY = "cog_" + "e" * 52
ORG = "org-1"
PULL = "pull-1"
REVIEW = {
    "commit_sha": "c" * 40, "created_at": "2023-11-14T22:13:20Z", "pr_number": 7, "repo_path": "here/acme/calc",
    "status": "completed", "session_id": f"devin-{2:032x}", "detail": None,
    "report": "Review of cccccccccccc\n\nIt is right now.\n\n- **low** `calc.py` line 2: <b>No test.</b>",
}  # fmt: skip
DIFF = """diff --git a/calc.py b/calc.py
index 111..222 100644
--- a/calc.py
+++ b/calc.py
@@ -1,3 +1,4 @@
 def add(a, b):
-    return a - b
+    return a + b
+# <script>alert(1)</script>
 pass
"""


class Stub:
    def __init__(self):
        self.sessions = {}
        self.events = {}
        self.uploads = {}
        self.requests = []  # (method, path, headers, body)
        self.cuts = []  # each stream connection takes one: break after so many events
        self.faults = []  # (path part, status, body) answered once
        self.base_url = ""
        self.pages = []  # further routes

    # what tests do to it

    def session(self, number=1, status="running", detail="working", **more):
        session_id = f"devin-{number:032x}"
        self.sessions[session_id] = {
            "session_id": session_id, "org_id": ORG, "status": status, "status_detail": detail, "title": "Fix the sum",
            "url": f"{self.base_url}/organizations/{ORG}/sessions/{session_id}", "tags": ["demo"], "pull_requests": [],
            "acus_consumed": 0.25,
            "created_at": 1_700_000_000, "updated_at": 1_700_000_100, "is_archived": False, **more,
        }  # fmt: skip
        self.events.setdefault(session_id, [])
        return session_id

    def emit(self, session_id, event_type, contents=None, summary="", category="other", direction="outgoing"):
        log = self.events[session_id]
        seq = len(log) + 1
        log.append({
            "seq": seq, "event_id": f"event-{seq}", "event_type": event_type, "category": category,
            "direction": direction,
            "created_at": int(time.time()), "summary": summary, "contents": contents or {},
        })  # fmt: skip

    def status(self, session_id, status, detail=None):
        self.sessions[session_id].update(status=status, status_detail=detail)
        self.emit(
            session_id, "status_changed", {"status": status, "status_detail": detail}, f"{status} {detail}", "status"
        )

    def asked(self, method, end):
        return [item for item in self.requests if item[0] == method and item[1].endswith(end)]

    # the wire

    def app(self):
        both = ("/v3/organizations/{org_id}", "/v3/organizations")
        routes = [Route("/v3/self", self.self_), Route("/signed/{name}", self.signed)]
        for root in both:
            routes += [
                Route(f"{root}/sessions", self.list_or_create, methods=["GET", "POST"]),
                Route(f"{root}/attachments", self.upload, methods=["POST"]),
                Route(f"{root}/sessions/{{id:str}}", self.one, methods=["GET", "DELETE"]),
                Route(f"{root}/sessions/{{id:str}}/messages", self.message, methods=["POST"]),
                Route(f"{root}/sessions/{{id:str}}/archive", self.archive, methods=["POST"]),
                Route(f"{root}/sessions/{{id:str}}/events", self.list_events),
                Route(f"{root}/sessions/{{id:str}}/events/search", self.list_events),
                Route(f"{root}/sessions/{{id:str}}/events/stream", self.stream),
            ]
        own = "/cogmill/v1/organizations/{org_id}"
        routes += [
            Route("/v3/organizations/{org_id}/attachments/{uuid}/{name}", self.download),
            Route(f"{own}/sessions/{{id:str}}/diff", self.diff),
            Route(f"{own}/sessions/{{id:str}}/recording", self.recording),
            Route(f"{own}/sessions/{{id:str}}/sleep", self.sleep, methods=["POST"]),
            Route(f"{own}/sessions/{{id:str}}/wake", self.wake, methods=["POST"]),
            Route(f"{own}/pull-requests/{{id:str}}", self.pull_request),
        ]
        return Starlette(routes=self.pages + [self._guarded(route) for route in routes])

    def _guarded(self, route):
        handler = route.endpoint

        async def guard(request):
            body = await request.body()
            self.requests.append((request.method, request.url.path, dict(request.headers), body))
            for fault in self.faults:
                if fault[0] in request.url.path:
                    self.faults.remove(fault)
                    return JSONResponse(fault[2], fault[1], media_type="application/problem+json")
            if request.url.path.startswith("/signed/"):
                return await handler(request)
            key = request.headers.get("authorization", "").removeprefix("Bearer ")
            if key not in {KEY, ENTERPRISE_KEY}:
                return problem(401, "The API key is not valid.")
            if key == ENTERPRISE_KEY and "org_id" not in request.path_params and request.url.path != "/v3/self":
                return problem(400, "The key belongs to no organization.")
            if "id" in request.path_params and not request.path_params["id"].startswith(("devin-", "pull-")):
                return problem(404, "No such thing.")
            if (
                request.path_params.get("id", "").startswith("devin-")
                and request.path_params["id"] not in self.sessions
            ):
                return problem(404, "There is no such session.")
            return await handler(request)

        return Route(route.path, guard, methods=list(route.methods or {"GET"}))

    async def self_(self, request):
        key = request.headers["authorization"].removeprefix("Bearer ")
        org = None if key == ENTERPRISE_KEY else ORG
        return JSONResponse(
            {"principal_type": "service_user", "service_user_id": "s", "service_user_name": "n", "org_id": org}
        )

    async def list_or_create(self, request):
        if request.method == "GET":
            items = list(self.sessions.values())
            first = int(request.query_params.get("first", 100))
            start = int(request.query_params.get("after", 0))
            more = len(items) > start + first
            cursor = str(start + first) if more else None
            return JSONResponse(
                {"items": items[start : start + first], "end_cursor": cursor, "has_next_page": more, "total": None}
            )
        body = await request.json()
        if body.get("max_acu_limit") == 999:
            error = {"loc": ["body", "max_acu_limit"], "msg": "Input is too large", "type": "less_than"}
            return JSONResponse({"detail": [error], "request_id": "req-7"}, 422)
        session_id = self.session(len(self.sessions) + 1, title=body.get("title"))
        self.emit(
            session_id,
            "session_created",
            {"prompt": body["prompt"], "agent": body.get("agent")},
            "created",
            "lifecycle",
        )
        for event_type, contents, summary in SCRIPT:
            self.emit(session_id, event_type, contents, summary)
        self.status(session_id, "running", "finished")
        return JSONResponse(self.sessions[session_id])

    async def one(self, request):
        session = self.sessions[request.path_params["id"]]
        if request.method == "DELETE":
            session["is_archived"] = request.query_params.get("archive") == "true"
            self.status(session["session_id"], "exit")
        return JSONResponse(session)

    async def message(self, request):
        session_id = request.path_params["id"]
        if self.sessions[session_id]["status"] == "exit":
            return problem(409, "The session is over.")
        body = await request.json()
        self.emit(session_id, "user_message", {"message": body["message"]}, body["message"], "message", "incoming")
        self.status(session_id, "running", "working")
        return JSONResponse(self.sessions[session_id])

    async def archive(self, request):
        session = self.sessions[request.path_params["id"]]
        session["is_archived"] = True
        return JSONResponse(session)

    async def sleep(self, request):
        self.status(request.path_params["id"], "suspended", "user_request")
        return JSONResponse(self.sessions[request.path_params["id"]])

    async def wake(self, request):
        self.status(request.path_params["id"], "running", "working")
        return JSONResponse(self.sessions[request.path_params["id"]])

    async def list_events(self, request):
        items = [
            {k: v for k, v in event.items() if k != "contents"} for event in self.events[request.path_params["id"]]
        ]
        start, first = int(request.query_params.get("after", 0)), int(request.query_params.get("first", 100))
        more = len(items) > start + first
        page = {"items": items[start : start + first], "end_cursor": str(start + first), "has_next_page": more}
        return JSONResponse(page)

    async def stream(self, request):
        session_id = request.path_params["id"]
        after = int(request.headers.get("last-event-id") or request.query_params.get("after") or 0)
        cut = self.cuts.pop(0) if self.cuts else None
        return StreamingResponse(self._send(session_id, after, cut), media_type="text/event-stream")

    async def _send(self, session_id, after, cut):
        log, sent = self.events[session_id], 0
        yield ": hello\n\n"
        while True:
            while after < len(log):
                event = log[after]
                message = f"id: {event['seq']}\nevent: {event['event_type']}\ndata: {json.dumps(event)}\n\n"
                if cut is not None and sent == cut:
                    yield message[: len(message) // 2]
                    await asyncio.sleep(0.02)
                    raise ConnectionError("cut as the test wants it")
                yield message
                after, sent = after + 1, sent + 1
            if self.sessions[session_id]["status"] in {"exit", "error"}:
                return
            await asyncio.sleep(0.01)

    async def upload(self, request):
        async with request.form() as form:
            file = form["file"]
            uuid = f"att-{len(self.uploads) + 1}"
            self.uploads[uuid] = (file.filename, await file.read())
        url = f"{self.base_url}/v3/organizations/{ORG}/attachments/{uuid}/{file.filename}"
        return JSONResponse({"attachment_id": uuid, "name": file.filename, "url": url})

    async def download(self, request):
        return RedirectResponse(f"/signed/{request.path_params['uuid']}", 307)

    async def signed(self, request):
        return Response(self.uploads[request.path_params["name"]][1])

    async def diff(self, request):
        repo = {
            "repo": "acme/calc",
            "branch": "work",
            "base_branch": "main",
            "base_commit": "b",
            "head_commit": "h",
            "diff": DIFF,
        }
        return JSONResponse({"session_id": request.path_params["id"], "diffs": [repo]})

    async def recording(self, request):
        return JSONResponse({"version": 1, "calls": [{"text": "hallo"}]})

    async def pull_request(self, request):
        if request.path_params["id"] != PULL:
            return problem(404, "There is no such pull request.")
        return JSONResponse({
            "pull_request_id": PULL, "number": 7, "repo": "acme/calc", "title": "Add instead of subtract",
            "state": "open",
            "body": "The sum was wrong.\n<img src=x onerror=alert(1)>", "branch": "cogmill/fix", "base_branch": "main",
            "base_commit": "b" * 40, "head_commit": "c" * 40, "url": "", "session_id": f"devin-{1:032x}",
            "created_at": 1_700_000_000, "diff": DIFF, "reviews": [REVIEW],
        })  # fmt: skip


SCRIPT = [
    ("shell_process_started", {"input": {"command": "pytest -q"}, "key": "s1"}, "Run tests"),
    ("shell_process_output", {"text": "F1\n", "key": "s1"}, ""),
    ("shell_process_output", {"text": "1 failed", "key": "s1"}, ""),
    (
        "shell_process_completed",
        {"command": "pytest -q", "exit_code": 1, "ok": False, "seconds": 1.5, "key": "s1"},
        "Run tests",
    ),
    ("file_edit_completed", {"path": "calc.py", "diff": DIFF, "ok": True, "key": "s2"}, "Edit calc.py"),
    ("brand_new_thing", {"x": 1}, "Something newer than this client"),
    ("devin_message", {"message": "Done \x1b[2Jnow."}, "Done now."),
]


def problem(status, detail):
    body = {"type": "about:blank", "title": "x", "status": status, "detail": detail, "request_id": "req-42"}
    return JSONResponse(body, status, media_type="application/problem+json")


@contextmanager
def serving(stub):
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    stub.base_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    config = uvicorn.Config(
        stub.app(), log_level="critical", lifespan="off", ws="none", timeout_graceful_shutdown=1, access_log=False
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        deadline = time.monotonic() + 10
        while not server.started:
            assert time.monotonic() < deadline, "the stub server does not start"
            time.sleep(0.01)
        yield stub
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()
