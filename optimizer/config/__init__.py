"""The task file's settings: every section, its defaults, and what must agree with what.

`load_settings` answers everything that is wrong with a file in one ConfigError, each problem with its line.

`task_settings` is the whole. Its sections: `sections` (data, reply, program, and what all share), `stages`, `prompts`,
`scoring`, `model_settings`, `gateway_settings`, `search_settings`, `decision_settings`, `engine_settings`. `taskfile`
opens a file (`textfile`, `yamlfile`), and `complaints` words what is wrong with it; `schema` tells editors.
`comparison` and `options` say the same of recorded outputs; `terms` are what may still change once the answers are paid
for.
"""

from optimizer.config.decision_settings import ConstraintSettings, DecisionSettings, ObjectiveSettings
from optimizer.config.model_settings import ModelSettings
from optimizer.config.schema import SCHEMA_FILE, schema_line, task_schema, write_schema
from optimizer.config.scoring import MetricSettings
from optimizer.config.sections import Data
from optimizer.config.task_settings import Budget, Settings, load_settings

__all__ = [
    "SCHEMA_FILE",
    "Budget",
    "ConstraintSettings",
    "Data",
    "DecisionSettings",
    "MetricSettings",
    "ModelSettings",
    "ObjectiveSettings",
    "Settings",
    "load_settings",
    "schema_line",
    "task_schema",
    "write_schema",
]
