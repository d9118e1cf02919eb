"""What the tokens of a model cost: as the task file says, as an offline model pretends, or as the price table lists."""

from __future__ import annotations

from collections.abc import Iterable

from optimizer.config.model_settings import ModelSettings
from optimizer.errors import ConfigError, nearest
from optimizer.models.money.prices import Price, known_price, table_date
from optimizer.models.providers.embedding import LOCAL_PREFIX
from optimizer.offline.personas import PRICES

OFFLINE_PREFIX = "offline/"


def price_of(section: ModelSettings) -> Price:
    """Dollars per million tokens. Raises ConfigError where nobody knows: an unknown price is never zero."""
    if section.model.startswith(OFFLINE_PREFIX) and section.model not in PRICES:
        hint, known = nearest(section.model, PRICES), ", ".join(PRICES)
        raise ConfigError(f"no offline model is called {section.model!r}.{hint} Known: {known}")
    given = section.own_price
    if given is None and section.model in PRICES:
        return PRICES[section.model]
    return known_price(section.priced_as or section.model, given)


def price_of_vectors(section: ModelSettings) -> Price:
    """As `price_of`, of an embedding model; a local one is free."""
    if section.model.startswith(LOCAL_PREFIX):
        return Price(0.0, 0.0)
    return known_price(section.priced_as or section.model, section.own_price, modes=("embedding",))


def origin_of_prices(sections: Iterable[ModelSettings]) -> str:
    """For reports: the table that list prices were read from, or that none was read."""
    listed = any(s.own_price is None and not s.model.startswith(OFFLINE_PREFIX) for s in sections)
    return table_date() if listed else "as stated in the task file, or pretended by the offline models"
