"""A program in a model's place: it speaks the protocol of a provider, and knows only what the server sends it."""

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

Json = dict[str, Any]
_COMMAND = re.compile(r"<playbook>.*?^```sh\n(.*?)^```$.*?</playbook>", re.DOTALL | re.MULTILINE)
_TEAM = re.compile(r"<knowledge>.*?our team is called `([a-z0-9-]+)`.*?</knowledge>", re.DOTALL)
_RESULT = re.compile(r"^result: (.+) ([0-9a-f]{64})$", re.MULTILINE)


def answer(messages: list[Json]) -> Json:
    """What comes next: the playbook's command for the team that the note names, its result as data, the end.

    Without the note or the playbook it does not know what to do, as a model would not.
    """
    texts = [_text(one.get("content")) for one in messages]
    given = "\n".join(text for one, text in zip(messages, texts, strict=True) if one.get("role") == "user")
    command, team = _COMMAND.search(given), _TEAM.search(given)
    if command is None or team is None:
        missing = " and no ".join(name for name, one in (("playbook", command), ("note", team)) if one is None)
        return _call("ask_user", question=f"I was given no {missing}; what am I to do?")
    results = [text for one, text in zip(messages, texts, strict=True) if one.get("role") == "tool"]
    if not results:
        return _call("shell", command=command[1].replace("TEAM", team[1]))
    found = _RESULT.search(results[0])
    if found is None:
        return _call("ask_user", question="The playbook's command printed no result.")
    if len(results) == 1:
        return _call("structured_output", output={"report": found[1], "signature": found[2]})
    return _call("finish", summary=f"The report of {team[1]} is written and signed.")


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "\n".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
    return str(content or "")


def _call(name: str, **arguments: Any) -> Json:
    return {"name": name, "arguments": json.dumps(arguments)}


class StandIn:
    """The program as an endpoint on this machine, while it is used as a context manager."""

    def __init__(self) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.end_headers()
                for chunk in _chunks(answer(asked["messages"]), len(asked["messages"])):
                    self.wfile.write(f"data: {chunk}\n\n".encode())

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def settings(self) -> dict[str, str]:
        """What makes a server use it."""
        return {
            "COGMILL_MODEL": "stand-in",
            "COGMILL_MODEL_BASE_URL": f"http://127.0.0.1:{self._server.server_port}/v1",
            "COGMILL_MODEL_API_KEY": "none",
            "COGMILL_MODEL_INPUT_USD_PER_MTOK": "0",
            "COGMILL_MODEL_OUTPUT_USD_PER_MTOK": "0",
        }

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


def _chunks(call: Json, number: int) -> Iterator[str]:
    """One answer as a stream of chat completions."""
    base = {"id": f"answer-{number}", "object": "chat.completion.chunk", "created": 1, "model": "stand-in"}
    tool = {"index": 0, "id": f"call-{number}", "type": "function", "function": call}
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    for delta, finish in (({"role": "assistant", "tool_calls": [tool]}, None), ({}, "tool_calls")):
        yield json.dumps({**base, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})
    yield json.dumps({**base, "choices": [], "usage": usage})
    yield "[DONE]"
