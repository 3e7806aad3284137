"""OpenTelemetry traces: spans are written down when what they tell of is over, and sent by a thread of their own.

The libraries are imported only where traces are asked for; a server without them pays for one comparison per request.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cogmill import __version__

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter

    from cogmill.kit.settings import Settings

Kind = Literal["server", "client", "internal"]
FLUSH_MILLISECONDS = 3000
NANO = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Place:
    """Where a span stands: its trace and itself."""

    trace: int
    span: int

    @classmethod
    def of_session(cls, session_id: str, run: int | None = None) -> "Place":
        """The same for every process: a session is one trace, each of its runs one span below the first one."""
        trace = hashlib.sha256(session_id.encode()).digest()
        span = hashlib.sha256(f"{session_id}/{run}".encode()).digest() if run is not None else trace[16:]
        return cls(int.from_bytes(trace[:16], "big"), int.from_bytes(span[:8], "big"))


class Traces:
    """Writes spans to an OTLP endpoint, a file, or both."""

    def __init__(self, exporters: Sequence["SpanExporter"]) -> None:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        self._ids = _ids()
        resource = Resource.create({"service.name": "cogmill", "service.version": __version__})
        self._provider: TracerProvider = TracerProvider(resource=resource, id_generator=self._ids)
        for exporter in exporters:
            self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("cogmill", __version__)

    @classmethod
    def of(cls, settings: "Settings") -> "Traces | None":
        """As the settings say; None when they ask for no traces."""
        exporters: list[SpanExporter] = []
        if settings.otlp_endpoint is not None:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

            exporters.append(OTLPSpanExporter(endpoint=f"{settings.otlp_endpoint.rstrip('/')}/v1/traces"))
        if settings.traces_file is not None:
            exporters.append(_file_exporter(settings.traces_file))
        return cls(exporters) if exporters else None

    def record(
        self, name: str, began: float, ended: float, attributes: Mapping[str, Any], *,
        kind: Kind = "internal", place: Place | None = None, parent: Place | None = None, error: str | None = None,
    ) -> None:  # fmt: skip
        """One span. Times are unix seconds; attributes that are None are left out; `error` is the type of a failure."""
        from opentelemetry.trace import SpanKind, Status, StatusCode

        kept = {key: value for key, value in attributes.items() if value is not None}
        with self._ids.next_is(place):
            span = self._tracer.start_span(
                name, self._below(parent), SpanKind[kind.upper()], kept, start_time=int(began * NANO)
            )
        if error is not None:
            span.set_attribute("error.type", error)
            span.set_status(Status(StatusCode.ERROR))
        span.end(int(ended * NANO))

    def record_request(
        self, name: str, began: float, ended: float, attributes: Mapping[str, Any], traceparent: str | None,
        error: str | None,
    ) -> None:  # fmt: skip
        """A request to the server, within its caller's trace if it sent one (W3C Trace Context)."""
        self.record(name, began, ended, attributes, kind="server", parent=_sent(traceparent), error=error)

    def _below(self, parent: Place | None) -> Any:
        from opentelemetry.context import Context
        from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context

        if parent is None:
            return Context()
        asked = self._provider.sampler.should_sample(None, parent.trace, "")
        sampled = asked.decision.is_sampled()  # type: ignore[no-untyped-call]
        flags = TraceFlags(TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT)
        above = NonRecordingSpan(SpanContext(parent.trace, parent.span, is_remote=True, trace_flags=flags))
        return set_span_in_context(above, Context())

    def close(self) -> None:
        """Send what waits, for a few seconds at most."""
        self._provider.force_flush(FLUSH_MILLISECONDS)
        self._provider.shutdown()


def _sent(traceparent: str | None) -> Place | None:
    """The caller's place; None when the header is absent or malformed."""
    from opentelemetry.trace import get_current_span
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    if traceparent is None:
        return None
    context = TraceContextTextMapPropagator().extract({"traceparent": traceparent})
    found = get_current_span(context).get_span_context()
    return Place(found.trace_id, found.span_id) if found.is_valid else None


def _ids() -> Any:
    from collections.abc import Iterator
    from contextlib import contextmanager

    from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

    class Ids(RandomIdGenerator):
        """Random, but for spans whose place is settled."""

        def __init__(self) -> None:
            self._next: ContextVar[Place | None] = ContextVar("next", default=None)

        @contextmanager
        def next_is(self, place: Place | None) -> Iterator[None]:
            token = self._next.set(place)
            try:
                yield
            finally:
                self._next.reset(token)

        def generate_trace_id(self) -> int:
            place = self._next.get()
            return place.trace if place else super().generate_trace_id()

        def generate_span_id(self) -> int:
            place = self._next.get()
            return place.span if place else super().generate_span_id()

    return Ids()


def _file_exporter(path: Path) -> "SpanExporter":
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

    class File(SpanExporter):
        """One OTLP request as JSON per line, which the collector's file receiver reads; the file may be moved away."""

        def export(self, spans: Sequence["ReadableSpan"]) -> SpanExportResult:
            line = json.dumps(_otlp_json(encode_spans(spans)), separators=(",", ":"))
            try:
                with path.open("a", encoding="utf-8") as file:
                    file.write(line + "\n")
            except OSError:
                return SpanExportResult.FAILURE
            return SpanExportResult.SUCCESS

    return File()


def _otlp_json(request: Any) -> Any:
    """Protobuf's JSON, but for ids, which OTLP writes in hexadecimal."""
    import base64

    from google.protobuf.json_format import MessageToDict  # type: ignore[import-untyped]

    made = MessageToDict(request, use_integers_for_enums=True)
    for resource in made["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                for name in ("traceId", "spanId", "parentSpanId"):
                    if name in span:
                        span[name] = base64.b64decode(span[name]).hex()
    return made
