"""An example of each call of the old APIs, and of what replaces it, for the migration page. By operation id."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Call:
    """What an example sends besides the address."""

    query: str = ""
    body: Any = None
    has_file: bool = False


NOTHING = Call()
FILE = Call(has_file=True)


@dataclass(frozen=True, slots=True)
class Example:
    """The old call, and for each of the row's successors in v3 what that one is sent."""

    old: Call = NOTHING
    new: tuple[Call, ...] = ()
    note: str = ""


def same(query: str = "", body: Any = None) -> Example:
    """Both take the same."""
    return Example(Call(query, body), (Call(query, body),))


def changed(old: Any, new: Any, note: str = "") -> Example:
    """Both take a body, with other names."""
    return Example(Call(body=old), (Call(body=new),), note)


_MESSAGE = {"message": "Please add a test."}
_TAGS = {"tags": ["moved", "checked"]}
_NOTE = {"name": "Tests", "body": "Run make test before every commit."}
_PLAYBOOK = {"title": "Release", "body": "Tag, build, publish.", "macro": "!release"}
_OLD_NOTE = _NOTE | {"trigger_description": "before a commit"}
_NEW_NOTE = _NOTE | {"trigger": "before a commit"}

V1: dict[str, Example] = {
    "list_sessions_endpoint_v1_sessions_get": Example(
        Call("limit=10&offset=0"), (Call("first=10"),),
        "The next page: `offset=10` there, `after=` with the answer's `end_cursor` here.",
    ),
    "create_session_v1_sessions_post": Example(
        Call(body={"prompt": "Fix the build.", "title": "Build", "tags": ["moved"], "idempotent": True}),
        (Call(body={"prompt": "Fix the build.", "title": "Build", "tags": ["moved"]}),),
        "Instead of `idempotent`, send a header `Idempotency-Key` with a value of your own.",
    ),
    "get_session_v1_sessions__session_id__get": Example(
        note="`status_enum` becomes `status` and `status_detail`; messages have an address of their own, with pages."
    ),
    "send_message_v1_sessions__session_id__message_post": same(body=_MESSAGE),
    "update_session_tags_v1_sessions__session_id__tags_put": same(body=_TAGS),
    "send_message_alias": same(body=_MESSAGE),
    "update_session_tags_alias": same(body={"tags": ["moved"]}),
    "upload_attachment_v1_attachments_post": Example(
        FILE, (FILE,), "The old answer is the file's address; the new one has it as `url`. Both go into a prompt."
    ),
    "create_secret_v1_secrets_post": changed(
        {"type": "key-value", "key": "API_TOKEN", "value": "hush", "sensitive": True, "note": None},
        {"type": "key-value", "key": "API_TOKEN", "value": "hush", "is_sensitive": True},
        "v1 refuses a name that is taken (409); v3 takes it.",
    ),
    "create_knowledge_v1_knowledge_post": changed(_OLD_NOTE, _NEW_NOTE),
    "update_knowledge_v1_knowledge__note_id__put": changed(_OLD_NOTE, _NEW_NOTE),
    "create_playbook_v1_playbooks_post": same(body=_PLAYBOOK),
    "update_playbook_v1_playbooks__playbook_id__put": same(body=_PLAYBOOK | {"macro": "!ship"}),
    "get_enterprise_consumption": Example(
        Call("start_date=$FIRST_DAY&end_date=$LAST_DAY"), (Call("created_after=$FROM&created_before=$UNTIL"),),
        "`acu_used` is `acus_consumed` there.",
    ),
    "list_audit_logs": Example(
        Call("limit=10"), (Call("first=10"),),
        "Unix milliseconds become seconds, and the fields of an action stand in `data`.",
    ),
}  # fmt: skip
EXAMPLES = V1
