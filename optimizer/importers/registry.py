"""All formats, one module for each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from optimizer.importers.formats import (
    advpo,
    bedrock,
    bundle,
    chat_json,
    chat_rows,
    dotprompt,
    dspy_program,
    langchain,
    langfuse,
    langsmith,
    litellm_logs,
    litellm_prompt,
    mlflow,
    nova,
    openai_evals,
    otel,
    plain_text,
    playbook,
    prompt_ops,
    promptfoo,
    prompty,
    registered,
    stored_prompt,
    table,
)
from optimizer.importers.values import Format

#: In the order in which they are told.
FORMATS: Mapping[str, Format] = {
    found.name: found
    for found in (
        promptfoo.FORMAT,
        prompty.FORMAT,
        dotprompt.FORMAT,
        litellm_prompt.FORMAT,
        langchain.FORMAT,
        dspy_program.FORMAT,
        stored_prompt.FORMAT,
        chat_json.FORMAT,
        bedrock.FORMAT,
        advpo.FORMAT,
        prompt_ops.FORMAT,
        nova.FORMAT,
        registered.FORMAT,
        plain_text.FORMAT,
        plain_text.FOLDER,
        bundle.FORMAT,
        openai_evals.FORMAT,
        chat_rows.FORMAT,
        litellm_logs.FORMAT,
        otel.FORMAT,
        langfuse.FORMAT,
        langsmith.FORMAT,
        mlflow.FORMAT,
        playbook.FORMAT,
        table.FORMAT,
    )
}


def names() -> Iterator[tuple[str, str]]:
    """Every format with a few words; those that `data.format` takes say so."""
    for one in FORMATS.values():
        yield one.name, one.words + ("; also as data.format" if one.log or one.rows else "")
