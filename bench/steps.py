"""What the server adds to each step of the model agent: the time between a model's answer and the next question."""

import asyncio
import json
import statistics
import time
from pathlib import Path
from typing import Any

from bench.numbers import Number
from bench.place import running
from bench.wire import Target

STEPS = 30


class Model:
    """Speaks the OpenAI chat protocol on loopback: `STEPS` shell commands, then done. Answers at once."""

    def __init__(self) -> None:
        self.gaps: list[float] = []
        self._answered_at: float | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    int(one[15:]) for one in head.lower().split(b"\r\n") if one.startswith(b"content-length:")
                )
                asked = json.loads(await reader.readexactly(length))
                now = time.perf_counter()
                if self._answered_at is not None:
                    self.gaps.append((now - self._answered_at) * 1000)
                number = sum(one["role"] == "assistant" for one in asked["messages"])
                body = self._answer(number)
                kind = b"content-type: text/event-stream\r\n"
                writer.write(b"HTTP/1.1 200 OK\r\n%bcontent-length: %d\r\n\r\n%b" % (kind, len(body), body))
                await writer.drain()
                self._answered_at = time.perf_counter() if number < STEPS else None
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _answer(self, number: int) -> bytes:
        name, arguments = ("shell", {"command": "true"}) if number < STEPS else ("finish", {"summary": "Done."})
        base = {"id": f"c{number}", "object": "chat.completion.chunk", "created": 1, "model": "stub"}
        call = {"index": 0, "id": f"call_{number}", "type": "function"}
        function = {"name": name, "arguments": json.dumps(arguments)}
        usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
        chunks: list[dict[str, Any]] = [
            {"choices": [{"index": 0, "delta": {"role": "assistant", "tool_calls": [{**call, "function": function}]}}]},
            {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]},
            {"choices": [], "usage": usage},
        ]
        lines = [f"data: {json.dumps({**base, **chunk})}\n\n" for chunk in chunks]
        return "".join([*lines, "data: [DONE]\n\n"]).encode()


def overhead(root: Path, runs: int) -> list[Number]:
    """Includes the step itself: a command in the session's shell, and two durable events."""
    row = Number("overhead per agent step, shell command included: p50", "ms", 20)
    high = Number("overhead per agent step, shell command included: p95", "ms")

    async def work() -> None:
        from bench.measures import run_one

        model = Model()
        provider = await asyncio.start_server(model.serve, "127.0.0.1", 0)
        port = provider.sockets[0].getsockname()[1]
        with _server(root, port) as (_, target):
            await _once(target, run_one)  # loads the agent
            model.gaps.clear()
            for _ in range(3):
                await _once(target, run_one)
        provider.close()
        row.values.append(statistics.median(model.gaps))
        high.values.append(statistics.quantiles(model.gaps, n=20)[-1])

    for _ in range(runs):
        asyncio.run(work())
    return [row, high]


def _server(root: Path, port: int) -> Any:
    free = {"model_input_usd_per_mtok": "0", "model_output_usd_per_mtok": "0"}
    return running(root, model="stub", model_base_url=f"http://127.0.0.1:{port}/v1", model_api_key="none", **free)


async def _once(target: Target, run_one: Any) -> None:
    connection = await target.connect()
    await run_one(target, connection, {"prompt": "Do the steps.", "agent": "model"})
    connection.close()
