"""What host git is given to sign in with, and what is left of it: a stand-in `ssh` sees what the real one would."""

import os
import tempfile
from pathlib import Path

import pytest

from cogmill.scm.git import Credential, GitError, credential_environment
from cogmill.scm.mirrors import MirrorCache
from cogmill.scm.pushes import push_branch
from cogmill.scm.repositories import at_connection
from cogmill.scm.sign_in import SshKey, signed_in, told

from .conftest import commit, git

SSH = """#!/bin/sh
# As ssh does: the last argument is the command at the other end.
printf '%s\\n' "$@" > "{folder}/argv"
while [ $# -gt 1 ]; do if [ "$1" = -i ]; then key=$2; fi; shift; done
stat -c '%a' "$key" "$(dirname "$key")" > "{folder}/modes"
cat "$key" "$(dirname "$key")/known_hosts" > "{folder}/seen"
printf '%s' "$SSH_AUTH_SOCK" > "{folder}/agent"
if [ -e "{folder}/refuse" ]; then cat "{folder}/refuse" >&2; exit 255; fi
exec sh -c "$1"
"""
KEY = SshKey("-----BEGIN KEY-----\nsecret-41c\n-----END KEY-----", "git.example.org ssh-ed25519 AAAA")


@pytest.fixture
def ssh(tmp_path, monkeypatch):
    """A folder with what the stand-in saw."""
    program = tmp_path / "bin" / "ssh"
    program.parent.mkdir()
    program.write_text(SSH.format(folder=tmp_path))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("SSH_AUTH_SOCK", "/run/agent-of-the-operator")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    return tmp_path


@pytest.fixture
def remote(lab, ssh):
    """A bare repository, named as one of a plain ssh connection."""
    git(lab.folder, "clone", "-q", "--bare", str(lab.upstream), str(ssh / "app.git"))
    return at_connection("ssh://git@git.example.org", str(ssh / "app").lstrip("/"), ".git")


async def test_a_key_lies_in_a_private_folder_while_git_runs_and_no_longer(ssh, remote):
    mirror = await MirrorCache(ssh / "mirrors").mirror(remote, credential=KEY)
    argv = (ssh / "argv").read_text()
    for option in ("StrictHostKeyChecking=yes", "IdentitiesOnly=yes", "IdentityAgent=none", "BatchMode=yes"):
        assert f"-o{option}" in argv
    assert "secret-41c" not in argv
    assert (ssh / "modes").read_text().split() == ["600", "700"]
    assert (ssh / "seen").read_text().split("\n")[1:4:2] == ["secret-41c", "git.example.org ssh-ed25519 AAAA"]
    assert (ssh / "agent").read_text() == ""
    assert list((ssh / "tmp").iterdir()) == []
    assert "secret-41c" not in (mirror / "config").read_text()


async def test_without_a_connection_ssh_shows_no_key_of_the_server(ssh, remote):
    (ssh / "refuse").write_text("git@git.example.org: Permission denied (publickey).")
    with pytest.raises(GitError, match="an administrator makes one of type git_ssh"):
        await MirrorCache(ssh / "mirrors").mirror(remote)
    argv = (ssh / "argv").read_text()
    for option in ("IdentityAgent=none", "IdentityFile=none", "PubkeyAuthentication=no", "BatchMode=yes"):
        assert f"-o{option}" in argv
    assert argv.splitlines()[:2] == ["-F", "/dev/null"]
    assert (ssh / "agent").read_text() == ""


async def test_a_server_on_loopback_lends_its_keys(ssh, remote):
    (ssh / "refuse").write_text("Permission denied (publickey).")
    with pytest.raises(GitError, match="Permission denied"):
        await MirrorCache(ssh / "mirrors", lends_keys=True).mirror(remote)
    assert (ssh / "agent").read_text() == "/run/agent-of-the-operator"
    assert "IdentityFile=none" not in (ssh / "argv").read_text()


async def test_a_push_over_ssh_moves_the_branch_once(ssh, remote, lab):
    mirror = await MirrorCache(ssh / "mirrors").mirror(remote, credential=KEY)
    head = commit(lab.upstream, "calc.py", "fixed\n")
    git(lab.upstream, "push", "-q", str(mirror), f"{head}:refs/heads/cogmill/x")
    for _ in range(2):
        await push_branch(mirror, remote, "cogmill/x", head, KEY)
    assert git(ssh / "app.git", "rev-parse", "cogmill/x") == head


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        ("Host key verification failed.", "another key than the connection's known_hosts"),
        ("git@git.example.org: Permission denied (publickey).", "an administrator updates them"),
    ],
)
async def test_what_ssh_refuses_is_told_with_advice(ssh, remote, said, advice):
    (ssh / "refuse").write_text(said)
    with pytest.raises(GitError, match=advice):
        await MirrorCache(ssh / "mirrors").mirror(remote, credential=KEY)
    assert list((ssh / "tmp").iterdir()) == []


def test_keys_that_a_killed_process_left_are_removed_later(ssh):
    left = ssh / "tmp" / "cogmill-ssh-left"
    left.mkdir()
    os.utime(left, (0, 0))
    with signed_in("ssh://git@h/a", KEY):
        assert not left.exists()


def test_a_password_stands_in_no_text_and_goes_to_its_host_only():
    credential = Credential("me", "pw-55e1")
    said = told(GitError("fatal: Authentication failed for https://me:pw-55e1@h/a"), credential)
    assert "pw-55e1" not in said
    assert "pw-55e1" not in repr(credential) + repr(KEY)
    environment = credential_environment("https://git.example.org/a/b", credential)
    config = {environment[f"GIT_CONFIG_KEY_{n}"]: n for n in range(int(environment["GIT_CONFIG_COUNT"]))}
    assert "credential.https://git.example.org.helper" in config
    assert environment[f"GIT_CONFIG_VALUE_{config['http.followRedirects']}"] == "false"
    assert credential_environment(str(Path("/tmp/x")), credential) == {}
