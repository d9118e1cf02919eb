"""Metrics: how good one output is, from 0 to 1.

A metric goes by its name, or by the path of one's own (`my_project.metrics:bleu`): a callable
(example, output, reference) -> Score, float or bool; a class is made with the options, a function gets them
as keyword arguments. What one's own answers is checked before it counts.

`shape` is what a metric is, and `standard` what answers are held against. The metrics of our own lie in four rooms:
`texts` and `values` compare an answer with another, `checks` look at it alone, `judges` ask a model; `registry` lists
them. `building` makes one from name and options, and `whole` reckons what belongs to a whole set of answers.
"""

from optimizer.metrics.building import build, build_metric
from optimizer.metrics.registry import METRICS
from optimizer.metrics.shape import Custom, Metric, MetricSpec, Weighted

__all__ = ["METRICS", "Custom", "Metric", "MetricSpec", "Weighted", "build", "build_metric"]
