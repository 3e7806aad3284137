"""The pull request page and the start page in a real browser."""

from playwright.sync_api import expect

from .conftest import stub_module

PULL = f"/organizations/org-1/pull-requests/{stub_module.PULL}"


def test_pull_request(stub, enter, shot):
    tab = enter(PULL)
    expect(tab.locator("h1")).to_have_text("Add instead of subtract #7")
    expect(tab.locator("#state")).to_have_text("open")
    for words in ("acme/calc", "cogmill/fix into main", "b" * 12, "c" * 12):
        expect(tab.locator("#facts")).to_contain_text(words)
    expect(tab.locator("#body")).to_contain_text("<img src=x onerror=alert(1)>")
    assert tab.locator("#content img, #content script").count() == 0
    expect(tab.locator("#totals")).to_contain_text("1 file +2 \N{MINUS SIGN}1")
    expect(tab.locator(".diff-file .path")).to_have_text("calc.py")
    expect(tab.locator(".line.add")).to_have_count(2)
    expect(tab.locator(".line.remove code")).to_have_text("-    return a - b")
    review = tab.locator("#reviews article")
    expect(review).to_contain_text("cccccccccccc completed session")
    expect(review.locator(".body")).to_contain_text("calc.py` line 2: <b>No test.</b>")
    expect(review.get_by_role("link")).to_have_attribute("href", f"/organizations/org-1/sessions/devin-{2:032x}")
    expect(tab.get_by_role("link", name="devin-")).to_have_attribute(
        "href", f"/organizations/org-1/sessions/devin-{1:032x}"
    )
    shot("pull-request")
    tab.emulate_media(color_scheme="dark")
    shot("pull-request-dark")


def test_odd_diffs(tab, stub):
    tab.goto(stub.base_url + PULL)
    diff = (
        "diff --git a/new b/new\nnew file mode 100644\n--- /dev/null\n+++ b/new\n"
        "@@ -0,0 +1,2 @@\n+--- not a header\n+++x\n"
        "\\ No newline at end of file\n"
        "diff --git a/gone b/gone\ndeleted file mode 100644\n--- a/gone\n+++ /dev/null\n@@ -1 +0,0 @@\n--- a/line\n"
        "diff --git a/pic.png b/pic.png\nBinary files a/pic.png and b/pic.png differ\n"
        "--- plain.txt\n+++ plain.txt\n@@ -1 +1 @@\n-a\n+b\n"
    )
    found = tab.evaluate(
        "async (diff) => (await import(location.origin + '/assets/diff.js')).parseDiff(diff)"
        ".map((file) => [file.path, file.added, file.removed])",
        diff,
    )
    assert found == [["new", 2, 0], ["gone", 0, 1], ["pic.png", 0, 0], ["plain.txt", 1, 1]]


def test_start_page(stub, enter, shot):
    for number in range(1, 28):
        stub.session(number, title=f"Session {number}")
    tab = enter("/")
    expect(tab.locator("#sessions li")).to_have_count(25)
    shot("index")
    tab.get_by_role("button", name="Show more").click()
    expect(tab.locator("#sessions li")).to_have_count(27)
    expect(tab.get_by_role("button", name="Show more")).to_be_hidden()
    tab.get_by_role("link", name="Session 2", exact=True).click()
    expect(tab.get_by_role("status")).to_have_text("running · working")


def test_start_page_asks_an_enterprise_key_for_the_organization(stub, enter):
    stub.session(1)
    tab = enter("/", stub_module.ENTERPRISE_KEY)
    tab.get_by_label("This key belongs to no single organization").fill("org-1")
    tab.get_by_role("button", name="Show", exact=True).click()
    expect(tab.locator("#sessions li")).to_have_count(1)
