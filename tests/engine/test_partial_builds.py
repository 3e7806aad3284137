"""Builds on top of the last snapshot, blueprints that repositories bring, and builds that nobody asked for."""

import signal
import time

import pytest

from tests.engine.test_snapshots import Environments, commit, session, wait_for
from tests.serving import Served

ORG = "initialize: echo org-init >>~/log\nmaintenance: echo org-maint >>~/log\n"
REPO = "initialize: echo repo-init >>~/log\nmaintenance: echo repo-maint >>~/log; touch installed\n"
FULL = ["org-init", "org-maint", "repo-init", "repo-maint"]


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    server = Served(tmp_path_factory.mktemp("partial") / "data")
    server.start()
    yield server
    server.close()


def make(folder, files, message="first"):
    is_new = not folder.exists()
    for name, text in ({".gitignore": "installed\n"} | files).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    commit(folder, message, init=is_new)
    return folder


class Place(Environments):
    """One environment, and what its newest build left."""

    def change(self, blueprint_id, contents):
        self.ask("PATCH", f"/blueprints/{blueprint_id}", json={"contents": contents})

    def build(self, status="succeeded", **body):
        build_id = self.ask("POST", "/builds", 201, json=body)["build_id"]
        build = self.wait(build_id, "succeeded", "failed", seconds=120)
        assert build["status"] == status, (build, self.log(build_id))
        return build

    def lines(self, build):
        return (self.served.data / "snapshots" / build["build_id"] / "home" / "log").read_text().split()

    def clone(self, build, name):
        return self.served.data / "snapshots" / build["build_id"] / "workspace" / name


def test_only_what_has_changed_is_run_on_top_of_the_last_snapshot(served, tmp_path):
    place, repository = Place(served), make(tmp_path / "calc", {"a.py": "x = 1\n"})
    org = place.blueprint(ORG)
    repo = place.blueprint(REPO, repo_name=str(repository))
    first = place.build(partial=True)
    assert (first["base_build_id"], place.lines(first)) == (None, FULL)
    assert "From nothing: there is no snapshot yet" in place.log(first["build_id"])

    make(repository, {"a.py": "x = 2\n"}, "second")
    moved = place.build(partial=True)
    assert (moved["base_build_id"], place.lines(moved)) == (first["build_id"], [*FULL, "repo-maint"])
    assert (place.clone(moved, "calc") / "a.py").read_text() == "x = 2\n"
    assert "Organization: nothing has changed" in place.log(moved["build_id"])

    place.change(org, ORG.replace("org-maint", "other-maint") + "post-build: test -f /workspace/calc/installed\n")
    maintained = place.build(partial=True)
    assert place.lines(maintained) == [*FULL, "repo-maint", "other-maint"]

    (place.clone(maintained, "calc") / "left").touch()  # in an old snapshot, to see what becomes of a clone
    place.change(repo, REPO.replace("repo-init", "other-init"))
    other = make(tmp_path / "other" / "calc", {"b.py": "y = 1\n"})
    place.blueprint("initialize: pwd >>~/log", repo_name=str(other))
    anew = place.build(partial=True)
    assert place.lines(anew)[-3:] == ["other-init", "repo-maint", "/workspace/calc-2"]
    assert not (place.clone(anew, "calc") / "left").exists()
    assert (place.clone(anew, "calc") / "installed").exists()

    same = place.build(partial=True)
    assert (same["base_build_id"], place.lines(same)) == (anew["build_id"], place.lines(anew))
    assert place.lines(first) == FULL  # no build has changed the one that it was made on
    script = "cat ~/log | tail -1; for one in calc calc-2; do git -C /workspace/$one status --short; done"
    _, output, _ = session(served, script, repos=[str(repository), str(other)])
    assert output.split() == ["/workspace/calc-2"]

    place.change(org, ORG.replace("org-init", "wide-init"))
    wide = place.build(partial=True)
    assert (wide["base_build_id"], place.lines(wide)[0]) == (None, "wide-init")
    assert "initialize or files of Organization have changed" in place.log(wide["build_id"])
    place.change(org, ORG + "post-build: exit 3\n")
    failed = place.build("failed", partial=True)
    assert failed["failed_step"] == "Organization: post-build: exit code 3"
    place.change(org, ORG)
    for one in place.ask("GET", "/blueprints")["data"]:
        if one["repo_name"] is not None:
            place.ask("DELETE", f"/blueprints/{one['blueprint_id']}", 204)
    fewer = place.build(partial=True)
    assert (fewer["base_build_id"], place.lines(fewer)) == (None, ["org-init", "org-maint"])
    asked = place.build()
    assert (asked["base_build_id"], place.lines(asked)) == (None, ["org-init", "org-maint"])


def test_the_blueprint_that_a_repository_brings_counts_until_one_is_written_down(served, tmp_path):
    place = Place(served)
    repository = make(tmp_path / "own", {".devin/blueprint.yaml": "initialize: echo from-the-file >>~/log\n"})
    repo = place.blueprint("# as the repository says\n", repo_name=str(repository))
    build = place.build()
    assert place.lines(build)[-1] == "from-the-file"
    assert "own: its blueprint is .devin/blueprint.yaml at " in place.log(build["build_id"])
    make(repository, {".devin/blueprint.yaml": "initialise: ls\n"}, "broken")
    failed = place.build("failed")
    assert ".devin/blueprint.yaml at " in failed["failed_step"]
    assert "line 1: The blueprint: 'initialise' is unknown" in failed["failed_step"]
    place.change(repo, "initialize: echo written-down >>~/log\n")
    assert place.lines(place.build())[-1] == "written-down"


@pytest.fixture
def automatic(tmp_path):
    times = {"COGMILL_SNAPSHOT_QUIET_SECONDS": "1", "COGMILL_SNAPSHOT_CHECK_SECONDS": "1"}
    server = Served(tmp_path / "data", **times)
    server.start()
    yield Place(server)
    server.close()


def test_changes_and_moves_are_built_by_themselves(automatic, tmp_path):
    place, repository = automatic, make(tmp_path / "calc", {"a.py": "x = 1\n"})

    def newest(count):
        wait_for(lambda: len(place.ask("GET", "/builds")["items"]) >= count, 120)
        found = place.ask("GET", "/builds")["items"]
        assert (len(found), found[0]["trigger"], found[0]["triggered_by_user_id"]) == (count, "auto", None)
        return place.wait(found[0]["build_id"], "succeeded", "failed", seconds=120)

    repo = place.blueprint(REPO, repo_name=str(repository))
    place.served.end(signal.SIGKILL)  # what is to be built is known after a crash, too
    place.served.start()
    first = newest(1)
    assert (first["status"], first["base_build_id"]) == ("succeeded", None)
    make(repository, {"a.py": "x = 2\n"}, "second")
    moved = newest(2)
    assert (moved["base_build_id"], place.lines(moved)) == (
        first["build_id"],
        ["repo-init", "repo-maint", "repo-maint"],
    )
    place.change(repo, "initialize: exit 7\n")
    assert newest(3)["status"] == "failed"
    time.sleep(2.5)  # it is not built again and again
    assert newest(3)["status"] == "failed"
    place.ask("POST", f"/blueprints/{repo}/files", 201, params={"name": "a"}, files={"file": ("a", b"b")})
    assert newest(4)["status"] == "failed"  # a file counts as a change
    place.change(repo, "")
    assert newest(5)["status"] == "succeeded"
    make(repository, {".devin/blueprint.yaml": "initialise: ls\n"}, "broken")
    assert newest(6)["status"] == "failed"
    make(repository, {".devin/blueprint.yaml": "initialize: ls\n"}, "mended")
    assert newest(7)["status"] == "succeeded"
