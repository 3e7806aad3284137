"""Pages served by the client tests' stub server under the real security policy, opened in a real Chromium."""

import importlib.util
import os
import shutil
import urllib.parse
from pathlib import Path

import pytest
from starlette.responses import Response
from starlette.routing import Route

from cogmill.console import CONTENT_SECURITY_POLICY, asset, page

_spec = importlib.util.spec_from_file_location(
    "cogmill_stub_for_console", Path(__file__).parents[1] / "client" / "stub.py"
)
stub_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(stub_module)

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
]


def _answer(content, media_type):
    return Response(content, media_type=media_type, headers={"Content-Security-Policy": CONTENT_SECURITY_POLICY})


def _page_route(path, name):
    return Route(path, lambda _: _answer(page(name), "text/html; charset=utf-8"))


def _asset(request):
    found = asset(request.path_params["name"])
    return _answer(found.content, found.media_type)


@pytest.fixture
def stub():
    stub = stub_module.Stub()
    stub.pages = [
        _page_route("/", "index"),
        _page_route("/organizations/{org}/sessions/{id}", "session"),
        _page_route("/organizations/{org}/pull-requests/{id}", "pull_request"),
        Route("/assets/{name}", _asset),
    ]
    with stub_module.serving(stub) as running:
        yield running


@pytest.fixture(scope="module")
def browser():
    path = os.environ.get("COGMILL_CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
    if not Path(path).exists() and not os.environ.get("COGMILL_REQUIRE_BROWSER"):
        pytest.skip(f"no Chromium at {path}; set COGMILL_CHROMIUM, or COGMILL_REQUIRE_BROWSER to fail instead")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def tab(browser, stub):
    """A fresh tab; any script error, security violation or foreign request fails the test."""
    context = browser.new_context(viewport={"width": 1100, "height": 800})
    tab = context.new_page()
    tab.set_default_timeout(10_000)
    complaints = []
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("console", lambda line: complaints.append(line.text) if "Content Security" in line.text else None)
    tab.on("request", lambda request: complaints.append(request.url) if not _is_ours(request.url, stub) else None)
    yield tab
    context.close()
    assert complaints == []


def _is_ours(url, stub):
    return urllib.parse.urlsplit(url).netloc == urllib.parse.urlsplit(stub.base_url).netloc


@pytest.fixture
def enter(tab, stub):
    """Open a path and give the key."""

    def go(path, key=stub_module.KEY):
        tab.goto(stub.base_url + path)
        tab.get_by_label("This server answers only").fill(key)
        tab.get_by_role("button", name="Continue").click()
        return tab

    return go


def save_picture(tab, name):
    """Save a picture to look at."""
    folder = Path(os.environ.get("COGMILL_CHROMIUM_SCREENSHOTS", "/tmp/cogmill-screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    tab.screenshot(path=folder / f"{name}.png")


@pytest.fixture
def shot(tab):
    return lambda name: save_picture(tab, name)
