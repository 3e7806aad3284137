"""Logs: one renderer for everything, and no local variable of a failing function in any form."""

import json
import logging
import warnings

import pytest
import structlog

from cogmill.kit.logs import configure, logger

CANARY = "canary-secret"


@pytest.fixture(autouse=True)
def _as_before():
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


def fail(secret):
    raise RuntimeError("it broke")


def speak(kind):
    try:
        fail(CANARY)
    except RuntimeError:
        if kind == "own":
            logger("test").exception("request_failed", method="GET")
        else:
            logging.getLogger("somebody.else").exception("request_failed")


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("kind", ["own", "foreign"])
def test_a_failure_is_told_without_local_variables(capsys, form, kind):
    configure("info", form)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        speak(kind)
    shown = capsys.readouterr().err
    assert "request_failed" in shown
    assert "RuntimeError: it broke" in shown
    assert CANARY not in shown
    if form == "json":
        line = json.loads(shown)
        assert line["level"] == "error"
        assert "in fail" in line["exception"]


@pytest.mark.parametrize(("level", "expected"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)])
def test_levels(capsys, level, expected):
    configure(level, "json")
    log = logger("test")
    log.debug("a")
    log.info("b")
    log.warning("c")
    log.error("d")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert len(lines) == expected
    assert {line["component"] for line in lines} == {"test"}


def test_other_libraries_are_heard_from_warnings_on(capsys):
    configure("debug", "json")
    logging.getLogger("httpx").info("GET https://example.org/?key=secret")
    logging.getLogger("httpx").warning("late")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["event"] for line in lines] == ["late"]


def test_the_request_id_of_the_moment_is_in_every_line(capsys):
    configure("info", "json")
    with structlog.contextvars.bound_contextvars(request_id="req-1"):
        logger("test").info("hello")
    assert json.loads(capsys.readouterr().err)["request_id"] == "req-1"


def test_automatic_form_is_json_unless_on_a_terminal(capsys):
    configure("info", "auto")
    logger("test").info("hello", number=1)
    assert json.loads(capsys.readouterr().err)["number"] == 1
