"""The tables of permissions against their description: nothing missing, nothing beyond."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogmill.access.permissions import (
    DEFAULT_ROLES,
    ENTERPRISE_PERMISSIONS,
    ORG_PERMISSIONS,
    in_one_organization,
    in_organizations,
    with_read,
    within_tier,
)
from cogmill.access.permissions import Permission as P
from cogmill.api.table import TABLE

AT_BOTH_TIERS = {P.MANAGE_BILLING, P.USE_REVIEW_MANUAL}
NEVER_IMPLIED = {
    P.USE_DEVIN_SESSIONS, P.IMPERSONATE_ORG_SESSIONS, P.USE_DEVIN_EXPERT, P.MANAGE_ORG_SECRETS,
    P.MANAGE_ORG_SCHEDULES, P.VIEW_ORG_AUTOMATIONS, P.MANAGE_ORG_AUTOMATIONS, P.USE_PERSONAL_AUTOMATIONS,
}  # fmt: skip
INTO_ORGS = {
    "ManageAccountSessions": {"ManageOrgSessions", "ViewOrgSessions"},
    "ViewAccountSessions": {"ViewOrgSessions"},
    "ManageAccountKnowledge": {"ManageOrgKnowledge"},
    "ManageAccountPlaybooks": {"ManageOrgPlaybooks"},
    "ManageAccountMembership": {"ManageOrgMembership", "ViewOrgMembership"},
    "ViewAccountMembership": {"ViewOrgMembership"},
    "ManageAccountServiceUsers": {"ManageOrgServiceUsers"},
    "ViewAccountMetrics": {"ViewOrgMetrics"},
    "ViewAccountConsumption": {"ViewOrgConsumption"},
    "ManageAccountSnapshots": {"ManageOrgSnapshots", "ManageRepoBlueprints"},
    "ViewAccountCodeScans": {"ViewCodeScans"},
    "UseAccountCodeScans": {"UseCodeScans", "ViewCodeScans"},
    "UseReviewManual": {"UseReviewManual"},
    "ManageEnterpriseSettings": {"ManageOrgSettings"},
    "ManageOrganizations": set(),
}
some = st.frozensets(st.sampled_from(sorted(ENTERPRISE_PERMISSIONS | ORG_PERMISSIONS)))


def test_every_permission_belongs_to_a_tier():
    assert set(P) == ENTERPRISE_PERMISSIONS | ORG_PERMISSIONS | {P.PUBLIC}
    assert ENTERPRISE_PERMISSIONS & ORG_PERMISSIONS == AT_BOTH_TIERS


def test_no_role_holds_what_is_no_permission():
    for _, tier, held in DEFAULT_ROLES.values():
        assert P.PUBLIC not in held
        assert P.USE_DEVIN_CLI not in held
        assert held <= (ORG_PERMISSIONS if tier == "org" else ORG_PERMISSIONS | ENTERPRISE_PERMISSIONS)


def test_names_and_tiers_of_the_default_roles():
    assert {name: role[:2] for name, role in DEFAULT_ROLES.items()} == {
        "enterprise_admin": ("Admin", "enterprise"),
        "enterprise_member": ("Member", "enterprise"),
        "org_admin": ("Admin", "org"),
        "org_member": ("Member", "org"),
        "org_deepwiki": ("DeepWiki Only", "org"),
    }


def test_administrators_hold_everything_of_their_tier():
    assert DEFAULT_ROLES["enterprise_admin"][2] == (ENTERPRISE_PERMISSIONS | ORG_PERMISSIONS) - {P.USE_DEVIN_CLI}
    assert DEFAULT_ROLES["org_admin"][2] == ORG_PERMISSIONS - {P.USE_DEVIN_CLI}


def test_an_enterprise_member_holds_nothing_in_organizations():
    assert DEFAULT_ROLES["enterprise_member"][2] == {P.READ_ACCOUNT_META}
    assert in_organizations(DEFAULT_ROLES["enterprise_member"][2]) == frozenset()


def test_an_organization_member():
    held = DEFAULT_ROLES["org_member"][2]
    assert not held & {
        P.IMPERSONATE_ORG_SESSIONS, P.MANAGE_ORG_AUTOMATIONS, P.MANAGE_ORG_MEMBERSHIP, P.MANAGE_ORG_SETTINGS,
        P.MANAGE_ORG_SERVICE_USERS, P.MANAGE_ORG_SNAPSHOTS, P.VIEW_ORG_METRICS, P.VIEW_ORG_CONSUMPTION,
    }  # fmt: skip
    assert {P.USE_DEVIN_SESSIONS, P.MANAGE_ORG_SESSIONS, P.MANAGE_ORG_SECRETS, P.USE_DEVIN_EXPERT} <= held
    assert len(held) == 17


@pytest.mark.parametrize(("enterprise", "org"), INTO_ORGS.items())
def test_what_an_enterprise_permission_gives_in_organizations(enterprise, org):
    assert in_organizations(within_tier({P(enterprise)})) == {P(name) for name in org} | {P.READ}


@pytest.mark.parametrize("permission", sorted(ENTERPRISE_PERMISSIONS - AT_BOTH_TIERS - {P(n) for n in INTO_ORGS}))
def test_other_enterprise_permissions_give_nothing_in_organizations(permission):
    assert in_organizations(within_tier({permission})) == frozenset()


def test_billing_reaches_into_organizations():
    assert {P.MANAGE_BILLING, P.READ} <= in_organizations(within_tier({P.MANAGE_BILLING}))


def test_what_is_never_implied():
    assert not in_organizations(within_tier(ENTERPRISE_PERMISSIONS)) & NEVER_IMPLIED


def test_organization_permissions_of_an_enterprise_role_hold_everywhere():
    for permission in ORG_PERMISSIONS:
        assert {permission, P.READ} <= in_organizations({permission})


@pytest.mark.parametrize(
    ("manage", "view"),
    [
        (P.MANAGE_ACCOUNT_SESSIONS, P.VIEW_ACCOUNT_SESSIONS), (P.MANAGE_ORG_SESSIONS, P.VIEW_ORG_SESSIONS),
        (P.MANAGE_ACCOUNT_MEMBERSHIP, P.VIEW_ACCOUNT_MEMBERSHIP), (P.MANAGE_ORG_MEMBERSHIP, P.VIEW_ORG_MEMBERSHIP),
        (P.MANAGE_ORG_AUTOMATIONS, P.VIEW_ORG_AUTOMATIONS), (P.MANAGE_GIT_INTEGRATIONS, P.VIEW_GIT_INTEGRATIONS),
        (P.USE_ACCOUNT_CODE_SCANS, P.VIEW_ACCOUNT_CODE_SCANS), (P.USE_CODE_SCANS, P.VIEW_CODE_SCANS),
        (P.MANAGE_OUTPOSTS_ORCHESTRATOR, P.USE_OUTPOSTS_MACHINE), (P.MANAGE_BILLING, P.VIEW_ACCOUNT_CONSUMPTION),
    ],
)  # fmt: skip
def test_manage_includes_view(manage, view):
    assert view in within_tier({manage})
    assert manage not in within_tier({view})


def test_billing_of_an_organization_includes_its_consumption():
    assert in_one_organization({P.MANAGE_BILLING}) == {P.MANAGE_BILLING, P.VIEW_ORG_CONSUMPTION, P.READ}


def test_an_organization_role_gives_nothing_at_the_enterprise():
    assert in_one_organization(ENTERPRISE_PERMISSIONS | ORG_PERMISSIONS) == ORG_PERMISSIONS
    assert in_one_organization({P.MANAGE_ACCOUNT_SESSIONS}) == frozenset()


@given(some, some)
def test_more_roles_never_take_rights_away(one, other):
    assert within_tier(one) <= within_tier(one | other)
    assert in_organizations(one) <= in_organizations(one | other)
    assert with_read(one) <= with_read(one | other)


@given(some)
def test_expanding_twice_changes_nothing(held):
    assert within_tier(within_tier(held)) == within_tier(held)
    assert held <= within_tier(held)


@given(some)
def test_organizations_get_organization_permissions_only(held):
    assert in_organizations(held) <= ORG_PERMISSIONS


def test_rows_of_the_table_ask_for_what_an_administrator_of_their_tier_holds():
    for op in TABLE:
        if op.permissions != (P.PUBLIC,):
            assert set(op.permissions) <= DEFAULT_ROLES["enterprise_admin"][2], op.path
