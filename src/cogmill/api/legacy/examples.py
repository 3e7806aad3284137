"""An example of each call of the old APIs, and of what replaces it, for the migration page. By operation id."""

from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Call:
    """What an example sends besides the address."""

    query: str = ""
    body: Any = None
    has_file: bool = False
    ids: dict[str, str] = field(default_factory=dict)
    """Other names for parts of the path, where the call is on something else than the usual one."""


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
_PAGE = Example(Call("skip=0&limit=50"), (Call("first=50"),))
_GROUPS = {"groups": {"small": {"org_ids": ["$ORG_ID"], "max_cycle_acus": 50}}}
_SHARED = Call(ids={"playbook_id": "ENTERPRISE_PLAYBOOK_ID"})
_OTHER_ORG = Call(ids={"org_id": "OTHER_ORG_ID"})
_MEMBER = Call(ids={"user_id": "NEW_USER_ID"})
_SHIP = Call(body={"title": "Ship", "body": "Tag, build."}, ids=_SHARED.ids)
_SHARED_PAIR = Example(_SHARED, (_SHARED,))
_DAYS = Example(Call("start_date=$FIRST_DAY&end_date=$LAST_DAY"), (Call("time_after=$FROM&time_before=$TO"),))
_KEYS_NOTE = "v3 has keys of service users instead, which each service user lists."
_BLUEPRINT = "maintenance:\n- name: dependencies\n  run: make deps\nknowledge:\n- name: test\n  contents: make test\n"
V2: dict[str, Example] = {
    "get_enterprise_api_keys_v2_enterprise_api_keys_get": Example(Call("page=1&per_page=25"), (NOTHING,), _KEYS_NOTE),
    "provision_service_api_key_v2_enterprise_api_keys_post": changed(
        {"org_id": "$ORG_ID"}, {"name": "builds", "role_id": "$ORG_MEMBER_ROLE_ID", "ttl_seconds": 7776000},
        "v3 makes a service user, with a role of your choice, and its first key: `token` of the answer.",
    ),
    "revoke_enterprise_api_key_endpoint_v2_enterprise_api_keys__api_key_id__delete": Example(
        Call(ids={"api_key_id": "OLD_KEY_ID"}), (NOTHING,)
    ),
    "revoke_enterprise_api_keys_v2_enterprise_api_keys_delete": Example(
        NOTHING, (Call(ids={"api_key_id": "OTHER_KEY_ID"}),),
        "v3 revokes one key at a time; v2 all keys for v1 and v2, the one that asks for it, too."
    ),
    "get_audit_logs_v2_enterprise_audit_logs_get": Example(
        Call("limit=10"), (Call("first=10"),),
        "Unix milliseconds become seconds, and the fields of an action stand in `data`.",
    ),
    "get_enterprise_hypervisors_health_v2_enterprise_hypervisors_health_get": Example(
        NOTHING, (Call("status=all"),),
        "`available` and `draining` are healthy there, `disconnected` is unhealthy, `restarting` unknown; "
        "`terminated` ones are left out.",
    ),
    "consumption_cycles_endpoint_v2_enterprise_consumption_cycles_get": Example(
        NOTHING, (Call("first=50"),), "`start` and `end` are `after` and `before` there."
    ),
    "daily_consumption_endpoint_v2_enterprise_consumption_daily_get": replace(
        _DAYS,
        note="v3 has a list of days, split by product; ask for an organization's or a user's share at "
        "`/organizations/{org_id}` or `/users/{user_id}` behind the address.",
    ),
    "user_daily_consumption_endpoint_v2_enterprise_consumption_daily__user_id__get": _DAYS,
    "enterprise_prs_metrics_endpoint_v2_enterprise_metrics_prs_get": replace(
        _DAYS, note="v3 counts pull requests that one session took over from another apart, and has their sum."
    ),
    "enterprise_sessions_metrics_endpoint_v2_enterprise_metrics_sessions_get": replace(
        _DAYS, note="`sessions_count` is `sessions_created_count` there, beside counts by origin and size."
    ),
    "enterprise_searches_metrics_endpoint_v2_enterprise_metrics_searches_get": replace(
        _DAYS, note="`searches_count` is `searches_created_count` there."
    ),
    "enterprise_usage_metrics_endpoint_v2_enterprise_metrics_usage_get": Example(
        _DAYS.old, _DAYS.new * 2, "The second one has `prs_opened` and `prs_closed`, with `_count` behind."
    ),
    "get_user_usage_analysis_beta_v2": Example(
        Call("skip=0&limit=50"),
        note="`GET /v3/enterprise/metrics/sessions` with `user_ids` counts the sessions of one user in any time, and "
        "`GET /v3/enterprise/consumption/daily/users/{user_id}` has the ACUs by day.",
    ),
    "enterprise_groups_endpoint_v2_enterprise_groups_get": Example(
        Call("skip=0&limit=50"), (Call("first=50"), Call("first=50")), "The second one has the groups' roles."
    ),
    "enterprise_group_create_endpoint_v2_enterprise_groups_put": changed(
        {"group_names": ["Engineering"]}, {"idp_group_names": ["Engineering"]},
        "v2 answers the names of all groups, v3 those that were sent.",
    ),
    "enterprise_members_endpoint_v2_enterprise_members_get": _PAGE,
    "enterprise_members_invite_endpoint_v2_enterprise_members_invite_post": changed(
        {"emails": ["$NEW_EMAIL"]}, {"emails": ["$NEW_EMAIL"], "enterprise_role_id": "$MEMBER_ROLE_ID"},
        "v2 makes Members; v3 asks for the role.",
    ),
    "enterprise_members_role_update_endpoint_v2_enterprise_members_roles_patch": changed(
        {"user_ids": ["$USER_ID"], "role_id": "$MEMBER_ROLE_ID"}, {"role_id": "$MEMBER_ROLE_ID"},
        "v3 takes one user at a time.",
    ),
    "enterprise_organizations_endpoint_v2_enterprise_organizations_get": _PAGE,
    "create_enterprise_organization_endpoint_v2_enterprise_organizations_post": changed(
        {"display_name": "Payments", "acu_limit": 100, "add_creator_as_member": False},
        {"name": "Payments", "max_cycle_acu_limit": 100},
    ),
    "update_organization_endpoint_v2_enterprise_organizations__org_id__patch": Example(
        Call(body={"display_name": "Payments 2", "max_acu_limit": 50}, ids=_OTHER_ORG.ids),
        (Call(body={"name": "Payments 2", "max_cycle_acu_limit": 50}, ids=_OTHER_ORG.ids),),
    ),
    "enterprise_organization_members_endpoint_v2_enterprise_organizations__org_id__members_get": _PAGE,
    "enterprise_organizations_member_addition_endpoint_v2_enterprise_organizations__org_id__members_post": Example(
        Call(body={"org_ids": ["$ORG_ID"], "user_ids": ["$NEW_USER_ID"], "org_role": "org_member"}),
        (Call(body={"role_id": "$ORG_MEMBER_ROLE_ID"}, ids={"user_id": "NEW_USER_ID"}),),
        "v3 takes one user and one organization at a time.",
    ),
    "enterprise_organization_members_role_update_endpoint_v2_enterprise_organizations__org_id__members_roles_patch":
        changed(
            {"user_ids": ["$USER_ID"], "role_id": "$ORG_MEMBER_ROLE_ID"}, {"role_id": "$ORG_MEMBER_ROLE_ID"},
            "v3 takes one user at a time.",
        ),
    "enterprise_organization_groups_endpoint_v2_enterprise_organizations__org_id__groups_get": _PAGE,
    "enterprise_organization_group_addition_endpoint_v2_enterprise_organizations__org_id__groups_post": Example(
        Call(body={"group_name": "$NEW_GROUP_NAME", "role": "org_member"}),
        (Call(body={"role_id": "$MEMBER_ROLE_ID"}, ids={"idp_group_name": "NEW_GROUP_NAME"}),
         Call(body={"role_id": "$ORG_MEMBER_ROLE_ID"}, ids={"idp_group_name": "NEW_GROUP_NAME"})),
        "In v2 a group without a role at the enterprise becomes Member there; v3 has a call for that.",
    ),
    "enterprise_organization_connections_endpoint_v2_enterprise_organizations__org_id__git_connections_get": _PAGE,
    "enterprise_organization_permissions_endpoint_v2_enterprise_organizations__org_id__git_permissions_get": _PAGE,
    "enterprise_organization_permission_addition_endpoint_v2_enterprise_organizations__org_id__git_permissions_post":
        changed(
            [{"connection_id": "$CONNECTION_ID", "repo_path": ["acme/web"]}],
            {"permissions": [{"git_connection_id": "$CONNECTION_ID", "repo_path": "acme/web"}]},
        ),
    "list_sessions_v2_enterprise_sessions_get": _PAGE,
    "list_org_sessions_v2_enterprise_organizations__org_id__sessions_get": _PAGE,
    "list_sessions_detail_v2_enterprise_sessions_insights_get": replace(
        _PAGE, note="`session_analysis` is `analysis` there; the first message of a session is in its messages."
    ),
    "list_org_sessions_detail_v2_enterprise_organizations__org_id__sessions_insights_get": _PAGE,
    "get_session_detail_v2_enterprise_sessions__session_id__get": Example(
        NOTHING, (NOTHING, NOTHING, Call("first=1")),
        "The second one has `session_analysis`, as `analysis`, and the third one `initial_user_message`.",
    ),
    "create_playbook_v2_enterprise_playbooks_post": same(body=_PLAYBOOK),
    "update_playbook_v2_enterprise_playbooks__playbook_id__put": Example(
        _SHIP, (_SHIP,),
        "In v2 all may be left out, and null changes nothing; v3 needs title and body, and null takes the macro away.",
    ),
    "get_playbook_v2_enterprise_playbooks__playbook_id__get": _SHARED_PAIR,
    "delete_playbook_v2_enterprise_playbooks__playbook_id__delete": _SHARED_PAIR,
    "delete_enterprise_organization_endpoint_v2_enterprise_organizations__org_id__delete":
        Example(_OTHER_ORG, (_OTHER_ORG,)),
    "enterprise_organization_member_removal_endpoint_v2_enterprise_organizations__org_id__members__user_id__delete":
        Example(_MEMBER, (_MEMBER,)),
    "clone_repo_v2_enterprise_organizations__org_id__clone_post": Example(
        Call(body={"repo_path": "$REPOSITORY_PATH", "update_dependencies_commands": ["make deps"],
                   "run_tests_commands": ["make test"]}),
        (Call(body={"repo_name": "$REPOSITORY_PATH", "contents": _BLUEPRINT}), NOTHING),
        "A repository has one blueprint, which v2 changes if it is there; v3 has PATCH for that.",
    ),
    "get_repository_status_beta_v2": Example(NOTHING, (Call("load_indexing_status=true"),)),
    "bulk_index_repositories_beta_v2": changed(
        {"org_id": "$ORG_ID", "repo_names": ["$REPOSITORY_PATH"]},
        {"repositories": [{"repository_path": "$REPOSITORY_PATH"}]},
    ),
    "update_org_groups_config_v2_enterprise_org_group_limits_put": same(body=_GROUPS),
}  # fmt: skip
EXAMPLES = V1 | V2
