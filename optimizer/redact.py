"""Secrets never reach a file, a log or a report: how they look, and how a text is shown without them."""

from __future__ import annotations

import re

#: Keys of the providers in use, tokens of code hosts and chats, private keys, credentials in addresses.
_SHAPES = re.compile(
    r"""\b(?:sk|pk|rk|gsk|xai|nvapi|pplx|fw|r8|tgp|hf|ghp|gho|ghu|ghs|ghr|github_pat|glpat|xox[abeprs])
          [-_](?=[A-Za-z0-9_-]*[0-9])[A-Za-z0-9_-]{16,}
      | \b(?:AKIA|ASIA)[0-9A-Z]{16}\b
      | \bAIza[0-9A-Za-z_-]{30,}
      | \beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]+
      | -----BEGIN\ [A-Z ]*PRIVATE\ KEY-----
      | \bBearer\s+[A-Za-z0-9._~+/-]{20,}
      | (?<=://)[^\s/@:]+:[^\s/@]+(?=@)""",
    re.VERBOSE,
)
_NAMES = re.compile(
    r"(x?api|access|secret|auth|private)?(key|token|secret)|.*(apikey|secretkey|accesskey|secretaccesskey|accesskeyid"
    r"|authtoken|accesstoken|sessiontoken|bearertoken|adtoken|clientsecret)|authorization|passw(or)?d|.*credentials?"
)
HIDDEN = "<hidden>"


def redact(text: str) -> str:
    """`text` with everything that looks like a secret replaced."""
    return _SHAPES.sub(HIDDEN, text)


def holds_secret(text: str) -> bool:
    return _SHAPES.search(text) is not None


def names_secret(key: str) -> bool:
    """Whether a setting of this name is meant to hold a secret: `api_key`, `Authorization`, `aws_secret_access_key`."""
    return _NAMES.fullmatch(re.sub(r"[-_ ]", "", key.lower())) is not None
