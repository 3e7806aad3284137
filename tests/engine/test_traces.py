"""Sessions and requests as OpenTelemetry traces: over OTLP to a collector on loopback, and in a file."""

import gzip
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.engine.agents.provider import StubProvider, call
from tests.engine.test_model_sessions import say, settings
from tests.serving import Served

TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


class Collector:
    """Takes spans as an OpenTelemetry collector does."""

    def __init__(self):
        self.raw = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                assert self.path == "/v1/traces"
                body = self.rfile.read(int(self.headers["content-length"]))
                collector.raw.append(gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body)
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def count(self):
        requests = [ExportTraceServiceRequest.FromString(raw) for raw in self.raw]
        return sum(len(s.spans) for one in requests for r in one.resource_spans for s in r.scope_spans)

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def collector():
    made = Collector()
    yield made
    made.close()


def spans_of(file):
    """Of the trace file, with attributes as a dict."""
    found = []
    for line in file.read_text().splitlines():
        for resource in json.loads(line)["resourceSpans"]:
            named = {one["key"]: one["value"] for one in resource["resource"]["attributes"]}
            assert named["service.name"] == {"stringValue": "cogmill"}
            found += [span for scope in resource["scopeSpans"] for span in scope["spans"]]
    for span in found:
        span["attributes"] = {one["key"]: next(iter(one["value"].values())) for one in span["attributes"]}
    return found


def test_a_session_is_one_trace_and_a_request_belongs_to_its_caller(tmp_path, collector):
    with StubProvider() as provider:
        provider.says(
            {"calls": [call("shell", command="echo canary-command")], "usage": (100, 20)},
            {"calls": [call("read_file", path="/workspace/none")]},
            {"calls": [call("finish", summary="canary-summary")]},
            {"calls": [call("finish", summary="again")]},
        )
        file = tmp_path / "traces.jsonl"
        served = Served(tmp_path / "data", COGMILL_OTLP_ENDPOINT=collector.url, COGMILL_TRACES_FILE=str(file))
        try:
            served.start(**settings(provider, COGMILL_MODEL="openai:stub-1"))
            served.client.headers["traceparent"] = f"00-{TRACE}-{CALLER}-01"
            session_id = served.create("canary-prompt")
            served.wait(session_id, "finished")
            del served.client.headers["traceparent"]
            say(served, session_id, "Once more.")
            served.wait(session_id, "finished")
            served.wait(session_id, "finished")
            until = time.monotonic() + 10
            while served.get(session_id)["acus_consumed"] == 0 or len(provider.requests) < 4:
                assert time.monotonic() < until
                time.sleep(0.05)
            served.wait(session_id, "finished")
            assert served.end() == 0
            spans = spans_of(file)
            assert collector.count() == len(spans)
            assert b"canary" not in b"".join(collector.raw) + file.read_bytes()
            check_session(spans, session_id)
            check_requests(spans, session_id)
            # A collector that is gone holds nobody up.
            collector.close()
            served.start(**settings(provider))
            assert served.get(session_id)["session_id"] == session_id
            began = time.monotonic()
            assert served.end() == 0
            assert time.monotonic() - began < 12
        finally:
            served.close()


def check_session(spans, session_id):
    mine = [one for one in spans if one["attributes"].get("gen_ai.conversation.id") == session_id]
    assert len({one["traceId"] for one in mine}) == 1
    (root,) = [one for one in mine if "parentSpanId" not in one]
    assert root["name"] == "session"
    runs = [one for one in mine if one["attributes"].get("gen_ai.operation.name") == "invoke_agent"]
    assert [one["parentSpanId"] for one in runs] == [root["spanId"]] * 2
    assert runs[0]["attributes"]["gen_ai.usage.input_tokens"] != "0"
    below = [one for one in mine if one["parentSpanId" if one is not root else "name"] == runs[0]["spanId"]]
    chats = [one for one in below if one["name"] == "chat stub-1"]
    assert len(chats) == 3
    said = chats[0]["attributes"]
    assert (said["gen_ai.provider.name"], said["gen_ai.request.model"]) == ("openai", "stub-1")
    assert said["gen_ai.operation.name"] == "chat"
    assert int(said["gen_ai.usage.input_tokens"]) > 0
    assert chats[0]["kind"] == 3  # client
    tools = {one["name"]: one for one in below if one["name"].startswith("execute_tool")}
    assert {"execute_tool shell", "execute_tool read_file"} <= set(tools)
    assert tools["execute_tool shell"]["attributes"]["gen_ai.tool.call.id"]
    failed = tools["execute_tool read_file"]
    assert failed["status"]["code"] == 2
    assert failed["attributes"]["error.type"] == "failed"
    for one in below:
        assert int(runs[0]["startTimeUnixNano"]) <= int(one["startTimeUnixNano"]) <= int(one["endTimeUnixNano"])
        assert int(one["endTimeUnixNano"]) <= int(runs[0]["endTimeUnixNano"])


def check_requests(spans, session_id):
    (made,) = [one for one in spans if one["name"] == "POST /v3/organizations/sessions"]
    assert (made["traceId"], made["parentSpanId"], made["kind"]) == (TRACE, CALLER, 2)
    assert made["attributes"]["http.response.status_code"] == "200"
    assert made["attributes"]["cogmill.request_id"].startswith("req-")
    others = [one for one in spans if one["name"] == "GET /v3/organizations/sessions/{devin_id}"]
    assert any("parentSpanId" not in one for one in others)
    assert others[0]["attributes"]["url.path"] == f"/v3/organizations/sessions/{session_id}"
    assert not [one for one in spans if "healthz" in one["name"]]


@pytest.mark.parametrize("header", ["", "junk", "00-0-0-00", f"00-{'0' * 32}-{CALLER}-01"])
def test_a_malformed_traceparent_is_as_good_as_none(header):
    from cogmill.kit.traces import _sent

    assert _sent(header or None) is None


def test_the_file_is_what_protobuf_reads(tmp_path):
    from cogmill.kit.settings import Settings
    from cogmill.kit.traces import Place, Traces

    traces = Traces.of(Settings(traces_file=tmp_path / "t.jsonl"))
    place = Place.of_session("devin-1")
    traces.record("session", 1.0, 2.5, {"a": 1, "b": None}, place=place)
    traces.close()
    (span,) = spans_of(tmp_path / "t.jsonl")
    assert (int(span["traceId"], 16), int(span["spanId"], 16)) == (place.trace, place.span)
    assert (span["startTimeUnixNano"], span["endTimeUnixNano"]) == ("1000000000", "2500000000")
    assert span["attributes"] == {"a": "1"}
    assert Traces.of(Settings()) is None
