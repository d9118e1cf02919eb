"""The metrics of our own, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from optimizer.metrics.checks.grounding import grounded
from optimizer.metrics.checks.manner import form, refusal
from optimizer.metrics.checks.valid import valid
from optimizer.metrics.judges.frameworks import deepeval, ragas
from optimizer.metrics.judges.judge import judge, preference
from optimizer.metrics.shape import Metric
from optimizer.metrics.texts.embedding import embedding_similarity
from optimizer.metrics.texts.matching import (
    contains,
    edit_similarity,
    exact_match,
    length,
    normalized_match,
    regex_match,
    rouge_l,
    token_f1,
)
from optimizer.metrics.texts.translation import bleu, chrf, rouge
from optimizer.metrics.values.calls import tool_call
from optimizer.metrics.values.labels import kappa, label_accuracy, macro_f1
from optimizer.metrics.values.numeric import numeric
from optimizer.metrics.values.structured import json_fields

#: Name -> how it is made from its options.
METRICS: Mapping[str, Callable[..., Metric]] = {
    "bleu": bleu,
    "chrf": chrf,
    "contains": contains,
    "deepeval": deepeval,
    "edit_similarity": edit_similarity,
    "embedding_similarity": embedding_similarity,
    "exact_match": exact_match,
    "format": form,
    "grounded": grounded,
    "json_fields": json_fields,
    "judge": judge,
    "kappa": kappa,
    "label_accuracy": label_accuracy,
    "length": length,
    "macro_f1": macro_f1,
    "normalized_match": normalized_match,
    "numeric": numeric,
    "preference": preference,
    "ragas": ragas,
    "refusal": refusal,
    "regex_match": regex_match,
    "rouge": rouge,
    "rouge_l": rouge_l,
    "token_f1": token_f1,
    "tool_call": tool_call,
    "valid": valid,
}
