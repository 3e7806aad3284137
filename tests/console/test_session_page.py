"""The live session page in a real browser."""

import re
import time

from playwright.sync_api import expect

from .conftest import stub_module

EVIL = '<img src=x onerror="window.evil=1"><script>window.evil=1</script>'


def path_of(session):
    return f"/organizations/org-1/sessions/{session}"


def begun(stub, **more):
    session = stub.session(**more)
    stub.emit(
        session,
        "session_created",
        {"prompt": f"Fix the sum {EVIL}", "agent": "replay", "repos": ["acme/calc"]},
        "created",
    )
    return session


def test_live_page(stub, enter, shot):
    pull = {"pr_url": f"{stub.base_url}/organizations/org-1/pull-requests/pull-1", "pr_state": "open"}
    session = begun(
        stub, pull_requests=[pull, {"pr_url": "javascript:alert(1)", "pr_state": None}], title=f"Fix {EVIL}"
    )
    tab = enter(path_of(session))
    expect(tab.get_by_role("status")).to_have_text("running · working")
    expect(tab.locator("h1")).to_have_text(f"Fix {EVIL}")
    expect(tab.locator("#prompt")).to_contain_text("Fix the sum <img")
    expect(tab.locator("#facts")).to_contain_text("replay")
    expect(tab.locator("#facts")).to_contain_text("acme/calc")
    expect(tab.locator("#facts")).to_contain_text("0.250")
    expect(tab.get_by_role("link", name="pull-1")).to_have_attribute("href", pull["pr_url"])
    assert tab.locator("a[href^=javascript]").count() == 0
    todos = [
        {"content": "Run the tests", "status": "completed"},
        {"content": "Fix", "status": "in_progress"},
        {"content": "Open a pull request"},
    ]
    stub.emit(session, "todo_updated", {"todos": todos}, "plan")
    stub.emit(session, "shell_process_started", {"input": {"command": "pytest -q"}, "key": "s1"}, "Run tests")
    stub.emit(session, "shell_process_output", {"text": f"\x1b[31mcollected{EVIL}\x1b[0m\n", "key": "s1"})
    output = tab.locator(".step.running .output")
    expect(output).to_have_text(f"collected{EVIL}\n")
    stub.emit(session, "shell_process_output", {"text": "1 failed\n", "key": "s1"})
    expect(output).to_contain_text("1 failed")
    shot("session-live")
    stub.emit(session, "shell_process_started", {"input": {"command": "ls"}, "key": "s0"}, "List")
    stub.emit(session, "shell_process_output", {"output": "one\n", "step": "s0"})
    whole = {"output": "one\ntwo\n", "exit_code": 2, "key": "s0"}
    stub.emit(session, "shell_process_completed", whole, "List")
    expect(tab.locator(".step.failed .output")).to_have_text("one\ntwo\n")
    for event_type, contents, summary in stub_module.SCRIPT[3:]:
        stub.emit(session, event_type, contents, summary)
    stub.emit(session, "user_message", {"message": "Please also add a test."}, direction="incoming")
    expect(tab.locator(".step.failed .step-title").first).to_have_text("pytest -q")
    expect(tab.locator(".diff .line.add").first).to_have_text(re.compile(r"\+    return a \+ b"))
    expect(tab.locator(".bubble.agent")).to_contain_text("Done now.")
    expect(tab.locator(".note").last).to_contain_text("Something newer than this client")
    expect(tab.locator("#todos li")).to_have_count(3)
    stub.status(session, "running", "finished")
    expect(tab.get_by_role("status")).to_have_text("running · finished")
    shot("session-finished")
    tab.emulate_media(color_scheme="dark")
    shot("session-dark")
    tab.set_viewport_size({"width": 390, "height": 800})
    shot("session-phone")
    tab.evaluate("scrollTo(0, 0)")
    shot("session-phone-top")
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert tab.evaluate("window.evil") is None


def test_key_stays_in_the_tab_and_can_be_forgotten(stub, enter):
    session = begun(stub)
    tab = enter(path_of(session), "cog_wrong")
    expect(tab.get_by_role("alert")).to_contain_text("does not accept this key")
    tab.get_by_label("This server answers only").fill(stub_module.KEY)
    tab.keyboard.press("Enter")
    expect(tab.get_by_role("status")).to_have_text("running · working")
    assert tab.evaluate("[localStorage.length, document.cookie]") == [0, ""]
    assert stub_module.KEY not in tab.url
    tab.reload()
    expect(tab.get_by_role("status")).to_have_text("running · working")
    tab.get_by_role("button", name="Forget key").click()
    expect(tab.get_by_label("This server answers only")).to_be_visible()
    expect(tab.locator("#content")).to_be_hidden()
    assert tab.evaluate("sessionStorage.length") == 0
    assert not any(stub_module.KEY in path for _, path, _, _ in stub.requests)


def test_message_sleep_wake_stop_archive(stub, enter):
    session = begun(stub)
    tab = enter(path_of(session))
    tab.get_by_label("Message", exact=True).fill("Use blue")
    tab.keyboard.press("Control+Enter")
    expect(tab.locator(".bubble.user")).to_contain_text("Use blue")
    expect(tab.get_by_label("Message", exact=True)).to_have_value("")
    tab.get_by_role("button", name="Sleep").click()
    expect(tab.get_by_role("status")).to_have_text("suspended · user request")
    tab.get_by_role("button", name="Wake").click()
    expect(tab.get_by_role("status")).to_have_text("running · working")
    stub.faults = [("/archive", 409, {"detail": "Not now.", "request_id": "req-5"})]
    tab.get_by_role("button", name="Archive").click()
    tab.get_by_role("dialog").get_by_role("button", name="Archive").click()
    expect(tab.get_by_role("alert")).to_have_text("Not now. (request req-5)")
    tab.get_by_role("button", name="Stop").click()
    tab.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    assert stub.asked("DELETE", session) == []
    tab.get_by_role("button", name="Stop").click()
    tab.get_by_role("dialog").get_by_role("button", name="Stop").click()
    expect(tab.get_by_role("status")).to_have_text("exit")
    expect(tab.get_by_role("button", name="Send")).to_be_disabled()
    expect(tab.locator("#connection")).to_have_text("ended")


def test_broken_streams_resume_without_loss_or_doubling(stub, enter):
    session = begun(stub)
    for number in range(1, 20):
        stub.emit(session, "devin_message", {"message": f"number {number}"})
    stub.cuts = [4, 0, 7]
    tab = enter(path_of(session))
    expect(tab.locator(".bubble.agent")).to_have_count(19)
    texts = tab.locator(".bubble.agent .prose").all_text_contents()
    assert texts == [f"number {number}" for number in range(1, 20)]


def test_thousands_of_events_do_not_freeze_the_page(stub, enter, shot):
    session = begun(stub)
    for number in range(3000):
        stub.emit(session, "shell_process_started", {"input": {"command": f"echo {number}"}, "key": number}, "")
        stub.emit(session, "shell_process_completed", {"output": "x" * 200, "exit_code": 0, "key": number}, "")
    started = time.monotonic()
    tab = enter(path_of(session))
    expect(tab.locator("#count")).to_have_text("3001 entries", timeout=15_000)
    assert time.monotonic() - started < 10
    longest = tab.evaluate("""() => new Promise((resolve) => {
        let last = performance.now(), worst = 0, left = 30;
        const tick = () => { const now = performance.now(); worst = Math.max(worst, now - last); last = now;
          if (--left) setTimeout(tick, 10); else resolve(worst); };
        tick();
      })""")
    assert longest < 500
    assert tab.locator("#timeline > li").count() == 300
    expect(tab.locator("#timeline > li").last).to_contain_text("echo 2999")
    tab.get_by_role("button", name="Show earlier entries (2701)").click()
    expect(tab.locator("#timeline > li")).to_have_count(600)
    expect(tab.locator("#timeline > li").first).to_contain_text("echo 2400")


def test_the_prompt_is_shown_once(stub, enter):
    session = stub.session()
    for message in ("Fix it", "And quickly"):
        stub.emit(session, "user_message", {"message": message}, direction="incoming")
    tab = enter(path_of(session))
    expect(tab.locator("#prompt")).to_have_text("Fix it")
    expect(tab.locator(".bubble.user")).to_have_count(1)
    expect(tab.locator(".bubble.user")).to_contain_text("And quickly")


def test_unknown_session_says_so(stub, enter):
    tab = enter(path_of("devin-" + "f" * 32))
    expect(tab.get_by_role("alert")).to_have_text("There is no such session. (request req-42)")


def test_a_step_that_runs_when_the_session_is_stopped_is_shown_as_interrupted(stub, enter):
    session = begun(stub)
    started = {"key": "step-x", "title": "Wait", "attempt": 1, "input": {"command": "sleep 60"}}
    stub.emit(session, "shell_process_started", started, "Wait", "shell")
    tab = enter(path_of(session))
    step = tab.locator(".entry.step", has_text="sleep 60")
    expect(step).to_have_class("entry step running")
    tab.get_by_role("button", name="Stop").click()
    tab.get_by_role("dialog").get_by_role("button", name="Stop").click()
    expect(step).to_have_class("entry step interrupted")
