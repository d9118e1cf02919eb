"""Calls and scoring on the workers of a Dask or Ray cluster; the driver alone decides and writes.

Rule 1: what is reserved, remembered, retried and limited is so in the driver, as without a cluster: only the bare call
goes out. So a run's bytes do not depend on where its calls were made. Rule 2: texts go out and come back, no objects;
a key is read on the worker, from its own environment, and is never sent. Rule 3: a worker that is lost is an answer
that did not come: its calls are made again elsewhere.

Scoring goes through joblib, whose backends reach the same workers. Calls go out one by one instead: joblib hands
back a batch when its slowest call is done, and would let the workers wait for it.

`opening` opens one and says what it can do; `remote` is the model that asks, `worker` the other end; `dask` (with
`seats`: which worker next) and `ray` are the two kinds of cluster.
"""

from optimizer.cluster.opening import Cluster, open_cluster, providers

__all__ = ["Cluster", "open_cluster", "providers"]
