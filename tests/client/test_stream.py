"""Following events over broken connections."""

import threading

import pytest

from cogmill.client import AnswerError, Client, NetworkError, NotAuthenticated, Target

from .stub import KEY, ORG


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr("cogmill.client.stream.pause", lambda *_, **__: 0.01)


def fill(stub, count):
    session = stub.session()
    for number in range(count):
        stub.emit(session, "shell_process_output", {"text": f"{number}\n"})
    return session


def test_reconnects_without_loss_or_doubling(stub, client):
    session = fill(stub, 30)
    stub.status(session, "exit")
    stub.cuts = [5, 0, 0, 12, 3]
    trouble = []
    events = list(client.stream_events(session, on_trouble=trouble.append))
    assert [event.seq for event in events] == list(range(1, 32))
    assert len(trouble) == 5
    asked = [headers.get("last-event-id") for _, _, headers, _ in stub.asked("GET", "/events/stream")]
    assert asked[:6] == [None, "5", "5", "5", "17", "20"]


def test_live_events_and_resume_from_a_point(stub, client):
    session = fill(stub, 3)
    timer = threading.Timer(
        0.2, lambda: (stub.emit(session, "devin_message", {"message": "hi"}), stub.status(session, "exit"))
    )
    timer.start()
    events = list(client.stream_events(session, after=2))
    timer.join()
    assert [(event.seq, event.event_type) for event in events] == [
        (3, "shell_process_output"), (4, "devin_message"), (5, "status_changed"),
    ]  # fmt: skip


def test_server_errors_are_waited_out(stub, client):
    session = fill(stub, 2)
    stub.status(session, "exit")
    stub.faults = [("stream", 503, {"detail": "restarting"}), ("stream", 429, {"detail": "slow down"})]
    assert len(list(client.stream_events(session))) == 3


def test_refusals_end_the_stream(stub, client):
    with pytest.raises(AnswerError) as caught:
        list(client.stream_events("devin-" + "f" * 32))
    assert (caught.value.status, caught.value.request_id) == (404, "req-42")
    with Client(Target(stub.base_url, "cog_wrong", ORG)) as stranger, pytest.raises(NotAuthenticated):
        list(stranger.stream_events(fill(stub, 1)))


def test_gives_up_after_its_patience():
    with (
        Client(Target("http://127.0.0.1:9", KEY, ORG)) as client,
        pytest.raises(NetworkError, match="No server answers"),
    ):
        list(client.stream_events("devin-" + "0" * 32, patience=0))
