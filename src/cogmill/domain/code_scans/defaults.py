"""The profiles that come with the server, for every organization. Their texts get better with its versions."""

from dataclasses import dataclass, field

SINCE = 1_764_547_200.0
"""When they are said to have been made."""


@dataclass(frozen=True, slots=True)
class Default:
    """One of them; what is not written here it does not have."""

    number: int
    name: str
    scan_type: str
    description: str
    guidance: dict[str, str]
    mode: str = "discover"
    exclude_globs: list[str] | None = field(default_factory=lambda: ["**/vendor/**", "**/node_modules/**"])
    include_globs: list[str] | None = None
    enterprise_id: None = None
    org_id: None = None
    created_at: float = SINCE

    @property
    def profile_id(self) -> str:
        """The same everywhere. It sorts before those of real profiles."""
        return f"scan-profile-{self.number:032x}"


_FIX = "Change only what the finding is about. Add a test that fails without the change, and run the tests beside it."
_REPORT = "One finding for each cause, at the place where it is to be put right. Say what happens, when, and to whom."


def _discover(number: int, name: str, scan_type: str, description: str, look: str, triage: str) -> Default:
    guidance = {"investigation_guidance": look, "triage_guidance": triage, "report_guidance": _REPORT}
    return Default(number, name, scan_type, description, guidance | {"remediation_guidance": _FIX})


_SECURITY = _discover(
    1, "Security", "security", "Weaknesses that somebody outside could use.",
    "Find where data from outside comes in: requests, files, messages, arguments, environment. Follow it to where it "
    "does something: queries, commands, paths, templates, deserialisation, requests to other hosts, redirects. Look at "
    "how callers are known and what each may do, at secrets in the code, at what is logged, at how keys, hashes and "
    "random numbers are made, and at settings that are unsafe as they come.",
    "critical: runs code, or reads or changes everybody's data, without signing in. high: the same for whoever is "
    "signed in, or for one user's data. medium: needs another weakness or a mistake of the victim. low: makes other "
    "attacks easier. Leave out what no data from outside can reach.",
)  # fmt: skip
DEFAULTS = (
    _SECURITY,
    _discover(
        2, "Performance", "performance", "Code that takes more time or memory than its task needs.",
        "Look at what runs for each request, each row or each event: work that grows with the square of its input, the "
        "same thing computed or fetched again and again, whole files or tables in memory, waiting that could be done "
        "together, locks held over slow calls, caches that nothing bounds.",
        "critical: stops the service under usual load. high: seconds for users, or memory without a bound. medium: "
        "noticeable with real data. low: measurable only. Say with how much data it matters.",
    ),
    _discover(
        3, "Database queries", "db-queries", "Queries that are slow, repeated or unsafe.",
        "Look at every query: one for each row of another, no index for its filter or order, columns and rows that "
        "nobody uses, offsets that grow, transactions that are too long or missing, locks taken in different orders, "
        "text put together instead of parameters, migrations that lock large tables.",
        "critical: wrong or lost data, or injection. high: grows with the table on a path of every request. medium: "
        "slow in rare cases. low: untidy.",
    ),
    _discover(
        4, "Test coverage", "test-coverage", "Behaviour that matters and that no test would miss.",
        "Find the rules that the code promises: money, rights, limits, data that must not be lost, errors that callers "
        "rely on. For each one look for a test that fails when the rule is broken. Look for tests that cannot fail, "
        "are skipped, or test only what they set up themselves.",
        "critical: a rule about money, rights or loss of data without any test. high: a main path. medium: an error or "
        "an edge. low: a helper.",
    ),
    _discover(
        5, "Dead code", "dead-code", "Code, settings and dependencies that nothing uses.",
        "Find functions, classes, files, routes, settings, flags and dependencies that nothing refers to, and branches "
        "that cannot be reached. Look for other ways in before you report one: entry points, reflection, templates, "
        "configuration, public interfaces, tests.",
        "medium: misleads readers or carries a dependency. low: only in the way. high only where leaving it is a risk.",
    ),
    _discover(
        6, "Code quality", "code-quality", "Code that is wrong in rare cases, or hard to change safely.",
        "Look for errors that are swallowed, results that are ignored, resources that are not given back, races, "
        "states that contradict each other, the same rule in several places, functions that do many things, names and "
        "comments that say something else than the code does.",
        "high: wrong results or lost work in cases that occur. medium: a mistake to come. low: hard to read.",
    ),
    _discover(
        7, "Telemetry", "telemetry", "What nobody could see when it goes wrong in production.",
        "Look at failures, retries, timeouts, queues and calls to other services: is there a log line, a metric or a "
        "trace that tells what happened, to which request and why? Look for secrets and personal data in logs, labels "
        "without a bound, and errors that are logged twice or not at all.",
        "high: an outage nobody sees, or secrets in logs. medium: an error without its cause. low: noise.",
    ),
    _discover(
        8, "Accessibility", "accessibility", "What keeps people from using the pages.",
        "Go through pages and components: names of controls and fields, headings and landmarks, use by keyboard, "
        "visible focus, text for pictures, colour as the only sign, contrast, moving content, messages that screen "
        "readers do not hear. Name the WCAG 2.2 criterion as category.",
        "critical: a main task cannot be done. high: only with great effort. medium: a part is missed. low: a trifle.",
    ),
    _discover(
        9, "General", "general", "The most important things to put right, of any kind.",
        "Read what the project says of itself, then its main paths. Look for what would hurt its users or its "
        "developers most: wrong results, loss of data, weaknesses, slowness, missing tests, what cannot be understood.",
        "Report at most twenty, the worst first. Severity says how much it hurts and how likely that is.",
    ),
    _discover(
        10, "Migration documents", "migration-docs", "What is to be known before the code is moved or upgraded.",
        "Find what ties the code to its present place: versions that have ended, interfaces that newer ones drop, "
        "platforms, paths, hosts, formats of data, jobs outside the repository, steps that only people know. Say for "
        "each what replaces it and how the step is checked.",
        "critical: blocks the move. high: needs a change of code. medium: of settings. low: of documents only.",
    ),
    Default(
        11, "Reports of other tools", "security", "Takes findings from attached reports; SARIF needs no model.",
        {
            "ingestion_source_guidance": "Read every attached report. Take over each finding that it calls a problem, "
            "with the place in this repository. Leave out what the report calls suppressed, passed or a duplicate.",
            "triage_guidance": "Keep the report's severity; translate its words: blocker is critical, error and major "
            "are high, warning and minor are medium, note and info are low.",
            "remediation_guidance": _FIX,
        },
        mode="ingest", exclude_globs=None,
    ),
)  # fmt: skip
BY_ID = {one.profile_id: one for one in DEFAULTS}


def of_type(scan_type: str) -> Default:
    """What a scan without a profile goes by."""
    return next(one for one in DEFAULTS if one.scan_type == scan_type)
