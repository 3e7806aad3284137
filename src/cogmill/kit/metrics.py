"""Every Prometheus metric of the server, so that one look tells what can be watched (docs/observability.md).

Labels have bounded sets of values: what comes from outside goes through `Bounded` first.
"""

from functools import cache

from prometheus_client import Counter, Gauge, Histogram

from cogmill import __version__

QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
SLOW = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600)

BUILD = Gauge("cogmill_build_info", "1, with the version of the server", ["version"])
BUILD.labels(__version__).set(1)

HTTP_REQUESTS = Counter("cogmill_http_requests_total", "Requests answered", ["method", "route", "status"])
HTTP_SECONDS = Histogram(
    "cogmill_http_request_duration_seconds", "Time from request to answer", ["route"], buckets=QUICK
)

SESSIONS_RUNNING = Gauge("cogmill_sessions_running", "Sessions that run now in this process")
SESSIONS_WAITING = Gauge("cogmill_sessions_waiting", "Sessions that wait to be run by this process")
OUTPOST_WORKERS = Gauge("cogmill_outpost_workers", "Workers of outposts that are connected to this process")
SESSION_QUEUE_SECONDS = Histogram(
    "cogmill_session_queue_duration_seconds", "Time from being runnable to being run", buckets=SLOW
)
SESSION_TURNS = Counter(
    "cogmill_session_turns_total", "Turns of sessions that ended, by the state they led to", ["status", "detail"]
)
SESSION_RECOVERIES = Counter("cogmill_session_recoveries_total", "Sessions taken up again after their process was cut")
STEPS = Counter("cogmill_steps_total", "Finished steps of agents", ["type", "outcome"])
STEP_SECONDS = Histogram("cogmill_step_duration_seconds", "Time that finished steps took", ["type"], buckets=SLOW)
MODEL_TOKENS = Counter("cogmill_model_tokens_total", "Tokens of model calls", ["model", "kind"])
MODEL_USD = Counter(
    "cogmill_model_cost_usd_total", "Cost of model calls in US dollars, as the ledger has it", ["model"]
)
ACUS = Counter("cogmill_acus_total", "ACUs booked, as the ledger has them", ["org_id"])

DATABASE_WAITING = Gauge("cogmill_database_waiting_writes", "Writes that are not answered yet")
LOOP_FAILURES = Counter("cogmill_background_failures_total", "Rounds of background work that failed", ["loop"])
WEBHOOK_ATTEMPTS = Counter("cogmill_webhook_attempts_total", "Attempts to deliver to webhooks", ["outcome"])
MAILS = Counter("cogmill_mail_attempts_total", "Attempts to hand a mail to the mail server", ["outcome"])

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def method(name: str) -> str:
    """A request's method as a label."""
    return name if name in METHODS else "other"


@cache
def http(method_: str, route: str, status: int) -> tuple[Counter, Histogram]:
    """The two of one kind of answer; there are as many as the labels have values."""
    return HTTP_REQUESTS.labels(method_, route, status), HTTP_SECONDS.labels(route)


class Bounded:
    """At most so many values of a label, the first ones that came; all others are counted as `other`."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: set[str] = set()

    def __call__(self, value: str) -> str:
        if value in self._known:
            return value
        if len(self._known) >= self._most:
            return "other"
        self._known.add(value)
        return value


ORGANIZATIONS = Bounded(500)
MODELS = Bounded(50)
STEP_TYPES = Bounded(50)
