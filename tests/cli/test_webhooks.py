"""cogmill webhooks … at a real server and a real receiver."""

import time

import pytest
from typer.testing import CliRunner

from cogmill.cli.app import app
from tests.domain.webhooks.receiver import receiving
from tests.serving import Served

from .conftest import Outcome


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    allowed = {"COGMILL_WEBHOOK_PRIVATE_ADDRESSES": '["127.0.0.1"]'}
    server = Served(tmp_path_factory.mktemp("webhooks") / "data", "--unsafe-no-sandbox", **allowed)
    server.start()
    yield server
    server.close()


@pytest.fixture
def cogmill(served, monkeypatch):
    def run(*arguments, key="org_key"):
        monkeypatch.setenv("COGMILL_URL", served.url)
        monkeypatch.setenv("COGMILL_API_KEY", served.keys[key])
        result = CliRunner().invoke(app, [str(one) for one in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Outcome(result.exit_code, result.stdout, result.stderr)

    return run


def test_the_life_of_a_webhook(cogmill):
    with receiving() as receiver:
        made = cogmill("webhooks", "create", receiver.url, "-e", "session.*", "--description", "Chat")
        secret = made.out.strip()
        assert secret.startswith("whsec_"), "the secret alone is on stdout"
        assert secret not in made.err
        (one,) = cogmill("webhooks", "list", "--json").json["items"]
        assert one["webhook_id"] in cogmill("webhooks", "list").out
        sent = cogmill("webhooks", "ping", one["webhook_id"], "--json").json["delivery_id"]
        for _ in range(100):
            (delivery,) = cogmill("webhooks", "deliveries", one["webhook_id"], "--json").json["items"]
            if delivery["state"] == "delivered":
                break
            time.sleep(0.05)
        assert receiver.got[0].verified(secret)["type"] == "webhook.ping"
        assert "delivered" in cogmill("webhooks", "deliveries", one["webhook_id"]).out
        assert "pending" in cogmill("webhooks", "replay", one["webhook_id"], sent).out
        for _ in range(100):
            if len(receiver.got) == 2:
                break
            time.sleep(0.05)
        assert [got.id for got in receiver.got] == [sent, sent]
    assert one["webhook_id"] in cogmill("webhooks", "delete", one["webhook_id"]).out
    assert cogmill("webhooks", "list", "--json").json["items"] == []


def test_those_of_the_enterprise(cogmill):
    made = cogmill("webhooks", "create", "https://example.org/", "--enterprise", "--json", key="enterprise_key").json
    assert made["org_id"] is None
    listed = cogmill("webhooks", "list", "--enterprise", "--json", key="enterprise_key").json["items"]
    assert [one["webhook_id"] for one in listed] == [made["webhook_id"]]
    assert cogmill("webhooks", "list", "--json").json["items"] == []
    assert cogmill("webhooks", "list", "--enterprise").code == 3


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["create", "https://10.0.0.1/"], 3, "no public address"),
        (["create", "https://example.org/", "-e", "odd"], 3, "no event type"),
        (["deliveries", "webhook-0"], 3, "no webhook"),
        (["deliveries", "webhook-0", "--state", "odd"], 2, "is no state"),
        (["replay", "webhook-0", "msg-0"], 3, "no webhook"),
        (["delete", "../x"], 3, "no operation"),
    ],
)
def test_what_cannot_be(cogmill, arguments, code, words):
    told = cogmill("webhooks", *arguments)
    assert told.code == code, told.err
    assert words in " ".join(told.err.split())
