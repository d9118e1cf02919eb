"""The metrics of our own, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from optimizer.metrics.calls import tool_call
from optimizer.metrics.embedding import embedding_similarity
from optimizer.metrics.frameworks import deepeval, ragas
from optimizer.metrics.judge import judge, preference
from optimizer.metrics.labels import kappa, label_accuracy, macro_f1
from optimizer.metrics.manner import form, refusal
from optimizer.metrics.numeric import numeric
from optimizer.metrics.retrieval import grounded
from optimizer.metrics.shape import Metric
from optimizer.metrics.structured import json_fields
from optimizer.metrics.text import (
    contains,
    edit_similarity,
    exact_match,
    length,
    normalized_match,
    regex_match,
    rouge_l,
    token_f1,
)
from optimizer.metrics.translation import bleu, chrf, rouge
from optimizer.metrics.valid import valid

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
