"""May this model be asked at all: is its key set, does its server answer?"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase

from optimizer.errors import ConfigError, ModelError, nearest
from optimizer.models import transport
from optimizer.models.providers.listing import Listing, provider_listing, read_listing
from optimizer.models.replies.failures import clean, out_of_credit, translate
from optimizer.models.transport import Exchange

#: Where each provider's key is looked for, first name first. Providers that are not here are left to the first call.
KEYS: Mapping[str, tuple[str, ...]] = {
    "openai": ("OPENAI_API_KEY",),
    "anthropic": ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"),
    "gemini": ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    "azure": ("AZURE_API_KEY", "AZURE_AD_TOKEN", "AZURE_CLIENT_SECRET"),
    "mistral": ("MISTRAL_API_KEY",),
    "cohere": ("COHERE_API_KEY", "CO_API_KEY"),
    "groq": ("GROQ_API_KEY",),
    "deepseek": ("DEEPSEEK_API_KEY",),
    "xai": ("XAI_API_KEY",),
    "openrouter": ("OPENROUTER_API_KEY", "OR_API_KEY"),
    "together_ai": ("TOGETHERAI_API_KEY", "TOGETHER_API_KEY", "TOGETHER_AI_API_KEY", "TOGETHER_AI_TOKEN"),
    "fireworks_ai": ("FIREWORKS_API_KEY", "FIREWORKS_AI_API_KEY", "FIREWORKSAI_API_KEY", "FIREWORKS_AI_TOKEN"),
    "cerebras": ("CEREBRAS_API_KEY",),
    "perplexity": ("PERPLEXITYAI_API_KEY", "PERPLEXITY_API_KEY"),
}

NO_HEADERS: Mapping[str, str] = {}
_SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL", re.I)


@dataclass(frozen=True)
class Access:
    """Where a model is, and the name (never the value) of the variable that holds its key."""

    model: str
    provider: str
    api_base: str | None
    key_env: str | None

    @property
    def variable(self) -> str:
        """The environment variable to look at when access is denied, or ""."""
        usual = KEYS.get(self.provider, ("",))[0]
        return self.key_env or (usual if self.api_base is None else "")

    def key(self) -> str:
        """The key, or "" where there is none or LiteLLM finds it. Raises ConfigError for a variable that is not set."""
        if self.key_env:
            if key := os.environ.get(self.key_env):
                return key
            raise ConfigError(f"model {self.model!r}: the environment variable {self.key_env} is not set; export it")
        names = KEYS.get(self.provider, ())
        if self.api_base is None and names and not any(map(os.environ.get, names)):
            raise ConfigError(f"model {self.model!r}: the environment variable {names[0]} is not set; export it")
        return ""

    def secrets(self, headers: Mapping[str, str]) -> list[str]:
        """Texts that no message may contain; very short ones cannot be told from ordinary words."""
        named = [value for name, value in os.environ.items() if _SECRET_NAME.search(name) or name == self.key_env]
        return [value for value in (*headers.values(), *named) if len(value) >= 8]

    @contextmanager
    def translated(self, exchange: Exchange, headers: Mapping[str, str] = NO_HEADERS) -> Iterator[None]:
        """Every foreign error inside the block becomes a ModelError; neither it nor its traceback shows a key."""
        try:
            yield
        except Exception as error:  # noqa: BLE001  every foreign error is translated at this door
            secrets = self.secrets(headers)
            failure = translate(error, self.model, exchange, key=self.variable, secrets=secrets)
            raise failure from (None if any(secret in str(error) for secret in secrets) else error)

    async def check(self, headers: Mapping[str, str], *, ask_provider: bool = False) -> Listing | None:
        """What the server lists. Raises ConfigError or ModelError with the way out; one without a list (404) is fine.

        `ask_provider`: the provider's own list as well, where there is no server of one's own between.
        """
        key = self.key()
        if self.api_base is None:
            usual = next((found for name in KEYS.get(self.provider, ()) if (found := os.environ.get(name))), "")
            return await provider_listing(self.provider, key or usual) if ask_provider else None
        import aiohttp

        url = f"{self.api_base}/models"
        sent = {**headers, **({"Authorization": f"Bearer {key}"} if key else {})}
        try:
            async with transport.session().get(url, headers=sent, timeout=aiohttp.ClientTimeout(total=5)) as response:
                status = response.status
                listed = await response.read()
        except (aiohttp.ClientError, OSError, ValueError) as error:  # TimeoutError is an OSError
            reason = clean(str(error) or "no answer in 5 seconds", self.secrets(headers))
            raise ModelError(
                f"the server {url} cannot be reached ({reason}); start it, or correct `api_base`", model=self.model
            ) from error
        if status in (401, 403):
            hint = (
                f"the key in {self.key_env} is not accepted" if key else "name the variable with its key: `api_key_env`"
            )
            raise ModelError(f"the server {url} denies access (HTTP {status}); {hint}", model=self.model, status=status)
        if empty := out_of_credit(listed.decode("utf-8", "replace"), self.model, status):
            raise empty
        return read_listing(listed, url) if status == 200 else None

    def may_call(self, listing: Listing) -> None:
        """Raises ModelError where a gateway lists other models than this one for the key."""
        asked, listed = self.model.partition("/")[2], tuple(listing.ends)
        if not any(fnmatchcase(asked, one) for one in listed):
            raise ModelError(
                f"{self.api_base} does not let this key call {asked!r}.{nearest(asked, listed)} It may call "
                f"{', '.join(listed[:20])}{' ...' if len(listed) > 20 else ''}; correct `model`, or have it allowed",
                model=self.model,
            )
