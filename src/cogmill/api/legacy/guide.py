"""The migration page, made from the table: `python -m cogmill.api.legacy.guide > docs/migration.md`."""

import json
import re
from collections.abc import Iterator

from cogmill.api.legacy.examples import EXAMPLES, NOTHING, Call, Example
from cogmill.api.legacy.table import LEGACY
from cogmill.api.operations import Op
from cogmill.web.legacy import RENAMED, Legacy

HEAD = """# Moving from v1 and v2 to v3

The old APIs are served for clients that exist already; new features are in v3 only. Every answer of theirs says so in
`Deprecation`, `Sunset` (`COGMILL_LEGACY_SUNSET`) and `Link`, which holds the address that replaces it.

- `cogmill legacy usage` shows which keys still call them, `cogmill migrate-guide --key ID` what a key has to change.
- Keys: v1 takes `apk_user_...` (a person in one organization, with that person's rights) and `apk_...` (an
  organization, with the rights of a member), v2 only `apk_user_...` of Enterprise Admins. v3 takes `cog_...`: make a
  service user or a personal access token. No key works at both.
- Scope: the old addresses take the organization from the key, v3 has it in the path.
- Pages: `limit` with `offset` (or `skip`) there, at most 10000 items deep; `first` and `after` here, to any depth.
- Times: ISO 8601 there (audit logs: unix milliseconds), unix seconds here.
- Errors: `{"detail": ...}` there; here a problem document that has `detail`, too.
- `COGMILL_LEGACY_V1=false` or `COGMILL_LEGACY_V2=false` switches a version off: its calls answer 410 and say what to
  call instead.

This page is made from the table of operations (`make migration-page`), and a test runs each pair of calls. `$OLD_KEY`
is the old key, `$COGMILL_API_KEY` the new one; the other names stand for ids and times.
"""
PART = re.compile(r"{(\w+)}")
VARIABLE = re.compile(r"\$[A-Z_]+")


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for version in dict.fromkeys(op.legacy.version for op in LEGACY if op.legacy):
        parts.append(f"\n## {version}\n")
        for op in LEGACY:
            if op.legacy and op.legacy.version == version:
                parts.extend(_entry(op, op.legacy))
    return "".join(parts)


def _entry(op: Op, legacy: Legacy) -> Iterator[str]:
    example = EXAMPLES.get(op.id, Example())
    yield f"\n### {op.method} {op.address}\n\n"
    yield f"```sh\n{curl(op.method, op.address, example.old, 'OLD_KEY')}\n```\n"
    new = example.new or (NOTHING,) * len(legacy.successors)
    asked = zip((one.partition(" ") for one in legacy.successors), new, strict=True)
    calls = [curl(method, address, call, "COGMILL_API_KEY") for (method, _, address), call in asked]
    yield "becomes\n```sh\n{}\n```\n".format("\n".join(calls)) if calls else "Nothing in v3 takes its place.\n"
    if example.note:
        yield f"{example.note}\n"


def _variable(part: str) -> str:
    return RENAMED.get(part, part).upper()


def _unquoted(found: re.Match[str]) -> str:
    """A variable within single quotes, as a shell puts it in."""
    return f"'\"{found.group(0)}\"'"


def curl(method: str, address: str, call: Call, key: str) -> str:
    """The command that makes this call."""
    path = PART.sub(lambda found: f"${call.ids.get(found.group(1)) or _variable(found.group(1))}", address)
    query = f"?{call.query}" if call.query else ""
    words = ["curl -sS", f"-X {method}" if method != "GET" else "", f'"$COGMILL_URL{path}{query}"']
    words.append(f'-H "Authorization: Bearer ${key}"')
    if call.body is not None:
        words += ['-H "Content-Type: application/json"', f"-d '{VARIABLE.sub(_unquoted, json.dumps(call.body))}'"]
    if call.has_file:
        words.append('-F "file=@$FILE"')
    return " \\\n  ".join([" ".join(filter(None, words[:3])), *words[3:]])


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201 - that is what it is for
