"""Metrics: how good one output is, from 0 to 1. Each family has a file; `registry` lists the names.

A metric goes by its name, or by the path of one's own (`my_project.metrics:bleu`): a callable
(example, output, reference) -> Score, float or bool; a class is made with the options, a function gets them
as keyword arguments. What one's own answers is checked before it counts.

Of texts: `text`, `overlap`, `tokens`, `translation`, `embedding`, `manner`, `valid`. Of values: `labels`, `numeric`,
`structured`, `calls`, `retrieval`. Asking models: `judge` (and `scrutiny`, which judges it), `frameworks` by `door`.
`shape` is what a metric is, `building` makes one from name and options, `whole` is what belongs to a whole set,
`standard` what answers are held against.
"""

from optimizer.metrics.building import build, build_metric
from optimizer.metrics.registry import METRICS
from optimizer.metrics.shape import Custom, Metric, MetricSpec, Weighted

__all__ = ["METRICS", "Custom", "Metric", "MetricSpec", "Weighted", "build", "build_metric"]
