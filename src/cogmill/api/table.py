"""Every operation of the server, one row each: id, address, reach, permission, handler, answer."""

from typing import Any

from cogmill.access.permissions import Permission as P
from cogmill.api import pages, system
from cogmill.api.legacy.table import LEGACY
from cogmill.api.operations import DELETE, GET, PATCH, POST, PUT, Op
from cogmill.domain.acu_limits import endpoints as acu_limits
from cogmill.domain.acu_limits.schemas import AcuLimitOut, StandingOut
from cogmill.domain.api_keys import endpoints as api_keys
from cogmill.domain.api_keys.schemas import ApiKeyOut, ApiKeyWithTokenOut, LegacyKeyOut
from cogmill.domain.attachments import endpoints as attachments
from cogmill.domain.attachments.schemas import AttachmentOut
from cogmill.domain.audit_logs import endpoints as audit_logs
from cogmill.domain.audit_logs.schemas import AuditLogOut
from cogmill.domain.automations import endpoints as automations
from cogmill.domain.automations.schemas import (
    AutomationOut,
    AutomationRunOut,
    AutomationSchemasOut,
    TriggeredOut,
)
from cogmill.domain.blueprints import endpoints as blueprints
from cogmill.domain.blueprints.schemas import BlueprintFileListOut, BlueprintFileOut, BlueprintListOut, BlueprintOut
from cogmill.domain.code_scans import endpoints as code_scans
from cogmill.domain.code_scans.schemas import (
    CodeScanMetricsOut,
    CodeScanOut,
    FindingOut,
    ProfileOut,
    ProfileSummaryOut,
    RemediationOut,
)
from cogmill.domain.git_providers import endpoints as git
from cogmill.domain.git_providers.schemas import (
    GitCheckOut,
    GitConnectionOut,
    GitConnectionRepositoryOut,
    GitPermissionOut,
    GitWebhookOut,
    NewGitConnectionOut,
)
from cogmill.domain.guardrails import endpoints as guardrails
from cogmill.domain.guardrails.schemas import GuardrailOut, ViolationOut
from cogmill.domain.hypervisors import endpoints as hypervisors
from cogmill.domain.hypervisors.schemas import HypervisorOut
from cogmill.domain.identity import endpoints as identity
from cogmill.domain.identity.schemas import SelfOut
from cogmill.domain.insights import endpoints as insights
from cogmill.domain.insights.schemas import GenerateOut, InsightsOut
from cogmill.domain.ip_ranges import endpoints as ip_ranges
from cogmill.domain.ip_ranges.schemas import IpRangesOut
from cogmill.domain.knowledge import endpoints as knowledge
from cogmill.domain.knowledge.schemas import FolderOut, FolderTreeOut, NoteOut
from cogmill.domain.members import endpoints as members
from cogmill.domain.members.schemas import (
    CustomRoleOut,
    IdpGroupNameOut,
    IdpGroupOut,
    IdpGroupUserOut,
    OrgIdpGroupUserOut,
    OrgMemberUserOut,
    OrgMemberUserWithIdpRolesOut,
    RoleOut,
    ServiceUserOut,
    UserOut,
    UserWithIdpRolesOut,
)
from cogmill.domain.metrics import endpoints as metrics
from cogmill.domain.metrics.schemas import (
    ActiveUsersOut,
    CategoriesOut,
    PrMetricsOut,
    QueueOut,
    SearchMetricsOut,
    SessionMetricsOut,
    UsageMetricsOut,
)
from cogmill.domain.organizations import endpoints as organizations
from cogmill.domain.organizations import platform
from cogmill.domain.organizations.platform import DefaultPlatformOut
from cogmill.domain.organizations.schemas import AllowedTagsOut, DefaultTagOut, OrganizationOut, OrgGroupsOut
from cogmill.domain.outposts import endpoints as outposts
from cogmill.domain.outposts.schemas import EntryListOut, EntryOut, OutpostOut
from cogmill.domain.playbooks import endpoints as playbooks
from cogmill.domain.playbooks.schemas import PlaybookOut, PlaybookVersionOut
from cogmill.domain.pr_reviews import endpoints as pr_reviews
from cogmill.domain.pr_reviews.schemas import PrReviewOut
from cogmill.domain.pull_requests import endpoints as pull_requests
from cogmill.domain.pull_requests.schemas import PullRequestOut, SessionDiffOut
from cogmill.domain.repositories import endpoints as repositories
from cogmill.domain.repositories.schemas import (
    CodeHitOut,
    IndexingStatusOut,
    IndexJobDetailsOut,
    RepositoryIndexingOut,
    RepositoryOut,
)
from cogmill.domain.schedules import endpoints as schedules
from cogmill.domain.schedules.schemas import ScheduleOut, ScheduleRunOut
from cogmill.domain.secrets import endpoints as secrets
from cogmill.domain.secrets.schemas import SecretOut
from cogmill.domain.service_users import endpoints as service_users
from cogmill.domain.service_users.schemas import ServiceUserProvisionedOut
from cogmill.domain.sessions import endpoints as sessions
from cogmill.domain.sessions import enterprise as enterprise_sessions
from cogmill.domain.sessions.schemas import (
    EventDetailsOut,
    EventHitOut,
    EventOut,
    MessageOut,
    SessionAttachmentOut,
    SessionOut,
    TagsOut,
)
from cogmill.domain.sessions.stream import stream
from cogmill.domain.sign_ins import endpoints as sign_ins
from cogmill.domain.sign_ins.schemas import AccountOut, InvitationOut, SignedOutOut, SignInOptionsOut
from cogmill.domain.snapshot_builds import endpoints as snapshot_builds
from cogmill.domain.snapshot_builds.schemas import BuildOut
from cogmill.domain.usage import endpoints as usage
from cogmill.domain.usage.schemas import ConsumptionCycle, ConsumptionOut
from cogmill.domain.webhooks import endpoints as webhooks
from cogmill.domain.webhooks.schemas import DeliveryDetailsOut, DeliveryOut, WebhookOut, WebhookWithSecretOut
from cogmill.web.guard import Reach
from cogmill.web.links import PresignedUrlOut
from cogmill.web.params import Page

PUBLIC, SELF, IN_ORG, IN_HOME_ORG = Reach.PUBLIC, Reach.SELF, Reach.IN_ORG, Reach.IN_HOME_ORG
IN_ENTERPRISE, ENTERPRISE_ORG = Reach.IN_ENTERPRISE, Reach.ENTERPRISE_ORG

ANYBODY = (P.PUBLIC,)
# Own sessions need UseDevinSessions only; the services let it reach no others (contract/permissions.md, section 2).
VIEW = (P.VIEW_ORG_SESSIONS, P.USE_DEVIN_SESSIONS)
MANAGE = (P.MANAGE_ORG_SESSIONS, P.USE_DEVIN_SESSIONS)
CREATE = (P.USE_DEVIN_SESSIONS, P.MANAGE_ORG_SESSIONS)
VIEW_EVERYWHERE, MANAGE_EVERYWHERE = (P.VIEW_ACCOUNT_SESSIONS,), (P.MANAGE_ACCOUNT_SESSIONS,)
VIEW_MEMBERS = (P.MANAGE_ACCOUNT_MEMBERSHIP, P.VIEW_ACCOUNT_MEMBERSHIP)
MANAGE_MEMBERS = (P.MANAGE_ACCOUNT_MEMBERSHIP,)
VIEW_ORG_MEMBERS = (P.VIEW_ORG_MEMBERSHIP, P.MANAGE_ORG_MEMBERSHIP)
SERVICE_USERS = (P.MANAGE_ACCOUNT_SERVICE_USERS,)
LEGACY_KEYS = (P.MANAGE_ORG_API_KEYS,)
SECRETS = (P.MANAGE_ORG_SECRETS,)
SCHEDULES = (P.MANAGE_ORG_SCHEDULES,)
VIEW_SCANS, USE_SCANS = (P.VIEW_CODE_SCANS,), (P.USE_CODE_SCANS,)
VIEW_ALL_SCANS, USE_ALL_SCANS = (P.VIEW_ACCOUNT_CODE_SCANS,), (P.USE_ACCOUNT_CODE_SCANS,)
PLAYBOOKS, SHARED_PLAYBOOKS = (P.MANAGE_ORG_PLAYBOOKS,), (P.MANAGE_ACCOUNT_PLAYBOOKS,)
READ_REPOS, INDEX_REPOS = (P.READ,), (P.INDEX_ORG_REPOSITORIES,)
SEARCH_CODE = (P.USE_ASK_DEVIN, P.USE_DEVIN_SESSIONS)
GIT, VIEW_GIT = (P.MANAGE_GIT_INTEGRATIONS,), (P.MANAGE_GIT_INTEGRATIONS, P.VIEW_GIT_INTEGRATIONS)
REPO_BLUEPRINTS, SHARED_BLUEPRINTS = (P.MANAGE_REPO_BLUEPRINTS,), (P.MANAGE_ACCOUNT_SNAPSHOTS,)
SNAPSHOTS = (P.MANAGE_ORG_SNAPSHOTS,)
CONSUMPTION = (P.VIEW_ACCOUNT_CONSUMPTION, P.MANAGE_BILLING)
ORG_CONSUMPTION = (P.VIEW_ORG_CONSUMPTION, P.MANAGE_BILLING)
USE_PLAYBOOKS = (P.USE_DEVIN_SESSIONS, P.MANAGE_ORG_PLAYBOOKS)
VIEW_AUTOMATIONS, AUTOMATIONS = (P.VIEW_ORG_AUTOMATIONS, P.MANAGE_ORG_AUTOMATIONS), (P.MANAGE_ORG_AUTOMATIONS,)
WEBHOOKS, WEBHOOKS_EVERYWHERE = (P.MANAGE_ORG_SETTINGS,), (P.MANAGE_ENTERPRISE_SETTINGS,)
GUARDRAILS = (P.MANAGE_ENTERPRISE_SETTINGS,)
KNOWLEDGE, SHARED_KNOWLEDGE = (P.MANAGE_ORG_KNOWLEDGE,), (P.MANAGE_ACCOUNT_KNOWLEDGE,)
METRICS, METRICS_EVERYWHERE = (P.VIEW_ORG_METRICS,), (P.VIEW_ACCOUNT_METRICS,)
REVIEWS = (P.USE_REVIEW_MANUAL,)
USE_KNOWLEDGE = (P.USE_DEVIN_SESSIONS, P.MANAGE_ORG_KNOWLEDGE)
OUTPOSTS, USE_OUTPOSTS = (P.MANAGE_OUTPOSTS_ORCHESTRATOR,), (P.USE_OUTPOSTS_MACHINE, P.MANAGE_OUTPOSTS_ORCHESTRATOR)

# fmt: off
TABLE: list[Op] = [
    Op("healthz", GET, "/healthz", PUBLIC, ANYBODY, system.healthz, system.Health, extension=True),
    Op("readyz", GET, "/readyz", PUBLIC, ANYBODY, system.readyz, system.Health, extension=True, also_refuses=(503,)),
    Op("metrics", GET, "/metrics", PUBLIC, ANYBODY, system.metrics, None, hidden=True),
    Op("openapi", GET, "/openapi.json", PUBLIC, ANYBODY, system.openapi, None, hidden=True),
    Op("docs", GET, "/docs", PUBLIC, ANYBODY, pages.docs, None, hidden=True),
    Op("index_page", GET, "/", PUBLIC, ANYBODY, pages.index, None, hidden=True),
    Op("sign_in_page", GET, "/sign-in", PUBLIC, ANYBODY, pages.sign_in, None, hidden=True),
    Op("invitation_page", GET, "/invitation", PUBLIC, ANYBODY, pages.invitation, None, hidden=True),
    Op("statistics_page", GET, "/statistics", PUBLIC, ANYBODY, pages.statistics, None, hidden=True),
    Op("session_page", GET, "/organizations/{org_id}/sessions/{devin_id}", PUBLIC, ANYBODY, pages.session, None, hidden=True),
    Op("pull_request_page", GET, "/organizations/{org_id}/pull-requests/{pull_request_id}", PUBLIC, ANYBODY, pages.pull_request, None, hidden=True),
    Op("asset", GET, "/assets/{name}", PUBLIC, ANYBODY, pages.asset, None, hidden=True),
    Op("swagger", GET, "/docs/assets/{name}", PUBLIC, ANYBODY, pages.swagger, None, hidden=True),
    Op("attachment_file", GET, "/files/{attachment_id}/{name}", PUBLIC, ANYBODY, attachments.file, None, hidden=True),
    Op("blueprint_text", GET, "/files/snapshot-setup/blueprints/{blueprint_id}", PUBLIC, ANYBODY, blueprints.text, None, hidden=True),
    Op("build_log", GET, "/files/snapshot-setup/builds/{build_id}/log", PUBLIC, ANYBODY, snapshot_builds.log, None, hidden=True),

    Op("get_self", GET, "/v3/self", SELF, (P.READ_ACCOUNT_META,), identity.get_self, SelfOut),

    # Before the rows with an organization, which would take it for one that is called "metrics".
    Op("get_organization_session_metrics", GET, "/v3/organizations/metrics/sessions", IN_HOME_ORG, METRICS, metrics.sessions, SessionMetricsOut),
    Op("create_session", POST, "/v3/organizations/sessions", IN_HOME_ORG, CREATE, sessions.create, SessionOut, audit="create_session"),
    Op("create_session", POST, "/v3/organizations/{org_id}/sessions", IN_ORG, CREATE, sessions.create, SessionOut, audit="create_session"),
    Op("list_organization_sessions", GET, "/v3/organizations/sessions", IN_HOME_ORG, VIEW, sessions.list_, Page[SessionOut]),
    Op("list_organization_sessions", GET, "/v3/organizations/{org_id}/sessions", IN_ORG, VIEW, sessions.list_, Page[SessionOut]),
    # Before the rows with a session, which would take it for one that is called "insights".
    Op("list_organization_session_insights", GET, "/v3/organizations/sessions/insights", IN_HOME_ORG, VIEW, insights.list_, Page[InsightsOut]),
    Op("list_organization_session_insights", GET, "/v3/organizations/{org_id}/sessions/insights", IN_ORG, VIEW, insights.list_, Page[InsightsOut]),
    Op("get_organization_session_insights", GET, "/v3/organizations/sessions/{devin_id}/insights", IN_HOME_ORG, VIEW, insights.get, InsightsOut),
    Op("get_organization_session_insights", GET, "/v3/organizations/{org_id}/sessions/{devin_id}/insights", IN_ORG, VIEW, insights.get, InsightsOut),
    Op("generate_organization_session_insights", POST, "/v3/organizations/sessions/{devin_id}/insights/generate", IN_HOME_ORG, MANAGE, insights.generate, GenerateOut, audit="generate_session_insights"),
    Op("generate_organization_session_insights", POST, "/v3/organizations/{org_id}/sessions/{devin_id}/insights/generate", IN_ORG, MANAGE, insights.generate, GenerateOut, audit="generate_session_insights"),
    Op("get_organization_session", GET, "/v3/organizations/sessions/{devin_id}", IN_HOME_ORG, VIEW, sessions.get, SessionOut),
    Op("get_organization_session", GET, "/v3/organizations/{org_id}/sessions/{devin_id}", IN_ORG, VIEW, sessions.get, SessionOut),
    Op("terminate_session", DELETE, "/v3/organizations/sessions/{devin_id}", IN_HOME_ORG, MANAGE, sessions.terminate, SessionOut, audit="terminate_session"),
    Op("terminate_session", DELETE, "/v3/organizations/{org_id}/sessions/{devin_id}", IN_ORG, MANAGE, sessions.terminate, SessionOut, audit="terminate_session"),
    Op("archive_session", POST, "/v3/organizations/sessions/{devin_id}/archive", IN_HOME_ORG, MANAGE, sessions.archive, SessionOut, audit="archive_session"),
    Op("archive_session", POST, "/v3/organizations/{org_id}/sessions/{devin_id}/archive", IN_ORG, MANAGE, sessions.archive, SessionOut, audit="archive_session"),

    Op("list_organization_session_messages", GET, "/v3/organizations/sessions/{devin_id}/messages", IN_HOME_ORG, VIEW, sessions.list_messages, Page[MessageOut]),
    Op("list_organization_session_messages", GET, "/v3/organizations/{org_id}/sessions/{devin_id}/messages", IN_ORG, VIEW, sessions.list_messages, Page[MessageOut]),
    Op("send_organization_session_message", POST, "/v3/organizations/sessions/{devin_id}/messages", IN_HOME_ORG, MANAGE, sessions.send_message, SessionOut, audit="send_message"),
    Op("send_organization_session_message", POST, "/v3/organizations/{org_id}/sessions/{devin_id}/messages", IN_ORG, MANAGE, sessions.send_message, SessionOut, audit="send_message"),
    Op("list_organization_session_attachments", GET, "/v3/organizations/sessions/{devin_id}/attachments", IN_HOME_ORG, VIEW, sessions.list_attachments, list[SessionAttachmentOut]),
    Op("list_organization_session_attachments", GET, "/v3/organizations/{org_id}/sessions/{devin_id}/attachments", IN_ORG, VIEW, sessions.list_attachments, list[SessionAttachmentOut]),

    Op("get_organization_session_tags", GET, "/v3/organizations/sessions/{devin_id}/tags", IN_HOME_ORG, VIEW, sessions.get_tags, TagsOut),
    Op("get_organization_session_tags", GET, "/v3/organizations/{org_id}/sessions/{devin_id}/tags", IN_ORG, VIEW, sessions.get_tags, TagsOut),
    Op("append_organization_session_tags", POST, "/v3/organizations/sessions/{devin_id}/tags", IN_HOME_ORG, MANAGE, sessions.append_tags, TagsOut, audit="update_session_tags"),
    Op("append_organization_session_tags", POST, "/v3/organizations/{org_id}/sessions/{devin_id}/tags", IN_ORG, MANAGE, sessions.append_tags, TagsOut, audit="update_session_tags"),
    Op("replace_organization_session_tags", PUT, "/v3/organizations/sessions/{devin_id}/tags", IN_HOME_ORG, MANAGE, sessions.replace_tags, TagsOut, audit="update_session_tags"),
    Op("replace_organization_session_tags", PUT, "/v3/organizations/{org_id}/sessions/{devin_id}/tags", IN_ORG, MANAGE, sessions.replace_tags, TagsOut, audit="update_session_tags"),

    Op("list_session_events", GET, "/v3/organizations/sessions/{devin_id}/events", IN_HOME_ORG, VIEW, sessions.list_events, Page[EventOut]),
    Op("list_session_events", GET, "/v3/organizations/{org_id}/sessions/{devin_id}/events", IN_ORG, VIEW, sessions.list_events, Page[EventOut]),
    Op("search_session_events", GET, "/v3/organizations/sessions/{devin_id}/events/search", IN_HOME_ORG, VIEW, sessions.search_events, Page[EventHitOut]),
    Op("search_session_events", GET, "/v3/organizations/{org_id}/sessions/{devin_id}/events/search", IN_ORG, VIEW, sessions.search_events, Page[EventHitOut]),
    Op("get_session_event_details", GET, "/v3/organizations/sessions/{devin_id}/events/details", IN_HOME_ORG, VIEW, sessions.event_details, EventDetailsOut),
    Op("get_session_event_details", GET, "/v3/organizations/{org_id}/sessions/{devin_id}/events/details", IN_ORG, VIEW, sessions.event_details, EventDetailsOut),
    Op("stream_session_events", GET, "/v3/organizations/sessions/{devin_id}/events/stream", IN_HOME_ORG, VIEW, stream, None, media_type="text/event-stream", extension=True),
    Op("stream_session_events", GET, "/v3/organizations/{org_id}/sessions/{devin_id}/events/stream", IN_ORG, VIEW, stream, None, media_type="text/event-stream", extension=True),

    Op("upload_attachment", POST, "/v3/organizations/attachments", IN_HOME_ORG, (P.USE_DEVIN_SESSIONS,), attachments.upload, AttachmentOut, audit="upload_attachment", takes_file=True),
    Op("upload_attachment", POST, "/v3/organizations/{org_id}/attachments", IN_ORG, (P.USE_DEVIN_SESSIONS,), attachments.upload, AttachmentOut, audit="upload_attachment", takes_file=True),
    Op("download_attachment", GET, "/v3/organizations/attachments/{uuid}/{name}", IN_HOME_ORG, (P.VIEW_ORG_SESSIONS,), attachments.download, None, status=307),
    Op("download_attachment", GET, "/v3/organizations/{org_id}/attachments/{uuid}/{name}", IN_ORG, (P.VIEW_ORG_SESSIONS,), attachments.download, None, status=307),

    Op("organization_list_notes", GET, "/v3/organizations/knowledge/notes", IN_HOME_ORG, USE_KNOWLEDGE, knowledge.list_, Page[NoteOut]),
    Op("organization_list_notes", GET, "/v3/organizations/{org_id}/knowledge/notes", IN_ORG, USE_KNOWLEDGE, knowledge.list_, Page[NoteOut]),
    Op("organization_create_note", POST, "/v3/organizations/knowledge/notes", IN_HOME_ORG, KNOWLEDGE, knowledge.create, NoteOut, audit="create_knowledge"),
    Op("organization_create_note", POST, "/v3/organizations/{org_id}/knowledge/notes", IN_ORG, KNOWLEDGE, knowledge.create, NoteOut, audit="create_knowledge"),
    Op("organization_get_note", GET, "/v3/organizations/knowledge/notes/{note_id}", IN_HOME_ORG, USE_KNOWLEDGE, knowledge.get, NoteOut),
    Op("organization_get_note", GET, "/v3/organizations/{org_id}/knowledge/notes/{note_id}", IN_ORG, USE_KNOWLEDGE, knowledge.get, NoteOut),
    Op("organization_update_note", PUT, "/v3/organizations/knowledge/notes/{note_id}", IN_HOME_ORG, KNOWLEDGE, knowledge.replace, NoteOut, audit="edit_knowledge"),
    Op("organization_update_note", PUT, "/v3/organizations/{org_id}/knowledge/notes/{note_id}", IN_ORG, KNOWLEDGE, knowledge.replace, NoteOut, audit="edit_knowledge"),
    Op("organization_delete_note", DELETE, "/v3/organizations/knowledge/notes/{note_id}", IN_HOME_ORG, KNOWLEDGE, knowledge.delete, NoteOut, audit="delete_knowledge"),
    Op("organization_delete_note", DELETE, "/v3/organizations/{org_id}/knowledge/notes/{note_id}", IN_ORG, KNOWLEDGE, knowledge.delete, NoteOut, audit="delete_knowledge"),
    Op("organization_list_folders", GET, "/v3/organizations/knowledge/folders", IN_HOME_ORG, KNOWLEDGE, knowledge.list_folders, FolderTreeOut),
    Op("organization_list_folders", GET, "/v3/organizations/{org_id}/knowledge/folders", IN_ORG, KNOWLEDGE, knowledge.list_folders, FolderTreeOut),
    Op("enterprise_list_notes", GET, "/v3/enterprise/knowledge/notes", IN_ENTERPRISE, SHARED_KNOWLEDGE, knowledge.list_everywhere, Page[NoteOut]),
    Op("enterprise_create_note", POST, "/v3/enterprise/knowledge/notes", IN_ENTERPRISE, SHARED_KNOWLEDGE, knowledge.create, NoteOut, audit="create_knowledge"),
    Op("enterprise_get_note", GET, "/v3/enterprise/knowledge/notes/{note_id}", IN_ENTERPRISE, SHARED_KNOWLEDGE, knowledge.get, NoteOut),
    Op("enterprise_update_note", PUT, "/v3/enterprise/knowledge/notes/{note_id}", IN_ENTERPRISE, SHARED_KNOWLEDGE, knowledge.replace, NoteOut, audit="edit_knowledge"),
    Op("enterprise_delete_note", DELETE, "/v3/enterprise/knowledge/notes/{note_id}", IN_ENTERPRISE, SHARED_KNOWLEDGE, knowledge.delete, NoteOut, audit="delete_knowledge"),
    Op("enterprise_list_folders", GET, "/v3/enterprise/knowledge/folders", IN_ENTERPRISE, SHARED_KNOWLEDGE, knowledge.list_folders, FolderTreeOut),
    Op("organization_create_folder", POST, "/cogmill/v1/organizations/{org_id}/knowledge/folders", IN_ORG, KNOWLEDGE, knowledge.create_folder, FolderOut, audit="create_folder", extension=True),
    Op("organization_update_folder", PATCH, "/cogmill/v1/organizations/{org_id}/knowledge/folders/{folder_id}", IN_ORG, KNOWLEDGE, knowledge.update_folder, FolderOut, audit="update_folder", extension=True),
    Op("organization_delete_folder", DELETE, "/cogmill/v1/organizations/{org_id}/knowledge/folders/{folder_id}", IN_ORG, KNOWLEDGE, knowledge.delete_folder, FolderOut, audit="delete_folder", extension=True),
    Op("enterprise_create_folder", POST, "/cogmill/v1/enterprise/knowledge/folders", IN_ENTERPRISE, SHARED_KNOWLEDGE, knowledge.create_folder, FolderOut, audit="create_folder", extension=True),
    Op("enterprise_update_folder", PATCH, "/cogmill/v1/enterprise/knowledge/folders/{folder_id}", IN_ENTERPRISE, SHARED_KNOWLEDGE, knowledge.update_folder, FolderOut, audit="update_folder", extension=True),
    Op("enterprise_delete_folder", DELETE, "/cogmill/v1/enterprise/knowledge/folders/{folder_id}", IN_ENTERPRISE, SHARED_KNOWLEDGE, knowledge.delete_folder, FolderOut, audit="delete_folder", extension=True),

    Op("get_organization_pr_review", GET, "/v3/organizations/pr-reviews", IN_HOME_ORG, REVIEWS, pr_reviews.get, PrReviewOut, also_refuses=(404, 503)),
    Op("get_organization_pr_review", GET, "/v3/organizations/{org_id}/pr-reviews", IN_ORG, REVIEWS, pr_reviews.get, PrReviewOut, also_refuses=(404, 503)),
    Op("create_organization_pr_review", POST, "/v3/organizations/pr-reviews", IN_HOME_ORG, REVIEWS, pr_reviews.create, PrReviewOut, audit="create_pr_review", also_refuses=(503,)),
    Op("create_organization_pr_review", POST, "/v3/organizations/{org_id}/pr-reviews", IN_ORG, REVIEWS, pr_reviews.create, PrReviewOut, audit="create_pr_review", also_refuses=(503,)),
    Op("get_enterprise_pr_review", GET, "/v3/enterprise/pr-reviews", IN_ENTERPRISE, REVIEWS, pr_reviews.get, PrReviewOut, also_refuses=(404, 503)),
    Op("create_enterprise_pr_review", POST, "/v3/enterprise/pr-reviews", IN_ENTERPRISE, REVIEWS, pr_reviews.create, PrReviewOut, audit="create_pr_review", also_refuses=(503,)),

    Op("get_enterprise_active_users", GET, "/v3/enterprise/metrics/active-users", IN_ENTERPRISE, METRICS_EVERYWHERE, metrics.enterprise_active_users, ActiveUsersOut),
    Op("get_enterprise_dau", GET, "/v3/enterprise/metrics/dau", IN_ENTERPRISE, METRICS_EVERYWHERE, metrics.enterprise_dau, list[ActiveUsersOut]),
    Op("get_enterprise_wau", GET, "/v3/enterprise/metrics/wau", IN_ENTERPRISE, METRICS_EVERYWHERE, metrics.enterprise_wau, list[ActiveUsersOut]),
    Op("get_enterprise_mau", GET, "/v3/enterprise/metrics/mau", IN_ENTERPRISE, METRICS_EVERYWHERE, metrics.enterprise_mau, list[ActiveUsersOut]),
    Op("get_enterprise_session_metrics", GET, "/v3/enterprise/metrics/sessions", IN_ENTERPRISE, METRICS_EVERYWHERE, metrics.enterprise_sessions, SessionMetricsOut),
    Op("get_enterprise_pr_metrics", GET, "/v3/enterprise/metrics/prs", IN_ENTERPRISE, METRICS_EVERYWHERE, metrics.enterprise_pull_requests, PrMetricsOut),
    Op("get_enterprise_search_metrics", GET, "/v3/enterprise/metrics/searches", IN_ENTERPRISE, METRICS_EVERYWHERE, metrics.enterprise_searches, SearchMetricsOut),
    Op("get_enterprise_usage_metrics", GET, "/v3/enterprise/metrics/usage", IN_ENTERPRISE, METRICS_EVERYWHERE, metrics.usage, UsageMetricsOut),
    Op("get_enterprise_session_metrics_by_category", GET, "/v3/enterprise/metrics/sessions-by-category", IN_ENTERPRISE, METRICS_EVERYWHERE, metrics.sessions_by_category, CategoriesOut),
    Op("get_enterprise_organization_usage_metrics", GET, "/v3/enterprise/organizations/{org_id}/metrics/usage", ENTERPRISE_ORG, METRICS_EVERYWHERE, metrics.usage, UsageMetricsOut),
    Op("get_organization_active_users", GET, "/v3/organizations/metrics/active-users", IN_HOME_ORG, METRICS, metrics.active_users, ActiveUsersOut),
    Op("get_organization_active_users", GET, "/v3/organizations/{org_id}/metrics/active-users", IN_ORG, METRICS, metrics.active_users, ActiveUsersOut),
    Op("get_organization_dau", GET, "/v3/organizations/metrics/dau", IN_HOME_ORG, METRICS, metrics.dau, list[ActiveUsersOut]),
    Op("get_organization_dau", GET, "/v3/organizations/{org_id}/metrics/dau", IN_ORG, METRICS, metrics.dau, list[ActiveUsersOut]),
    Op("get_organization_wau", GET, "/v3/organizations/metrics/wau", IN_HOME_ORG, METRICS, metrics.wau, list[ActiveUsersOut]),
    Op("get_organization_wau", GET, "/v3/organizations/{org_id}/metrics/wau", IN_ORG, METRICS, metrics.wau, list[ActiveUsersOut]),
    Op("get_organization_mau", GET, "/v3/organizations/metrics/mau", IN_HOME_ORG, METRICS, metrics.mau, list[ActiveUsersOut]),
    Op("get_organization_mau", GET, "/v3/organizations/{org_id}/metrics/mau", IN_ORG, METRICS, metrics.mau, list[ActiveUsersOut]),
    Op("get_organization_session_metrics", GET, "/v3/organizations/{org_id}/metrics/sessions", IN_ORG, METRICS, metrics.sessions, SessionMetricsOut),
    Op("get_organization_pr_metrics", GET, "/v3/organizations/metrics/prs", IN_HOME_ORG, METRICS, metrics.pull_requests, PrMetricsOut),
    Op("get_organization_pr_metrics", GET, "/v3/organizations/{org_id}/metrics/prs", IN_ORG, METRICS, metrics.pull_requests, PrMetricsOut),
    Op("get_organization_search_metrics", GET, "/v3/organizations/metrics/searches", IN_HOME_ORG, METRICS, metrics.searches, SearchMetricsOut),
    Op("get_organization_search_metrics", GET, "/v3/organizations/{org_id}/metrics/searches", IN_ORG, METRICS, metrics.searches, SearchMetricsOut),
    Op("get_organization_usage_metrics", GET, "/v3/organizations/metrics/usage", IN_HOME_ORG, METRICS, metrics.usage, UsageMetricsOut),
    Op("get_organization_usage_metrics", GET, "/v3/organizations/{org_id}/metrics/usage", IN_ORG, METRICS, metrics.usage, UsageMetricsOut),
    Op("get_queue_status", GET, "/v3/enterprise/queue", IN_ENTERPRISE, METRICS_EVERYWHERE, metrics.queue, QueueOut),

    Op("list_enterprise_sessions", GET, "/v3/enterprise/sessions", IN_ENTERPRISE, VIEW_EVERYWHERE, enterprise_sessions.list_, Page[SessionOut]),
    Op("list_enterprise_session_insights", GET, "/v3/enterprise/sessions/insights", IN_ENTERPRISE, VIEW_EVERYWHERE, insights.list_everywhere, Page[InsightsOut], extension=True),
    Op("get_enterprise_session", GET, "/v3/enterprise/sessions/{devin_id}", IN_ENTERPRISE, VIEW_EVERYWHERE, enterprise_sessions.get, SessionOut),
    Op("get_enterprise_session_insights", GET, "/v3/enterprise/sessions/{devin_id}/insights", IN_ENTERPRISE, VIEW_EVERYWHERE, insights.enterprise_get, InsightsOut),
    Op("generate_enterprise_session_insights", POST, "/v3/enterprise/sessions/{devin_id}/insights/generate", IN_ENTERPRISE, MANAGE_EVERYWHERE, insights.enterprise_generate, GenerateOut, audit="generate_session_insights"),
    Op("list_enterprise_session_attachments", GET, "/v3/enterprise/sessions/{devin_id}/attachments", IN_ENTERPRISE, VIEW_EVERYWHERE, enterprise_sessions.list_attachments, list[SessionAttachmentOut]),
    Op("list_enterprise_session_messages", GET, "/v3/enterprise/sessions/{devin_id}/messages", IN_ENTERPRISE, VIEW_EVERYWHERE, enterprise_sessions.list_messages, Page[MessageOut]),
    Op("send_enterprise_session_message", POST, "/v3/enterprise/sessions/{devin_id}/messages", IN_ENTERPRISE, MANAGE_EVERYWHERE, enterprise_sessions.send_message, SessionOut, audit="send_message"),
    Op("get_enterprise_session_tags", GET, "/v3/enterprise/sessions/{devin_id}/tags", IN_ENTERPRISE, VIEW_EVERYWHERE, enterprise_sessions.get_tags, TagsOut),
    Op("append_enterprise_session_tags", POST, "/v3/enterprise/sessions/{devin_id}/tags", IN_ENTERPRISE, MANAGE_EVERYWHERE, enterprise_sessions.append_tags, TagsOut, audit="update_session_tags"),
    Op("replace_enterprise_session_tags", PUT, "/v3/enterprise/sessions/{devin_id}/tags", IN_ENTERPRISE, MANAGE_EVERYWHERE, enterprise_sessions.replace_tags, TagsOut, audit="update_session_tags"),

    Op("list_organizations", GET, "/v3/enterprise/organizations", IN_ENTERPRISE, (P.MANAGE_ORGANIZATIONS,), organizations.list_, Page[OrganizationOut]),
    Op("create_organization", POST, "/v3/enterprise/organizations", IN_ENTERPRISE, (P.MANAGE_ORGANIZATIONS,), organizations.create, OrganizationOut, audit="create_org"),
    Op("get_organization", GET, "/v3/enterprise/organizations/{org_id}", ENTERPRISE_ORG, (P.MANAGE_ORGANIZATIONS,), organizations.get, OrganizationOut),
    Op("update_organization", PATCH, "/v3/enterprise/organizations/{org_id}", ENTERPRISE_ORG, (P.MANAGE_ORGANIZATIONS,), organizations.update, OrganizationOut, audit="update_org"),
    Op("delete_organization", DELETE, "/v3/enterprise/organizations/{org_id}", ENTERPRISE_ORG, (P.MANAGE_ORGANIZATIONS,), organizations.delete, OrganizationOut, audit="delete_org"),
    Op("get_organization_allowed_tags", GET, "/v3/enterprise/organizations/{org_id}/tags", ENTERPRISE_ORG, (P.MANAGE_ENTERPRISE_SETTINGS,), organizations.get_tags, AllowedTagsOut),
    Op("append_organization_allowed_tags", POST, "/v3/enterprise/organizations/{org_id}/tags", ENTERPRISE_ORG, (P.MANAGE_ENTERPRISE_SETTINGS,), organizations.append_tags, AllowedTagsOut, audit="update_org_settings"),
    Op("replace_organization_allowed_tags", PUT, "/v3/enterprise/organizations/{org_id}/tags", ENTERPRISE_ORG, (P.MANAGE_ENTERPRISE_SETTINGS,), organizations.replace_tags, AllowedTagsOut, audit="update_org_settings"),
    Op("clear_organization_allowed_tags", DELETE, "/v3/enterprise/organizations/{org_id}/tags", ENTERPRISE_ORG, (P.MANAGE_ENTERPRISE_SETTINGS,), organizations.clear_tags, AllowedTagsOut, audit="update_org_settings"),
    Op("get_organization_default_tag", GET, "/v3/enterprise/organizations/{org_id}/tags/default", ENTERPRISE_ORG, (P.MANAGE_ENTERPRISE_SETTINGS,), organizations.get_default_tag, DefaultTagOut),
    Op("set_organization_default_tag", PUT, "/v3/enterprise/organizations/{org_id}/tags/default", ENTERPRISE_ORG, (P.MANAGE_ENTERPRISE_SETTINGS,), organizations.set_default_tag, DefaultTagOut, audit="update_org_settings"),
    Op("clear_organization_default_tag", DELETE, "/v3/enterprise/organizations/{org_id}/tags/default", ENTERPRISE_ORG, (P.MANAGE_ENTERPRISE_SETTINGS,), organizations.clear_default_tag, DefaultTagOut, audit="update_org_settings"),
    Op("remove_organization_allowed_tag", DELETE, "/v3/enterprise/organizations/{org_id}/tags/{tag:path}", ENTERPRISE_ORG, (P.MANAGE_ENTERPRISE_SETTINGS,), organizations.remove_tag, AllowedTagsOut, audit="update_org_settings"),
    Op("get_org_groups_config", GET, "/v3/enterprise/org-group-limits", IN_ENTERPRISE, (P.MANAGE_ORGANIZATIONS,), organizations.get_group_limits, OrgGroupsOut),
    Op("update_org_groups_config", PUT, "/v3/enterprise/org-group-limits", IN_ENTERPRISE, (P.MANAGE_ORGANIZATIONS,), organizations.replace_group_limits, OrgGroupsOut, audit="set_org_group_limits"),

    Op("list_hypervisors", GET, "/v3/enterprise/hypervisors", IN_ENTERPRISE, (P.VIEW_ENTERPRISE_INFRA_DETAILS,), hypervisors.list_, Page[HypervisorOut]),
    Op("list_devin_acu_limits", GET, "/v3/enterprise/consumption/acu-limits/devin", IN_ENTERPRISE, CONSUMPTION, acu_limits.list_, Page[AcuLimitOut]),
    Op("set_org_devin_acu_limit", PUT, "/v3/enterprise/consumption/acu-limits/devin/organizations/{org_id}", ENTERPRISE_ORG, (P.MANAGE_BILLING,), acu_limits.set_of_organization, None, audit="update_org", status=204),
    Op("delete_org_devin_acu_limit", DELETE, "/v3/enterprise/consumption/acu-limits/devin/organizations/{org_id}", ENTERPRISE_ORG, (P.MANAGE_BILLING,), acu_limits.clear_of_organization, None, audit="update_org", status=204),
    Op("list_acu_limit_standings", GET, "/cogmill/v1/enterprise/acu-limits", IN_ENTERPRISE, CONSUMPTION, acu_limits.list_standings, Page[StandingOut], extension=True),
    Op("set_enterprise_acu_limit", PUT, "/cogmill/v1/enterprise/acu-limit", IN_ENTERPRISE, (P.MANAGE_BILLING,), acu_limits.set_of_enterprise, None, audit="update_enterprise_settings", status=204, extension=True),
    Op("delete_enterprise_acu_limit", DELETE, "/cogmill/v1/enterprise/acu-limit", IN_ENTERPRISE, (P.MANAGE_BILLING,), acu_limits.clear_of_enterprise, None, audit="update_enterprise_settings", status=204, extension=True),
    Op("set_user_acu_limit", PUT, "/cogmill/v1/enterprise/members/users/{user_id}/acu-limit", IN_ENTERPRISE, (P.MANAGE_BILLING,), acu_limits.set_of_user, None, audit="update_enterprise_settings", status=204, extension=True),
    Op("delete_user_acu_limit", DELETE, "/cogmill/v1/enterprise/members/users/{user_id}/acu-limit", IN_ENTERPRISE, (P.MANAGE_BILLING,), acu_limits.clear_of_user, None, audit="update_enterprise_settings", status=204, extension=True),
    Op("list_consumption_cycles", GET, "/v3/enterprise/consumption/cycles", IN_ENTERPRISE, (P.MANAGE_BILLING,), usage.list_cycles, Page[ConsumptionCycle]),
    Op("get_enterprise_daily_consumption", GET, "/v3/enterprise/consumption/daily", IN_ENTERPRISE, CONSUMPTION, usage.daily, ConsumptionOut),
    Op("get_enterprise_organization_daily_consumption", GET, "/v3/enterprise/consumption/daily/organizations/{org_id}", ENTERPRISE_ORG, CONSUMPTION, usage.daily, ConsumptionOut),
    Op("get_enterprise_service_user_daily_consumption", GET, "/v3/enterprise/consumption/daily/service-users/{service_user_id}", IN_ENTERPRISE, CONSUMPTION, usage.daily_of_service_user, ConsumptionOut),
    Op("get_enterprise_session_daily_consumption", GET, "/v3/enterprise/consumption/daily/sessions/{session_id}", IN_ENTERPRISE, CONSUMPTION, usage.daily_of_session, ConsumptionOut),
    Op("get_enterprise_user_daily_consumption", GET, "/v3/enterprise/consumption/daily/users/{user_id}", IN_ENTERPRISE, CONSUMPTION, usage.daily_of_user, ConsumptionOut),
    Op("get_organization_daily_consumption", GET, "/v3/organizations/consumption/daily", IN_HOME_ORG, ORG_CONSUMPTION, usage.daily, ConsumptionOut),
    Op("get_organization_service_user_daily_consumption", GET, "/v3/organizations/consumption/daily/service-users/{service_user_id}", IN_HOME_ORG, ORG_CONSUMPTION, usage.daily_of_service_user, ConsumptionOut),
    Op("get_organization_session_daily_consumption", GET, "/v3/organizations/consumption/daily/sessions/{session_id}", IN_HOME_ORG, ORG_CONSUMPTION, usage.daily_of_session, ConsumptionOut),
    Op("get_organization_user_daily_consumption", GET, "/v3/organizations/consumption/daily/users/{user_id}", IN_HOME_ORG, ORG_CONSUMPTION, usage.daily_of_user, ConsumptionOut),
    Op("get_organization_daily_consumption", GET, "/v3/organizations/{org_id}/consumption/daily", IN_ORG, ORG_CONSUMPTION, usage.daily, ConsumptionOut),
    Op("get_organization_service_user_daily_consumption", GET, "/v3/organizations/{org_id}/consumption/daily/service-users/{service_user_id}", IN_ORG, ORG_CONSUMPTION, usage.daily_of_service_user, ConsumptionOut),
    Op("get_organization_session_daily_consumption", GET, "/v3/organizations/{org_id}/consumption/daily/sessions/{session_id}", IN_ORG, ORG_CONSUMPTION, usage.daily_of_session, ConsumptionOut),
    Op("get_organization_user_daily_consumption", GET, "/v3/organizations/{org_id}/consumption/daily/users/{user_id}", IN_ORG, ORG_CONSUMPTION, usage.daily_of_user, ConsumptionOut),

    Op("list_enterprise_blueprints", GET, "/v3beta1/enterprise/snapshot-setup/blueprints", IN_ENTERPRISE, SHARED_BLUEPRINTS, blueprints.list_shared, BlueprintListOut),
    Op("create_enterprise_blueprint", POST, "/v3beta1/enterprise/snapshot-setup/blueprints", IN_ENTERPRISE, SHARED_BLUEPRINTS, blueprints.create_shared, BlueprintOut, audit="create_blueprint", status=201),
    Op("get_enterprise_blueprint", GET, "/v3beta1/enterprise/snapshot-setup/blueprints/{blueprint_id}", IN_ENTERPRISE, SHARED_BLUEPRINTS, blueprints.get, BlueprintOut),
    Op("update_enterprise_blueprint", PUT, "/v3beta1/enterprise/snapshot-setup/blueprints/{blueprint_id}", IN_ENTERPRISE, SHARED_BLUEPRINTS, blueprints.replace_shared, BlueprintOut, audit="update_blueprint"),
    Op("delete_enterprise_blueprint", DELETE, "/v3beta1/enterprise/snapshot-setup/blueprints/{blueprint_id}", IN_ENTERPRISE, SHARED_BLUEPRINTS, blueprints.delete, None, audit="delete_blueprint", status=204),
    Op("get_enterprise_blueprint_contents", GET, "/v3beta1/enterprise/snapshot-setup/blueprints/{blueprint_id}/contents", IN_ENTERPRISE, SHARED_BLUEPRINTS, blueprints.contents, PresignedUrlOut),
    Op("list_enterprise_blueprint_files", GET, "/v3beta1/enterprise/snapshot-setup/blueprints/{blueprint_id}/files", IN_ENTERPRISE, SHARED_BLUEPRINTS, blueprints.list_files, BlueprintFileListOut),
    Op("upload_enterprise_blueprint_file", POST, "/v3beta1/enterprise/snapshot-setup/blueprints/{blueprint_id}/files", IN_ENTERPRISE, SHARED_BLUEPRINTS, blueprints.upload_file, BlueprintFileOut, audit="upload_blueprint_file", status=201, takes_file=True),
    Op("delete_enterprise_blueprint_file", DELETE, "/v3beta1/enterprise/snapshot-setup/blueprints/{blueprint_id}/files/{file_id}", IN_ENTERPRISE, SHARED_BLUEPRINTS, blueprints.delete_file, None, audit="delete_blueprint_file", status=204),
    Op("list_organization_blueprints", GET, "/v3beta1/organizations/{org_id}/snapshot-setup/blueprints", IN_ORG, REPO_BLUEPRINTS, blueprints.list_, BlueprintListOut),
    Op("create_organization_blueprint", POST, "/v3beta1/organizations/{org_id}/snapshot-setup/blueprints", IN_ORG, REPO_BLUEPRINTS, blueprints.create, BlueprintOut, audit="create_blueprint", status=201),
    Op("get_organization_blueprint", GET, "/v3beta1/organizations/{org_id}/snapshot-setup/blueprints/{blueprint_id}", IN_ORG, REPO_BLUEPRINTS, blueprints.get, BlueprintOut),
    Op("update_organization_blueprint", PATCH, "/v3beta1/organizations/{org_id}/snapshot-setup/blueprints/{blueprint_id}", IN_ORG, REPO_BLUEPRINTS, blueprints.update, BlueprintOut, audit="update_blueprint"),
    Op("delete_organization_blueprint", DELETE, "/v3beta1/organizations/{org_id}/snapshot-setup/blueprints/{blueprint_id}", IN_ORG, REPO_BLUEPRINTS, blueprints.delete, None, audit="delete_blueprint", status=204),
    Op("get_organization_blueprint_contents", GET, "/v3beta1/organizations/{org_id}/snapshot-setup/blueprints/{blueprint_id}/contents", IN_ORG, REPO_BLUEPRINTS, blueprints.contents, PresignedUrlOut),
    Op("list_organization_blueprint_files", GET, "/v3beta1/organizations/{org_id}/snapshot-setup/blueprints/{blueprint_id}/files", IN_ORG, REPO_BLUEPRINTS, blueprints.list_files, BlueprintFileListOut),
    Op("upload_organization_blueprint_file", POST, "/v3beta1/organizations/{org_id}/snapshot-setup/blueprints/{blueprint_id}/files", IN_ORG, REPO_BLUEPRINTS, blueprints.upload_file, BlueprintFileOut, audit="upload_blueprint_file", status=201, takes_file=True),
    Op("delete_organization_blueprint_file", DELETE, "/v3beta1/organizations/{org_id}/snapshot-setup/blueprints/{blueprint_id}/files/{file_id}", IN_ORG, REPO_BLUEPRINTS, blueprints.delete_file, None, audit="delete_blueprint_file", status=204),
    Op("list_snapshot_builds", GET, "/v3beta1/organizations/{org_id}/snapshot-setup/builds", IN_ORG, REPO_BLUEPRINTS, snapshot_builds.list_, Page[BuildOut]),
    Op("trigger_snapshot_build", POST, "/v3beta1/organizations/{org_id}/snapshot-setup/builds", IN_ORG, SNAPSHOTS, snapshot_builds.trigger, BuildOut, audit="execute_snapshot_script", status=201),
    Op("get_snapshot_build", GET, "/v3beta1/organizations/{org_id}/snapshot-setup/builds/{build_id}", IN_ORG, REPO_BLUEPRINTS, snapshot_builds.get, BuildOut),
    Op("cancel_snapshot_build", POST, "/v3beta1/organizations/{org_id}/snapshot-setup/builds/{build_id}/cancel", IN_ORG, SNAPSHOTS, snapshot_builds.cancel, BuildOut, audit="cancel_snapshot_build"),
    Op("get_snapshot_build_logs", GET, "/v3beta1/organizations/{org_id}/snapshot-setup/builds/{build_id}/logs", IN_ORG, REPO_BLUEPRINTS, snapshot_builds.logs, PresignedUrlOut),
    Op("pin_snapshot_build", POST, "/v3beta1/organizations/{org_id}/snapshot-setup/builds/{build_id}/pin", IN_ORG, SNAPSHOTS, snapshot_builds.pin, BuildOut, audit="pin_snapshot_build"),
    Op("unpin_snapshot_build", DELETE, "/v3beta1/organizations/{org_id}/snapshot-setup/builds/{build_id}/pin", IN_ORG, SNAPSHOTS, snapshot_builds.unpin, BuildOut, audit="unpin_snapshot_build"),
    Op("get_organization_default_platform", GET, "/v3beta1/organizations/{org_id}/default-platform", IN_ORG, (P.USE_DEVIN_SESSIONS, P.MANAGE_ORG_SETTINGS), platform.get, DefaultPlatformOut),
    Op("set_organization_default_platform", PUT, "/v3beta1/organizations/{org_id}/default-platform", IN_ORG, (P.MANAGE_ORG_SETTINGS,), platform.replace, DefaultPlatformOut, audit="update_org_settings"),

    Op("get_ip_access_list", GET, "/v3/enterprise/ip-access-list", IN_ENTERPRISE, (P.MANAGE_ENTERPRISE_SETTINGS,), ip_ranges.get, IpRangesOut),
    Op("add_ip_access_list", POST, "/v3/enterprise/ip-access-list", IN_ENTERPRISE, (P.MANAGE_ENTERPRISE_SETTINGS,), ip_ranges.append, IpRangesOut, audit="update_enterprise_settings"),
    Op("replace_ip_access_list", PUT, "/v3/enterprise/ip-access-list", IN_ENTERPRISE, (P.MANAGE_ENTERPRISE_SETTINGS,), ip_ranges.replace, IpRangesOut, audit="update_enterprise_settings"),
    Op("clear_ip_access_list", DELETE, "/v3/enterprise/ip-access-list", IN_ENTERPRISE, (P.MANAGE_ENTERPRISE_SETTINGS,), ip_ranges.clear, IpRangesOut, audit="update_enterprise_settings"),

    Op("list_enterprise_audit_logs", GET, "/v3/enterprise/audit-logs", IN_ENTERPRISE, (P.MANAGE_ENTERPRISE_SETTINGS,), audit_logs.list_, Page[AuditLogOut]),
    Op("list_organization_audit_logs", GET, "/v3/enterprise/organizations/{org_id}/audit-logs", ENTERPRISE_ORG, (P.MANAGE_ENTERPRISE_SETTINGS,), audit_logs.list_, Page[AuditLogOut]),

    Op("list_git_connections", GET, "/v3/enterprise/git-providers/connections", IN_ENTERPRISE, GIT, git.list_connections, Page[GitConnectionOut]),
    Op("list_git_connection_repositories", GET, "/v3/enterprise/git-providers/connections/{connection_id}/repositories", IN_ENTERPRISE, GIT, git.list_repositories, Page[GitConnectionRepositoryOut], also_refuses=(503,)),
    Op("create_git_connection", POST, "/cogmill/v1/enterprise/git-connections", IN_ENTERPRISE, GIT, git.create_connection, NewGitConnectionOut, audit="create_git_integration", extension=True),
    Op("update_git_connection", PATCH, "/cogmill/v1/enterprise/git-connections/{connection_id}", IN_ENTERPRISE, GIT, git.update_connection, GitConnectionOut, audit="update_git_integration", extension=True),
    Op("delete_git_connection", DELETE, "/cogmill/v1/enterprise/git-connections/{connection_id}", IN_ENTERPRISE, GIT, git.delete_connection, GitConnectionOut, audit="delete_git_integration", extension=True),
    Op("check_git_connection", GET, "/cogmill/v1/enterprise/git-connections/{connection_id}/check", IN_ENTERPRISE, GIT, git.check_connection, GitCheckOut, extension=True),
    Op("receive_git_webhook", POST, "/cogmill/v1/git-connections/{connection_id}/webhook", PUBLIC, ANYBODY, git.receive_webhook, GitWebhookOut, audit="receive_git_webhook", extension=True, also_refuses=(400, 403, 413)),
    Op("get_organization_git_permissions", GET, "/v3/enterprise/organizations/{org_id}/git-providers/permissions", ENTERPRISE_ORG, VIEW_GIT, git.list_permissions, Page[GitPermissionOut]),
    Op("bulk_create_organization_git_permissions", POST, "/v3/enterprise/organizations/{org_id}/git-providers/permissions", ENTERPRISE_ORG, GIT, git.add_permissions, list[GitPermissionOut], audit="create_git_permission"),
    Op("replace_organization_git_permissions", PUT, "/v3/enterprise/organizations/{org_id}/git-providers/permissions", ENTERPRISE_ORG, GIT, git.replace_permissions, list[GitPermissionOut], audit="update_git_permission"),
    Op("clear_organization_git_permissions", DELETE, "/v3/enterprise/organizations/{org_id}/git-providers/permissions", ENTERPRISE_ORG, GIT, git.clear_permissions, list[GitPermissionOut], audit="delete_git_permission"),
    Op("update_organization_git_permission", PATCH, "/v3/enterprise/organizations/{org_id}/git-providers/permissions/{git_permission_id}", ENTERPRISE_ORG, GIT, git.update_permission, GitPermissionOut, audit="update_git_permission"),
    Op("delete_organization_git_permission", DELETE, "/v3/enterprise/organizations/{org_id}/git-providers/permissions/{git_permission_id}", ENTERPRISE_ORG, GIT, git.delete_permission, GitPermissionOut, audit="delete_git_permission"),

    Op("list_roles", GET, "/v3/enterprise/roles", IN_ENTERPRISE, VIEW_MEMBERS, members.list_roles, Page[RoleOut]),
    Op("list_account_idp_groups", GET, "/v3/enterprise/idp-groups", IN_ENTERPRISE, VIEW_MEMBERS, members.list_registered_idp_groups, Page[IdpGroupNameOut]),
    Op("bulk_register_account_idp_groups", POST, "/v3/enterprise/idp-groups", IN_ENTERPRISE, MANAGE_MEMBERS, members.register_idp_groups, list[IdpGroupNameOut], audit="register_idp_groups"),
    Op("delete_account_idp_group", DELETE, "/v3/enterprise/idp-groups/{idp_group_name:path}", IN_ENTERPRISE, MANAGE_MEMBERS, members.delete_registered_idp_group, IdpGroupNameOut, audit="delete_idp_group"),

    Op("list_enterprise_users", GET, "/v3/enterprise/members/users", IN_ENTERPRISE, VIEW_MEMBERS, members.list_users, Page[UserOut]),
    Op("bulk_invite_enterprise_users", POST, "/v3/enterprise/members/users", IN_ENTERPRISE, MANAGE_MEMBERS, members.invite_users, list[UserOut], audit="add_enterprise_member"),
    Op("get_enterprise_user", GET, "/v3/enterprise/members/users/{user_id}", IN_ENTERPRISE, VIEW_MEMBERS, members.get_user, UserWithIdpRolesOut),
    Op("update_enterprise_user_role", PATCH, "/v3/enterprise/members/users/{user_id}", IN_ENTERPRISE, MANAGE_MEMBERS, members.update_user_role, UserOut, audit="assign_roles"),
    Op("remove_enterprise_user", DELETE, "/v3/enterprise/members/users/{user_id}", IN_ENTERPRISE, MANAGE_MEMBERS, members.remove_user, UserOut, audit="delete_member"),
    Op("list_enterprise_idp_users", GET, "/v3/enterprise/members/idp-users", IN_ENTERPRISE, VIEW_MEMBERS, members.list_idp_users, Page[IdpGroupUserOut]),
    Op("list_enterprise_service_users", GET, "/v3/enterprise/members/service-users", IN_ENTERPRISE, VIEW_MEMBERS, members.list_service_users, Page[ServiceUserOut]),
    Op("get_enterprise_service_user", GET, "/v3/enterprise/members/service-users/{service_user_id}", IN_ENTERPRISE, VIEW_MEMBERS, members.get_service_user, ServiceUserOut),
    Op("assign_enterprise_service_user_role", POST, "/v3/enterprise/members/service-users/{service_user_id}", IN_ENTERPRISE, MANAGE_MEMBERS, members.assign_service_user_role, ServiceUserOut, audit="assign_service_user_role"),
    Op("update_enterprise_service_user_role", PATCH, "/v3/enterprise/members/service-users/{service_user_id}", IN_ENTERPRISE, MANAGE_MEMBERS, members.update_service_user_role, ServiceUserOut, audit="assign_service_user_role"),
    Op("remove_enterprise_service_user", DELETE, "/v3/enterprise/members/service-users/{service_user_id}", IN_ENTERPRISE, MANAGE_MEMBERS, members.remove_service_user, ServiceUserOut, audit="delete_service_user"),
    Op("list_enterprise_idp_groups", GET, "/v3/enterprise/members/idp-groups", IN_ENTERPRISE, VIEW_MEMBERS, members.list_idp_groups, Page[IdpGroupOut]),
    Op("get_enterprise_idp_group", GET, "/v3/enterprise/members/idp-groups/{idp_group_name:path}", IN_ENTERPRISE, VIEW_MEMBERS, members.get_idp_group, IdpGroupOut),
    Op("assign_enterprise_idp_group_role", POST, "/v3/enterprise/members/idp-groups/{idp_group_name:path}", IN_ENTERPRISE, MANAGE_MEMBERS, members.assign_idp_group_role, IdpGroupOut, audit="add_group_membership"),
    Op("update_enterprise_idp_group_role", PATCH, "/v3/enterprise/members/idp-groups/{idp_group_name:path}", IN_ENTERPRISE, MANAGE_MEMBERS, members.update_idp_group_role, IdpGroupOut, audit="update_group_membership"),
    Op("remove_enterprise_idp_group", DELETE, "/v3/enterprise/members/idp-groups/{idp_group_name:path}", IN_ENTERPRISE, MANAGE_MEMBERS, members.remove_idp_group, IdpGroupOut, audit="delete_group_membership"),

    Op("list_organization_users", GET, "/v3/enterprise/organizations/{org_id}/members/users", ENTERPRISE_ORG, VIEW_MEMBERS, members.list_users, Page[UserOut]),
    Op("assign_organization_user_role", POST, "/v3/enterprise/organizations/{org_id}/members/users/{user_id}", ENTERPRISE_ORG, MANAGE_MEMBERS, members.assign_user_role, UserOut, audit="add_member"),
    Op("update_organization_user_role", PATCH, "/v3/enterprise/organizations/{org_id}/members/users/{user_id}", ENTERPRISE_ORG, MANAGE_MEMBERS, members.update_user_role, UserOut, audit="assign_roles"),
    Op("remove_organization_user", DELETE, "/v3/enterprise/organizations/{org_id}/members/users/{user_id}", ENTERPRISE_ORG, MANAGE_MEMBERS, members.leave_user, UserOut, audit="delete_member"),
    Op("list_organization_idp_users", GET, "/v3/enterprise/organizations/{org_id}/members/idp-users", ENTERPRISE_ORG, VIEW_MEMBERS, members.list_idp_users, Page[IdpGroupUserOut]),
    Op("list_organization_service_users", GET, "/v3/enterprise/organizations/{org_id}/members/service-users", ENTERPRISE_ORG, VIEW_MEMBERS, members.list_service_users, Page[ServiceUserOut]),
    Op("assign_organization_service_user_role", POST, "/v3/enterprise/organizations/{org_id}/members/service-users/{service_user_id}", ENTERPRISE_ORG, MANAGE_MEMBERS, members.assign_service_user_role, ServiceUserOut, audit="assign_service_user_role"),
    Op("update_organization_service_user_role", PATCH, "/v3/enterprise/organizations/{org_id}/members/service-users/{service_user_id}", ENTERPRISE_ORG, MANAGE_MEMBERS, members.update_service_user_role, ServiceUserOut, audit="assign_service_user_role"),
    Op("remove_organization_service_user", DELETE, "/v3/enterprise/organizations/{org_id}/members/service-users/{service_user_id}", ENTERPRISE_ORG, MANAGE_MEMBERS, members.leave_service_user, ServiceUserOut, audit="remove_service_user_role"),
    Op("list_organization_idp_groups", GET, "/v3/enterprise/organizations/{org_id}/members/idp-groups", ENTERPRISE_ORG, VIEW_MEMBERS, members.list_idp_groups, Page[IdpGroupOut]),
    Op("get_organization_idp_group", GET, "/v3/enterprise/organizations/{org_id}/members/idp-groups/{idp_group_name:path}", ENTERPRISE_ORG, VIEW_MEMBERS, members.get_idp_group, IdpGroupOut),
    Op("assign_organization_idp_group_role", POST, "/v3/enterprise/organizations/{org_id}/members/idp-groups/{idp_group_name:path}", ENTERPRISE_ORG, MANAGE_MEMBERS, members.assign_idp_group_role, IdpGroupOut, audit="add_group_membership"),
    Op("update_organization_idp_group_role", PATCH, "/v3/enterprise/organizations/{org_id}/members/idp-groups/{idp_group_name:path}", ENTERPRISE_ORG, MANAGE_MEMBERS, members.update_idp_group_role, IdpGroupOut, audit="update_group_membership"),
    Op("remove_organization_idp_group", DELETE, "/v3/enterprise/organizations/{org_id}/members/idp-groups/{idp_group_name:path}", ENTERPRISE_ORG, MANAGE_MEMBERS, members.remove_idp_group, IdpGroupOut, audit="delete_group_membership"),

    Op("list_organization_member_users", GET, "/v3beta1/organizations/{org_id}/members/users", IN_ORG, VIEW_ORG_MEMBERS, members.list_org_members, Page[OrgMemberUserOut]),
    Op("get_organization_member_user", GET, "/v3beta1/organizations/{org_id}/members/users/{user_id}", IN_ORG, VIEW_ORG_MEMBERS, members.get_org_member, OrgMemberUserWithIdpRolesOut),
    Op("list_organization_member_idp_users", GET, "/v3beta1/organizations/{org_id}/members/idp-users", IN_ORG, VIEW_ORG_MEMBERS, members.list_org_idp_users, Page[OrgIdpGroupUserOut]),

    Op("provision_enterprise_service_user", POST, "/v3beta1/enterprise/service-users", IN_ENTERPRISE, SERVICE_USERS, service_users.provision, ServiceUserProvisionedOut, audit="create_service_user"),
    Op("provision_organization_service_user", POST, "/v3beta1/organizations/{org_id}/service-users", IN_ORG, (P.MANAGE_ORG_SERVICE_USERS,), service_users.provision, ServiceUserProvisionedOut, audit="create_service_user"),
    Op("list_service_user_api_keys", GET, "/v3beta1/enterprise/service-users/{service_user_id}/api-keys", IN_ENTERPRISE, SERVICE_USERS, api_keys.list_of_service_user, Page[ApiKeyOut]),
    Op("create_service_user_api_key", POST, "/v3beta1/enterprise/service-users/{service_user_id}/api-keys", IN_ENTERPRISE, SERVICE_USERS, api_keys.create_for_service_user, ApiKeyWithTokenOut, audit="create_service_user_api_key"),
    Op("revoke_service_user_api_key", DELETE, "/v3beta1/enterprise/service-users/{service_user_id}/api-keys/{api_key_id}", IN_ENTERPRISE, SERVICE_USERS, api_keys.revoke_of_service_user, ApiKeyOut, audit="revoke_service_user_api_key"),
    Op("rotate_service_user_api_key", POST, "/v3beta1/enterprise/service-users/{service_user_id}/api-keys/{api_key_id}/rotate", IN_ENTERPRISE, SERVICE_USERS, api_keys.rotate_of_service_user, ApiKeyWithTokenOut, audit="rotate_service_user_api_key"),

    Op("list_repositories", GET, "/v3beta1/organizations/{org_id}/repositories", IN_ORG, READ_REPOS, repositories.list_, Page[RepositoryOut]),
    Op("list_indexed_repositories", GET, "/v3beta1/organizations/{org_id}/repositories/indexing", IN_ORG, READ_REPOS, repositories.list_indexed, Page[RepositoryIndexingOut]),
    Op("bulk_index_repositories", PUT, "/v3beta1/organizations/{org_id}/repositories/indexing", IN_ORG, INDEX_REPOS, repositories.bulk_index, list[RepositoryIndexingOut], audit="index_repositories"),
    Op("bulk_remove_repository_indexing", DELETE, "/v3beta1/organizations/{org_id}/repositories/indexing", IN_ORG, INDEX_REPOS, repositories.bulk_remove, list[RepositoryIndexingOut], audit="remove_repository_indexing"),
    Op("remove_repository_indexing_branch", DELETE, "/v3beta1/organizations/{org_id}/repositories/{repository_path:path}/indexing/branches/{branch_name:path}", IN_ORG, INDEX_REPOS, repositories.remove_branch, RepositoryIndexingOut, audit="remove_repository_indexing"),
    Op("get_repository_indexing_status", GET, "/v3beta1/organizations/{org_id}/repositories/{repository_path:path}/indexing", IN_ORG, READ_REPOS, repositories.get_status, IndexingStatusOut),
    Op("index_repository", PUT, "/v3beta1/organizations/{org_id}/repositories/{repository_path:path}/indexing", IN_ORG, INDEX_REPOS, repositories.index, RepositoryIndexingOut, audit="index_repositories"),
    Op("remove_repository_indexing", DELETE, "/v3beta1/organizations/{org_id}/repositories/{repository_path:path}/indexing", IN_ORG, INDEX_REPOS, repositories.remove, RepositoryIndexingOut, audit="remove_repository_indexing"),
    Op("list_index_jobs", GET, "/cogmill/v1/organizations/{org_id}/index-jobs", IN_ORG, READ_REPOS, repositories.list_jobs, Page[IndexJobDetailsOut], extension=True),
    Op("search_code", GET, "/cogmill/v1/organizations/{org_id}/code-search", IN_ORG, SEARCH_CODE, repositories.search, Page[CodeHitOut], extension=True),

    Op("list_custom_roles", GET, "/cogmill/v1/enterprise/roles", IN_ENTERPRISE, VIEW_MEMBERS, members.list_custom_roles, Page[CustomRoleOut], extension=True),
    Op("create_role", POST, "/cogmill/v1/enterprise/roles", IN_ENTERPRISE, MANAGE_MEMBERS, members.create_role, CustomRoleOut, audit="create_role", extension=True),
    Op("update_role", PATCH, "/cogmill/v1/enterprise/roles/{role_id}", IN_ENTERPRISE, MANAGE_MEMBERS, members.update_role, CustomRoleOut, audit="update_role", extension=True),
    Op("delete_role", DELETE, "/cogmill/v1/enterprise/roles/{role_id}", IN_ENTERPRISE, MANAGE_MEMBERS, members.delete_role, CustomRoleOut, audit="delete_role", extension=True),
    Op("list_secrets", GET, "/v3/organizations/{org_id}/secrets", IN_ORG, SECRETS, secrets.list_, Page[SecretOut]),
    Op("create_secret", POST, "/v3/organizations/{org_id}/secrets", IN_ORG, SECRETS, secrets.create, SecretOut, audit="create_secret"),
    Op("delete_secret", DELETE, "/v3/organizations/{org_id}/secrets/{secret_id}", IN_ORG, SECRETS, secrets.delete, SecretOut, audit="delete_secret"),
    Op("organization_list_playbooks", GET, "/v3/organizations/{org_id}/playbooks", IN_ORG, USE_PLAYBOOKS, playbooks.list_, Page[PlaybookOut]),
    Op("organization_create_playbook", POST, "/v3/organizations/{org_id}/playbooks", IN_ORG, PLAYBOOKS, playbooks.create, PlaybookOut, audit="create_playbook"),
    Op("organization_get_playbook", GET, "/v3/organizations/{org_id}/playbooks/{playbook_id}", IN_ORG, USE_PLAYBOOKS, playbooks.get, PlaybookOut),
    Op("organization_update_playbook", PUT, "/v3/organizations/{org_id}/playbooks/{playbook_id}", IN_ORG, PLAYBOOKS, playbooks.replace, PlaybookOut, audit="update_playbook"),
    Op("organization_delete_playbook", DELETE, "/v3/organizations/{org_id}/playbooks/{playbook_id}", IN_ORG, PLAYBOOKS, playbooks.delete, PlaybookOut, audit="delete_playbook"),
    Op("enterprise_list_playbooks", GET, "/v3/enterprise/playbooks", IN_ENTERPRISE, SHARED_PLAYBOOKS, playbooks.list_, Page[PlaybookOut]),
    Op("enterprise_create_playbook", POST, "/v3/enterprise/playbooks", IN_ENTERPRISE, SHARED_PLAYBOOKS, playbooks.create, PlaybookOut, audit="create_playbook"),
    Op("enterprise_get_playbook", GET, "/v3/enterprise/playbooks/{playbook_id}", IN_ENTERPRISE, SHARED_PLAYBOOKS, playbooks.get, PlaybookOut),
    Op("enterprise_update_playbook", PUT, "/v3/enterprise/playbooks/{playbook_id}", IN_ENTERPRISE, SHARED_PLAYBOOKS, playbooks.replace, PlaybookOut, audit="update_playbook"),
    Op("enterprise_delete_playbook", DELETE, "/v3/enterprise/playbooks/{playbook_id}", IN_ENTERPRISE, SHARED_PLAYBOOKS, playbooks.delete, PlaybookOut, audit="delete_playbook"),
    Op("list_organization_playbook_versions", GET, "/cogmill/v1/organizations/{org_id}/playbooks/{playbook_id}/versions", IN_ORG, USE_PLAYBOOKS, playbooks.versions, Page[PlaybookVersionOut], extension=True),
    Op("list_enterprise_playbook_versions", GET, "/cogmill/v1/enterprise/playbooks/{playbook_id}/versions", IN_ENTERPRISE, SHARED_PLAYBOOKS, playbooks.versions, Page[PlaybookVersionOut], extension=True),
    Op("list_enterprise_code_scans", GET, "/v3/enterprise/code-scans", IN_ENTERPRISE, VIEW_ALL_SCANS, code_scans.list_everywhere, Page[CodeScanOut]),
    Op("list_enterprise_code_scans_v3beta1", GET, "/v3beta1/enterprise/code-scans", IN_ENTERPRISE, VIEW_ALL_SCANS, code_scans.list_everywhere, Page[CodeScanOut]),
    Op("list_enterprise_code_scan_findings", GET, "/v3/enterprise/code-scans/findings", IN_ENTERPRISE, VIEW_ALL_SCANS, code_scans.list_findings_everywhere, Page[FindingOut]),
    Op("list_enterprise_code_scan_findings_v3beta1", GET, "/v3beta1/enterprise/code-scans/findings", IN_ENTERPRISE, VIEW_ALL_SCANS, code_scans.list_findings_everywhere, Page[FindingOut]),
    Op("get_enterprise_code_scan_metrics", GET, "/v3/enterprise/code-scans/metrics", IN_ENTERPRISE, VIEW_ALL_SCANS, code_scans.figures_everywhere, CodeScanMetricsOut),
    Op("get_enterprise_code_scan_metrics_v3beta1", GET, "/v3beta1/enterprise/code-scans/metrics", IN_ENTERPRISE, VIEW_ALL_SCANS, code_scans.figures_everywhere, CodeScanMetricsOut),
    Op("list_enterprise_code_scan_profiles", GET, "/v3/enterprise/code-scans/profiles", IN_ENTERPRISE, VIEW_ALL_SCANS, code_scans.list_profiles_everywhere, Page[ProfileSummaryOut]),
    Op("list_enterprise_code_scan_profiles_v3beta1", GET, "/v3beta1/enterprise/code-scans/profiles", IN_ENTERPRISE, VIEW_ALL_SCANS, code_scans.list_profiles_everywhere, Page[ProfileSummaryOut]),
    Op("get_enterprise_code_scan_profile", GET, "/v3/enterprise/code-scans/profiles/{profile_id}", IN_ENTERPRISE, VIEW_ALL_SCANS, code_scans.get_profile, ProfileOut),
    Op("get_enterprise_code_scan_profile_v3beta1", GET, "/v3beta1/enterprise/code-scans/profiles/{profile_id}", IN_ENTERPRISE, VIEW_ALL_SCANS, code_scans.get_profile, ProfileOut),
    Op("create_enterprise_organization_code_scan", POST, "/v3/enterprise/organizations/{org_id}/code-scans", ENTERPRISE_ORG, USE_ALL_SCANS, code_scans.create, CodeScanOut, audit="create_code_scan", status=201),
    Op("create_enterprise_organization_code_scan_v3beta1", POST, "/v3beta1/enterprise/organizations/{org_id}/code-scans", ENTERPRISE_ORG, USE_ALL_SCANS, code_scans.create, CodeScanOut, audit="create_code_scan", status=201),
    Op("ingest_enterprise_organization_code_scan", POST, "/v3/enterprise/organizations/{org_id}/code-scans/ingestion", ENTERPRISE_ORG, USE_ALL_SCANS, code_scans.ingest, CodeScanOut, audit="ingest_code_scan", status=201),
    Op("schedule_enterprise_organization_code_scan", POST, "/v3/enterprise/organizations/{org_id}/code-scans/{scan_id}/auto-scan", ENTERPRISE_ORG, USE_ALL_SCANS, code_scans.schedule, CodeScanOut, audit="schedule_code_scan"),
    Op("schedule_enterprise_organization_code_scan_v3beta1", POST, "/v3beta1/enterprise/organizations/{org_id}/code-scans/{scan_id}/auto-scan", ENTERPRISE_ORG, USE_ALL_SCANS, code_scans.schedule, CodeScanOut, audit="schedule_code_scan"),
    Op("remediate_enterprise_organization_code_scan_finding", POST, "/v3/enterprise/organizations/{org_id}/code-scans/{scan_id}/findings/{finding_id}/remediate", ENTERPRISE_ORG, USE_ALL_SCANS, code_scans.remediate, RemediationOut, audit="remediate_code_scan_finding"),
    Op("remediate_enterprise_organization_code_scan_finding_v3beta1", POST, "/v3beta1/enterprise/organizations/{org_id}/code-scans/{scan_id}/findings/{finding_id}/remediate", ENTERPRISE_ORG, USE_ALL_SCANS, code_scans.remediate, RemediationOut, audit="remediate_code_scan_finding"),
    Op("set_enterprise_organization_code_scan_profile", PUT, "/v3/enterprise/organizations/{org_id}/code-scans/{scan_id}/profile", ENTERPRISE_ORG, USE_ALL_SCANS, code_scans.set_profile, CodeScanOut, audit="update_code_scan"),
    Op("set_enterprise_organization_code_scan_profile_v3beta1", PUT, "/v3beta1/enterprise/organizations/{org_id}/code-scans/{scan_id}/profile", ENTERPRISE_ORG, USE_ALL_SCANS, code_scans.set_profile, CodeScanOut, audit="update_code_scan"),
    Op("list_organization_code_scans", GET, "/v3/organizations/{org_id}/code-scans", IN_ORG, VIEW_SCANS, code_scans.list_, Page[CodeScanOut]),
    Op("list_organization_code_scans_v3beta1", GET, "/v3beta1/organizations/{org_id}/code-scans", IN_ORG, VIEW_SCANS, code_scans.list_, Page[CodeScanOut]),
    Op("create_organization_code_scan", POST, "/v3/organizations/{org_id}/code-scans", IN_ORG, USE_SCANS, code_scans.create, CodeScanOut, audit="create_code_scan", status=201),
    Op("create_organization_code_scan_v3beta1", POST, "/v3beta1/organizations/{org_id}/code-scans", IN_ORG, USE_SCANS, code_scans.create, CodeScanOut, audit="create_code_scan", status=201),
    Op("list_organization_code_scan_findings", GET, "/v3/organizations/{org_id}/code-scans/findings", IN_ORG, VIEW_SCANS, code_scans.list_findings, Page[FindingOut]),
    Op("list_organization_code_scan_findings_v3beta1", GET, "/v3beta1/organizations/{org_id}/code-scans/findings", IN_ORG, VIEW_SCANS, code_scans.list_findings, Page[FindingOut]),
    Op("ingest_organization_code_scan", POST, "/v3/organizations/{org_id}/code-scans/ingestion", IN_ORG, USE_SCANS, code_scans.ingest, CodeScanOut, audit="ingest_code_scan", status=201),
    Op("get_organization_code_scan_metrics", GET, "/v3/organizations/{org_id}/code-scans/metrics", IN_ORG, VIEW_SCANS, code_scans.figures, CodeScanMetricsOut),
    Op("get_organization_code_scan_metrics_v3beta1", GET, "/v3beta1/organizations/{org_id}/code-scans/metrics", IN_ORG, VIEW_SCANS, code_scans.figures, CodeScanMetricsOut),
    Op("list_organization_code_scan_profiles", GET, "/v3/organizations/{org_id}/code-scans/profiles", IN_ORG, VIEW_SCANS, code_scans.list_profiles, Page[ProfileSummaryOut]),
    Op("list_organization_code_scan_profiles_v3beta1", GET, "/v3beta1/organizations/{org_id}/code-scans/profiles", IN_ORG, VIEW_SCANS, code_scans.list_profiles, Page[ProfileSummaryOut]),
    Op("get_organization_code_scan_profile", GET, "/v3/organizations/{org_id}/code-scans/profiles/{profile_id}", IN_ORG, VIEW_SCANS, code_scans.get_profile, ProfileOut),
    Op("get_organization_code_scan_profile_v3beta1", GET, "/v3beta1/organizations/{org_id}/code-scans/profiles/{profile_id}", IN_ORG, VIEW_SCANS, code_scans.get_profile, ProfileOut),
    Op("schedule_organization_code_scan", POST, "/v3/organizations/{org_id}/code-scans/{scan_id}/auto-scan", IN_ORG, USE_SCANS, code_scans.schedule, CodeScanOut, audit="schedule_code_scan"),
    Op("schedule_organization_code_scan_v3beta1", POST, "/v3beta1/organizations/{org_id}/code-scans/{scan_id}/auto-scan", IN_ORG, USE_SCANS, code_scans.schedule, CodeScanOut, audit="schedule_code_scan"),
    Op("remediate_organization_code_scan_finding", POST, "/v3/organizations/{org_id}/code-scans/{scan_id}/findings/{finding_id}/remediate", IN_ORG, USE_SCANS, code_scans.remediate, RemediationOut, audit="remediate_code_scan_finding"),
    Op("remediate_organization_code_scan_finding_v3beta1", POST, "/v3beta1/organizations/{org_id}/code-scans/{scan_id}/findings/{finding_id}/remediate", IN_ORG, USE_SCANS, code_scans.remediate, RemediationOut, audit="remediate_code_scan_finding"),
    Op("set_organization_code_scan_profile", PUT, "/v3/organizations/{org_id}/code-scans/{scan_id}/profile", IN_ORG, USE_SCANS, code_scans.set_profile, CodeScanOut, audit="update_code_scan"),
    Op("set_organization_code_scan_profile_v3beta1", PUT, "/v3beta1/organizations/{org_id}/code-scans/{scan_id}/profile", IN_ORG, USE_SCANS, code_scans.set_profile, CodeScanOut, audit="update_code_scan"),
    Op("create_organization_code_scan_profile", POST, "/cogmill/v1/organizations/{org_id}/code-scans/profiles", IN_ORG, USE_SCANS, code_scans.create_profile, ProfileOut, audit="create_code_scan_profile", extension=True),
    Op("update_organization_code_scan_profile", PATCH, "/cogmill/v1/organizations/{org_id}/code-scans/profiles/{profile_id}", IN_ORG, USE_SCANS, code_scans.change_profile, ProfileOut, audit="update_code_scan_profile", extension=True),
    Op("delete_organization_code_scan_profile", DELETE, "/cogmill/v1/organizations/{org_id}/code-scans/profiles/{profile_id}", IN_ORG, USE_SCANS, code_scans.delete_profile, ProfileOut, audit="delete_code_scan_profile", extension=True),
    Op("create_enterprise_code_scan_profile", POST, "/cogmill/v1/enterprise/code-scans/profiles", IN_ENTERPRISE, USE_ALL_SCANS, code_scans.create_profile, ProfileOut, audit="create_code_scan_profile", extension=True),
    Op("update_enterprise_code_scan_profile", PATCH, "/cogmill/v1/enterprise/code-scans/profiles/{profile_id}", IN_ENTERPRISE, USE_ALL_SCANS, code_scans.change_profile, ProfileOut, audit="update_code_scan_profile", extension=True),
    Op("delete_enterprise_code_scan_profile", DELETE, "/cogmill/v1/enterprise/code-scans/profiles/{profile_id}", IN_ENTERPRISE, USE_ALL_SCANS, code_scans.delete_profile, ProfileOut, audit="delete_code_scan_profile", extension=True),
    Op("get_organization_code_scan", GET, "/cogmill/v1/organizations/{org_id}/code-scans/{scan_id}", IN_ORG, VIEW_SCANS, code_scans.get, CodeScanOut, extension=True),
    Op("update_organization_code_scan_finding", PATCH, "/cogmill/v1/organizations/{org_id}/code-scans/findings/{finding_id}", IN_ORG, USE_SCANS, code_scans.change_finding, FindingOut, audit="update_code_scan_finding", extension=True),
    Op("list_schedules", GET, "/v3/organizations/{org_id}/schedules", IN_ORG, SCHEDULES, schedules.list_, Page[ScheduleOut]),
    Op("create_schedule", POST, "/v3/organizations/{org_id}/schedules", IN_ORG, SCHEDULES, schedules.create, ScheduleOut, audit="create_schedule"),
    Op("get_schedule", GET, "/v3/organizations/{org_id}/schedules/{schedule_id}", IN_ORG, SCHEDULES, schedules.get, ScheduleOut),
    Op("update_schedule", PATCH, "/v3/organizations/{org_id}/schedules/{schedule_id}", IN_ORG, SCHEDULES, schedules.update, ScheduleOut, audit="update_schedule"),
    Op("delete_schedule", DELETE, "/v3/organizations/{org_id}/schedules/{schedule_id}", IN_ORG, SCHEDULES, schedules.delete, ScheduleOut, audit="delete_schedule"),
    Op("list_schedule_runs", GET, "/cogmill/v1/organizations/{org_id}/schedules/{schedule_id}/runs", IN_ORG, SCHEDULES, schedules.runs, Page[ScheduleRunOut], extension=True),
    Op("sign_in", POST, "/cogmill/v1/sign-in", PUBLIC, ANYBODY, sign_ins.sign_in, AccountOut, audit="login", extension=True),
    Op("sign_in_options", GET, "/cogmill/v1/sign-in", PUBLIC, ANYBODY, sign_ins.sign_in_options, SignInOptionsOut, extension=True),
    Op("begin_oidc", GET, "/cogmill/v1/sign-in/oidc", PUBLIC, ANYBODY, sign_ins.begin_oidc, None, extension=True, status=303, also_refuses=(404,)),
    Op("finish_oidc", GET, "/cogmill/v1/sign-in/oidc/callback", PUBLIC, ANYBODY, sign_ins.finish_oidc, None, audit="login", extension=True, status=303, also_refuses=(404,)),
    Op("sign_out", POST, "/cogmill/v1/sign-out", SELF, (P.READ_ACCOUNT_META,), sign_ins.sign_out, SignedOutOut, audit="sign_out", extension=True),
    Op("sign_out_everywhere", POST, "/cogmill/v1/self/sign-out-everywhere", SELF, (P.READ_ACCOUNT_META,), sign_ins.sign_out_everywhere, SignedOutOut, audit="sign_out_everywhere", extension=True),
    Op("change_password", PUT, "/cogmill/v1/self/password", SELF, (P.READ_ACCOUNT_META,), sign_ins.change_password, SignedOutOut, audit="change_password", extension=True),
    Op("sign_user_out_everywhere", POST, "/cogmill/v1/enterprise/members/users/{user_id}/sign-out-everywhere", IN_ENTERPRISE, MANAGE_MEMBERS, sign_ins.sign_user_out_everywhere, SignedOutOut, audit="sign_out_everywhere", extension=True),
    Op("invite_user", POST, "/cogmill/v1/enterprise/members/users/{user_id}/invitation", IN_ENTERPRISE, MANAGE_MEMBERS, sign_ins.invite, InvitationOut, audit="invite_user", extension=True),
    Op("accept_invitation", POST, "/cogmill/v1/invitations/accept", PUBLIC, ANYBODY, sign_ins.accept_invitation, AccountOut, audit="accept_invitation", extension=True),
    Op("list_own_tokens", GET, "/cogmill/v1/self/tokens", SELF, (P.READ_ACCOUNT_META,), api_keys.list_own, Page[ApiKeyOut], extension=True),
    Op("create_own_token", POST, "/cogmill/v1/self/tokens", SELF, (P.READ_ACCOUNT_META,), api_keys.create_own, ApiKeyWithTokenOut, audit="create_pat", extension=True),
    Op("revoke_own_token", DELETE, "/cogmill/v1/self/tokens/{api_key_id}", SELF, (P.READ_ACCOUNT_META,), api_keys.revoke_own, ApiKeyOut, audit="revoke_pat", extension=True),
    Op("list_user_tokens", GET, "/cogmill/v1/enterprise/members/users/{user_id}/tokens", IN_ENTERPRISE, VIEW_MEMBERS, api_keys.list_of_user, Page[ApiKeyOut], extension=True),
    Op("create_user_token", POST, "/cogmill/v1/enterprise/members/users/{user_id}/tokens", IN_ENTERPRISE, MANAGE_MEMBERS, api_keys.create_for_user, ApiKeyWithTokenOut, audit="create_pat", extension=True),
    Op("revoke_user_token", DELETE, "/cogmill/v1/enterprise/members/users/{user_id}/tokens/{api_key_id}", IN_ENTERPRISE, MANAGE_MEMBERS, api_keys.revoke_of_user, ApiKeyOut, audit="revoke_pat", extension=True),
    Op("list_user_legacy_keys", GET, "/cogmill/v1/enterprise/members/users/{user_id}/legacy-keys", IN_ENTERPRISE, VIEW_MEMBERS, api_keys.list_legacy_of_user, Page[LegacyKeyOut], extension=True),
    Op("create_user_legacy_key", POST, "/cogmill/v1/enterprise/members/users/{user_id}/legacy-keys", IN_ENTERPRISE, MANAGE_MEMBERS, api_keys.create_legacy_for_user, ApiKeyWithTokenOut, audit="create_user_api_key", extension=True),
    Op("revoke_user_legacy_key", DELETE, "/cogmill/v1/enterprise/members/users/{user_id}/legacy-keys/{api_key_id}", IN_ENTERPRISE, MANAGE_MEMBERS, api_keys.revoke_legacy_of_user, LegacyKeyOut, audit="revoke_enterprise_api_key", extension=True),
    Op("list_org_legacy_keys", GET, "/cogmill/v1/organizations/{org_id}/legacy-keys", IN_ORG, LEGACY_KEYS, api_keys.list_legacy_of_organization, Page[LegacyKeyOut], extension=True),
    Op("create_org_legacy_key", POST, "/cogmill/v1/organizations/{org_id}/legacy-keys", IN_ORG, LEGACY_KEYS, api_keys.create_legacy_for_organization, ApiKeyWithTokenOut, audit="create_org_api_key", extension=True),
    Op("revoke_org_legacy_key", DELETE, "/cogmill/v1/organizations/{org_id}/legacy-keys/{api_key_id}", IN_ORG, LEGACY_KEYS, api_keys.revoke_legacy_of_organization, LegacyKeyOut, audit="revoke_enterprise_api_key", extension=True),

    Op("list_automations", GET, "/v3/organizations/{org_id}/automations", IN_ORG, VIEW_AUTOMATIONS, automations.list_, Page[AutomationOut]),
    Op("create_automation", POST, "/v3/organizations/{org_id}/automations", IN_ORG, AUTOMATIONS, automations.create, AutomationOut, audit="create_automation"),
    Op("get_automation_schemas", GET, "/v3/organizations/{org_id}/automations/schemas", IN_ORG, VIEW_AUTOMATIONS, automations.schemas, AutomationSchemasOut),
    Op("get_automation", GET, "/v3/organizations/{org_id}/automations/{automation_id}", IN_ORG, VIEW_AUTOMATIONS, automations.get, AutomationOut),
    Op("update_automation", PATCH, "/v3/organizations/{org_id}/automations/{automation_id}", IN_ORG, AUTOMATIONS, automations.update, AutomationOut, audit="update_automation"),
    Op("delete_automation", DELETE, "/v3/organizations/{org_id}/automations/{automation_id}", IN_ORG, AUTOMATIONS, automations.delete, AutomationOut, audit="delete_automation"),
    Op("list_automation_runs", GET, "/cogmill/v1/organizations/{org_id}/automations/{automation_id}/runs", IN_ORG, VIEW_AUTOMATIONS, automations.runs, Page[AutomationRunOut], extension=True),
    Op("trigger_automation", POST, "/cogmill/v1/hooks/{hook_id}", PUBLIC, ANYBODY, automations.trigger, TriggeredOut, audit="trigger_automation", extension=True, also_refuses=(401, 409, 413, 429)),
    Op("list_enterprise_guardrail_violations", GET, "/v3beta1/enterprise/guardrail-violations", IN_ENTERPRISE, GUARDRAILS, guardrails.list_violations, Page[ViolationOut]),
    Op("list_organization_guardrail_violations", GET, "/v3beta1/enterprise/organizations/{org_id}/guardrail-violations", ENTERPRISE_ORG, GUARDRAILS, guardrails.list_violations, Page[ViolationOut]),
    Op("list_guardrails", GET, "/cogmill/v1/enterprise/guardrails", IN_ENTERPRISE, GUARDRAILS, guardrails.list_, Page[GuardrailOut], extension=True),
    Op("create_guardrail", POST, "/cogmill/v1/enterprise/guardrails", IN_ENTERPRISE, GUARDRAILS, guardrails.create, GuardrailOut, audit="update_ai_guardrail", extension=True),
    Op("get_guardrail", GET, "/cogmill/v1/enterprise/guardrails/{guardrail_id}", IN_ENTERPRISE, GUARDRAILS, guardrails.get, GuardrailOut, extension=True),
    Op("update_guardrail", PATCH, "/cogmill/v1/enterprise/guardrails/{guardrail_id}", IN_ENTERPRISE, GUARDRAILS, guardrails.update, GuardrailOut, audit="update_ai_guardrail", extension=True),
    Op("delete_guardrail", DELETE, "/cogmill/v1/enterprise/guardrails/{guardrail_id}", IN_ENTERPRISE, GUARDRAILS, guardrails.delete, GuardrailOut, audit="update_ai_guardrail", extension=True),
    Op("list_organization_webhooks", GET, "/cogmill/v1/organizations/{org_id}/webhooks", IN_ORG, WEBHOOKS, webhooks.list_, Page[WebhookOut], extension=True),
    Op("create_organization_webhook", POST, "/cogmill/v1/organizations/{org_id}/webhooks", IN_ORG, WEBHOOKS, webhooks.create, WebhookWithSecretOut, audit="create_webhook", extension=True),
    Op("get_organization_webhook", GET, "/cogmill/v1/organizations/{org_id}/webhooks/{webhook_id}", IN_ORG, WEBHOOKS, webhooks.get, WebhookOut, extension=True),
    Op("update_organization_webhook", PATCH, "/cogmill/v1/organizations/{org_id}/webhooks/{webhook_id}", IN_ORG, WEBHOOKS, webhooks.update, WebhookOut, audit="update_webhook", extension=True),
    Op("delete_organization_webhook", DELETE, "/cogmill/v1/organizations/{org_id}/webhooks/{webhook_id}", IN_ORG, WEBHOOKS, webhooks.delete, WebhookOut, audit="delete_webhook", extension=True),
    Op("rotate_organization_webhook_secret", POST, "/cogmill/v1/organizations/{org_id}/webhooks/{webhook_id}/rotate-secret", IN_ORG, WEBHOOKS, webhooks.rotate_secret, WebhookWithSecretOut, audit="rotate_webhook_secret", extension=True),
    Op("ping_organization_webhook", POST, "/cogmill/v1/organizations/{org_id}/webhooks/{webhook_id}/ping", IN_ORG, WEBHOOKS, webhooks.ping, DeliveryOut, audit="ping_webhook", extension=True),
    Op("list_organization_webhook_deliveries", GET, "/cogmill/v1/organizations/{org_id}/webhooks/{webhook_id}/deliveries", IN_ORG, WEBHOOKS, webhooks.list_deliveries, Page[DeliveryOut], extension=True),
    Op("get_organization_webhook_delivery", GET, "/cogmill/v1/organizations/{org_id}/webhooks/{webhook_id}/deliveries/{delivery_id}", IN_ORG, WEBHOOKS, webhooks.get_delivery, DeliveryDetailsOut, extension=True),
    Op("replay_organization_webhook_delivery", POST, "/cogmill/v1/organizations/{org_id}/webhooks/{webhook_id}/deliveries/{delivery_id}/replay", IN_ORG, WEBHOOKS, webhooks.replay, DeliveryOut, audit="replay_webhook_delivery", extension=True),
    Op("list_enterprise_webhooks", GET, "/cogmill/v1/enterprise/webhooks", IN_ENTERPRISE, WEBHOOKS_EVERYWHERE, webhooks.list_, Page[WebhookOut], extension=True),
    Op("create_enterprise_webhook", POST, "/cogmill/v1/enterprise/webhooks", IN_ENTERPRISE, WEBHOOKS_EVERYWHERE, webhooks.create, WebhookWithSecretOut, audit="create_webhook", extension=True),
    Op("get_enterprise_webhook", GET, "/cogmill/v1/enterprise/webhooks/{webhook_id}", IN_ENTERPRISE, WEBHOOKS_EVERYWHERE, webhooks.get, WebhookOut, extension=True),
    Op("update_enterprise_webhook", PATCH, "/cogmill/v1/enterprise/webhooks/{webhook_id}", IN_ENTERPRISE, WEBHOOKS_EVERYWHERE, webhooks.update, WebhookOut, audit="update_webhook", extension=True),
    Op("delete_enterprise_webhook", DELETE, "/cogmill/v1/enterprise/webhooks/{webhook_id}", IN_ENTERPRISE, WEBHOOKS_EVERYWHERE, webhooks.delete, WebhookOut, audit="delete_webhook", extension=True),
    Op("rotate_enterprise_webhook_secret", POST, "/cogmill/v1/enterprise/webhooks/{webhook_id}/rotate-secret", IN_ENTERPRISE, WEBHOOKS_EVERYWHERE, webhooks.rotate_secret, WebhookWithSecretOut, audit="rotate_webhook_secret", extension=True),
    Op("ping_enterprise_webhook", POST, "/cogmill/v1/enterprise/webhooks/{webhook_id}/ping", IN_ENTERPRISE, WEBHOOKS_EVERYWHERE, webhooks.ping, DeliveryOut, audit="ping_webhook", extension=True),
    Op("list_enterprise_webhook_deliveries", GET, "/cogmill/v1/enterprise/webhooks/{webhook_id}/deliveries", IN_ENTERPRISE, WEBHOOKS_EVERYWHERE, webhooks.list_deliveries, Page[DeliveryOut], extension=True),
    Op("get_enterprise_webhook_delivery", GET, "/cogmill/v1/enterprise/webhooks/{webhook_id}/deliveries/{delivery_id}", IN_ENTERPRISE, WEBHOOKS_EVERYWHERE, webhooks.get_delivery, DeliveryDetailsOut, extension=True),
    Op("replay_enterprise_webhook_delivery", POST, "/cogmill/v1/enterprise/webhooks/{webhook_id}/deliveries/{delivery_id}/replay", IN_ENTERPRISE, WEBHOOKS_EVERYWHERE, webhooks.replay, DeliveryOut, audit="replay_webhook_delivery", extension=True),
    Op("sleep_session", POST, "/cogmill/v1/organizations/{org_id}/sessions/{devin_id}/sleep", IN_ORG, MANAGE, sessions.sleep, SessionOut, audit="sleep_session", extension=True),
    Op("wake_session", POST, "/cogmill/v1/organizations/{org_id}/sessions/{devin_id}/wake", IN_ORG, MANAGE, sessions.wake, SessionOut, audit="wake_session", extension=True),
    Op("get_session_diff", GET, "/cogmill/v1/organizations/{org_id}/sessions/{devin_id}/diff", IN_ORG, VIEW, pull_requests.session_diff, SessionDiffOut, extension=True),
    Op("get_session_recording", GET, "/cogmill/v1/organizations/{org_id}/sessions/{devin_id}/recording", IN_ORG, VIEW, sessions.recording, dict[str, Any], extension=True),
    Op("get_pull_request", GET, "/cogmill/v1/organizations/{org_id}/pull-requests/{pull_request_id}", IN_ORG, VIEW, pull_requests.get, PullRequestOut, extension=True),

    # Before the rows with an outpost, which would take the queue for one that is called "devins".
    Op("list_outpost_queue", GET, "/opbeta/outposts/devins", IN_ENTERPRISE, USE_OUTPOSTS, outposts.list_queue, EntryListOut, media_type="text/event-stream"),
    Op("get_outpost_queue_entry", GET, "/opbeta/outposts/devins/{session_id}", IN_ENTERPRISE, USE_OUTPOSTS, outposts.get_entry, EntryOut),
    Op("claim_outpost_session", POST, "/opbeta/outposts/devins/{session_id}/claim", IN_ENTERPRISE, USE_OUTPOSTS, outposts.claim, EntryOut, audit="claim_outpost_session"),
    Op("release_outpost_session", POST, "/opbeta/outposts/devins/{session_id}/release", IN_ENTERPRISE, USE_OUTPOSTS, outposts.release, EntryOut, audit="release_outpost_session"),
    Op("list_outposts", GET, "/opbeta/outposts", IN_ENTERPRISE, USE_OUTPOSTS, outposts.list_, Page[OutpostOut]),
    Op("create_outpost", POST, "/opbeta/outposts", IN_ENTERPRISE, OUTPOSTS, outposts.create, OutpostOut, audit="create_outpost"),
    Op("get_outpost", GET, "/opbeta/outposts/{outpost_id}", IN_ENTERPRISE, OUTPOSTS, outposts.get, OutpostOut),
    Op("delete_outpost", DELETE, "/opbeta/outposts/{outpost_id}", IN_ENTERPRISE, OUTPOSTS, outposts.delete, OutpostOut, audit="delete_outpost"),
    *LEGACY,
]
# fmt: on
