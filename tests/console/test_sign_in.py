"""From an invitation to a signed-in console and out again, in a real browser at a real server."""

import json
import os
import subprocess
import sys

import httpx
import pytest
from oidc_provider_mock import run_server_in_thread
from playwright.sync_api import expect

from tests.serving import Served, free_port

from .conftest import save_picture

PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    server = Served(tmp_path_factory.mktemp("people") / "data")
    server.start()
    yield server
    server.close()


@pytest.fixture
def invitation(served):
    """The link that the administrator's command prints for a new administrator."""
    command = [sys.executable, "-m", "cogmill", "accounts", "invite", "ada@example.org", "--role", "enterprise_admin"]
    environment = os.environ | {"COGMILL_DATA": str(served.data)}
    done = subprocess.run([*command, "--json"], env=environment, capture_output=True, text=True, check=True)
    return "#" + json.loads(done.stdout)["invitation_url"].partition("#")[2]


@pytest.fixture
def page(browser, served):
    context = browser.new_context(viewport={"width": 1100, "height": 800})
    tab = context.new_page()
    tab.set_default_timeout(10_000)
    complaints = []
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("console", lambda line: complaints.append(line.text) if "Content Security" in line.text else None)
    tab.on("request", lambda asked: None if asked.url.startswith(served.url) else complaints.append(asked.url))
    yield tab
    context.close()
    assert complaints == []


def test_an_invited_person_signs_in_and_out(page, served, invitation):
    page.goto(f"{served.url}/invitation{invitation}")
    expect(page).to_have_url(f"{served.url}/invitation")  # the token has left the address
    page.get_by_label("New password").fill(PASSWORD)
    page.get_by_label("The same again").fill(PASSWORD + "x")
    page.get_by_role("button", name="Set password").click()
    expect(page.get_by_role("alert")).to_have_text("The two passwords differ.")
    page.get_by_label("The same again").fill(PASSWORD)
    save_picture(page, "invitation")
    page.get_by_role("button", name="Set password").click()
    expect(page.get_by_role("status")).to_have_text("Your password is set. Sign in with it.")

    page.goto(f"{served.url}/")
    page.get_by_role("link", name="sign in with your account").click()
    page.get_by_label("E-mail address").fill("ada@example.org")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_have_text("The e-mail address or the password is wrong.")
    save_picture(page, "sign-in")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")

    expect(page).to_have_url(f"{served.url}/")
    expect(page.get_by_label("This key belongs to no single organization")).to_be_visible()
    assert page.evaluate("document.cookie") == ""
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("This server answers only")).to_be_visible()
    assert page.evaluate("fetch('/v3/self').then((answer) => answer.status)") == 401


@pytest.mark.parametrize("wanted", ["https://evil.test/", "//evil.test/", "/\\\\evil.test", "javascript:alert(1)", "x"])
def test_next_leads_nowhere_else(page, served, wanted):
    page.route("**/cogmill/v1/sign-in", lambda route: route.fulfill(json={"user_id": "u", "email": "e"}))
    page.route("**/v3/self", lambda route: route.fulfill(json={"org_id": None}))
    page.goto(f"{served.url}/sign-in?next=" + wanted.replace("/", "%2F").replace("\\", "%5C"))
    page.get_by_label("E-mail address").fill("ada@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(f"{served.url}/")


def test_a_link_without_an_invitation_says_so(page, served):
    page.goto(f"{served.url}/invitation")
    expect(page.get_by_role("alert")).to_contain_text("holds no invitation")
    expect(page.get_by_role("button", name="Set password")).to_be_hidden()


def test_through_an_identity_provider_and_back(browser, tmp_path):
    provider_port = free_port()
    issuer = f"http://localhost:{provider_port}"
    served = Served(
        tmp_path / "data", COGMILL_OIDC_ISSUER=issuer, COGMILL_OIDC_CLIENT_ID="cogmill", COGMILL_OIDC_NAME="Example ID",
        COGMILL_OIDC_CLIENT_SECRET="quiet please",
        COGMILL_OIDC_CREATE_USERS="true",
    )  # fmt: skip
    context = browser.new_context()
    tab = context.new_page()
    tab.set_default_timeout(10_000)
    with run_server_in_thread(port=provider_port, require_nonce=True):
        try:
            served.start()
            verified = {"email": "grace@example.org", "email_verified": True, "name": "Grace"}
            httpx.put(f"{issuer}/users/grace", json=verified).raise_for_status()
            tab.goto(f"{served.url}/sign-in")
            tab.get_by_role("link", name="sign in with Example ID").click()
            tab.locator("input[name=sub]").fill("nobody")
            tab.locator("input[name=sub]").press("Enter")
            expect(tab.get_by_role("alert")).to_contain_text("You have no account here")
            save_picture(tab, "sign-in-refused")
            tab.get_by_role("link", name="sign in with Example ID").click()
            tab.locator("input[name=sub]").fill("grace")
            tab.locator("input[name=sub]").press("Enter")
            expect(tab).to_have_url(f"{served.url}/")
            expect(tab.get_by_role("button", name="Sign out")).to_be_visible()
        finally:
            context.close()
            served.close()
