"""A session of the model agent, watched and answered in a real browser at a real server."""

import re
import subprocess

import pytest
from playwright.sync_api import expect

from tests.engine.agents.provider import StubProvider, call
from tests.serving import Served

from .conftest import save_picture


@pytest.fixture(scope="module")
def provider():
    with StubProvider() as stub:
        yield stub


@pytest.fixture(scope="module")
def served(tmp_path_factory, provider):
    server = Served(tmp_path_factory.mktemp("live") / "data")
    server.start(
        COGMILL_MODEL="stub", COGMILL_MODEL_BASE_URL=provider.url, COGMILL_MODEL_ATTEMPTS="1",
        COGMILL_MODEL_INPUT_USD_PER_MTOK="3", COGMILL_MODEL_OUTPUT_USD_PER_MTOK="15",
    )  # fmt: skip
    yield server
    server.close()


@pytest.fixture
def repository(tmp_path):
    folder = tmp_path / "calc"
    folder.mkdir()
    (folder / "calc.py").write_text("def add(a, b):\n    return a - b  # hm\n")
    identity = ["-c", "user.name=T", "-c", "user.email=t@example.invalid"]
    for command in (["init", "-q", "-b", "main"], ["add", "."], [*identity, "commit", "-qm", "first"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return folder


@pytest.fixture
def page(browser, served):
    """A tab at the real server; whatever the console or the network complains of fails the test."""
    context = browser.new_context(viewport={"width": 1100, "height": 800})
    tab = context.new_page()
    tab.set_default_timeout(10_000)
    complaints = []
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("console", lambda line: complaints.append(line.text) if line.type in {"error", "warning"} else None)
    tab.on("response", lambda answer: complaints.append(answer.url) if answer.status >= 400 else None)
    tab.on("request", lambda asked: None if asked.url.startswith(served.url) else complaints.append(asked.url))
    yield tab
    context.close()
    assert complaints == []


def opened(page, served, url):
    page.goto(url)
    page.get_by_label("This server answers only").fill(served.keys["org_key"])
    page.keyboard.press("Enter")


def test_a_session_from_its_first_step_to_the_pull_request(page, served, provider, repository):
    plan = [{"text": "Read the code", "status": "done"}, {"text": "Fix add", "status": "in_progress"}, {"text": "Test"}]
    provider.says(
        {"text": "I read the code first.", "calls": [call("update_plan", items=plan),
                                                     call("read_file", path="calc.py")]},
        {"calls": [call("edit_file", path="calc.py", old="a - b  # hm", new="a + b"),
                   call("shell", command="for n in 1 2 3; do echo line $n; sleep 0.6; done")]},
        {"calls": [call("git_commit", message="Fix add")]},
        {"calls": [call("ask_user", question="Shall I open a pull request for **add**?")]},
    )  # fmt: skip
    session_id = served.create("Make add add.", repos=[str(repository)])
    opened(page, served, served.get(session_id)["url"])
    expect(page.get_by_role("status")).to_have_text("running · working")
    expect(page.locator(".step.running .output")).to_contain_text("line 1")  # live
    expect(page.locator("#todos li")).to_have_count(3)
    expect(page.locator("#timeline")).to_contain_text("I read the code first.")
    save_picture(page, "live-running")
    expect(page.get_by_role("status")).to_have_text("running · waiting for user")
    expect(page.locator(".bubble.agent")).to_contain_text("Shall I open a pull request")
    expect(page.locator("#announcer")).to_contain_text("Shall I open")
    save_picture(page, "live-waiting")
    expect(page.get_by_placeholder("Your answer")).to_be_visible()
    provider.says(
        {"calls": [call("open_pull_request", title="Fix add", body="It subtracted.")]},
        {"calls": [call("finish", summary="add adds now.")]},
    )
    box = page.get_by_label("Message", exact=True)
    box.press_sequentially("Yes, please.")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".bubble.user")).to_contain_text("Yes, please.")
    expect(page.get_by_role("status")).to_have_text("running · finished")
    expect(page.locator(".bubble.agent").last).to_contain_text("add adds now.")
    link = page.locator("#facts a[href*=pull-requests]")
    expect(link).to_have_count(1)
    save_picture(page, "live-finished")
    page.emulate_media(color_scheme="dark")
    page.evaluate("scrollTo(0, 0)")
    save_picture(page, "live-finished-dark")
    page.set_viewport_size({"width": 360, "height": 740})
    page.evaluate("scrollTo(0, 0)")
    save_picture(page, "live-finished-narrow")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    link.click()
    expect(page.locator("h1")).to_have_text("Fix add #1")
    expect(page.locator(".line.add")).to_have_text(re.compile(r"\+ +return a \+ b"))
    save_picture(page, "live-pull-request-narrow")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_everything_is_reached_with_the_keyboard(page, served, provider):
    provider.script.clear()
    provider.says(
        {"calls": [call("shell", command="echo one; exit 3")]}, {"calls": [call("ask_user", question="Go on?")]}
    )
    session_id = served.create("Ask me.")
    opened(page, served, served.get(session_id)["url"])
    expect(page.get_by_role("status")).to_have_text("running · waiting for user")
    page.reload()
    expect(page.get_by_role("status")).to_have_text("running · waiting for user")
    seen = []
    for _ in range(40):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            "(() => { const one = document.activeElement, at = one.getBoundingClientRect();"
            " return [one.id || one.className || one.tagName, at.width > 0 && at.bottom > 0 && at.top < innerHeight,"
            " getComputedStyle(one).outlineStyle !== 'none' || getComputedStyle(one).boxShadow !== 'none'] })()"
        )
        if focused[0] == "BODY":
            break
        assert focused[1], f"{focused[0]} has the focus out of sight"
        assert focused[2], f"{focused[0]} does not show its focus"
        seen.append(focused[0])
    assert [one for one in seen if one != "SUMMARY"][:6] == ["skip", "brand", "forget", "sleep", "archive", "stop"]
    assert {"message", "send"} <= set(seen)
    assert "SUMMARY" in seen  # steps open and close
    page.get_by_role("button", name="Stop").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page.get_by_role("status")).to_have_text("running · waiting for user")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_have_text("exit")
    save_picture(page, "live-stopped")


def test_a_failing_model_says_why_and_waking_goes_on(page, served, provider):
    provider.script.clear()
    provider.says({"status": 500, "body": {"error": {"message": "out of order"}}})
    session_id = served.create("Try.")
    opened(page, served, served.get(session_id)["url"])
    expect(page.get_by_role("status")).to_have_text("suspended · error")
    expect(page.locator(".bubble.agent")).to_contain_text("out of order")
    save_picture(page, "live-suspended")
    long = f"Now I go on {'and on ' * 60}to the end."
    provider.says({"text": long, "calls": [call("shell", command="true")]}, {"text": "Here I am again."})
    page.get_by_role("button", name="Wake").click()
    expect(page.get_by_role("status")).to_have_text("running · finished")
    expect(page.locator(".bubble.agent").last).to_contain_text("Here I am again.")
    expect(page.locator(".step .prose")).to_have_text(long)
