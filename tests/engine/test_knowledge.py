"""Sessions that really run with notes: what the model reads, what the log tells, what stays the same."""

import json
import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.engine.agents.provider import StubProvider, call
from tests.serving import Served

CANARY = "canary-4d1f-value"


class StubEmbeddings:
    """An embedding endpoint on loopback: texts about kafka lie in one direction, all others in another."""

    def __init__(self):
        self.requests = []
        self.answer = None
        stub = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                stub.requests.append((self.path, self.headers["Authorization"], body))
                near = [[1.0, 0.1] if "kafka" in text.lower() else [0.1, 1.0] for text in body["input"]]
                data = [{"index": index, "embedding": one} for index, one in enumerate(near)]
                status, answer = stub.answer or (200, {"data": data[::-1]})
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(answer).encode())

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def close(self):
        self._server.shutdown()
        self._server.server_close()


def settings(provider, **more):
    return {
        "COGMILL_MODEL": "stub", "COGMILL_MODEL_BASE_URL": provider.url, "COGMILL_MODEL_API_KEY": "sk-x",
        "COGMILL_MODEL_INPUT_USD_PER_MTOK": "3", "COGMILL_MODEL_OUTPUT_USD_PER_MTOK": "15",
    } | more  # fmt: skip


@pytest.fixture
def provider():
    with StubProvider() as stub:
        yield stub


@pytest.fixture
def own(tmp_path):
    """A server of the test's own, not started."""
    server = Served(tmp_path / "data")
    yield server
    server.close()


def note(served, name, **more):
    body = {"name": name, "body": f"Text of {name}.", "trigger": f"when it is about {name}"} | more
    answer = served.client.post("/v3/organizations/knowledge/notes", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()["note_id"]


def told(served, session_id):
    return [one for one in served.events(session_id) if one["category"] == "knowledge"]


def first_message(provider, index=-1):
    return next(one["content"] for one in provider.messages(index) if one["role"] == "user")


def test_the_model_reads_the_notes_and_the_log_says_why(own, provider):
    own.start(**settings(provider))
    fit = note(own, "Kafka", trigger="restarting kafka", body=f"Drain first. {CANARY}")
    pinned = note(own, "Style", pinned_repo="all", body="Sign every message.")
    note(own, "Beside", trigger="colours of buttons")
    provider.says({"calls": [call("finish", summary="Done.")]})
    secret = [{"key": "TOKEN", "value": CANARY}]
    session_id = own.create("Restart kafka, please.", session_secrets=secret)
    own.wait(session_id, "finished")
    said = str(first_message(provider))
    assert "Drain first. [secret TOKEN]" in said
    assert said.index("Sign every message.") < said.index("Drain first.")
    assert "Text of Beside" not in said
    (event,) = told(own, session_id)
    assert event["event_type"] == "knowledge_selected"
    by_trigger = event["contents"]["notes"][1]
    assert [one["note_id"] for one in event["contents"]["notes"]] == [pinned, fit]
    assert (by_trigger["why"], by_trigger["matched"], by_trigger["score"]) == ("trigger", ["restart", "kafka"], 1.0)
    assert event["contents"]["notes"][0]["why"] == "pinned"
    assert CANARY not in json.dumps(own.events(session_id))
    provider.says({"calls": [call("finish", summary="Nothing.")]})
    none = own.create("Restart kafka, please.", knowledge_ids=[])
    own.wait(none, "finished")
    assert "<knowledge>" not in str(first_message(provider))
    assert told(own, none) == []


def test_the_notes_stay_the_same_for_the_whole_session(own, provider):
    own.start(**settings(provider))
    kept = note(own, "Kafka", trigger="restarting kafka", body="Drain first.")
    provider.says({"calls": [call("finish", summary="Done.")]})
    session_id = own.create("Restart kafka, please.")
    own.wait(session_id, "finished")
    without = own.create("Colours of buttons.")  # the stub has no answer for it
    own.wait(without, "suspended")
    answer = own.client.delete(f"/v3/organizations/knowledge/notes/{kept}")
    assert answer.status_code == 200
    note(own, "Other", trigger="kafka", body="Do not drain.")
    note(own, "Colours", trigger="colours of buttons", body="All red.")
    own.end(signal.SIGKILL)
    own.start(**settings(provider))
    for one in (session_id, without):
        provider.says({"calls": [call("finish", summary="Done again.")]})
        own.client.post(f"/v3/organizations/sessions/{one}/messages", json={"message": "Once more."})
        own.wait(one, "finished")
        said = str(first_message(provider))
        assert ("Drain first." in said) == (one == session_id)
        assert "Do not drain." not in said
        assert "All red." not in said
        assert len(told(own, one)) == (one == session_id)


@pytest.mark.parametrize("point", ["sandbox_started", "started"])
def test_a_crash_at_the_start_chooses_once(own, provider, point):
    own.start(**settings(provider))
    note(own, "Kafka", trigger="restarting kafka", body="Drain first.")
    own.end()
    own.start(**settings(provider, COGMILL_CRASH_AT=point))
    session_id = own.create("Restart kafka, please.")
    own.process.wait(30)
    provider.says({"calls": [call("finish", summary="Done.")]})
    own.start(**settings(provider))
    own.wait(session_id, "finished")
    assert len(told(own, session_id)) == 1
    assert "Drain first." in str(first_message(provider))


def test_a_runbook_ignores_notes_and_its_log_tells_of_them(own):
    own.start()
    note(own, "Echo", trigger="echo hello", body="Whisper.")
    gone = note(own, "Gone")
    session_id = own.create("# Echo hello\n```sh\necho hello\n```", agent="runbook")
    own.wait(session_id, "finished")
    (event,) = told(own, session_id)
    assert [one["name"] for one in event["contents"]["notes"]] == ["Echo"]
    own.client.put(f"/v3/organizations/knowledge/notes/{gone}", json={"name": "G", "body": "b", "trigger": ""})
    session_id = own.create("# One\n```sh\necho one\n```", agent="runbook", knowledge_ids=[gone])
    own.wait(session_id, "finished")
    assert [one["why"] for one in told(own, session_id)[0]["contents"]["notes"]] == ["knowledge_ids"]


def test_embeddings_rank_and_their_failure_costs_nothing(own):
    stub = StubEmbeddings()
    try:
        where = {"COGMILL_EMBEDDING_BASE_URL": stub.url, "COGMILL_EMBEDDING_MODEL": "m"}
        own.start(**where, COGMILL_EMBEDDING_API_KEY="sk-embed")
        note(own, "Kafka", trigger="kafka brokers, topics, consumers, partitions, outage, lag")
        note(own, "Broken", trigger="broken things")
        runbook = "# kafka is broken {}\n```sh\necho one\n```"
        session_id = own.create(runbook.format(CANARY), session_secrets=[{"key": "TOKEN", "value": CANARY}])
        own.wait(session_id, "finished")
        contents = told(own, session_id)[0]["contents"]
        assert [one["name"] for one in contents["notes"]] == ["Kafka"]
        assert contents["notes"][0]["similarity"] == pytest.approx(1.0)
        assert contents["ranked_by"] == "embeddings"
        ((path, key, body),) = stub.requests
        assert (path, key, body["model"]) == ("/v1/embeddings", "Bearer sk-embed", "m")
        assert CANARY not in json.dumps(body)
        assert len(body["input"]) == 3
        for answer in ((500, {}), (200, {"data": []}), (200, {"data": [{"index": 0, "embedding": ["x"]}]}), (200, [])):
            stub.answer = answer
            session_id = own.create(runbook.format("now"))
            own.wait(session_id, "finished")
            contents = told(own, session_id)[0]["contents"]
            assert [one["name"] for one in contents["notes"]] == ["Broken"], answer
            assert contents["ranked_by"] == "words, as the embeddings failed"
    finally:
        stub.close()
