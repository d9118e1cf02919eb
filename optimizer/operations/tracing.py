"""OpenTelemetry: a span for the run, and one for every call to a model, by the conventions for generative AI.

Where spans go is said by OpenTelemetry's own variables (OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_EXPORTER=console).
A span tells models, tokens, dollars and seconds, never what was asked or answered.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from optimizer import __version__
from optimizer.errors import ConfigError, ModelError
from optimizer.models import Model, identity
from optimizer.types import Request, Response

_SENT = {"temperature": "temperature", "top_p": "top_p", "max_tokens": "max_tokens", "seed": "seed"}


class Traced:
    """A model whose calls are spans. It is the innermost wrapper: a call that is made again is a span of its own."""

    def __init__(self, model: Model, tracer: Any) -> None:
        self.name, self.identity = model.name, identity(model)
        self._model, self._tracer = model, tracer

    async def complete(self, request: Request) -> Response:
        from opentelemetry.trace import SpanKind

        provider, _, model = self.name.rpartition("/")
        sent = {f"gen_ai.request.{_SENT[key]}": value for key, value in request.params.items() if key in _SENT}
        facts = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": provider or "unknown",
            "gen_ai.request.model": model,
            **{key: value for key, value in sent.items() if isinstance(value, int | float)},
        }
        with self._tracer.start_as_current_span(
            f"chat {model}",
            kind=SpanKind.CLIENT,
            attributes=facts,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                response = await self._model.complete(request)
            except ModelError as error:
                _failed(span, str(error.status or type(error).__name__))
                raise
            span.set_attributes(
                {
                    "gen_ai.response.model": response.model,
                    "gen_ai.response.finish_reasons": [response.finish],
                    "gen_ai.usage.input_tokens": response.input_tokens,
                    "gen_ai.usage.output_tokens": response.output_tokens,
                    "promptport.cost_usd": response.cost,
                    "promptport.latency_s": response.latency,
                }
            )
            return response


@contextmanager
def traced(name: str, provider: Any = None) -> Iterator[Callable[[Model], Model]]:
    """Within the block a span of the run is open; yields what to put around a model. `provider`: OpenTelemetry's."""
    used = provider or _provider()
    tracer = used.get_tracer("promptport", __version__)
    try:
        with tracer.start_as_current_span("promptport run", attributes={"promptport.task": name}):
            yield lambda model: Traced(model, tracer)
    finally:
        if provider is None:
            used.shutdown()  # sends what is left


def _failed(span: Any, kind: str) -> None:
    from opentelemetry.trace import Status, StatusCode

    span.set_attribute("error.type", kind)
    span.set_status(Status(StatusCode.ERROR))


def _provider() -> Any:
    try:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise ConfigError("--trace needs OpenTelemetry; install it with `pip install 'promptport[otel]'`") from error
    made = TracerProvider(resource=Resource.create({"service.name": "promptport", "service.version": __version__}))
    made.add_span_processor(BatchSpanProcessor(_exporter()))
    return made


def _exporter() -> Any:
    wanted = os.environ.get("OTEL_TRACES_EXPORTER", "otlp")
    if wanted == "console":
        import sys

        from opentelemetry.sdk.trace.export import ConsoleSpanExporter

        return ConsoleSpanExporter(out=sys.stderr)
    if wanted != "otlp":
        raise ConfigError(f"OTEL_TRACES_EXPORTER: {wanted!r} is not known here; use otlp or console")
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError as error:
        raise ConfigError(
            "--trace: the OTLP exporter is not installed; `pip install 'promptport[otel]'`, or set "
            "OTEL_TRACES_EXPORTER=console"
        ) from error
    return OTLPSpanExporter()
