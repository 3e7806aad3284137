"""How host git proves itself to a repository's host. Never through argv or config."""

import os
import re
import shlex
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from cogmill.scm.git import Credential, credential_environment


@dataclass(frozen=True, slots=True)
class SshKey:
    """A private key, and the keys by which the host is known: no other host is believed."""

    private_key: str
    known_hosts: str

    def __repr__(self) -> str:
        return "SshKey(***)"


SignIn = Credential | SshKey
_PREFIX, _LONGEST = "cogmill-ssh-", 7200.0
_NOT_LET_IN = re.compile(r"Authentication failed|error: 40[13]\b|Permission denied")


def secrets_of(sign_in: SignIn | None) -> tuple[str, ...]:
    """What must stand in no text."""
    return (sign_in.password,) if isinstance(sign_in, Credential) else ()


def without_keys() -> dict[str, str]:
    """The environment in which ssh proves itself to be nobody: neither the keys nor the agent of the server's own user
    are for those who name a repository."""
    options = [
        "BatchMode=yes", "ConnectTimeout=15", "ServerAliveInterval=15", "ControlMaster=no", "ControlPath=none",
        "IdentitiesOnly=yes", "IdentityAgent=none", "IdentityFile=none", "PubkeyAuthentication=no",
        "HostbasedAuthentication=no", "GSSAPIAuthentication=no", "ForwardAgent=no",
    ]  # fmt: skip
    command = shlex.join(["ssh", "-F", "/dev/null", *(f"-o{one}" for one in options)])
    return {"GIT_SSH_COMMAND": command, "SSH_AUTH_SOCK": ""}


def told(error: Exception, sign_in: SignIn | None) -> str:
    """What git said, without secrets, and what to do when it was not let in."""
    said = str(error)
    for secret in secrets_of(sign_in):
        said = said.replace(secret, "***")
    if "Host key verification failed" in said and isinstance(sign_in, SshKey):
        return f"{said}\nThe host showed another key than the connection's known_hosts has; ask whether that is right."
    if sign_in is None or not _NOT_LET_IN.search(said):
        return said
    return f"{said}\nThe connection's credentials are refused there; an administrator updates them."


@contextmanager
def signed_in(url: str, sign_in: SignIn | None) -> Iterator[dict[str, str]]:
    """The environment for one git command. A key lies in a folder of its own, for us alone, while the command runs."""
    if not isinstance(sign_in, SshKey):
        yield credential_environment(url, sign_in)
        return
    _forget_old()
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    try:
        for name, text in (("key", sign_in.private_key), ("known_hosts", sign_in.known_hosts)):
            handle = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w") as file:
                file.write(text.rstrip("\n") + "\n")
        yield {"GIT_SSH_COMMAND": _ssh(folder), "SSH_AUTH_SOCK": ""}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _forget_old() -> None:
    """Remove what killed processes left; no command of ours takes that long."""
    for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if left.stat().st_uid == os.getuid() and left.stat().st_mtime < time.time() - _LONGEST:
                shutil.rmtree(left, ignore_errors=True)


def _ssh(folder: Path) -> str:
    options = [
        "BatchMode=yes", "ConnectTimeout=15", "ServerAliveInterval=15", "ControlMaster=no", "ControlPath=none",
        "IdentitiesOnly=yes", "IdentityAgent=none", "StrictHostKeyChecking=yes", "GlobalKnownHostsFile=/dev/null",
        f"UserKnownHostsFile={folder / 'known_hosts'}", "UpdateHostKeys=no", "PasswordAuthentication=no",
        "KbdInteractiveAuthentication=no", "ForwardAgent=no",
    ]  # fmt: skip
    return shlex.join(["ssh", "-F", "/dev/null", "-i", str(folder / "key"), *(f"-o{one}" for one in options)])
