"""A model provider on loopback: speaks OpenAI chat completions and Anthropic messages, streaming, from a script."""

import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice

NOTHING = {"status": 400, "body": {"error": {"message": "no script left"}}}


def call(name: str, /, **arguments) -> dict:
    return {"name": name, "arguments": json.dumps(arguments)}


class StubProvider:
    """Answers one script entry for each request: text, calls, status, headers, body, usage, raw, cut, wait or drop.

    An entry may be a function of the request's messages, for answers that depend on what a tool gave back.
    """

    def __init__(self) -> None:
        self.script: list[dict | Callable[[list[dict]], dict]] = []
        self.requests: list[dict] = []
        self.headers: list[dict] = []
        self.by_progress = False
        """Answer by the number of answers in the request, as a model does that is asked the same thing again."""
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                with suppress(BrokenPipeError, ConnectionResetError):  # whoever asked has gone
                    stub.answer(self)

            def log_message(self, *_) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self) -> "StubProvider":
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def url(self) -> str:
        return f"{self.origin}/v1"

    def says(self, *entries: "dict | Callable[[list[dict]], dict]") -> "StubProvider":
        self.script.extend(entries)
        return self

    def messages(self, index: int = -1) -> list[dict]:
        return self.requests[index]["messages"]

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        request = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        self.requests.append(request)
        self.headers.append({name.lower(): value for name, value in handler.headers.items()})
        entry = self._entry(request["messages"])
        time.sleep(entry.get("wait", 0))
        if entry.get("drop"):
            handler.connection.close()
            return
        handler.send_response(entry.get("status", 200))
        for name, value in entry.get("headers", {}).items():
            handler.send_header(name, value)
        if "status" in entry:
            handler.send_header("Content-Type", "application/json")
            handler.end_headers()
            handler.wfile.write(json.dumps(entry.get("body", {"error": {"message": "stub"}})).encode())
            return
        handler.send_header("Content-Type", "text/event-stream")
        handler.end_headers()
        chunks = self._anthropic(entry) if handler.path.startswith("/v1/messages") else self._openai(entry)
        for chunk in [entry["raw"]] if "raw" in entry else islice(chunks, entry.get("cut")):
            handler.wfile.write(chunk.encode())

    def _entry(self, messages: list[dict]) -> dict:
        """For these messages, not for the newest request's: requests of several sessions come at once."""
        if self.by_progress:
            entry = self.script[sum(one["role"] == "assistant" for one in messages)]
        else:
            entry = self.script.pop(0) if self.script else NOTHING
        return entry if isinstance(entry, dict) else entry(messages)

    def _openai(self, entry: dict):
        def chunk(delta: dict, finish=None) -> str:
            choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
            return f"data: {json.dumps({**base, 'choices': choices})}\n\n"

        number = len(self.requests)
        base = {"id": f"c{number}", "object": "chat.completion.chunk", "created": 1, "model": "stub"}
        yield chunk({"role": "assistant", "content": ""})
        for word in entry.get("text", "").split(" ") if entry.get("text") else []:
            yield chunk({"content": f"{word} "})
        for index, one in enumerate(entry.get("calls", [])):
            head = {"name": one["name"], "arguments": ""}
            call_id = one.get("id", f"call_{number}_{index}")
            yield chunk({"tool_calls": [{"index": index, "id": call_id, "type": "function", "function": head}]})
            half = len(one["arguments"]) // 2
            for part in (one["arguments"][:half], one["arguments"][half:]):
                yield chunk({"tool_calls": [{"index": index, "function": {"arguments": part}}]})
        yield chunk({}, "tool_calls" if entry.get("calls") else "stop")
        used = entry.get("usage", (100, 10))
        if used:
            usage = {"prompt_tokens": used[0], "completion_tokens": used[1], "total_tokens": sum(used)}
            yield f"data: {json.dumps({**base, 'choices': [], 'usage': usage})}\n\n"
        yield "data: [DONE]\n\n"

    def _anthropic(self, entry: dict):
        def event(name: str, **data) -> str:
            return f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n"

        number = len(self.requests)
        usage = {"input_tokens": 100, "output_tokens": 1, "cache_read_input_tokens": 50}
        message = {
            "id": f"msg_{number}", "type": "message", "role": "assistant", "model": "claude-sonnet-5",
            "content": [], "stop_reason": None, "stop_sequence": None, "usage": usage,
        }  # fmt: skip
        yield event("message_start", message=message)
        index = 0
        if entry.get("text"):
            yield event("content_block_start", index=0, content_block={"type": "text", "text": ""})
            yield event("content_block_delta", index=0, delta={"type": "text_delta", "text": entry["text"]})
            yield event("content_block_stop", index=0)
            index = 1
        for one in entry.get("calls", []):
            block = {"type": "tool_use", "id": f"toolu_{number}_{index}", "name": one["name"], "input": {}}
            yield event("content_block_start", index=index, content_block=block)
            delta = {"type": "input_json_delta", "partial_json": one["arguments"]}
            yield event("content_block_delta", index=index, delta=delta)
            yield event("content_block_stop", index=index)
            index += 1
        reason = "tool_use" if entry.get("calls") else "end_turn"
        yield event("message_delta", delta={"stop_reason": reason, "stop_sequence": None}, usage={"output_tokens": 20})
        yield event("message_stop")
