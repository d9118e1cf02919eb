"""The reply: whether its contract is stated, how and where; thinking first or not."""

from __future__ import annotations

from optimizer.space import Choice, in_layout

REPLY = Choice("reply", ("as_is", "told", "shown"), in_layout("reply"))
REPLY_AT = Choice("reply_at", ("instructions", "end"), in_layout("reply_at"))
REASONING = Choice("reasoning", ("as_is", "first", "none"), in_layout("reasoning"))
