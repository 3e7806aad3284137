"""The table of resource families that have the same commands: where they are, what they have, how they are shown."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from cogmill.client.resources import Paging

Kind = Literal["text", "clearable", "flag", "number", "list", "json", "secret"]
"""How FIELD=VALUE is read. clearable: nothing means null; list: parted by commas; secret: from a file or stdin only."""
Columns = tuple[tuple[str, str], ...]
"""Heading and field."""


@dataclass(frozen=True, slots=True)
class Field:
    """What can be written."""

    name: str
    about: str
    kind: Kind = "text"
    only: Literal["create", "edit"] | None = None
    default: str | None = None
    """What create sends if it is not named."""


@dataclass(frozen=True, slots=True)
class Part:
    """A list that belongs to one resource."""

    command: str
    path: str
    columns: Columns
    about: str


@dataclass(frozen=True, slots=True)
class Family:
    """Resources of one kind."""

    command: str
    noun: str
    about: str
    path: str
    id: str
    name: str
    columns: Columns
    fields: tuple[Field, ...]
    edit: Literal["PUT", "PATCH"] | None
    shared_path: str | None = None
    """Of those that belong to the enterprise."""
    shared_edit: Literal["PUT", "PATCH"] | None = None
    paging: "Paging" = "cursor"
    is_read_singly: bool = True
    text: str | None = None
    """A text that `view` fetches by a signed link: the field to show it as, and the address below the resource."""
    once: str | None = None
    """A field that only the answer to create holds."""
    part: Part | None = None


BLUEPRINTS = "/v3beta1/{where}/snapshot-setup/blueprints"
BUILDS = "/v3beta1/organizations/{org_id}/snapshot-setup/builds"

KNOWLEDGE = Family(
    "knowledge", "note", "Notes that sessions are given.", "/v3/organizations/{org_id}/knowledge/notes",
    "note_id", "name",
    (("NOTE", "note_id"), ("NAME", "name"), ("OF", "access_type"), ("FOLDER", "folder_path"), ("ON", "is_enabled"),
     ("TRIGGER", "trigger")),
    (
        Field("name", "what to call it"),
        Field("body", "what sessions are told"),
        Field("trigger", "when it applies; a prompt that fits gets the note", default=""),
        Field("folder_id", "the folder it lies in", "clearable"),
        Field("is_enabled", "false: not used", "flag"),
        Field("pinned_repo", "a repository whose sessions always get it, or all", "clearable"),
        Field("macro", "!name: a prompt that holds it gets the note", "clearable"),
    ),
    "PUT", "/v3/enterprise/knowledge/notes", "PUT",
)  # fmt: skip
PLAYBOOKS = Family(
    "playbooks", "playbook", "Procedures that sessions follow.", "/v3/organizations/{org_id}/playbooks",
    "playbook_id", "title",
    (("PLAYBOOK", "playbook_id"), ("TITLE", "title"), ("MACRO", "macro"), ("OF", "access_type")),
    (
        Field("title", "what to call it"),
        Field("body", "the procedure, in Markdown"),
        Field("macro", "!name: a prompt that holds it selects the playbook", "clearable"),
        Field("structured_output_schema", "JSON Schema of what its sessions answer", "json"),
    ),
    "PUT", "/v3/enterprise/playbooks", "PUT",
    part=Part("versions", "/cogmill/v1/{where}/playbooks/{id}/versions",
              (("VERSION", "version"), ("TITLE", "title"), ("BY", "created_by")), "List what was saved of a playbook."),
)  # fmt: skip
SECRETS = Family(
    "secrets", "secret", "Secrets for sessions, and the master key of those that are stored.",
    "/v3/organizations/{org_id}/secrets", "secret_id", "key",
    (("SECRET", "secret_id"), ("KEY", "key"), ("TYPE", "secret_type"), ("OF", "access_type"),
     ("REPOSITORY", "repository"), ("NOTE", "note")),
    (
        Field("key", "names the variable of sessions"),
        Field("value", "from a file (@path) or standard input (@-)", "secret"),
        Field("type", "key-value, cookie or totp", default="key-value"),
        Field("note", "what it is for", "clearable"),
        Field("is_sensitive", "false: it is not cut out of what sessions show", "flag"),
        Field("access_type", "org, or personal: for your own sessions only"),
        Field("repository", "only for sessions on this repository", "clearable"),
    ),
    None, is_read_singly=False,
)  # fmt: skip
SCHEDULES = Family(
    "schedules", "schedule", "Sessions that start by time.", "/v3/organizations/{org_id}/schedules",
    "scheduled_session_id", "name",
    (("SCHEDULE", "scheduled_session_id"), ("NAME", "name"), ("WHEN", "frequency"), ("ONCE AT", "scheduled_at"),
     ("ON", "enabled"), ("NEXT", "next_run_at"), ("FAILURES", "consecutive_failures")),
    (
        Field("name", "what to call it"),
        Field("prompt", "what the session is asked for"),
        Field("frequency", "cron expression of five fields, in UTC", "clearable"),
        Field("schedule_type", "recurring or one_time"),
        Field("scheduled_at", "one_time: when, such as 2030-01-31T08:00:00Z", "clearable"),
        Field("interval_count", "2: at every second occurrence, and so on", "number"),
        Field("agent", "devin or data_analyst"),
        Field("playbook_id", "the playbook it follows", "clearable"),
        Field("tags", "tags of its sessions", "list"),
        Field("target_devin_id", "one_time: write to this session instead", "clearable"),
        Field("platform", "where it runs", "clearable"),
        Field("bypass_approval", "true: actions need no approval", "flag"),
        Field("notify_on", "always, failure or never"),
        Field("overlap", "skip, or allow: start while the run before still works"),
        Field("create_as_user_id", "the user as whom it runs", "clearable", "create"),
        Field("run_as_user_id", "the user as whom it runs", "clearable", "edit"),
        Field("enabled", "false: it does not run", "flag", "edit"),
    ),
    "PATCH", paging="offset",
    part=Part("runs", "/cogmill/v1/{where}/schedules/{id}/runs",
              (("DUE", "due_at"), ("OUTCOME", "outcome"), ("SESSION", "session_id"), ("ERROR", "error")),
              "List what became of a schedule's times, newest first."),
)  # fmt: skip
AUTOMATIONS = Family(
    "automations", "automation", "What happens when something happens.", "/v3/organizations/{org_id}/automations",
    "automation_id", "name",
    (("AUTOMATION", "automation_id"), ("NAME", "name"), ("ON", "enabled"), ("RUNS AS", "run_as"),
     ("NEXT", "next_run_at")),
    (
        Field("name", "what to call it"),
        Field("triggers", 'JSON, such as [{"event_type": "webhook:incoming"}]', "json"),
        Field("actions", 'JSON, such as [{"type": "start_session", "prompt": "Look into it"}]', "json"),
        Field("run_as", "organization or creator", default="organization"),
        Field("enabled", "false: it does nothing", "flag"),
        Field("concurrency", "JSON", "json"),
        Field("limits", "JSON", "json"),
        Field("metadata", "JSON: names and texts", "json"),
        Field("notifications", "JSON", "json"),
        Field("session_settings", "JSON: fields of create session", "json"),
        Field("tools", "JSON", "json"),
    ),
    "PATCH", once="webhook_secret",
    part=Part("runs", "/cogmill/v1/{where}/automations/{id}/runs",
              (("RUN", "run_id"), ("EVENT", "event_type"), ("STATE", "state"), ("SESSION", "session_id"),
               ("ERROR", "error")), "List what an automation did, newest first."),
)  # fmt: skip
BLUEPRINT = Family(
    "blueprints", "blueprint", "What environments of sessions are made of.",
    BLUEPRINTS.format(where="organizations/{org_id}"), "blueprint_id", "repo_name",
    (("BLUEPRINT", "blueprint_id"), ("OF", "type"), ("REPOSITORY", "repo_name")),
    (
        Field("contents", "the YAML, such as contents=@blueprint.yaml"),
        Field("repo_name", "whose blueprint it is; not named: the organization's", "clearable", "create"),
        Field("position", "order among those of repositories", "number", "edit"),
    ),
    "PATCH", BLUEPRINTS.format(where="enterprise"), "PUT", "whole", text="contents",
)  # fmt: skip
SNAPSHOTS = Family(
    "snapshots", "build", "Builds of the snapshots that sessions start from.", BUILDS, "build_id", "build_id",
    (("BUILD", "build_id"), ("STATUS", "status"), ("BY", "trigger"), ("PINNED", "pinned"),
     ("ON TOP OF", "base_build_id"), ("FAILED", "failed_step")),
    (), None,
)  # fmt: skip
