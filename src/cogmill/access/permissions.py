"""Every permission, what each includes, and the default roles (contract/permissions.md)."""

from collections.abc import Iterable
from enum import StrEnum


class Permission(StrEnum):
    """The contract's names. `PUBLIC` marks an operation that needs no caller."""

    PUBLIC = "PUBLIC"

    READ_ACCOUNT_META = "ReadAccountMeta"
    MANAGE_ENTERPRISE_SETTINGS = "ManageEnterpriseSettings"
    MANAGE_ORGANIZATIONS = "ManageOrganizations"
    MANAGE_ACCOUNT_MEMBERSHIP = "ManageAccountMembership"
    VIEW_ACCOUNT_MEMBERSHIP = "ViewAccountMembership"
    MANAGE_ACCOUNT_SERVICE_USERS = "ManageAccountServiceUsers"
    MANAGE_ACCOUNT_KNOWLEDGE = "ManageAccountKnowledge"
    MANAGE_ACCOUNT_PLAYBOOKS = "ManageAccountPlaybooks"
    MANAGE_GIT_INTEGRATIONS = "ManageGitIntegrations"
    VIEW_GIT_INTEGRATIONS = "ViewGitIntegrations"
    MANAGE_BILLING = "ManageBilling"
    VIEW_ACCOUNT_CONSUMPTION = "ViewAccountConsumption"
    VIEW_ACCOUNT_METRICS = "ViewAccountMetrics"
    VIEW_ENTERPRISE_INFRA_DETAILS = "ViewEnterpriseInfraDetails"
    VIEW_ACCOUNT_SESSIONS = "ViewAccountSessions"
    MANAGE_ACCOUNT_SESSIONS = "ManageAccountSessions"
    MANAGE_ACCOUNT_SNAPSHOTS = "ManageAccountSnapshots"
    VIEW_ACCOUNT_CODE_SCANS = "ViewAccountCodeScans"
    USE_ACCOUNT_CODE_SCANS = "UseAccountCodeScans"
    USE_REVIEW_MANUAL = "UseReviewManual"
    USE_OUTPOSTS_MACHINE = "UseOutpostsMachine"
    MANAGE_OUTPOSTS_ORCHESTRATOR = "ManageOutpostsOrchestrator"

    READ = "Read"
    USE_DEVIN_SESSIONS = "UseDevinSessions"
    VIEW_ORG_SESSIONS = "ViewOrgSessions"
    MANAGE_ORG_SESSIONS = "ManageOrgSessions"
    IMPERSONATE_ORG_SESSIONS = "ImpersonateOrgSessions"
    USE_DEVIN_EXPERT = "UseDevinExpert"
    MANAGE_ORG_KNOWLEDGE = "ManageOrgKnowledge"
    MANAGE_ORG_PLAYBOOKS = "ManageOrgPlaybooks"
    MANAGE_ORG_SECRETS = "ManageOrgSecrets"
    MANAGE_ORG_SCHEDULES = "ManageOrgSchedules"
    VIEW_ORG_AUTOMATIONS = "ViewOrgAutomations"
    MANAGE_ORG_AUTOMATIONS = "ManageOrgAutomations"
    USE_PERSONAL_AUTOMATIONS = "UsePersonalAutomations"
    MANAGE_ORG_SERVICE_USERS = "ManageOrgServiceUsers"
    VIEW_ORG_MEMBERSHIP = "ViewOrgMembership"
    MANAGE_ORG_MEMBERSHIP = "ManageOrgMembership"
    MANAGE_ORG_SETTINGS = "ManageOrgSettings"
    VIEW_ORG_METRICS = "ViewOrgMetrics"
    VIEW_ORG_CONSUMPTION = "ViewOrgConsumption"
    MANAGE_ORG_SNAPSHOTS = "ManageOrgSnapshots"
    MANAGE_REPO_BLUEPRINTS = "ManageRepoBlueprints"
    INDEX_ORG_REPOSITORIES = "IndexOrgRepositories"
    VIEW_ORG_WIKI = "ViewOrgWiki"
    USE_ASK_DEVIN = "UseAskDevin"
    VIEW_CODE_SCANS = "ViewCodeScans"
    USE_CODE_SCANS = "UseCodeScans"
    MANAGE_ORG_API_KEYS = "ManageOrgApiKeys"
    MANAGE_ORG_MCP_SERVERS = "ManageOrgMcpServers"
    USE_DEVIN_CLI = "UseDevinCli"


P = Permission
_NAMES = list(Permission)
_FIRST_OF_ORG = _NAMES.index(P.READ)
ENTERPRISE_PERMISSIONS = frozenset(_NAMES[1:_FIRST_OF_ORG])
ORG_PERMISSIONS = frozenset(_NAMES[_FIRST_OF_ORG:]) | {P.MANAGE_BILLING, P.USE_REVIEW_MANUAL}

_WITHIN_TIER: dict[Permission, tuple[Permission, ...]] = {
    P.MANAGE_ACCOUNT_SESSIONS: (P.VIEW_ACCOUNT_SESSIONS,),
    P.MANAGE_ORG_SESSIONS: (P.VIEW_ORG_SESSIONS,),
    P.MANAGE_ACCOUNT_MEMBERSHIP: (P.VIEW_ACCOUNT_MEMBERSHIP,),
    P.MANAGE_ORG_MEMBERSHIP: (P.VIEW_ORG_MEMBERSHIP,),
    P.MANAGE_ORG_AUTOMATIONS: (P.VIEW_ORG_AUTOMATIONS,),
    P.MANAGE_GIT_INTEGRATIONS: (P.VIEW_GIT_INTEGRATIONS,),
    P.USE_ACCOUNT_CODE_SCANS: (P.VIEW_ACCOUNT_CODE_SCANS,),
    P.USE_CODE_SCANS: (P.VIEW_CODE_SCANS,),
    P.MANAGE_BILLING: (P.VIEW_ACCOUNT_CONSUMPTION, P.VIEW_ORG_CONSUMPTION),
    P.MANAGE_OUTPOSTS_ORCHESTRATOR: (P.USE_OUTPOSTS_MACHINE,),
}

_INTO_ORGS: dict[Permission, tuple[Permission, ...]] = {
    P.MANAGE_ACCOUNT_SESSIONS: (P.MANAGE_ORG_SESSIONS,),
    P.VIEW_ACCOUNT_SESSIONS: (P.VIEW_ORG_SESSIONS,),
    P.MANAGE_ACCOUNT_KNOWLEDGE: (P.MANAGE_ORG_KNOWLEDGE,),
    P.MANAGE_ACCOUNT_PLAYBOOKS: (P.MANAGE_ORG_PLAYBOOKS,),
    P.MANAGE_ACCOUNT_MEMBERSHIP: (P.MANAGE_ORG_MEMBERSHIP,),
    P.VIEW_ACCOUNT_MEMBERSHIP: (P.VIEW_ORG_MEMBERSHIP,),
    P.MANAGE_ACCOUNT_SERVICE_USERS: (P.MANAGE_ORG_SERVICE_USERS,),
    P.VIEW_ACCOUNT_METRICS: (P.VIEW_ORG_METRICS,),
    P.VIEW_ACCOUNT_CONSUMPTION: (P.VIEW_ORG_CONSUMPTION,),
    P.MANAGE_BILLING: (P.MANAGE_BILLING,),
    P.MANAGE_ACCOUNT_SNAPSHOTS: (P.MANAGE_ORG_SNAPSHOTS, P.MANAGE_REPO_BLUEPRINTS),
    P.VIEW_ACCOUNT_CODE_SCANS: (P.VIEW_CODE_SCANS,),
    P.USE_ACCOUNT_CODE_SCANS: (P.USE_CODE_SCANS,),
    P.USE_REVIEW_MANUAL: (P.USE_REVIEW_MANUAL,),
    P.MANAGE_ENTERPRISE_SETTINGS: (P.MANAGE_ORG_SETTINGS,),
    P.MANAGE_ORGANIZATIONS: (P.READ,),
}

DEFAULT_ROLES: dict[str, tuple[str, str, frozenset[Permission]]] = {
    "enterprise_admin": ("Admin", "enterprise", (ENTERPRISE_PERMISSIONS | ORG_PERMISSIONS) - {P.USE_DEVIN_CLI}),
    "enterprise_member": ("Member", "enterprise", frozenset({P.READ_ACCOUNT_META})),
    "org_admin": ("Admin", "org", ORG_PERMISSIONS - {P.USE_DEVIN_CLI}),
    "org_member": (
        "Member",
        "org",
        frozenset(
            {
                P.READ, P.USE_DEVIN_SESSIONS, P.VIEW_ORG_SESSIONS, P.MANAGE_ORG_SESSIONS, P.MANAGE_ORG_KNOWLEDGE,
                P.MANAGE_ORG_PLAYBOOKS, P.MANAGE_ORG_SECRETS, P.USE_DEVIN_EXPERT, P.USE_ASK_DEVIN, P.VIEW_ORG_WIKI,
                P.INDEX_ORG_REPOSITORIES, P.MANAGE_ORG_SCHEDULES, P.VIEW_ORG_AUTOMATIONS, P.USE_PERSONAL_AUTOMATIONS,
                P.USE_REVIEW_MANUAL, P.VIEW_CODE_SCANS, P.VIEW_ORG_MEMBERSHIP,
            }
        ),
    ),
    "org_deepwiki": (
        "DeepWiki Only",
        "org",
        frozenset({P.READ, P.VIEW_ORG_WIKI, P.USE_ASK_DEVIN, P.INDEX_ORG_REPOSITORIES}),
    ),
}  # fmt: skip
"""Internal name -> (role name, role type, permissions); the one table of what default roles hold."""

LEGACY_ORG_ROLE = "org_member"
"""A legacy key of an organization (`apk_`) acts with the rights of this default role."""


def within_tier(held: Iterable[Permission]) -> frozenset[Permission]:
    """The permissions with all that they include at their own tier."""
    direct = frozenset(held)
    return direct | {included for one in direct for included in _WITHIN_TIER.get(one, ())}


def in_organizations(of_enterprise: Iterable[Permission]) -> frozenset[Permission]:
    """What an enterprise role gives in each organization of the enterprise."""
    held = frozenset(of_enterprise)
    given = {org for one in held for org in _INTO_ORGS.get(one, ())} | (held & ORG_PERMISSIONS)
    return in_one_organization(given)


def in_one_organization(of_role: Iterable[Permission]) -> frozenset[Permission]:
    """What an organization role gives there; it holds no enterprise permission."""
    return with_read(within_tier(frozenset(of_role) & ORG_PERMISSIONS) & ORG_PERMISSIONS)


def with_read(held: frozenset[Permission]) -> frozenset[Permission]:
    """Any organization permission includes Read."""
    return held | {P.READ} if held else held
