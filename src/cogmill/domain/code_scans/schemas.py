"""What goes in and out of code scans; names and meanings are the contract's."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from cogmill.domain.code_scans.states import ScanStatus
from cogmill.web.params import Body, Out, PageQuery, Query

ScanType = Literal[
    "security", "performance", "db-queries", "test-coverage", "dead-code", "code-quality", "telemetry",
    "accessibility", "general", "migration-docs",
]  # fmt: skip
Mode = Literal["discover", "ingest"]
Visibility = Literal["org", "account"]
Severity = Literal["critical", "high", "medium", "low"]
FindingStatus = Literal["open", "dismissed", "resolved"]
GUIDANCE = (
    "threat_model_guidance", "ingestion_source_guidance", "investigation_guidance", "triage_guidance",
    "validation_guidance", "remediation_guidance", "report_guidance", "post_ingestion_guidance",
    "communication_guidance",
)  # fmt: skip
"""The texts of a profile."""
Id = Annotated[str, StringConstraints(min_length=1, max_length=256)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"\S", strip_whitespace=True)]
Text = Annotated[str, StringConstraints(max_length=50_000)]
Glob = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=r"^[^/\s]\S*$")]
Globs = Annotated[list[Glob], Field(max_length=100)]
Seconds = Annotated[int, Field(ge=0, le=2**53)]
Commit = Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F]{7,64}$"), AfterValidator(str.lower)]
Repository = Annotated[str, StringConstraints(min_length=1, max_length=512, pattern=r"\S", strip_whitespace=True)]
Host = Annotated[
    Annotated[str, StringConstraints(max_length=255, strip_whitespace=True)] | None,
    BeforeValidator(lambda given: None if given == "" else given),
]


class CodeScanIn(Body):
    """A scan to start."""

    repo_name: Repository = Field(description="owner/name, or whatever else sessions take for a repository")
    commit_sha: Commit | None = Field(None, description="null: the newest commit of the default branch")
    host: Host = Field(None, description="the host of a git connection; null: wherever repo_name is known")
    profile_id: Id | None = Field(None, description="needed for any type but security")
    scan_type: ScanType | None = Field(None, description="must be the profile's type; null: that type, else security")


class IngestionIn(Body):
    """Reports to take findings from."""

    repo_name: Repository
    profile_id: Id = Field(description="a profile in mode ingest")
    host: Host = None
    attachment_urls: (
        Annotated[list[Annotated[str, StringConstraints(min_length=1, max_length=2083)]], Field(max_length=20)] | None
    ) = Field(None, description="uploaded before; SARIF 2.1.0 is read by the server, anything else by a session")


class ScanProfileIn(Body):
    """The profile that counts from now on."""

    profile_id: Id | None = Field(None, description="null: none")


class AutoScanIn(Body):
    """How often a scan is repeated."""

    frequency: Annotated[str, StringConstraints(max_length=256)] | None = Field(
        None, description="cron expression in UTC; null: as it was, at first once a week from now on"
    )
    enabled: bool = Field(True, description="false: not any more")

    @model_validator(mode="before")
    @classmethod
    def _may_be_missing(cls, given: Any) -> Any:
        return {} if given is None else given


class ProfileIn(Body):
    """A profile as it is made."""

    name: Name
    description: Text | None = None
    mode: Mode = "discover"
    scan_type: ScanType = "general"
    include_globs: Globs | None = Field(None, description="only files that match, such as src/**; null: all")
    exclude_globs: Globs | None = None
    threat_model_guidance: Text | None = None
    ingestion_source_guidance: Text | None = None
    investigation_guidance: Text | None = None
    triage_guidance: Text | None = None
    validation_guidance: Text | None = None
    remediation_guidance: Text | None = None
    report_guidance: Text | None = None
    post_ingestion_guidance: Text | None = None
    communication_guidance: Text | None = None


class ProfilePatch(ProfileIn):
    """What changes of a profile; what is left out stays, null empties."""

    name: Name | None = None  # type: ignore[assignment]
    mode: Mode | None = None  # type: ignore[assignment]
    scan_type: ScanType | None = None  # type: ignore[assignment]


class FindingPatch(Body):
    """What a person says of a finding; what is left out stays."""

    status: FindingStatus | None = None
    note: Text | None = Field(None, description="null empties")


class ScanListQuery(PageQuery):
    repo_name: str | None = None


class EnterpriseScanListQuery(ScanListQuery):
    org_ids: list[str] | None = None


class FindingListQuery(PageQuery):
    """Filters; several of them narrow the list further, several values of one widen it."""

    scan_id: str | None = Field(None, description="that this scan reported, whoever found them first")
    repo_name: str | None = None
    severity: list[Severity] | None = None
    status: list[FindingStatus] | None = None


class EnterpriseFindingListQuery(FindingListQuery):
    org_ids: list[str] | None = None


class ProfileListQuery(PageQuery):
    """No filter of its own."""


class EnterpriseProfileListQuery(ProfileListQuery):
    org_ids: list[str] | None = None


class MetricsQuery(Query):
    time_after: Seconds = Field(description="scans created in this unix second and later")
    time_before: Seconds = Field(description="and before this one; at most 100 days later")


class EnterpriseMetricsQuery(MetricsQuery):
    org_ids: list[str] | None = None


class ProfileRefOut(Out):
    profile_id: str
    name: str


class AutoScanOut(Out):
    frequency: str
    next_run_at: int | None


class CodeScanOut(Out):
    scan_id: str
    org_id: str
    repo_name: str
    host: str | None
    profile: ProfileRefOut | None
    status: ScanStatus
    created_at: int
    session_id: str | None = Field(description="Extension: the session that carries it out; null: the server itself")
    scan_type: ScanType = Field(description="Extension")
    mode: Mode = Field(description="Extension")
    commit_sha: str | None = Field(description="Extension: as asked for")
    error: str | None = Field(description="Extension: why it failed, or could not be repeated")
    problems: list[str] = Field(description="Extension: what of its reports could not be taken, the first ones")
    auto_scan: AutoScanOut | None = Field(description="Extension: how it is repeated")
    repeated_scan_id: str | None = Field(description="Extension: the scan that this one repeats")


class ProfileSummaryOut(Out):
    profile_id: str
    name: str
    description: str | None
    mode: Mode
    scan_type: ScanType
    visibility: Visibility
    org_id: str | None
    created_at: int


class ProfileOut(ProfileSummaryOut):
    include_globs: list[str] | None
    exclude_globs: list[str] | None
    threat_model_guidance: str | None
    ingestion_source_guidance: str | None
    investigation_guidance: str | None
    triage_guidance: str | None
    validation_guidance: str | None
    remediation_guidance: str | None
    report_guidance: str | None
    post_ingestion_guidance: str | None
    communication_guidance: str | None


class SnippetOut(Out):
    file_path: str
    start_line: int
    end_line: int
    commentary: str | None
    code: str | None


class FindingOut(Out):
    finding_id: str
    scan_id: str
    repo_name: str
    severity: Severity
    status: FindingStatus
    category: str | None
    title: str | None
    description: str | None
    recommendation: str | None
    note: str | None
    code_owners: list[str]
    reference_snippets: list[SnippetOut]
    related_finding_ids: list[str]
    orchestrator_session_id: str | None
    session_id: str | None
    pr_url: str | None
    created_at: int


class RemediationOut(Out):
    finding_id: str
    session_id: str


class CodeScanMetricsOut(Out):
    scans_count: int
    repos_scanned_count: int
    open_critical_findings_count: int
    open_high_findings_count: int
    open_medium_findings_count: int
    open_low_findings_count: int
    prs_created_count: int
    prs_open_count: int
    prs_merged_count: int
    prs_closed_count: int
    avg_pr_time_to_merge_seconds: float | None
    avg_pr_open_duration_seconds: float | None
