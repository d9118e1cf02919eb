"""Models without a network: simulated chat models that read the request they are given. See README.md here.

Rule 1: nothing outside this folder knows the personas. Rule 2: an answer comes from the request alone; no model
here ever sees an expected answer. Rule 3: the same request and sample number get the same answer.
"""

from optimizer.offline.model import OFFLINE, OfflineModel, heeded
from optimizer.offline.personas import Persona

__all__ = ["OFFLINE", "OfflineModel", "Persona", "heeded"]
