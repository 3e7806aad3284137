"""The definitions of docs/metrics.md computed anew from the rows themselves, one by one, with nothing kept."""

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from cogmill.models.access import organization
from cogmill.models.repositories import code_search
from cogmill.models.sessions import pull_request, session

KNOWN_ORIGINS = ["api", "automation", "desktop", "jira", "linear", "slack", "teams", "webapp"]
SIZES = ["xs", "s", "m", "l", "xl"]


class History:
    """All there is, as plain lists."""

    def __init__(self, ctx, enterprise_id):
        orgs = ctx.db.execute(select(organization)).all()
        self.orgs = {o.org_id for o in orgs if o.enterprise_id == enterprise_id and o.deleted_at is None}
        self.sessions = {row.id: row for row in ctx.db.execute(select(session))}
        self.requests = ctx.db.execute(select(pull_request).order_by(pull_request.c.id)).all()
        self.searches = ctx.db.execute(select(code_search)).all()

    def sessions_in(self, orgs, times, **only):
        return [
            one for one in self.sessions.values()
            if one.org_id in orgs and times[0] <= one.created_at < times[1] and fits(one, **only)
        ]  # fmt: skip

    def requests_in(self, orgs, times, **only):
        return [
            one for one in self.requests
            if one.org_id in orgs and times[0] <= one.created_at < times[1] and fits(self.sessions[one.session], **only)
        ]  # fmt: skip

    def searches_in(self, orgs, times):
        return [one for one in self.searches if one.org_id in orgs and times[0] <= one.created_at < times[1]]

    def session_metrics(self, orgs, times, **only):
        found = self.sessions_in(orgs, times, **only)
        merged = {one.session for one in self.requests if one.state == "merged"}
        with_merged = [one for one in found if one.id in merged]
        acus = sum(one.acus_micro for one in found) / 1_000_000
        return {
            "sessions_created_count": len(found),
            "sessions_created_by_origin": {
                name: sum(one.origin == name for one in found) for name in KNOWN_ORIGINS
            },
            "sessions_created_by_size": by_size(found),
            "sessions_created_with_playbook_count": sum(one.playbook_id is not None for one in found),
            "sessions_created_with_search_count": sum(one.has_searched for one in found),
            "sessions_with_merged_prs_count": len(with_merged),
            "sessions_with_merged_prs_by_size": by_size(with_merged),
            "avg_acus_per_session": acus / len(found) if found else 0.0,
        }  # fmt: skip

    def pr_metrics(self, orgs, times, **only):
        seen, counts = set(), Counter()
        first = {}
        for one in self.requests:
            key = (one.org_id, one.git_connection_id, one.provider_path, one.number)
            if one.git_connection_id is not None:
                first.setdefault(key, one.id)
        for one in self.requests_in(orgs, times, **only):
            key = (one.org_id, one.git_connection_id, one.provider_path, one.number)
            kind = "prs_taken_over" if first.get(key, one.id) != one.id else "prs"
            counts[kind, one.state] += 1
            seen.add(one.id)
        answer = {}
        for kind, total in (("prs", "prs_created_count"), ("prs_taken_over", "prs_taken_over_count")):
            for state, name in (("open", "opened"), ("closed", "closed"), ("merged", "merged")):
                answer[f"{kind}_{name}_count"] = counts[kind, state]
            answer[total] = sum(counts[kind, state] for state in ("open", "closed", "merged"))
        return answer

    def usage(self, orgs, times):
        requests = self.pr_metrics(orgs, times)
        return {
            "sessions_count": len(self.sessions_in(orgs, times)),
            "searches_count": len(self.searches_in(orgs, times)),
            "prs_created_count": requests["prs_created_count"],
            "prs_merged_count": requests["prs_merged_count"],
        }

    def did(self, orgs, times):
        """Sessions, searches and ACUs of each person."""
        did = defaultdict(lambda: [0, 0, 0])
        for one in self.sessions_in(orgs, times):
            did[one.user_id][0] += 1
            did[one.user_id][2] += one.acus_micro / 1_000_000
        for one in self.searches_in(orgs, times):
            did[one.user_id][1] += 1
        did.pop(None, None)
        return did

    def active(self, orgs, times, *least):
        return sum(is_active(*amounts[:2], *least) for amounts in self.did(orgs, times).values())

    def active_in_each(self, kind, orgs, times, *least):
        return [
            {"start_time": a, "end_time": b, "active_users": self.active(orgs, (a, b), *least)}
            for a, b in windows(kind, *times)
        ]

    def categories(self, orgs, times):
        found = defaultdict(lambda: [0, 0])
        for one in self.sessions_in(orgs, times):
            cell = found[one.category or "uncategorized", one.subcategory]
            cell[0] += 1
            cell[1] += one.acus_micro
        return {key: (count, acus / 1_000_000) for key, (count, acus) in found.items()}


def fits(one, playbook=None, service_users=None, users=None):
    return (
        (playbook is None or one.playbook_id == playbook)
        and (service_users is None or one.service_user_id in service_users)
        and (users is None or one.user_id in users)
    )


def is_active(sessions, searches, least_sessions, least_searches):
    if least_sessions == least_searches == 0:
        return sessions + searches > 0
    by_sessions = least_sessions > 0 and sessions >= least_sessions
    by_searches = least_searches > 0 and searches >= least_searches
    return by_sessions or by_searches


def size(one):
    """The larger class of two."""
    acus, messages = one.acus_micro / 1_000_000, one.user_messages
    by_acus = 0 if acus < 1 else 1 if acus < 2.5 else 2 if acus < 5 else 3 if acus < 10 else 4
    by_messages = 0 if messages <= 2 else 1 if messages <= 5 else 2 if messages <= 10 else 3 if messages <= 20 else 4
    return SIZES[max(by_acus, by_messages)]


def by_size(found):
    counts = Counter(size(one) for one in found)
    return {name: counts[name] for name in SIZES}


def windows(kind, after, before):
    """Walks day by day through the calendar."""
    if after == before:
        return []
    moment = datetime.fromtimestamp(after, UTC).replace(hour=0, minute=0, second=0)
    if kind == "wau":
        moment -= timedelta(days=moment.weekday())
    if kind == "mau":
        moment = moment.replace(day=1)
    found = []
    while moment.timestamp() < before:
        following = moment + timedelta(days=7 if kind == "wau" else 1)
        if kind == "mau":
            while following.day != 1:
                following += timedelta(days=1)
        found.append((int(moment.timestamp()), int(following.timestamp())))
        moment = following
    return found
