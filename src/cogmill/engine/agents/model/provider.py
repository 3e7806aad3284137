"""The backend that asks a real model through pydantic-ai. Import it late: that takes about two seconds."""

import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any, cast

from pydantic import TypeAdapter, ValidationError
from pydantic_ai.direct import model_request_stream
from pydantic_ai.exceptions import AgentRunError, UserError
from pydantic_ai.messages import (
    BinaryContent,
    ModelMessage,
    ModelRequest,
    ModelRequestPart,
    ModelResponse,
    PartDeltaEvent,
    PartStartEvent,
    TextPart,
    TextPartDelta,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models import Model, ModelRequestParameters, infer_model, parse_model_id
from pydantic_ai.providers import Provider, infer_provider_class
from pydantic_ai.settings import ModelSettings as WireSettings
from pydantic_ai.tools import ToolDefinition

from cogmill.engine.agents.model.compaction import CHARACTERS_PER_TOKEN
from cogmill.engine.agents.model.failures import describe, misconfigured
from cogmill.engine.agents.model.pictures import not_shown
from cogmill.engine.agents.model.wire import (
    ModelFailure,
    ModelSaid,
    Picture,
    Reply,
    Request,
    ToolAnswer,
    ToolSpec,
    UserText,
)
from cogmill.engine.agents.seam import Json, ModelSettings

_RESPONSE = TypeAdapter(ModelResponse)
_FIRST_EVENT_SECONDS = 300.0
_PICTURES = re.compile(r"\b(?:images?|vision|multi-?modal)\b", re.IGNORECASE)


def build_model(settings: ModelSettings) -> Model:
    """The pydantic-ai model of the settings. ModelFailure of kind configuration when it cannot be built."""
    try:
        if settings.base_url is not None:
            return _compatible(settings)
        return infer_model(settings.name, provider_factory=lambda name: _provider(name, settings.api_key))
    except (UserError, ValueError, ImportError, TypeError) as problem:
        raise misconfigured(problem, settings) from None


def _provider(name: str, api_key: str | None) -> Provider[Any]:
    kind = cast("Callable[..., Provider[Any]]", infer_provider_class(name))
    return kind(api_key=api_key) if api_key else kind()


def _compatible(settings: ModelSettings) -> Model:
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider

    from cogmill.engine.agents.model.openai_client import OpenAIClient

    name = settings.name
    prefix, _ = parse_model_id(name)
    if prefix is not None and _known(prefix):  # "qwen3:8b" is an Ollama name without a provider
        name = name.removeprefix(f"{prefix}:")
    # Only a key given for this endpoint is sent to it, never one that the environment holds for OpenAI.
    client = OpenAIClient(base_url=settings.base_url, api_key=settings.api_key or "none")
    return OpenAIChatModel(name, provider=OpenAICompatibleProvider("custom", openai_client=client))


def _known(provider: str) -> bool:
    try:
        infer_provider_class(provider)
    except ValueError:
        return False
    except ImportError:
        return True
    return True


class ProviderBackend:
    """One model for one turn; holds its HTTP connections. Use as an async context manager."""

    def __init__(self, settings: ModelSettings) -> None:
        self._settings = settings
        self._model = build_model(settings)
        self._stack = AsyncExitStack()
        self._responses: dict[int, ModelResponse] = {}

    async def __aenter__(self) -> "ProviderBackend":
        await self._stack.enter_async_context(self._model)
        if isinstance(client := getattr(self._model, "client", None), AbstractAsyncContextManager):
            await self._stack.enter_async_context(client)  # pydantic-ai closes only those that it made
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def complete(self, request: Request, on_text: Callable[[str], None]) -> Reply:
        messages = self._messages(request)
        parameters = ModelRequestParameters(function_tools=[_definition(tool) for tool in request.tools])
        try:
            async with model_request_stream(
                self._model, messages, model_settings=self._wire_settings(), model_request_parameters=parameters
            ) as stream:
                async for event in stream:
                    if isinstance(event, PartStartEvent) and isinstance(event.part, TextPart):
                        on_text(event.part.content)
                    elif isinstance(event, PartDeltaEvent) and isinstance(event.delta, TextPartDelta):
                        on_text(event.delta.content_delta)
                response = stream.get()
        except (AgentRunError, UserError, OSError, TimeoutError) as error:
            raise _of_pictures(describe(error, self._settings), request) from None
        except RuntimeError as error:  # of pydantic-ai, for a provider to which it brings no pictures
            if not request.files:
                raise
            raise ModelFailure("rejected", f"{self._settings.name} takes no pictures: {error}") from None
        if _is_broken_off(response):
            written = len(str(response.parts)) // CHARACTERS_PER_TOKEN
            text = f"The answer of {self._settings.name} broke off before its end."
            raise ModelFailure("broken_off", text, written=written)
        return Reply(_RESPONSE.dump_python(response, mode="json", exclude_none=True), _usage(response))

    def _wire_settings(self) -> WireSettings:
        known: dict[str, Any] = {
            "max_tokens": self._settings.output_tokens,
            "first_event_timeout": _FIRST_EVENT_SECONDS,
            "cache": True,
        }
        if "max_retries" not in self._model.unsupported_settings:
            known["max_retries"] = 0  # our own retries are the only ones: they are visible and bounded
        return cast("WireSettings", {**known, **self._settings.extra})

    def _messages(self, request: Request) -> list[ModelMessage]:
        messages: list[ModelMessage] = []
        parts: list[ModelRequestPart] = []
        for item in request.items:
            if isinstance(item, ModelSaid):
                messages += [
                    ModelRequest(parts=parts, instructions=request.instructions),
                    self._response(item.response),
                ]
                parts = []
            else:
                parts.append(_part(item, request))
        return [*messages, ModelRequest(parts=parts, instructions=request.instructions)]

    def _response(self, response: Json) -> ModelResponse:
        # The same objects come again with every request of the turn; reading them once is enough.
        found = self._responses.get(id(response))
        if found is None:
            try:
                found = _RESPONSE.validate_python(response)
            except ValidationError as problem:
                raise ModelFailure("rejected", f"A stored answer of the model cannot be read: {problem}") from None
            self._responses[id(response)] = found
        return found


def _is_broken_off(response: ModelResponse) -> bool:
    """Whether the stream ended without saying why; pydantic-ai takes half an answer for a whole one."""
    if (response.provider_details or {}).get("finish_reason"):
        return False
    # Providers count the output at the very end, too; Anthropic begins with a count.
    return response.provider_name in {"anthropic", None} or not response.usage.output_tokens


def _of_pictures(failure: ModelFailure, request: Request) -> ModelFailure:
    """Some servers fail with a status that invites to try again when their model takes no pictures."""
    if request.files and failure.kind == "retryable" and _PICTURES.search(failure.text):
        return ModelFailure("rejected", failure.text)
    return failure


def _part(item: ToolAnswer | UserText | Picture, request: Request) -> ModelRequestPart:
    if isinstance(item, Picture):
        content = request.files.get(item.attachment_id)
        if content is None:
            return UserPromptPart(not_shown(item, "what was uploaded is gone").text)
        return UserPromptPart([f"{item.path}:", BinaryContent(content, media_type=item.content_type)])
    if isinstance(item, UserText):
        return UserPromptPart(item.text)
    # Never outcome="failed": some providers wrap such results into JSON, and the text says it already.
    return ToolReturnPart(item.tool, item.text, item.call_id)


def _definition(tool: ToolSpec) -> ToolDefinition:
    return ToolDefinition(name=tool.name, parameters_json_schema=tool.parameters, description=tool.description)


def _usage(response: ModelResponse) -> Json:
    used = response.usage
    counts = {
        "input_tokens": used.input_tokens,
        "output_tokens": used.output_tokens,
        "cache_read_tokens": used.cache_read_tokens,
        "cache_write_tokens": used.cache_write_tokens,
    }
    return {name: count for name, count in counts.items() if count or name in {"input_tokens", "output_tokens"}}
