"""Run git on the host: never inside a workspace clone, no configuration but ours, no prompt, a hard timeout."""

import asyncio
import contextlib
import os
import re
import resource
import shlex
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

_INHERITED = (
    "PATH", "TMPDIR", "SSH_AUTH_SOCK", "SSL_CERT_FILE", "SSL_CERT_DIR", "http_proxy", "https_proxy", "no_proxy",
    "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY",
)  # fmt: skip
_CONFIG = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.quotePath": "false",
    "core.attributesFile": "/dev/null",
    "core.bigFileThreshold": "16m",  # larger blobs are streamed, so that a bomb does not land in memory
    "credential.helper": "",
    "fetch.recurseSubmodules": "false",
    "gc.auto": "0",  # sandboxes and other processes borrow these objects
    "maintenance.auto": "false",
    "http.lowSpeedLimit": "1000",
    "http.lowSpeedTime": "60",
    "pack.threads": "2",
    "safe.directory": "*",
    "transfer.fsckObjects": "false",  # old public history has harmless faults; `bundles` checks what agents write
}
_FIXED = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_ALLOW_PROTOCOL": "file",  # callers that reach out name their one scheme
    "GIT_SSH_COMMAND": "ssh -oBatchMode=yes -oConnectTimeout=15 -oServerAliveInterval=15 -oControlMaster=no",
    "HOME": "/nonexistent",  # otherwise curl would offer the operator's .netrc to any host
    "LC_ALL": "C.UTF-8",
}
_UMASK = "umask 022; exec git " + '"$@"'
_URL_USER = re.compile(r"(?<=://)[^\s/]*@")
_CONTROL = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")
_STDERR_KEPT = 64 * 1024

HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
SAFE_UPLOAD_PACK = "git -c safe.directory='*' upload-pack"
"""For local sources: git clears our configuration for this child, and sources may belong to another uid."""


class GitError(Exception):
    """Git failed; the text is its own last words without credentials."""

    def __init__(self, message: str, *, exit_code: int | None = None) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class GitTimeout(GitError):
    pass


class OutputTooLarge(GitError):
    """Git printed more than was allowed; `kept` is the beginning."""

    def __init__(self, kept: bytes) -> None:
        super().__init__(f"git printed more than {len(kept)} bytes")
        self.kept = kept


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one git command may use: seconds, bytes of output, bytes of private memory."""

    timeout: float = 60.0
    output: int = 64 * 1024**2
    memory: int | None = None


@dataclass(frozen=True, slots=True)
class Credential:
    username: str
    password: str

    def __repr__(self) -> str:
        return "Credential(***)"


def clean(text: str) -> str:
    """The text without user parts of URLs and without terminal control."""
    return _CONTROL.sub("", _URL_USER.sub("***@", text.replace("\r", "\n")))


def last_words(stderr: bytes, lines: int = 4) -> str:
    """The last lines of git's error output, cleaned and cut."""
    said = [line.strip() for line in clean(stderr.decode("utf-8", "replace")).splitlines() if line.strip()]
    return "\n".join(said[-lines:])[-1000:]


def credential_environment(url: str, credential: Credential | None) -> dict[str, str]:
    """Variables that let git sign in at the host of `url` and nowhere else; argv and logs stay free of the secret."""
    parts = urlsplit(url)
    if credential is None or parts.scheme not in {"http", "https"}:
        return {}
    helper = (
        '!f() { test "$1" = get && printf "username=%s\\npassword=%s\\n" "$COGMILL_GIT_USER" "$COGMILL_GIT_WORD"; }; f'
    )
    return {
        "COGMILL_GIT_USER": credential.username,
        "COGMILL_GIT_WORD": credential.password,
        # A redirect would lead around the check of what may be used, and to hosts that must not learn the secret.
        **_config_environment(
            {
                **_CONFIG,
                "http.followRedirects": "false",
                f"credential.{parts.scheme}://{parts.netloc}.helper": helper,
            }
        ),
    }


def _config_environment(config: Mapping[str, str]) -> dict[str, str]:
    pairs = {"GIT_CONFIG_COUNT": str(len(config))}
    for i, (key, value) in enumerate(config.items()):
        pairs |= {f"GIT_CONFIG_KEY_{i}": key, f"GIT_CONFIG_VALUE_{i}": value}
    return pairs


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """All that host git sees of the world."""
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return {"PATH": os.defpath, **inherited, **_FIXED, **_config_environment(_CONFIG), **(extra or {})}


async def run_git(
    args: Sequence[str],
    *,
    git_dir: Path | None = None,
    input: bytes | int = b"",
    env: Mapping[str, str] | None = None,
    bounds: Bounds = Bounds(),
    held: tuple[int, ...] = (),
) -> bytes:
    """Run git in a bare repository (or in none) and answer its stdout.

    `input` is bytes or an open file descriptor. `held` descriptors are passed on, so that a lock on them outlives us
    as long as git does.
    """
    if git_dir is not None and (git_dir.name == ".git" or (git_dir / ".git").exists()):
        raise ValueError(f"Host git must never run in a working clone: {git_dir}")
    where = [] if git_dir is None else [f"--git-dir={git_dir}"]
    # The shell sets the umask: uvloop cannot, and sandboxes read our files under another uid.
    process = await asyncio.create_subprocess_exec(
        "/bin/sh", "-c", _UMASK, "git", *where, *args,
        stdin=input if isinstance(input, int) else PIPE if input else DEVNULL,
        stdout=PIPE, stderr=PIPE, cwd="/", env=environment(env), start_new_session=True, pass_fds=held,
    )  # fmt: skip
    if bounds.memory is not None:
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(process.pid, resource.RLIMIT_DATA, (bounds.memory, bounds.memory))
    stdout, stderr = await _converse(process, input if isinstance(input, bytes) else b"", bounds, args)
    if process.returncode:
        words = last_words(stderr) or f"git {args[0]} ended with {process.returncode}"
        raise GitError(words, exit_code=process.returncode)
    return stdout


async def _converse(process: Process, data: bytes, bounds: Bounds, args: Sequence[str]) -> tuple[bytes, bytes]:
    kept, said = bytearray(), bytearray()
    others = [asyncio.create_task(_tail(process, said)), asyncio.create_task(_feed(process, data))]
    try:
        async with asyncio.timeout(bounds.timeout):
            assert process.stdout is not None  # noqa: S101 - PIPE above
            while chunk := await process.stdout.read(1 << 16):
                kept += chunk
                if len(kept) > bounds.output:
                    raise OutputTooLarge(bytes(kept[: bounds.output]))
            await asyncio.gather(*others)
            await process.wait()
    except TimeoutError:
        command = shlex.join(args[:1])
        raise GitTimeout(f"git {command} took longer than {bounds.timeout:g} s and was stopped") from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # its helpers (ssh, remote-https, index-pack) too
            await process.wait()
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
    return bytes(kept), bytes(said)


async def _tail(process: Process, said: bytearray) -> None:
    assert process.stderr is not None  # noqa: S101
    while chunk := await process.stderr.read(1 << 16):
        said += chunk
        del said[:-_STDERR_KEPT]


async def _feed(process: Process, data: bytes) -> None:
    if process.stdin is None:
        return
    # Git may end without reading all of it; uvloop tells that by a RuntimeError.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError, RuntimeError):
        process.stdin.write(data)
        await process.stdin.drain()
    process.stdin.close()
