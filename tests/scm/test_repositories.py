from pathlib import Path

import pytest

from cogmill.scm.errors import RepositoryRefused
from cogmill.scm.local_paths import LocalPaths
from cogmill.scm.names import as_segment, is_branch, work_branch_name
from cogmill.scm.repositories import parse_repository

from .conftest import Lab, git


@pytest.mark.parametrize(
    ("text", "name", "url", "scheme"),
    [
        ("acme/calc", "acme/calc", None, "file"),
        ("acme/calc.git", "acme/calc", None, "file"),
        ("größe/naïve", "größe/naïve", None, "file"),
        ("https://github.com/acme/calc.git", "acme/calc", "https://github.com/acme/calc.git", "https"),
        ("http://10.0.0.1:3000/acme/calc/", "acme/calc", "http://10.0.0.1:3000/acme/calc", "http"),
        ("https://gitlab.com/a/b/c", "b/c", "https://gitlab.com/a/b/c", "https"),
        ("https://[::1]:8/a/b", "a/b", "https://[::1]:8/a/b", "https"),
        ("https://x.org/solo", "x.org/solo", "https://x.org/solo", "https"),
        ("ssh://git@host.org:22/a/b.git", "a/b", "ssh://git@host.org:22/a/b.git", "ssh"),
        ("git@github.com:acme/calc.git", "acme/calc", "git@github.com:acme/calc.git", "ssh"),
        ("https://x.org/a/%C3%BC%20b", "a/ü-b", "https://x.org/a/%C3%BC%20b", "https"),
    ],
)
def test_what_users_write(text: str, name: str, url: str | None, scheme: str) -> None:
    ref = parse_repository(text)
    assert (ref.name, ref.clone_url, ref.scheme) == (name, url, scheme)


@pytest.mark.parametrize(
    "text",
    [
        "", "calc", "a/b/c", "../x", "./x", "~/x", "-u/x", "--upload-pack=x", "a/-b", "a/..", "a/.git", "a/b\nc",
        "ext::sh -c id", "fd::17", "ext::https://x/a/b", "ftp://x/a/b", "git://x/a/b", "javascript://a/b", "x://y",
        "https://token@github.com/a/b", "https://u:secret@github.com/a/b", "ssh://u:secret@h/a/b",
        "ssh://-oProxyCommand=id/a/b", "ssh://-o@h/a/b", "-oProxyCommand=id:a/b", "git@-oProxyCommand=id:a/b", "h:-a/b",
        "https://x.org", "https://x.org/a/../b", "https://x.org/a/b?c=d", "https://x.org:port/a/b", "https://x y/a/b",
        "file://host/a/b", "/etc", "file:///etc",
    ],
)  # fmt: skip
def test_refused(text: str) -> None:
    with pytest.raises(RepositoryRefused) as caught:
        parse_repository(text)
    assert "secret" not in str(caught.value)
    assert "token@" not in str(caught.value)


def test_paths_only_where_allowed(lab: Lab, tmp_path: Path) -> None:
    path = str(lab.upstream)
    with pytest.raises(RepositoryRefused, match="not allowed"):
        parse_repository(path)
    with pytest.raises(RepositoryRefused, match="not allowed"):
        parse_repository(path, LocalPaths(allowed=(tmp_path / "upstream" / "cal",)))
    with pytest.raises(RepositoryRefused, match="not allowed"):
        parse_repository(path, LocalPaths(everything=True, never=(tmp_path,)))
    for text in (path, f"file://{path}", f"{path}/../calc/"):
        ref = parse_repository(text, lab.local)
        assert (ref.kind, ref.name, ref.clone_url) == ("path", "local/calc", path)
        assert ref.origin == "local/calc"
    with pytest.raises(RepositoryRefused, match="no folder"):
        parse_repository(f"{path}x", lab.local)


def test_paths_that_lead_out_of_the_allowed_folder(lab: Lab, tmp_path: Path) -> None:
    local = LocalPaths(allowed=(tmp_path / "open",))
    secret = lab.upstream
    (tmp_path / "open" / "worktree").mkdir(parents=True)
    (tmp_path / "open" / "link").symlink_to(secret)
    (tmp_path / "open" / "worktree" / ".git").write_text(f"gitdir: {secret}/.git\n")
    (tmp_path / "open" / "dotgit").mkdir()
    (tmp_path / "open" / "dotgit" / ".git").symlink_to(secret / ".git")
    borrower = tmp_path / "open" / "borrower.git"
    git(tmp_path, "init", "-q", "--bare", str(borrower))
    (borrower / "objects" / "info" / "alternates").write_text(f"{secret}/.git/objects\n")
    for name in ("link", "worktree", "dotgit", "borrower.git"):
        with pytest.raises(RepositoryRefused, match="not allowed"):
            parse_repository(str(tmp_path / "open" / name), local)
    (tmp_path / "open" / "around").symlink_to("around")
    with pytest.raises(RepositoryRefused):
        parse_repository(str(tmp_path / "open" / "around"), local)


def test_names_we_derive() -> None:
    assert work_branch_name("devin-0123456789abcdef", "Größe: fix the  BUG!") == "cogmill/01234567-groe-fix-the-bug"
    assert work_branch_name("devin-0123456789abcdef", "修复") == "cogmill/01234567"
    assert is_branch(work_branch_name("devin-" + "f" * 32, "x" * 500 + "/../.lock"))
    assert [as_segment(text) for text in ("..", "a b.git", "é" * 200, "-x")] == ["repository", "a-b", "é" * 50, "x"]
    assert not any(map(is_branch, ("", "-x", "a..b", "a b", "a.lock", "a/.b", "a@{1}", "@", "x/", "a\\b", "a:b", "/a")))
    assert is_branch("feature/größe-1.2")
