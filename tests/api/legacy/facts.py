"""What the two answers of a pair of calls have in common."""

from datetime import UTC, datetime
from typing import Any


def v1_session(one):
    return one["session_id"], one["title"], one["tags"], one["structured_output"], one["playbook_id"]


def note(one, trigger):
    return one["name"], one["body"], one[trigger], one["pinned_repo"]


def playbook(one):
    return (
        one["playbook_id"],
        one["title"],
        one["body"],
        one["macro"],
        one["created_by" if "created_by" in one else "created_by_user_id"],
    )


def items(answer):
    return answer["items"]


def seconds(text):
    return int(datetime.fromisoformat(text).timestamp())


def role(held):
    name = held["role"]["role_name"]
    return f"org_{name.lower()}" if name in {"Admin", "Member"} else name


def old_member(one):
    return one["user_id"], one["email"], one["enterprise_role"]


def new_member(one):
    held = next((one["role"]["role_name"] for one in one["role_assignments"] if one["org_id"] is None), "none")
    return one["user_id"], one["email"], f"account_{held.lower()}" if held in {"Admin", "Member"} else held


def old_organization(one):
    return one["org_id"], one["org_name"], one["max_session_acu_limit"], one["max_cycle_acu_limit"]


def new_organization(one):
    return one["org_id"], one["name"], one["max_session_acu_limit"], one["max_cycle_acu_limit"]


def old_session(one):
    requests = [(ref["url"], ref["state"]) for ref in one["pull_requests"]]
    return one["session_id"], one["org_id"], one["status"], one["acus_consumed"], seconds(one["created_at"]), requests


def new_session(one):
    requests = [(ref["pr_url"], ref["pr_state"]) for ref in one["pull_requests"]]
    return one["session_id"], one["org_id"], one["status"], one["acus_consumed"], one["created_at"], requests


def analysis(kept):
    parts = (("timeline", "title"), ("issues", "label"), ("action_items", "action_item"))
    prompt = (kept or {}).get("suggested_prompt")
    return kept and [[one[name] for one in kept[part]] for part, name in parts], prompt and prompt["suggested_prompt"]


def old_insights(one):
    return old_session(one), analysis(one["session_analysis"])


def new_insights(one):
    return new_session(one), analysis(one["analysis"])


def well(one):
    status = one["status"]
    return {"available": "healthy", "draining": "healthy", "disconnected": "unhealthy"}.get(status, "unknown")


def old_days(one):
    return one["total_acus"], list(one["consumption_by_date"].items())


def new_days(one):
    days = one["consumption_by_date"]
    return one["total_acus"], [(str(datetime.fromtimestamp(day["date"], UTC).date()), day["acus"]) for day in days]


FACTS: dict[str, Any] = {
    "GET /v1/sessions": (
        lambda old: [v1_session(one) for one in old["sessions"]],
        lambda new: [v1_session(one) for one in items(new)],
    ),
    "GET /v1/sessions/{session_id}": (
        lambda old: (v1_session(old), [(one["event_id"], one["message"]) for one in old["messages"]]),
        lambda new, said: (v1_session(new), [(one["event_id"], one["message"]) for one in items(said)]),
    ),
    "GET /v1/secrets": (
        lambda old: [(one["id"], one["type"], one["key"]) for one in old],
        lambda new: [(one["secret_id"], one["secret_type"], one["key"]) for one in items(new)],
    ),
    "GET /v1/knowledge": (
        lambda old: (
            [(one["id"], *note(one, "trigger_description")) for one in old["knowledge"]],
            [(one["id"], one["name"]) for one in old["folders"]],
        ),
        lambda notes, tree: (
            [(one["note_id"], *note(one, "trigger")) for one in items(notes)],
            [(one["folder_id"], one["name"]) for one in tree["folders"]],
        ),
    ),
    "GET /v1/playbooks": (
        lambda old: [playbook(one) for one in old],
        lambda new: [playbook(one) for one in items(new)],
    ),
    "GET /v1/playbooks/{playbook_id}": (playbook, playbook),
    "GET /v1/enterprise/consumption": (
        lambda old: [(one["url"], one["acu_used"], one["org_id"]) for one in old["sessions"]],
        lambda new: [(one["url"], one["acus_consumed"], one["org_id"]) for one in items(new)],
    ),
    "GET /v1/audit-logs": (
        lambda old: [(one["audit_log_id"], one["action"], one["created_at"]) for one in old["audit_logs"]],
        lambda new: [(one["audit_log_id"], one["action"], one["created_at"] * 1000) for one in items(new)],
    ),
    "GET /v2/enterprise/self": (lambda old: old["user_id"], lambda new: new["user_id"]),
    "GET /v2/enterprise/api-keys": (
        lambda old: all(one["id"] and one["created_at"] for one in old["items"]),
        lambda new: all(one["api_key_id"] and one["created_at"] for one in items(new)),
    ),
    "GET /v2/enterprise/consumption/cycles": (
        lambda old: [(seconds(one["start"]), seconds(one["end"])) for one in old],
        lambda new: [(one["after"], one["before"]) for one in items(new)],
    ),
    "GET /v2/enterprise/hypervisors/health": (
        lambda old: [(one["hypervisor_id"], one["status"]) for one in old],
        lambda new: [(one["hypervisor_id"], well(one)) for one in items(new) if one["status"] != "terminated"],
    ),
    "GET /v2/enterprise/groups": (
        lambda old: [(one["group_name"], bool(one["org_count"])) for one in old["items"]],
        lambda names, held: [
            (one["idp_group_name"], any(one["idp_group_name"] == two["idp_group_name"] for two in items(held)))
            for one in items(names)
        ],
    ),
    "GET /v2/enterprise/groups/{group_name}": (
        lambda old: (old["group_name"], list(old["role_by_org_id"].items())),
        lambda new: (
            new["idp_group_name"],
            [(one["org_id"], one["role"]["role_name"]) for one in new["role_assignments"] if one["org_id"]],
        ),
    ),
    "GET /v2/enterprise/members": (
        lambda old: [old_member(one) for one in old["items"]],
        lambda new: [new_member(one) for one in items(new)],
    ),
    "GET /v2/enterprise/members/{user_id}": (old_member, new_member),
    "GET /v2/enterprise/members/{user_id}/organizations": (
        lambda old: [(one["org_id"], one["org_role"]) for one in old["items"]],
        lambda new: [(one["org_id"], role(one)) for one in new["role_assignments"] if one["org_id"]],
    ),
    "GET /v2/enterprise/roles": (lambda old: old, items),
    "GET /v2/enterprise/organizations": (
        lambda old: [old_organization(one) for one in old["items"]],
        lambda new: [new_organization(one) for one in items(new)],
    ),
    "GET /v2/enterprise/organizations/{org_id}": (old_organization, new_organization),
    "GET /v2/enterprise/organizations/{org_id}/members": (
        lambda old: [(one["user_id"], one["email"], one["org_role"]) for one in old["items"]],
        lambda new: [
            (one["user_id"], one["email"], *(role(held) for held in one["role_assignments"])) for one in items(new)
        ],
    ),
    "GET /v2/enterprise/organizations/{org_id}/groups": (
        lambda old: [(one["group_name"], one["role"]) for one in old["items"]],
        lambda new: [(one["idp_group_name"], role(one["role_assignments"][0])) for one in items(new)],
    ),
    "GET /v2/enterprise/organizations/{org_id}/git/connections": (
        lambda old: [(one["connection_id"], one["type"], one["host"]) for one in old["items"]],
        lambda new: [(one["git_connection_id"], one["git_provider_type"], one["host"]) for one in items(new)],
    ),
    "GET /v2/enterprise/organizations/{org_id}/git/permissions": (
        lambda old: [(one["permission_id"], one["repo_path"], one["prefix_path"]) for one in old["items"]],
        lambda new: [(one["git_permission_id"], one["repo_path"], one["prefix_path"]) for one in items(new)],
    ),
    "GET /v2/enterprise/sessions": (
        lambda old: [old_session(one) for one in old["items"]],
        lambda new: [new_session(one) for one in items(new)],
    ),
    "GET /v2/enterprise/sessions/insights": (
        lambda old: [old_insights(one) for one in old["items"]],
        lambda new: [new_insights(one) for one in items(new)],
    ),
    "GET /v2/enterprise/sessions/{session_id}": (
        lambda old: (old_session(old), old_insights(old), old["initial_user_message"]),
        lambda one, known, said: (new_session(one), new_insights(known), items(said)[0]["message"]),
    ),
    "GET /v2/enterprise/metrics/prs": (
        lambda old: [old[f"prs_{one}"] for one in ("opened", "closed", "merged")],
        lambda new: [new[f"prs_{one}_count"] for one in ("opened", "closed", "merged")],
    ),
    "GET /v2/enterprise/metrics/sessions": (
        lambda old: old["sessions_count"],
        lambda new: new["sessions_created_count"],
    ),
    "GET /v2/enterprise/metrics/searches": (
        lambda old: old["searches_count"],
        lambda new: new["searches_created_count"],
    ),
    "GET /v2/enterprise/metrics/usage": (
        lambda old: (old["sessions_count"], old["searches_count"], old["prs_opened"], old["prs_merged"]),
        lambda new, prs: (
            new["sessions_count"],
            new["searches_count"],
            prs["prs_opened_count"],
            new["prs_merged_count"],
        ),
    ),
    "GET /v2/enterprise/playbooks/{playbook_id}": (playbook, playbook),
    "GET /v2/enterprise/org-group-limits": (lambda old: [old], lambda new: [new]),
    "GET /v2/enterprise/snapshots/{snapshot_id}": (
        lambda old: (old["snapshot_id"], old["status"], seconds(old["created_at"])),
        lambda new: (new["build_id"], new["status"], new["created_at"]),
    ),
    "GET /beta/v2/enterprise/repositories/{org_id}": (
        lambda old: [(one["name"], one["indexing_enabled"], (one["latest_index"] or {}).get("job_id")) for one in old],
        lambda new: [
            (
                one["repo_path"],
                one["indexing_status"]["indexing_enabled"],
                next((job["job_id"] for job in one["indexing_status"]["latest_indexes"]), None),
            )
            for one in items(new)
        ],
    ),
}
"""What the two answers of a read have in common."""
for new, known in (
    ("GET /v1/session/{session_id}", "GET /v1/sessions/{session_id}"),
    ("GET /v2/enterprise/audit-logs", "GET /v1/audit-logs"),
    ("GET /v2/enterprise/playbooks", "GET /v1/playbooks"),
    ("GET /v2/enterprise/organizations/{org_id}/sessions", "GET /v2/enterprise/sessions"),
    ("GET /v2/enterprise/organizations/{org_id}/sessions/insights", "GET /v2/enterprise/sessions/insights"),
):
    FACTS[new] = FACTS[known]
for path in ("daily", "daily/{user_id}"):
    FACTS[f"GET /v2/enterprise/consumption/{path}"] = (old_days, new_days)
