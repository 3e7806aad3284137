"""cogmill reviews … at a real server: results, JSON, exit codes."""

from functools import partial

import pytest

from tests.providers import git


@pytest.fixture
def cogmill(administer):
    return partial(administer, "reviews", key="org_key")


def test_reviews_are_started_and_shown(cogmill, administer, served, tmp_path):
    folder = tmp_path / "calc"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    git(folder, "commit", "-q", "--allow-empty", "-m", "first")
    work = "# Add\n```sh\ncd /workspace/calc && echo 1 > one && git add one && git commit -qm Add\n```"
    session_id = served.create(work, repos=[str(folder)])
    url = served.wait(session_id, "finished")["pull_requests"][0]["pr_url"]
    none = cogmill("view", url)
    assert (none.code, "no review of commit" in none.err) == (3, True)
    # Without a model and without blocks in REVIEW.md it errors, and says what to do.
    done = cogmill("start", url, "--wait")
    assert (done.code, "errored: 127.0.0.1" in done.out, "COGMILL_MODEL" in done.out) == (1, True, True)
    shown = cogmill("view", url, "--json")
    assert (shown.code, shown.json["status"], shown.json["pr_number"]) == (1, "errored", 1)
    everywhere = administer("reviews", "view", url, "--commit", shown.json["commit_sha"][:7], "--enterprise", "--json")
    assert everywhere.json == shown.json
    assert cogmill("start", url, "--json").json["status"] == "pending"
    assert cogmill("start", url, "--enterprise").code == 3
    wrong = cogmill("start", "https://github.example/a/b/pull/1", "--json")
    assert (wrong.code, "No connection leads" in wrong.err) == (3, True)
