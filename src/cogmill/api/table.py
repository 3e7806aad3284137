"""Every operation of the server, one row each: id, address, reach, permission, handler, answer."""

from typing import Any

from cogmill.access.permissions import Permission as P
from cogmill.api import pages, system
from cogmill.api.operations import DELETE, GET, POST, PUT, Op
from cogmill.domain.attachments import endpoints as attachments
from cogmill.domain.attachments.schemas import AttachmentOut
from cogmill.domain.identity import endpoints as identity
from cogmill.domain.identity.schemas import SelfOut
from cogmill.domain.pull_requests import endpoints as pull_requests
from cogmill.domain.pull_requests.schemas import PullRequestOut, SessionDiffOut
from cogmill.domain.sessions import endpoints as sessions
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
from cogmill.web.guard import Reach
from cogmill.web.params import Page

PUBLIC, SELF, IN_ORG, IN_HOME_ORG = Reach.PUBLIC, Reach.SELF, Reach.IN_ORG, Reach.IN_HOME_ORG

ANYBODY = (P.PUBLIC,)
# Own sessions need UseDevinSessions only; the services let it reach no others (contract/permissions.md, section 2).
VIEW = (P.VIEW_ORG_SESSIONS, P.USE_DEVIN_SESSIONS)
MANAGE = (P.MANAGE_ORG_SESSIONS, P.USE_DEVIN_SESSIONS)
CREATE = (P.USE_DEVIN_SESSIONS, P.MANAGE_ORG_SESSIONS)

# fmt: off
TABLE: list[Op] = [
    Op("healthz", GET, "/healthz", PUBLIC, ANYBODY, system.healthz, system.Health, extension=True),
    Op("readyz", GET, "/readyz", PUBLIC, ANYBODY, system.readyz, system.Health, extension=True),
    Op("metrics", GET, "/metrics", PUBLIC, ANYBODY, system.metrics, None, hidden=True),
    Op("openapi", GET, "/openapi.json", PUBLIC, ANYBODY, system.openapi, None, hidden=True),
    Op("docs", GET, "/docs", PUBLIC, ANYBODY, pages.docs, None, hidden=True),
    Op("index_page", GET, "/", PUBLIC, ANYBODY, pages.index, None, hidden=True),
    Op("session_page", GET, "/organizations/{org_id}/sessions/{devin_id}", PUBLIC, ANYBODY, pages.session, None, hidden=True),
    Op("pull_request_page", GET, "/organizations/{org_id}/pull-requests/{pull_request_id}", PUBLIC, ANYBODY, pages.pull_request, None, hidden=True),
    Op("asset", GET, "/assets/{name}", PUBLIC, ANYBODY, pages.asset, None, hidden=True),
    Op("swagger", GET, "/docs/assets/{name}", PUBLIC, ANYBODY, pages.swagger, None, hidden=True),
    Op("attachment_file", GET, "/files/{attachment_id}/{name}", PUBLIC, ANYBODY, attachments.file, None, hidden=True),

    Op("get_self", GET, "/v3/self", SELF, (P.READ_ACCOUNT_META,), identity.get_self, SelfOut),

    Op("create_session", POST, "/v3/organizations/sessions", IN_HOME_ORG, CREATE, sessions.create, SessionOut, audit="create_session"),
    Op("create_session", POST, "/v3/organizations/{org_id}/sessions", IN_ORG, CREATE, sessions.create, SessionOut, audit="create_session"),
    Op("list_organization_sessions", GET, "/v3/organizations/sessions", IN_HOME_ORG, VIEW, sessions.list_, Page[SessionOut]),
    Op("list_organization_sessions", GET, "/v3/organizations/{org_id}/sessions", IN_ORG, VIEW, sessions.list_, Page[SessionOut]),
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

    Op("sleep_session", POST, "/cogmill/v1/organizations/{org_id}/sessions/{devin_id}/sleep", IN_ORG, MANAGE, sessions.sleep, SessionOut, audit="sleep_session", extension=True),
    Op("wake_session", POST, "/cogmill/v1/organizations/{org_id}/sessions/{devin_id}/wake", IN_ORG, MANAGE, sessions.wake, SessionOut, audit="wake_session", extension=True),
    Op("get_session_diff", GET, "/cogmill/v1/organizations/{org_id}/sessions/{devin_id}/diff", IN_ORG, VIEW, pull_requests.session_diff, SessionDiffOut, extension=True),
    Op("get_session_recording", GET, "/cogmill/v1/organizations/{org_id}/sessions/{devin_id}/recording", IN_ORG, VIEW, sessions.recording, dict[str, Any], extension=True),
    Op("get_pull_request", GET, "/cogmill/v1/organizations/{org_id}/pull-requests/{pull_request_id}", IN_ORG, VIEW, pull_requests.get, PullRequestOut, extension=True),
]
# fmt: on
