"""Keeps a conversation within the model's window: the oldest exchanges become a summary. A pure function of the log."""

import json
from dataclasses import dataclass

from cogmill.engine.agents.clipping import clip, first_line
from cogmill.engine.agents.model.conversation import Conversation, Exchange
from cogmill.engine.agents.model.pictures import MOST_TOKENS, TOKENS, of_task, within_bounds
from cogmill.engine.agents.model.wire import Item, ModelSaid, Picture, ToolAnswer, UserText
from cogmill.engine.agents.seam import Json

CHARACTERS_PER_TOKEN = 4
_FULL, _KEEP, _SUMMARY = 0.75, 0.40, 0.10
_HEADING = (
    "[The beginning of this conversation was condensed to fit the context window. What it did is in the workspace; "
    "look again where you need details.]"
)


@dataclass(frozen=True, slots=True)
class View:
    """What one request shows of the conversation."""

    items: list[Item]
    tokens: int
    """Estimated input tokens, instructions and tools included."""
    condensed: int
    """Exchanges replaced by the summary."""
    pictures: list[Picture]
    """Those among the items."""
    most: int
    """Input tokens at most: of what no provider has counted yet, every byte may be one."""


def answer_limit(context_tokens: int) -> int:
    """Characters of one tool result: small models get small results."""
    return max(1_000, min(30_000, context_tokens * CHARACTERS_PER_TOKEN // 8))


def shorter_window(too_much: int, context_tokens: int, output_tokens: int) -> tuple[int, int]:
    """Window and answer to reckon with once a request of `too_much` estimated tokens was refused as too long."""
    window = min(context_tokens, int(too_much * 0.8))
    return window, min(output_tokens, window // 4)


def view(
    conversation: Conversation, first: str, overhead: str, context_tokens: int, output_tokens: int, model: str = ""
) -> View:
    """The items of the next request. `overhead` is the text of instructions and tools, which always go along."""
    attached, new = of_task(conversation.task), conversation.unseen_pictures()
    fixed = _tokens(first) + _tokens(overhead) + 200 + len(attached) * TOKENS
    full = max(min(int(context_tokens * _FULL), context_tokens - output_tokens), context_tokens // 4)
    unseen = sum(_tokens(text) for text in conversation.unseen()) + len(new) * TOKENS
    start, total, factor = _boundary(conversation.exchanges, fixed, unseen, full, context_tokens)
    items: list[Item] = [UserText(first), *attached]
    if start:
        items.append(UserText(_summary(conversation, start, int(context_tokens * _SUMMARY))))
    recent = conversation.exchanges[start:]
    limit = _squeezed(recent, full, total, factor)
    for exchange in recent:
        items += _items(exchange, limit)
    items += [UserText(text) for text in conversation.unseen()]
    items = within_bounds([*items, *new], is_blind=model in conversation.blind)
    tokens = int(_size(items, overhead) * factor)
    counted = bool(recent) and recent[-1].input_tokens > 0
    most = min(tokens + _doubt(items, overhead, factor, counted), context_tokens)
    shown = [one for one in items if isinstance(one, Picture)]
    return View(items, tokens, start, shown, max(tokens, most))


def _doubt(items: list[Item], overhead: str, factor: float, counted: bool) -> int:
    """By how much the estimate may be too low. `counted`: the provider told the size of all before its last answer."""
    answers = [index for index, item in enumerate(items) if isinstance(item, ModelSaid)]
    fresh = items[answers[-1] :] if counted and answers else items
    seen = sum(isinstance(one, Picture) for one in fresh)
    words = [one for one in fresh if not isinstance(one, Picture)]
    texts = [json.dumps(one.response.get("parts")) if isinstance(one, ModelSaid) else one.text for one in words]
    texts += [overhead] if fresh is items else []
    return seen * (MOST_TOKENS - TOKENS) + sum(
        max(0, len(text.encode("utf-8", "replace")) - int(_tokens(text) * factor)) for text in texts
    )


def _boundary(
    exchanges: list[Exchange], fixed: int, unseen: int, full: int, context_tokens: int
) -> tuple[int, int, float]:
    """Index of the first exchange shown whole, the estimate of what is shown, and how far estimates were off.

    Walks through the whole log each time, so that the boundary moves seldom, in leaps, and at the same places after
    a crash: a beginning that stays the same is cheap at providers that cache.
    """
    start, total, factor = 0, fixed, 1.0
    for index, exchange in enumerate(exchanges):
        said = _said_tokens(exchange)
        if exchange.input_tokens:
            factor = min(6.0, max(0.5, exchange.input_tokens / max(1, total + said)))
        total += said + _exchange_tokens(exchange)
        extra = unseen if index == len(exchanges) - 1 else 0
        if (total + extra) * factor <= full:
            continue
        summary = int(context_tokens * _SUMMARY)
        recent = 0
        cut = index + 1
        while cut > start:
            size = _exchange_tokens(exchanges[cut - 1]) + _said_tokens(exchanges[cut - 1])
            if cut <= index and (fixed + summary + recent + size) * factor > context_tokens * _KEEP:
                break
            recent, cut = recent + size, cut - 1
        start, total = cut, fixed + recent + (summary if cut else 0)
    return start, total + unseen, factor


def _squeezed(recent: list[Exchange], full: int, total: int, factor: float) -> int | None:
    """Characters left for each tool answer when even the shortest view is too long; None when it fits."""
    if total * factor <= full or not recent:
        return None
    answers = [answer for exchange in recent for answer in exchange.answers.values()]
    rest = total - sum(_tokens(answer.text) for answer in answers)
    room = max(0, int(full / factor) - rest) * CHARACTERS_PER_TOKEN
    return max(200, room // max(1, len(answers)))


def _items(exchange: Exchange, limit: int | None) -> list[Item]:
    items: list[Item] = [*(UserText(text) for text in exchange.said), *exchange.pictures]
    if not exchange.calls and not exchange.text:
        return items  # providers refuse an empty answer in the history
    items.append(ModelSaid(exchange.response))
    for call in exchange.calls:
        answer = exchange.answers.get(call.key)
        if answer is not None:
            text = answer.text if limit is None else clip(answer.text, limit)
            items.append(ToolAnswer(answer.call_id, answer.tool, text, answer.ok))
    return items


def _summary(conversation: Conversation, start: int, tokens: int) -> str:
    """Plan, user messages and one line for each old step, newest kept, within the given size."""
    limit = max(600, tokens * CHARACTERS_PER_TOKEN)
    parts = [_HEADING]
    if plan := conversation.plan(start):
        lines = [f"- [{item['status']}] {item['text']}" for item in plan["items"]]
        parts.append(clip("Your plan:\n" + "\n".join(lines), limit // 4))
    old = conversation.exchanges[:start]
    messages = [text for exchange in old for text in exchange.said]
    if messages:
        shown = "\n".join(f"- {clip(text, 1_000)}" for text in messages)
        parts.append(clip("Messages of the user meanwhile:\n" + shown, limit // 4))
    lines = [line for exchange in old for line in _lines(exchange)]
    room, kept = limit - sum(len(part) for part in parts), 0
    while kept < len(lines) and room > len(lines[-1 - kept]):
        room -= len(lines[-1 - kept]) + 1
        kept += 1
    left_out = [f"- ({len(lines) - kept} steps before these)"] if kept < len(lines) else []
    parts.append("Your steps:\n" + "\n".join(left_out + lines[len(lines) - kept :]))
    return "\n\n".join(parts)


def _lines(exchange: Exchange) -> list[str]:
    lines = [f"- you said: {first_line(exchange.text, 200)}"] if exchange.text else []
    for call in exchange.calls:
        answer = exchange.answers.get(call.key)
        asked = json.dumps(call.args.model_dump(exclude_defaults=True), ensure_ascii=False) if call.args else ""
        last = answer.text.strip().splitlines()[-1:] if answer else []
        outcome = "" if answer is None else (first_line(last[0], 100) if last else "done")
        lines.append(f"- {call.name} {first_line(asked, 160)} -> {outcome}")
    return lines


def _tokens(text: str) -> int:
    return len(text) // CHARACTERS_PER_TOKEN + 4


def _said_tokens(exchange: Exchange) -> int:
    return sum(_tokens(text) for text in exchange.said) + len(exchange.pictures) * TOKENS


def _exchange_tokens(exchange: Exchange) -> int:
    if exchange.tokens:
        return exchange.tokens
    size = _response_tokens(exchange) + sum(_tokens(answer.text) for answer in exchange.answers.values())
    if len(exchange.answers) == len(exchange.calls):
        exchange.tokens = size
    return size


def _response_tokens(exchange: Exchange) -> int:
    return sum(_part_tokens(part) for part in exchange.response.get("parts", ()))


def _part_tokens(part: Json) -> int:
    args = part.get("args")
    given = args if isinstance(args, str) else json.dumps(args) if args else ""
    return _tokens(f"{part.get('content') or ''}{part.get('tool_name') or ''}{given}")


def _size(items: list[Item], overhead: str) -> int:
    total = _tokens(overhead) + 200
    for item in items:
        if isinstance(item, ModelSaid):
            total += sum(_part_tokens(part) for part in item.response.get("parts", ()))
        elif isinstance(item, Picture):
            total += TOKENS
        else:
            total += _tokens(item.text)
    return total
