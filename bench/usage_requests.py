"""What is asked of a million sessions: addresses with names of values in braces, which are chosen anew each time."""

import random
import re
from urllib.parse import quote

from bench import usage_data
from bench.usage_data import DAYS, RARE_CATEGORY, RARE_ORIGIN, RARE_TAG, Made
from cogmill.domain.usage.times import DAY
from cogmill.kit.paging import encode_cursor

FIGURES = [
    *(
        f"{place}{one}"
        for place in ("v3/organizations/{home}/", "v3/enterprise/")
        for one in (
            "consumption/daily?{bounds}", "consumption/daily/users/{user}?{bounds}",
            "consumption/daily/service-users/{service_user}?{bounds}", "consumption/daily/sessions/{session}",
            "metrics/active-users?{range}", "metrics/dau?{range}", "metrics/wau?{range}", "metrics/mau?{range}",
            "metrics/sessions?{range}", "metrics/prs?{range}", "metrics/searches?{range}", "metrics/usage?{bounds}",
            "metrics/sessions?{range}&playbook_id={playbook}", "metrics/sessions?{range}&user_ids={user},{user}",
            "metrics/sessions?{range}&service_user_ids={service_user}",
        )
    ),
    "v3/enterprise/consumption/cycles", "v3/enterprise/consumption/daily/organizations/{org}?{bounds}",
    "v3/enterprise/metrics/sessions-by-category?{range}", "v3/enterprise/metrics/dau?{range}&org_ids={org},{org}",
    "v3/enterprise/metrics/active-users?{range}&org_ids={org},{org}",
    "v3/enterprise/metrics/sessions?{range}&org_ids={org},{org}",
    "v3/enterprise/organizations/{org}/metrics/usage?{bounds}",
    "v3/enterprise/queue", "v3/enterprise/hypervisors?status=all",
    *(
        f"v3beta1/enterprise/{place}guardrail-violations?first=20{after}{query}"
        for place in ("", "organizations/{home}/")
        for after, query in (("&{tenth}", ""), ("&{tenth}", "&guardrail_id={guardrail}"), ("", "&{range}"),
                             ("", "&session_id={session}"))
    ),
]  # fmt: skip
"""Consumption, metrics and what else administrators look at."""
FILTERS = (
    "", "&category={category}", f"&category={RARE_CATEGORY}", "&origins={origin}", f"&origins={RARE_ORIGIN}",
    "&origins={origin},{origin},{origin}", "&is_archived=true", "&is_archived=false", "&playbook_id={playbook}",
    "&schedule_id={schedule}", "&user_ids={user}", "&user_ids={user},{user},{user},{user},{user}",
    "&service_user_ids={service_user}", "&service_user_ids={service_user},{service_user},{service_user}",
    "&session_ids={session},{session},{session},{session},{session}", "&tags={tag}", f"&tags={RARE_TAG}",
    "&tags={tag},{tag},{tag}", "&repo_names={repo}", "&repo_names={repo},{repo},{repo}",
)  # fmt: skip
TIMED = ("&created_after={before}", "&created_before={behind}", "&updated_after={before}", "&updated_before={behind}")
TWO = (
    "&{at_any}&tags={tag}&user_ids={user}",
    "&{at_any}&category={category}&is_archived=true",
    "&{week}&category={category}",
)
"""Two filters at once: for information, without a target."""


def lists(place: str) -> tuple[list[str], list[str]]:
    """Addresses of lists of sessions with a target, and those without."""
    base = f"v3/{place}/sessions?first=20"
    of_place = ("&org_ids={org}", "&org_ids={org},{org},{org}") if place == "enterprise" else ()
    wanted = [f"{base}&{{at_any}}{one}" for one in (*FILTERS, *of_place)]
    wanted += [f"{base}&{{at_time}}{one}" for one in TIMED]
    insights = "sessions/insights"
    return [*wanted, f"v3/{place}/{insights}?first=20&{{at_any}}"], [f"{base}{one}" for one in TWO]


class Values:
    """What the names in braces stand for. Pages are asked for at any depth, every third is the first one."""

    def __init__(self, made: Made, seed: int) -> None:
        self._made, self._chance = made, random.Random(seed)
        self._end = self._page = made.begin + DAYS * DAY
        """`_page`: where the page begins of a list by time."""

    def fill(self, address: str) -> str:
        return "/" + re.sub(r"\{(\w+)\}", lambda found: str(getattr(self, found[1])()), address)

    def _below(self, number: int) -> int:
        return self._chance.randrange(number)

    def home(self) -> str:
        return self._made.org_ids[0]

    def org(self) -> str:
        return self._chance.choice(self._made.org_ids)

    def user(self) -> str:
        return usage_data.user_id(self._below(900))

    def service_user(self) -> str:
        return usage_data.service_user_id(self._below(usage_data.SERVICE_USERS))

    def session(self) -> str:
        """One of the first organization."""
        return usage_data.session_id(self._chance.choice(self._made.of_home))

    def playbook(self) -> str:
        return usage_data.playbook_id(self._below(usage_data.PLAYBOOKS))

    def schedule(self) -> str:
        return usage_data.schedule_id(self._below(usage_data.SCHEDULES))

    def guardrail(self) -> str:
        return f"guardrail-{self._below(usage_data.GUARDRAILS)}"

    def category(self) -> str:
        return self._chance.choice(usage_data.CATEGORIES)

    def origin(self) -> str:
        return self._chance.choice(usage_data.ORIGINS)

    def tag(self) -> str:
        return f"tag-{self._below(usage_data.TAGS - 1)}"

    def repo(self) -> str:
        return f"acme/app{self._below(usage_data.REPOS)}"

    def before(self) -> int:
        return self._chance.randint(self._made.begin, self._page)

    def behind(self) -> int:
        return self._chance.randint(self._page, self._end)

    def range(self) -> str:
        """Long and short ones, anywhere in the year."""
        length = self._chance.choice([3600, DAY, 7 * DAY, 30 * DAY, 90 * DAY])
        begin = self._chance.randint(self._made.begin, self._end - length)
        return f"time_after={begin}&time_before={begin + length}"

    def bounds(self) -> str:
        """A range or, half of the time, everything."""
        return self.range() if self._chance.random() < 0.5 else ""

    def week(self) -> str:
        begin = self._chance.randint(self._made.begin, self._end - 7 * DAY)
        return f"created_after={begin}&created_before={begin + 7 * DAY}"

    def at_any(self) -> str:
        return self._after(self._chance.randint(1, self._made.sessions))

    def at_time(self) -> str:
        self._page = self._chance.randint(self._made.begin, self._end)
        return self._after(f"{float(self._page)!r} {self._made.sessions // 2}")

    def tenth(self) -> str:
        return self._after(self._chance.randint(1, max(1, self._made.sessions // 10)))

    def _after(self, key: int | str) -> str:
        return f"after={quote(encode_cursor(key))}" if self._chance.random() < 0.67 else ""
