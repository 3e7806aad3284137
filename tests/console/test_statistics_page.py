"""The metrics page at a real server, in a real browser."""

import pytest
from playwright.sync_api import expect

from tests.serving import Served

from .conftest import save_picture

PROMPT = "Fix the bug of the parser.\n\n```sh\necho done\n```\n"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    server = Served(tmp_path_factory.mktemp("statistics") / "data")
    server.start()
    for _ in range(3):
        server.wait(server.create(PROMPT), "finished")
    yield server
    server.close()


@pytest.fixture
def opened(browser, served):
    """Open the page with a key; whatever the console complains of fails the test."""
    contexts, complaints = [], []

    def go(key):
        contexts.append(browser.new_context(viewport={"width": 1100, "height": 1900}, timezone_id="Asia/Tokyo"))
        tab = contexts[-1].new_page()
        tab.set_default_timeout(10_000)
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.on("console", lambda line: complaints.append(line.text) if "Content Security" in line.text else None)
        tab.on("request", lambda asked: None if asked.url.startswith(served.url) else complaints.append(asked.url))
        tab.goto(f"{served.url}/statistics")
        tab.get_by_label("This server answers only").fill(served.keys[key])
        tab.keyboard.press("Enter")
        expect(tab.locator("#figures")).to_have_attribute("aria-busy", "false")
        return tab

    yield go
    for one in contexts:
        one.close()
    assert complaints == []


def test_figures_of_the_enterprise_and_of_one_organization(opened, served):
    tab = opened("enterprise_key")
    expect(tab.locator("#queue")).to_have_text("normal 0 waiting sessions now")
    expect(tab.locator("#sessions")).to_contain_text("Created3")
    expect(tab.get_by_role("img", name="ACUs by day").locator("rect")).to_have_count(30)
    expect(tab.get_by_role("img", name="Active users by day").locator("rect")).to_have_count(30)
    expect(tab.get_by_role("img", name="Sessions by size")).to_contain_text("xs3")
    expect(tab.get_by_role("img", name="Sessions by origin")).to_contain_text("api3")
    expect(tab.get_by_role("img", name="Pull requests by state")).to_contain_text("merged0")
    expect(tab.get_by_role("img", name="Sessions by category")).to_be_visible()
    save_picture(tab, "statistics")
    tab.emulate_media(color_scheme="dark")
    save_picture(tab, "statistics-dark")
    tab.get_by_label("Organization").select_option(index=1)
    expect(tab.locator("#figures")).to_have_attribute("aria-busy", "false")
    expect(tab.locator("#sessions")).to_contain_text("Created3")
    tab.get_by_label("From").fill("2025-01-01")
    tab.get_by_label("To").fill("2025-01-10")
    expect(tab.get_by_role("img", name="ACUs by day").locator("rect")).to_have_count(10)
    expect(tab.locator("#sessions")).to_contain_text("Created0")
    tab.get_by_label("To").fill("2024-12-31")
    expect(tab.get_by_role("alert")).to_have_text("Choose a first day that is not after the last one.")


def test_an_organizations_key_sees_its_own_figures(opened, served):
    tab = opened("org_key")
    expect(tab.get_by_label("Organization").locator("option")).to_have_count(1)
    expect(tab.locator("#sessions")).to_contain_text("Created3")
    expect(tab.locator("#queue")).to_be_hidden()
    expect(tab.locator("#categories")).to_be_hidden()
