"""Handlers of code scans, for organizations and for the enterprise."""

from cogmill.access.context import Context
from cogmill.domain.code_scans import findings, ingesting, listing, metrics, profiles, remediation, repeating, service
from cogmill.domain.code_scans.schemas import (
    AutoScanIn,
    CodeScanIn,
    CodeScanMetricsOut,
    CodeScanOut,
    EnterpriseFindingListQuery,
    EnterpriseMetricsQuery,
    EnterpriseProfileListQuery,
    EnterpriseScanListQuery,
    FindingListQuery,
    FindingOut,
    FindingPatch,
    IngestionIn,
    MetricsQuery,
    ProfileIn,
    ProfileListQuery,
    ProfileOut,
    ProfilePatch,
    ProfileSummaryOut,
    RemediationOut,
    ScanListQuery,
    ScanProfileIn,
)
from cogmill.web.call import Call
from cogmill.web.params import Page, page_of


def list_(ctx: Context, query: ScanListQuery) -> Page[CodeScanOut]:
    """Newest first."""
    return page_of(service.list_page(ctx, query))


def list_everywhere(ctx: Context, query: EnterpriseScanListQuery) -> Page[CodeScanOut]:
    """Of all organizations, or of those that are named; newest first."""
    return page_of(service.list_page(ctx, query, query.org_ids))


def create(ctx: Context, body: CodeScanIn) -> CodeScanOut:
    """Starts a session on the repository; its findings come with its report. 409: too many wait already."""
    return service.start(ctx, body)


def get(ctx: Context, scan_id: str) -> CodeScanOut:
    return service.get(ctx, scan_id)


async def ingest(call: Call, body: IngestionIn) -> CodeScanOut:
    """Takes over findings from attached reports: SARIF 2.1.0 without a session, anything else by one."""
    return await ingesting.ingest(call, body)


def schedule(ctx: Context, scan_id: str, body: AutoScanIn) -> CodeScanOut:
    """Repeats the scan, once a week without a body; each repetition is a scan of its own."""
    return repeating.schedule(ctx, scan_id, body)


def set_profile(ctx: Context, scan_id: str, body: ScanProfileIn) -> CodeScanOut:
    """Counts for remediation and repetitions from now on."""
    return service.set_profile(ctx, scan_id, body)


def remediate(ctx: Context, scan_id: str, finding_id: str) -> RemediationOut:
    """Starts a session that puts the finding right; its pull request is shown with the finding."""
    return remediation.remediate(ctx, scan_id, finding_id)


def list_findings(ctx: Context, query: FindingListQuery) -> Page[FindingOut]:
    """Newest first."""
    return page_of(listing.list_page(ctx, query))


def list_findings_everywhere(ctx: Context, query: EnterpriseFindingListQuery) -> Page[FindingOut]:
    """Of all organizations, or of those that are named; newest first."""
    return page_of(listing.list_page(ctx, query, query.org_ids))


def change_finding(ctx: Context, finding_id: str, body: FindingPatch) -> FindingOut:
    """Dismisses it, resolves it, opens it again, notes something."""
    return findings.change(ctx, finding_id, body)


def figures(ctx: Context, query: MetricsQuery) -> CodeScanMetricsOut:
    return metrics.figures(ctx, query)


def figures_everywhere(ctx: Context, query: EnterpriseMetricsQuery) -> CodeScanMetricsOut:
    return metrics.figures(ctx, query, query.org_ids)


def list_profiles(ctx: Context, query: ProfileListQuery) -> Page[ProfileSummaryOut]:
    """The organization's own, those that the enterprise shares, and those that come with the server."""
    return page_of(profiles.list_page(ctx, query))


def list_profiles_everywhere(ctx: Context, query: EnterpriseProfileListQuery) -> Page[ProfileSummaryOut]:
    return page_of(profiles.list_everywhere(ctx, query))


def get_profile(ctx: Context, profile_id: str) -> ProfileOut:
    return profiles.get(ctx, profile_id)


def create_profile(ctx: Context, body: ProfileIn) -> ProfileOut:
    return profiles.create(ctx, body)


def change_profile(ctx: Context, profile_id: str, body: ProfilePatch) -> ProfileOut:
    """Changes what is sent."""
    return profiles.change(ctx, profile_id, body)


def delete_profile(ctx: Context, profile_id: str) -> ProfileOut:
    """Scans that followed it keep its name."""
    return profiles.remove(ctx, profile_id)
