"""Signing in through the installation's OpenID Connect provider."""

import hmac
import json
from dataclasses import asdict

from cryptography.exceptions import InvalidTag
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from cogmill.access import browser_sessions
from cogmill.access.context import Context
from cogmill.access.oidc_provider import Journey, OidcProvider, Person, ProviderRefused
from cogmill.access.principals import Principal
from cogmill.access.scope import Scope, of_enterprise
from cogmill.domain.audit_logs.refused import Attempt, note
from cogmill.domain.sign_ins import accounts
from cogmill.domain.sign_ins.schemas import OidcAnswer
from cogmill.domain.sign_ins.service import LOGIN, SignedIn, UserRow, record
from cogmill.kit.errors import BadRequest, Forbidden, NotFound, Refusal
from cogmill.models.access import enterprise, idp_group, idp_group_member, user, user_identity
from cogmill.web.call import Call

LASTS = 600.0
"""Seconds for which a sign-in may be under way at the provider."""
LONGEST_NEXT = 1000
BOUND_TO = "oidc journey"
NEW_ROLE = "enterprise_member"


class NotConfigured(NotFound):
    detail = "This server has no identity provider. An operator sets COGMILL_OIDC_ISSUER and COGMILL_OIDC_CLIENT_ID."


class NotUnderWay(BadRequest):
    """No cookie of ours, too old, or of another sign-in."""

    detail = "This sign-in did not begin in this browser, or took too long. Begin again at /sign-in."


class UnknownPerson(Forbidden):
    detail = "You have no account here, or the provider has not verified your e-mail address. Ask an administrator."


class SwitchedOff(Forbidden):
    detail = "Your account here is switched off or removed. Ask an administrator."


def provider_of(call: Call) -> OidcProvider:
    if call.runtime.oidc is None:
        raise NotConfigured
    return call.runtime.oidc


async def begin(call: Call, then: str) -> tuple[str, str]:
    """Where to send the browser, and what its cookie is to hold meanwhile."""
    journey = Journey.begin(call.runtime.clock() + LASTS, then if len(then) <= LONGEST_NEXT else "")
    url = await provider_of(call).address(journey)
    return url, call.runtime.keyring.encrypt_briefly(json.dumps(asdict(journey)), BOUND_TO)


async def finish(call: Call, sealed: str | None, answer: OidcAnswer, address: str) -> tuple[SignedIn, str]:
    """A new browser session for who comes back from the provider, and the page that was wanted."""
    provider, known, said = provider_of(call), None, {"method": "oidc"}
    guard = call.runtime.sign_ins
    try:
        guard.check(None, address)
        journey = _journey(call, sealed, answer.state)
        if answer.code is None or answer.error is not None or answer.iss not in {None, provider.issuer}:
            raise ProviderRefused
        person = await provider.identify(answer.code, journey, call.runtime.clock())
        said |= {"issuer": person.issuer, "subject": person.subject, "email": person.email or ""}
        row = await call.read(lambda ctx: _known(ctx, person))
        enterprise_id = row.enterprise_id if row is not None else await call.read(_first_enterprise)
        known = Principal(enterprise_id, "", "", person.name or "", None, None, user_id=row and row.user_id)
        await call.runtime.addresses.require(call.runtime.database, enterprise_id, address)
        try:
            signed_in = await call.write(lambda ctx: _begin(ctx, person, enterprise_id))
        except IntegrityError:  # the same person came in through another door at this very moment
            signed_in = await call.write(lambda ctx: _begin(ctx, person, enterprise_id))
    except Refusal as refusal:
        await note(call.runtime, Attempt(LOGIN, call.request_id, known, None, said), refusal)
        raise
    guard.succeeded(None, address)
    return signed_in, journey.next


def _journey(call: Call, sealed: str | None, state: str | None) -> Journey:
    try:
        journey = Journey(**json.loads(call.runtime.keyring.decrypt(sealed or "", BOUND_TO)))
    except (InvalidTag, ValueError, TypeError):
        raise NotUnderWay from None
    if journey.expires_at <= call.runtime.clock() or not hmac.compare_digest(journey.state, state or ""):
        raise NotUnderWay
    return journey


def _first_enterprise(ctx: Context) -> str:
    oldest = select(enterprise.c.enterprise_id).order_by(enterprise.c.created_at, enterprise.c.enterprise_id).limit(1)
    return str(ctx.db.execute(oldest).scalar_one())


def _known(ctx: Context, person: Person) -> UserRow | None:
    """The user tied to this person, or else the one with the verified address."""
    pair = (user_identity.c.issuer == person.issuer) & (user_identity.c.subject == person.subject)
    tied = select(user).join(user_identity, user_identity.c.user_id == user.c.user_id).where(pair)
    found = ctx.db.execute(tied).one_or_none()
    if found is None and person.email is not None and person.is_email_verified:
        found = ctx.db.execute(select(user).where(user.c.email == person.email)).one_or_none()
    return found


def _begin(ctx: Context, person: Person, enterprise_id: str) -> SignedIn:
    row, runtime = _admitted(ctx, person, enterprise_id), ctx.runtime
    is_new = _tie(ctx, person, row.user_id)
    groups = _follow_groups(ctx, person, row)
    browser_sessions.forget_old(ctx.db, row.user_id, runtime.settings, ctx.now)
    session_id, token = browser_sessions.begin(ctx.db, runtime.keyring, row.user_id, row.sign_in_epoch, ctx.now)
    said = {"method": "oidc", "issuer": person.issuer, "subject": person.subject, "groups": groups}
    record(ctx, row, LOGIN, said | {"first": is_new, "browser_session_id": session_id})
    return SignedIn(row.user_id, row.email, token)


def _admitted(ctx: Context, person: Person, enterprise_id: str) -> UserRow:
    """The user whom this person may sign in as, locked; made where the operator wants that."""
    row = _known(ctx, person)
    if row is None:
        wanted = ctx.runtime.settings.oidc_create_users
        if not wanted or person.email is None or not person.is_email_verified:
            raise UnknownPerson
        made = accounts.find_or_create(ctx.db, enterprise_id, person.email, NEW_ROLE, person.name)
        record(ctx, made, "add_enterprise_member", {"email": person.email, "method": "oidc"})
        return made
    row = ctx.db.execute(select(user).where(user.c.user_id == row.user_id).with_for_update()).one()
    if row.deleted_at is not None or row.disabled_at is not None:
        raise SwitchedOff
    if row.name is None and person.name is not None:
        ctx.db.execute(update(user).where(user.c.user_id == row.user_id).values(name=person.name))
    return row


def _tie(ctx: Context, person: Person, user_id: str) -> bool:
    pair = (user_identity.c.issuer == person.issuer) & (user_identity.c.subject == person.subject)
    if ctx.db.execute(select(user_identity).where(pair)).first() is not None:
        return False
    ctx.db.execute(insert(user_identity).values(issuer=person.issuer, subject=person.subject, user_id=user_id))
    return True


def _follow_groups(ctx: Context, person: Person, row: UserRow) -> list[str]:
    """Make the user's groups those of the claim that are registered; answers their names."""
    groups = ctx.db.execute(of_enterprise(idp_group, Scope(row.enterprise_id, None))).all()
    named = {one.idp_group_id: one.name for one in groups if one.name in person.groups}
    mine = idp_group_member.c.user_id == row.user_id
    before = set(ctx.db.execute(select(idp_group_member.c.idp_group_id).where(mine)).scalars())
    if before != set(named):
        ctx.db.execute(delete(idp_group_member).where(mine))
        if named:
            rows = [{"idp_group_id": group, "user_id": row.user_id} for group in named]
            ctx.db.execute(insert(idp_group_member), rows)
        ctx.after_commit.append(ctx.runtime.authenticator.forget)
    return sorted(named.values())
