"""Tries on this machine what the bubblewrap driver promises."""

import os
from pathlib import Path

from cogmill.sandbox.bubblewrap import Binary, try_binary, working_binary
from cogmill.sandbox.protocol import Probe, SandboxError

# Each guarantee that holds prints its name. Bash waits long when it cannot fork; `timeout` gives up at once.
_SCRIPT = r"""
exec >&2
echo user_namespace
[[ $$ == 1 ]] && echo own_processes
mapfile -t devices </proc/net/dev; ((${#devices[@]} == 3)) && echo network_off
[[ ! -e /root && ! -e /var/lib && ! -e /opt && -z $(ls -A /home) ]] && echo host_hidden
{ : >/usr/.cogmill || : >/.cogmill; } 2>/dev/null || echo read_only_system
if command -v unshare >/dev/null; then unshare -U true 2>/dev/null || echo no_nested_userns; fi
(ulimit -u 1; exec timeout 5 true) 2>/dev/null; (($? == 125)) && echo process_limit
for tool in bash git; do command -v "$tool" >/dev/null && echo "$tool"; done
exit 0
"""
NAMES = (
    "user_namespace",
    "own_processes",
    "network_off",
    "host_hidden",
    "read_only_system",
    "no_nested_userns",
    "process_limit",
    "memory_limit",
    "bash",
    "git",
)
_NEEDED = ("user_namespace", "own_processes", "network_off", "host_hidden", "read_only_system", "bash")


def probe_bubblewrap() -> Probe:
    try:
        binary = working_binary()
        found = set(try_binary(binary, _SCRIPT)[1].split())
    except (SandboxError, OSError) as error:
        return Probe(False, str(error), dict.fromkeys(NAMES, False))
    if Path("/proc/thread-self/children").exists() and Path("/proc/self/smaps_rollup").exists():
        found.add("memory_limit")
    checks = {name: name in found for name in NAMES}
    return Probe(all(checks[name] for name in _NEEDED), _detail(binary, checks), checks)


def _detail(binary: Binary, checks: dict[str, bool]) -> str:
    user = "a user id of its own per session" if os.geteuid() == 0 else "the server's own user id"
    text = f"bubblewrap ({binary.path}) with {user}; memory and disk are watched from the host"
    missing = [name for name, holds in checks.items() if not holds]
    if not missing:
        return f"{text}."
    hints = {
        "git": "install git",
        "bash": "install bash under /usr/bin",
        "no_nested_userns": "commands may make user namespaces; a newer kernel or bwrap >= 0.8 forbids it",
        "process_limit": "fork bombs are only stopped by the time limit",
    }
    return f"{text}; missing: {', '.join(hints.get(name, name) for name in missing)}."
