"""The guardrails that an enterprise begins with. They mean what hardly anybody wants, and stay silent otherwise."""

from typing import Any, NamedTuple

from sqlalchemy import Connection, insert

from cogmill.kit.ids import ordered_id
from cogmill.models.guardrails import guardrail


class Default(NamedTuple):
    """One of them."""

    name: str
    target: str
    action: str
    pattern: str


_BEGIN = r"(?:^|[\s;&|(`\"'])\\?(?:(?:/usr)?/s?bin/)?"
"""Of a command, wherever it stands: within quotes, as for `bash -c`, or named by its path."""
_GAP = r"(?:[ \t]|\\\r?\n)+"
_FLAGS = rf"(?:-\S+{_GAP})*"
_END = r"[\"'`]*(?:\s|$|[;&|)]|\\\r?\n)"
_HOME = r"\$(?:HOME|\{HOME\})"
_SAME_COMMAND = r"[^\n;&|]*"
DEFAULTS = (
    Default(
        "Removing everything", "command", "block",
        rf"{_BEGIN}rm{_GAP}{_FLAGS}(?:-[a-zA-Z]*[rR][a-zA-Z]*|--recursive){_GAP}{_FLAGS}"
        rf"[\"']?(?:(?:~|{_HOME}[\"']?)?/\*?|~|{_HOME}){_END}",
    ),
    Default(
        "Overwriting disks", "command", "block",
        rf"\bdd\b{_SAME_COMMAND}\bof=[\"']?/dev/(?:sd|hd|vd|xvd|nvme|mmcblk)|{_BEGIN}mkfs(?:\.\w+)?{_GAP}{_FLAGS}[\"']?/dev/",
    ),
    Default("Fork bomb", "command", "block", r":\s*\(\s*\)\s*\{\s*:\s*\|\s*:\s*&\s*\}"),
    Default(
        "Pushing to the main branch by force", "command", "ask",
        rf"\bgit\s+(?:-[cC]\s+\S+\s+|-\S+\s+)*push\b(?:{_SAME_COMMAND}\s(?:-f|--force)\b{_SAME_COMMAND}[\s/:\"'](?:main|master){_END}"
        rf"|{_SAME_COMMAND}[\s/:\"'](?:main|master)\s+{_SAME_COMMAND}(?:-f|--force)\b"
        rf"|{_SAME_COMMAND}\s\+\S*(?:main|master){_END})",
    ),
    Default(
        "Metadata service of the cloud", "egress", "block",
        r"^(?:169\.254\.169\.254|169\.254\.170\.2|100\.100\.100\.200|fd00:ec2::254|metadata\.google\.internal"
        r"|metadata\.azure\.com)$",
    ),
    Default(
        "Credentials of the machine", "path", "block",
        r"^/etc/(?:shadow|gshadow|sudoers)(?:$|[-./])"
        r"|^/(?:root|home/[^/]+)/\.(?:aws/credentials|config/gcloud/|azure/|kube/config|docker/config\.json)"
        r"|^/(?:root|host)/\.(?:ssh|netrc|git-credentials|gnupg)(?:$|/)|^/proc/1/environ$",
    ),
    Default(
        "Writing outside the workspace", "write", "warn",
        r"^/(?:bin|boot|etc|lib|lib64|opt|root|sbin|srv|sys|usr)(?:/|$)",
    ),
    Default(
        "Secrets in plain text", "secret", "warn",
        r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36}|\bgithub_pat_[A-Za-z0-9_]{60}|\bglpat-[\w-]{20}"
        r"|\bxox[abprs]-[\w-]{20}|\bsk-(?:ant-|proj-)[\w-]{30}|\bAIza[\w-]{35}|\bcog_[a-z0-9]{40}"
        r"|-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----",
    ),
)  # fmt: skip


def rows(enterprise_id: str, now: float) -> list[dict[str, Any]]:
    """The rows of an enterprise that has just been made."""
    return [
        {
            "guardrail_id": ordered_id("guardrail"), "enterprise_id": enterprise_id, "org_id": None,
            "is_enabled": True, "created_at": now, "updated_at": now, **one._asdict(),
        }
        for one in DEFAULTS
    ]  # fmt: skip


def begin_with(db: Connection, enterprise_id: str, now: float) -> None:
    db.execute(insert(guardrail), rows(enterprise_id, now))
