"""Every operation of the old APIs, one row each, with the calls of v3 that replace it."""

from typing import Any

from cogmill.access.permissions import Permission as P
from cogmill.api.legacy.v1 import content, enterprise, sessions
from cogmill.api.legacy.v1 import schemas as v1
from cogmill.api.operations import DELETE, GET, POST, PUT, Op
from cogmill.domain.attachments import endpoints as attachments
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

LEGACY: list[Op] = [*V1]
