"""Every operation of the old APIs, one row each, with the calls of v3 that replace it."""

from typing import Any

from cogmill.access.permissions import Permission as P
from cogmill.api.legacy.v1 import content, enterprise, sessions
from cogmill.api.legacy.v1 import schemas as v1
from cogmill.api.legacy.v2 import api_keys, environments, members, organizations, usage
from cogmill.api.legacy.v2 import enterprise as enterprise_v2
from cogmill.api.legacy.v2 import environment_schemas as v2_environments
from cogmill.api.legacy.v2 import schemas as v2
from cogmill.api.legacy.v2 import session_schemas as v2_sessions
from cogmill.api.legacy.v2 import sessions as sessions_v2
from cogmill.api.legacy.v2 import usage_schemas as v2_usage
from cogmill.api.operations import DELETE, GET, PATCH, POST, PUT, Op
from cogmill.domain.attachments import endpoints as attachments
from cogmill.domain.organizations import endpoints as limits
from cogmill.domain.organizations.schemas import OrgGroupsOut
from cogmill.web.guard import Reach
from cogmill.web.legacy import Legacy

KEY_ORG, ENTERPRISE = Reach.IN_KEY_ORG, Reach.IN_ENTERPRISE
ORG = "/v3/organizations/{org_id}"
SESSION, NOTE, PLAYBOOK = f"{ORG}/sessions/{{devin_id}}", f"{ORG}/knowledge/notes", f"{ORG}/playbooks"
VIEW = (P.VIEW_ORG_SESSIONS, P.USE_DEVIN_SESSIONS)
MANAGE = (P.MANAGE_ORG_SESSIONS, P.USE_DEVIN_SESSIONS)
USE = (P.USE_DEVIN_SESSIONS,)
SECRETS, PLAYBOOKS, KNOWLEDGE = (P.MANAGE_ORG_SECRETS,), (P.MANAGE_ORG_PLAYBOOKS,), (P.MANAGE_ORG_KNOWLEDGE,)
SUMS = (P.MANAGE_BILLING,)
TOP, PLACE, ENTERPRISE_ORG = "/v3/enterprise", "/v3/enterprise/organizations/{org_id}", Reach.ENTERPRISE_ORG
VIEW_MEMBERS, MEMBERS = (P.MANAGE_ACCOUNT_MEMBERSHIP, P.VIEW_ACCOUNT_MEMBERSHIP), (P.MANAGE_ACCOUNT_MEMBERSHIP,)
ORGANIZATIONS, GIT, VIEW_EVERYWHERE = (
    (P.MANAGE_ORGANIZATIONS,),
    (P.MANAGE_GIT_INTEGRATIONS,),
    (P.VIEW_ACCOUNT_SESSIONS,),
)
METRICS = (P.VIEW_ACCOUNT_METRICS,)
SHARED_PLAYBOOKS, SNAPSHOTS, INDEXING = (
    (P.MANAGE_ACCOUNT_PLAYBOOKS,),
    (P.MANAGE_ORG_SNAPSHOTS,),
    (P.INDEX_ORG_REPOSITORIES,),
)
KEYS = "/v3beta1/enterprise/service-users/{service_user_id}/api-keys"
SETUP, REPOSITORIES = (
    "/v3beta1/organizations/{org_id}/snapshot-setup",
    "/v3beta1/organizations/{org_id}/repositories",
)


def _v1(
    id: str, method: str, path: str, permissions: tuple[P, ...], handler: Any, output: Any, *v3: str, **more: Any
) -> Op:
    reach = more.pop("reach", KEY_ORG)
    return Op(id, method, path, reach, permissions, handler, output, legacy=Legacy("v1", id, v3), **more)


# fmt: off
V1: list[Op] = [
    _v1("list_sessions_endpoint_v1_sessions_get", GET, "/v1/sessions", VIEW, sessions.list_, v1.SessionsV1Out, f"GET {ORG}/sessions"),
    _v1("create_session_v1_sessions_post", POST, "/v1/sessions", MANAGE, sessions.create, v1.SessionV1CreatedOut, f"POST {ORG}/sessions", audit="create_session"),
    _v1("get_session_v1_sessions__session_id__get", GET, "/v1/sessions/{session_id}", VIEW, sessions.get, v1.SessionDetailsV1Out, f"GET {SESSION}", f"GET {SESSION}/messages"),
    _v1("terminate_session_v1_sessions__session_id__delete", DELETE, "/v1/sessions/{session_id}", MANAGE, sessions.terminate, v1.DetailOut, f"DELETE {SESSION}", audit="terminate_session"),
    _v1("send_message_v1_sessions__session_id__message_post", POST, "/v1/sessions/{session_id}/message", MANAGE, sessions.send_message, v1.DetailOut | None, f"POST {SESSION}/messages", audit="send_message"),
    _v1("update_session_tags_v1_sessions__session_id__tags_put", PUT, "/v1/sessions/{session_id}/tags", MANAGE, sessions.replace_tags, v1.DetailOut, f"PUT {SESSION}/tags", audit="update_session_tags"),
    _v1("get_session_alias", GET, "/v1/session/{session_id}", VIEW, sessions.get, v1.SessionDetailsV1Out, f"GET {SESSION}", f"GET {SESSION}/messages"),
    _v1("send_message_alias", POST, "/v1/session/{session_id}/message", MANAGE, sessions.send_message, v1.DetailOut | None, f"POST {SESSION}/messages", audit="send_message"),
    _v1("update_session_tags_alias", PUT, "/v1/session/{session_id}/tags", MANAGE, sessions.replace_tags, v1.DetailOut, f"PUT {SESSION}/tags", audit="update_session_tags"),
    _v1("upload_attachment_v1_attachments_post", POST, "/v1/attachments", USE, sessions.upload, str, f"POST {ORG}/attachments", audit="upload_attachment", takes_file=True),
    _v1("download_attachment_v1_attachments__uuid___name__get", GET, "/v1/attachments/{uuid}/{name}", (P.VIEW_ORG_SESSIONS,), attachments.download, None, f"GET {ORG}/attachments/{{uuid}}/{{name}}", status=307),
    _v1("list_secrets_v1_secrets_get", GET, "/v1/secrets", SECRETS, content.list_secrets, list[v1.SecretV1Out], f"GET {ORG}/secrets"),
    _v1("create_secret_v1_secrets_post", POST, "/v1/secrets", SECRETS, content.create_secret, v1.IdOut, f"POST {ORG}/secrets", audit="create_secret"),
    _v1("delete_secret_v1_secrets__secret_id__delete", DELETE, "/v1/secrets/{secret_id}", SECRETS, content.delete_secret, v1.DetailOut, f"DELETE {ORG}/secrets/{{secret_id}}", audit="delete_secret"),
    _v1("list_knowledge_v1_knowledge_get", GET, "/v1/knowledge", (P.USE_DEVIN_SESSIONS, P.MANAGE_ORG_KNOWLEDGE), content.list_knowledge, v1.KnowledgeListOut, f"GET {NOTE}", f"GET {ORG}/knowledge/folders"),
    _v1("create_knowledge_v1_knowledge_post", POST, "/v1/knowledge", KNOWLEDGE, content.create_knowledge, v1.KnowledgeOut, f"POST {NOTE}", audit="create_knowledge"),
    _v1("update_knowledge_v1_knowledge__note_id__put", PUT, "/v1/knowledge/{note_id}", KNOWLEDGE, content.replace_knowledge, v1.KnowledgeOut, f"PUT {NOTE}/{{note_id}}", audit="edit_knowledge"),
    _v1("delete_knowledge_v1_knowledge__note_id__delete", DELETE, "/v1/knowledge/{note_id}", KNOWLEDGE, content.delete_knowledge, None, f"DELETE {NOTE}/{{note_id}}", audit="delete_knowledge", status=204),
    _v1("list_playbooks_v1_playbooks_get", GET, "/v1/playbooks", (P.USE_DEVIN_SESSIONS, P.MANAGE_ORG_PLAYBOOKS), content.list_playbooks, list[v1.PlaybookV1Out], f"GET {PLAYBOOK}"),
    _v1("create_playbook_v1_playbooks_post", POST, "/v1/playbooks", PLAYBOOKS, content.create_playbook, v1.PlaybookV1Out, f"POST {PLAYBOOK}", audit="create_playbook"),
    _v1("get_playbook_v1_playbooks__playbook_id__get", GET, "/v1/playbooks/{playbook_id}", (P.USE_DEVIN_SESSIONS, P.MANAGE_ORG_PLAYBOOKS), content.get_playbook, v1.PlaybookV1Out, f"GET {PLAYBOOK}/{{playbook_id}}"),
    _v1("update_playbook_v1_playbooks__playbook_id__put", PUT, "/v1/playbooks/{playbook_id}", PLAYBOOKS, content.replace_playbook, v1.StatusOut, f"PUT {PLAYBOOK}/{{playbook_id}}", audit="update_playbook"),
    _v1("delete_playbook_v1_playbooks__playbook_id__delete", DELETE, "/v1/playbooks/{playbook_id}", PLAYBOOKS, content.delete_playbook, v1.StatusOut, f"DELETE {PLAYBOOK}/{{playbook_id}}", audit="delete_playbook"),
    _v1("get_enterprise_consumption", GET, "/v1/enterprise/consumption", SUMS, enterprise.consumption, v1.ConsumptionV1Out, "GET /v3/enterprise/sessions", reach=ENTERPRISE),
    _v1("list_audit_logs", GET, "/v1/audit-logs", (P.MANAGE_ENTERPRISE_SETTINGS,), enterprise.audit_logs, v1.AuditLogsV1Out, "GET /v3/enterprise/organizations/{org_id}/audit-logs"),
]
# fmt: on


def _v2(
    id: str,
    method: str,
    path: str,
    reach: Reach,
    permissions: tuple[P, ...],
    handler: Any,
    output: Any,
    *v3: str,
    **more: Any,
) -> Op:
    return Op(id, method, path, reach, permissions, handler, output, legacy=Legacy("v2", id, v3), **more)


# fmt: off
V2: list[Op] = [
    _v2("handle_get_self_v2_enterprise_self_get", GET, "/v2/enterprise/self", ENTERPRISE, (P.READ_ACCOUNT_META,), enterprise_v2.get_self, v2.SelfV2Out, "GET /v3/self"),
    _v2("get_enterprise_api_keys_v2_enterprise_api_keys_get", GET, "/v2/enterprise/api-keys", ENTERPRISE, MEMBERS, api_keys.list_, v2.PageV2Out[v2.ApiKeyV2Out], f"GET {KEYS}"),
    _v2("provision_service_api_key_v2_enterprise_api_keys_post", POST, "/v2/enterprise/api-keys", ENTERPRISE, MEMBERS, api_keys.create, v2.ApiKeyWithValueOut, "POST /v3beta1/organizations/{org_id}/service-users", audit="create_org_api_key"),
    _v2("revoke_enterprise_api_keys_v2_enterprise_api_keys_delete", DELETE, "/v2/enterprise/api-keys", ENTERPRISE, MEMBERS, api_keys.revoke_all, v2.SuccessOut, f"DELETE {KEYS}/{{api_key_id}}", audit="revoke_enterprise_api_keys"),
    _v2("revoke_enterprise_api_key_endpoint_v2_enterprise_api_keys__api_key_id__delete", DELETE, "/v2/enterprise/api-keys/{api_key_id}", ENTERPRISE, MEMBERS, api_keys.revoke, v2.SuccessOut, f"DELETE {KEYS}/{{api_key_id}}", audit="revoke_enterprise_api_key"),
    _v2("get_audit_logs_v2_enterprise_audit_logs_get", GET, "/v2/enterprise/audit-logs", ENTERPRISE, (P.MANAGE_ENTERPRISE_SETTINGS,), enterprise_v2.audit_logs, v2.AuditLogsV2Out, f"GET {TOP}/audit-logs"),
    _v2("get_enterprise_hypervisors_health_v2_enterprise_hypervisors_health_get", GET, "/v2/enterprise/hypervisors/health", ENTERPRISE, (P.VIEW_ENTERPRISE_INFRA_DETAILS,), enterprise_v2.hypervisors, list[v2.HypervisorV2Out], f"GET {TOP}/hypervisors"),
    _v2("consumption_cycles_endpoint_v2_enterprise_consumption_cycles_get", GET, "/v2/enterprise/consumption/cycles", ENTERPRISE, SUMS, usage.list_cycles, list[v2_usage.CycleV2Out], f"GET {TOP}/consumption/cycles"),
    _v2("daily_consumption_endpoint_v2_enterprise_consumption_daily_get", GET, "/v2/enterprise/consumption/daily", ENTERPRISE, SUMS, usage.daily, v2_usage.ConsumptionV2Out, f"GET {TOP}/consumption/daily"),
    _v2("user_daily_consumption_endpoint_v2_enterprise_consumption_daily__user_id__get", GET, "/v2/enterprise/consumption/daily/{user_id}", ENTERPRISE, SUMS, usage.daily_of_user, v2_usage.UserConsumptionV2Out, f"GET {TOP}/consumption/daily/users/{{user_id}}"),
    _v2("enterprise_prs_metrics_endpoint_v2_enterprise_metrics_prs_get", GET, "/v2/enterprise/metrics/prs", ENTERPRISE, METRICS, usage.pull_requests, v2_usage.PrMetricsV2Out, f"GET {TOP}/metrics/prs"),
    _v2("enterprise_sessions_metrics_endpoint_v2_enterprise_metrics_sessions_get", GET, "/v2/enterprise/metrics/sessions", ENTERPRISE, METRICS, usage.sessions, v2_usage.SessionMetricsV2Out, f"GET {TOP}/metrics/sessions"),
    _v2("enterprise_searches_metrics_endpoint_v2_enterprise_metrics_searches_get", GET, "/v2/enterprise/metrics/searches", ENTERPRISE, METRICS, usage.searches, v2_usage.SearchMetricsV2Out, f"GET {TOP}/metrics/searches"),
    _v2("enterprise_usage_metrics_endpoint_v2_enterprise_metrics_usage_get", GET, "/v2/enterprise/metrics/usage", ENTERPRISE, METRICS, usage.all_metrics, v2_usage.UsageMetricsV2Out, f"GET {TOP}/metrics/usage", f"GET {TOP}/metrics/prs"),
    _v2("enterprise_groups_endpoint_v2_enterprise_groups_get", GET, "/v2/enterprise/groups", ENTERPRISE, VIEW_MEMBERS, members.list_groups, v2.PageV2Out[v2.GroupV2Out], f"GET {TOP}/idp-groups", f"GET {TOP}/members/idp-groups"),
    _v2("enterprise_group_create_endpoint_v2_enterprise_groups_put", PUT, "/v2/enterprise/groups", ENTERPRISE, MEMBERS, members.add_groups, list[str], f"POST {TOP}/idp-groups", audit="register_idp_groups"),
    _v2("enterprise_group_details_endpoint_v2_enterprise_groups__group_name__get", GET, "/v2/enterprise/groups/{group_name:path}", ENTERPRISE, VIEW_MEMBERS, members.get_group, v2.GroupV2Out, f"GET {TOP}/members/idp-groups/{{idp_group_name}}"),
    _v2("enterprise_members_endpoint_v2_enterprise_members_get", GET, "/v2/enterprise/members", ENTERPRISE, VIEW_MEMBERS, members.list_, v2.PageV2Out[v2.MemberV2Out], f"GET {TOP}/members/users"),
    _v2("enterprise_members_invite_endpoint_v2_enterprise_members_invite_post", POST, "/v2/enterprise/members/invite", ENTERPRISE, MEMBERS, members.invite, v2.InvitedV2Out, f"POST {TOP}/members/users", audit="add_enterprise_member"),
    _v2("enterprise_members_role_update_endpoint_v2_enterprise_members_roles_patch", PATCH, "/v2/enterprise/members/roles", ENTERPRISE, MEMBERS, members.set_roles, v2.SuccessOut, f"PATCH {TOP}/members/users/{{user_id}}", audit="assign_roles"),
    _v2("enterprise_member_details_endpoint_v2_enterprise_members__user_id__get", GET, "/v2/enterprise/members/{user_id}", ENTERPRISE, VIEW_MEMBERS, members.get, v2.MemberV2Out, f"GET {TOP}/members/users/{{user_id}}"),
    _v2("enterprise_member_deletion_endpoint_v2_enterprise_members__user_id__delete", DELETE, "/v2/enterprise/members/{user_id}", ENTERPRISE, MEMBERS, members.remove, v2.SuccessOut, f"DELETE {TOP}/members/users/{{user_id}}", audit="delete_member"),
    _v2("enterprise_user_organizations_endpoint_v2_enterprise_members__user_id__organizations_get", GET, "/v2/enterprise/members/{user_id}/organizations", ENTERPRISE, VIEW_MEMBERS, members.list_organizations, v2.PageV2Out[v2.MembershipV2Out], f"GET {TOP}/members/users/{{user_id}}"),
    _v2("enterprise_roles_endpoint_v2_enterprise_roles_get", GET, "/v2/enterprise/roles", ENTERPRISE, VIEW_MEMBERS, members.list_roles, list[v2.RoleV2Out], f"GET {TOP}/roles"),
    _v2("enterprise_organizations_endpoint_v2_enterprise_organizations_get", GET, "/v2/enterprise/organizations", ENTERPRISE, ORGANIZATIONS, organizations.list_, v2.PageV2Out[v2.OrganizationV2Out], f"GET {TOP}/organizations"),
    _v2("create_enterprise_organization_endpoint_v2_enterprise_organizations_post", POST, "/v2/enterprise/organizations", ENTERPRISE, ORGANIZATIONS, organizations.create, v2.OrganizationV2Out, f"POST {TOP}/organizations", audit="create_org"),
    _v2("enterprise_organization_details_endpoint_v2_enterprise_organizations__org_id__get", GET, "/v2/enterprise/organizations/{org_id}", ENTERPRISE_ORG, ORGANIZATIONS, organizations.get, v2.OrganizationV2Out, f"GET {PLACE}"),
    _v2("update_organization_endpoint_v2_enterprise_organizations__org_id__patch", PATCH, "/v2/enterprise/organizations/{org_id}", ENTERPRISE_ORG, ORGANIZATIONS, organizations.update, v2.SuccessOut, f"PATCH {PLACE}", audit="update_org"),
    _v2("delete_enterprise_organization_endpoint_v2_enterprise_organizations__org_id__delete", DELETE, "/v2/enterprise/organizations/{org_id}", ENTERPRISE_ORG, ORGANIZATIONS, organizations.delete, v2.SuccessOut, f"DELETE {PLACE}", audit="delete_org"),
    _v2("enterprise_organization_members_endpoint_v2_enterprise_organizations__org_id__members_get", GET, "/v2/enterprise/organizations/{org_id}/members", ENTERPRISE_ORG, VIEW_MEMBERS, members.list_of_organization, v2.PageV2Out[v2.MembershipV2Out], f"GET {PLACE}/members/users"),
    _v2("enterprise_organizations_member_addition_endpoint_v2_enterprise_organizations__org_id__members_post", POST, "/v2/enterprise/organizations/{org_id}/members", ENTERPRISE_ORG, MEMBERS, members.join, v2.SuccessOut, f"POST {PLACE}/members/users/{{user_id}}", audit="add_members_to_org"),
    _v2("enterprise_organization_members_role_update_endpoint_v2_enterprise_organizations__org_id__members_roles_patch", PATCH, "/v2/enterprise/organizations/{org_id}/members/roles", ENTERPRISE_ORG, MEMBERS, members.set_roles, v2.SuccessOut, f"PATCH {PLACE}/members/users/{{user_id}}", audit="assign_roles"),
    _v2("enterprise_organization_member_removal_endpoint_v2_enterprise_organizations__org_id__members__user_id__delete", DELETE, "/v2/enterprise/organizations/{org_id}/members/{user_id}", ENTERPRISE_ORG, MEMBERS, members.leave, v2.SuccessOut, f"DELETE {PLACE}/members/users/{{user_id}}", audit="remove_members_from_org"),
    _v2("enterprise_organization_groups_endpoint_v2_enterprise_organizations__org_id__groups_get", GET, "/v2/enterprise/organizations/{org_id}/groups", ENTERPRISE_ORG, VIEW_MEMBERS, members.list_org_groups, v2.PageV2Out[v2.OrgGroupV2Out], f"GET {PLACE}/members/idp-groups"),
    _v2("enterprise_organization_group_addition_endpoint_v2_enterprise_organizations__org_id__groups_post", POST, "/v2/enterprise/organizations/{org_id}/groups", ENTERPRISE_ORG, MEMBERS, members.add_org_group, v2.OrgGroupV2Out, f"POST {TOP}/members/idp-groups/{{idp_group_name}}", f"POST {PLACE}/members/idp-groups/{{idp_group_name}}", audit="assign_idp_group_role"),
    _v2("enterprise_organization_group_removal_endpoint_v2_enterprise_organizations__org_id__groups__group_name__delete", DELETE, "/v2/enterprise/organizations/{org_id}/groups/{group_name:path}", ENTERPRISE_ORG, MEMBERS, members.remove_org_group, v2.SuccessOut, f"DELETE {PLACE}/members/idp-groups/{{idp_group_name}}", audit="remove_idp_group"),
    _v2("enterprise_organization_connections_endpoint_v2_enterprise_organizations__org_id__git_connections_get", GET, "/v2/enterprise/organizations/{org_id}/git/connections", ENTERPRISE_ORG, GIT, organizations.list_connections, v2.PageV2Out[v2.GitConnectionV2Out], f"GET {TOP}/git-providers/connections"),
    _v2("enterprise_organization_permissions_endpoint_v2_enterprise_organizations__org_id__git_permissions_get", GET, "/v2/enterprise/organizations/{org_id}/git/permissions", ENTERPRISE_ORG, GIT, organizations.list_permissions, v2.PageV2Out[v2.GitPermissionV2Out], f"GET {PLACE}/git-providers/permissions"),
    _v2("enterprise_organization_permission_addition_endpoint_v2_enterprise_organizations__org_id__git_permissions_post", POST, "/v2/enterprise/organizations/{org_id}/git/permissions", ENTERPRISE_ORG, GIT, organizations.add_permissions, v2.GitPermissionsV2Out, f"POST {PLACE}/git-providers/permissions", audit="create_git_permission"),
    _v2("enterprise_organization_permission_removal_endpoint_v2_enterprise_organizations__org_id__git_permissions__permission_id__delete", DELETE, "/v2/enterprise/organizations/{org_id}/git/permissions/{permission_id}", ENTERPRISE_ORG, GIT, organizations.delete_permission, v2.SuccessOut, f"DELETE {PLACE}/git-providers/permissions/{{git_permission_id}}", audit="delete_git_permission"),
    _v2("clone_repo_v2_enterprise_organizations__org_id__clone_post", POST, "/v2/enterprise/organizations/{org_id}/clone", ENTERPRISE_ORG, SNAPSHOTS, environments.clone, v2_environments.ClonedV2Out, f"POST {SETUP}/blueprints", f"POST {SETUP}/builds", audit="execute_snapshot_script"),
    _v2("list_sessions_v2_enterprise_sessions_get", GET, "/v2/enterprise/sessions", ENTERPRISE, VIEW_EVERYWHERE, sessions_v2.list_everywhere, v2.PageV2Out[v2_sessions.SessionV2Out], f"GET {TOP}/sessions"),
    _v2("list_org_sessions_v2_enterprise_organizations__org_id__sessions_get", GET, "/v2/enterprise/organizations/{org_id}/sessions", ENTERPRISE_ORG, VIEW_EVERYWHERE, sessions_v2.list_, v2.PageV2Out[v2_sessions.SessionV2Out], "GET /v3/organizations/{org_id}/sessions"),
    # Before the row with a session, which would take it for one that is called "insights".
    _v2("list_sessions_detail_v2_enterprise_sessions_insights_get", GET, "/v2/enterprise/sessions/insights", ENTERPRISE, VIEW_EVERYWHERE, sessions_v2.list_insights_everywhere, v2.PageV2Out[v2_sessions.SessionDetailsV2Out], f"GET {TOP}/sessions/insights"),
    _v2("list_org_sessions_detail_v2_enterprise_organizations__org_id__sessions_insights_get", GET, "/v2/enterprise/organizations/{org_id}/sessions/insights", ENTERPRISE_ORG, VIEW_EVERYWHERE, sessions_v2.list_insights, v2.PageV2Out[v2_sessions.SessionDetailsV2Out], "GET /v3/organizations/{org_id}/sessions/insights"),
    _v2("get_session_detail_v2_enterprise_sessions__session_id__get", GET, "/v2/enterprise/sessions/{session_id}", ENTERPRISE, VIEW_EVERYWHERE, sessions_v2.get, v2_sessions.SessionDetailsV2Out, f"GET {TOP}/sessions/{{devin_id}}", f"GET {TOP}/sessions/{{devin_id}}/insights", f"GET {TOP}/sessions/{{devin_id}}/messages"),
    _v2("list_playbooks_v2_enterprise_playbooks_get", GET, "/v2/enterprise/playbooks", ENTERPRISE, SHARED_PLAYBOOKS, enterprise_v2.list_playbooks, list[v2.PlaybookV2Out], f"GET {TOP}/playbooks"),
    _v2("create_playbook_v2_enterprise_playbooks_post", POST, "/v2/enterprise/playbooks", ENTERPRISE, SHARED_PLAYBOOKS, enterprise_v2.create_playbook, v2.PlaybookV2Out, f"POST {TOP}/playbooks", audit="create_playbook"),
    _v2("get_playbook_v2_enterprise_playbooks__playbook_id__get", GET, "/v2/enterprise/playbooks/{playbook_id}", ENTERPRISE, SHARED_PLAYBOOKS, enterprise_v2.get_playbook, v2.PlaybookV2Out, f"GET {TOP}/playbooks/{{playbook_id}}"),
    _v2("update_playbook_v2_enterprise_playbooks__playbook_id__put", PUT, "/v2/enterprise/playbooks/{playbook_id}", ENTERPRISE, SHARED_PLAYBOOKS, enterprise_v2.update_playbook, v2.SuccessOut, f"PUT {TOP}/playbooks/{{playbook_id}}", audit="update_playbook"),
    _v2("delete_playbook_v2_enterprise_playbooks__playbook_id__delete", DELETE, "/v2/enterprise/playbooks/{playbook_id}", ENTERPRISE, SHARED_PLAYBOOKS, enterprise_v2.delete_playbook, v2.SuccessOut, f"DELETE {TOP}/playbooks/{{playbook_id}}", audit="delete_playbook"),
    _v2("get_org_groups_config_v2_enterprise_org_group_limits_get", GET, "/v2/enterprise/org-group-limits", ENTERPRISE, ORGANIZATIONS, limits.get_group_limits, OrgGroupsOut, f"GET {TOP}/org-group-limits"),
    _v2("update_org_groups_config_v2_enterprise_org_group_limits_put", PUT, "/v2/enterprise/org-group-limits", ENTERPRISE, ORGANIZATIONS, limits.replace_group_limits, OrgGroupsOut, f"PUT {TOP}/org-group-limits", audit="set_org_group_limits"),
    _v2("get_snapshot_v2_enterprise_snapshots__snapshot_id__get", GET, "/v2/enterprise/snapshots/{snapshot_id}", ENTERPRISE, SNAPSHOTS, environments.get_snapshot, v2_environments.SnapshotV2Out, f"GET {SETUP}/builds/{{build_id}}"),
    _v2("get_user_usage_analysis_beta_v2", GET, "/beta/v2/enterprise/user-usage-analysis", ENTERPRISE, METRICS, usage.use_of_members, v2.PageV2Out[v2_usage.UserUsageV2Out]),
    _v2("bulk_index_repositories_beta_v2", POST, "/beta/v2/enterprise/repositories/bulk-index", ENTERPRISE, INDEXING, environments.bulk_index, v2.SuccessOut, f"PUT {REPOSITORIES}/indexing", audit="index_repositories"),
    _v2("get_repository_status_beta_v2", GET, "/beta/v2/enterprise/repositories/{org_id}", ENTERPRISE_ORG, INDEXING, environments.list_indexed, list[v2_environments.IndexedV2Out], f"GET {REPOSITORIES}"),
]
# fmt: on
LEGACY: list[Op] = [*V1, *V2]
