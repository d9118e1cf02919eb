"""Embedding models: hosted ones through LiteLLM and the wire, local ones from a folder, all through the one door."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from optimizer.config import load_settings
from optimizer.connect import connect, preflight
from optimizer.errors import ConfigError, ModelError
from optimizer.models import bridge
from optimizer.models.money.meter import Purse
from optimizer.models.money.prices import Price
from optimizer.models.providers.embedding import LiteLLMEmbedder, LocalEmbedder, asked, unpack
from optimizer.models.stores.cache import CallStore
from optimizer.pricing import price_of_vectors
from tests.models.serving import Serving
from tests.walking import write_task

VECTORS = {"cat": [1.0, 0.0], "dog": [0.6, 0.8], " ": [0.0, 1.0]}


class Server(Serving):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[dict[str, Any]] = []
        self.usage: dict[str, int] | None = {"prompt_tokens": 7, "total_tokens": 7}

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/v1/embeddings", self._embed)]

    async def _embed(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.seen.append(body | {"key": request.headers.get("Authorization")})
        (text,) = body["input"]
        if text.isdigit():
            return web.json_response({"error": {"message": "no", "type": "t"}}, status=int(text))
        rows = [{"object": "embedding", "index": 0, "embedding": VECTORS[text]}] if text in VECTORS else []
        told = {"usage": self.usage} if self.usage is not None else {}
        return web.json_response({"object": "list", "data": rows, "model": body["model"], **told})


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server()
    bridge.run(found.start())
    yield found
    bridge.run(found.stop())


def hosted(server: Server) -> LiteLLMEmbedder:
    return LiteLLMEmbedder("openai/embed-x", api_base=server.url, price=Price(2.0, 0.0))


def test_a_hosted_embedder_gives_vectors_tokens_and_cost(server: Server) -> None:
    reply = bridge.run(hosted(server).complete(asked("dog")))

    assert unpack(reply.text) == pytest.approx(VECTORS["dog"])
    assert (reply.input_tokens, reply.output_tokens) == (7, 0) and reply.cost == pytest.approx(7 * 2e-6)
    assert server.seen[0]["model"] == "embed-x" and server.seen[0]["input"] == ["dog"]


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": 0, "total_tokens": 0}])
def test_without_token_counts_a_priced_vector_is_an_error_and_one_of_no_price_by_tokens_an_estimate(
    server: Server, usage: dict[str, int] | None
) -> None:
    server.usage = usage
    with pytest.raises(
        ModelError, match="embed-x: the answer came without token counts, so its cost is not known"
    ) as e:
        bridge.run(hosted(server).complete(asked("dog")))
    assert not e.value.retryable

    for price, cost in ((Price(0.0, 0.0), 0.0), (Price(0.0, 0.0, call=0.5), 0.5)):
        free = LiteLLMEmbedder("openai/embed-x", api_base=server.url, price=price)
        reply = bridge.run(free.complete(asked("dog")))
        assert (reply.input_tokens, reply.cost) == (1, cost)
    assert bridge.run(hosted(server).complete(asked(""))).cost == 0.0, "nothing is there to be counted"


def test_a_total_alone_is_a_count_of_what_was_read(server: Server) -> None:
    server.usage = {"total_tokens": 9}
    assert bridge.run(hosted(server).complete(asked("dog"))).input_tokens == 9


@pytest.mark.parametrize(("text", "retryable"), [("503", True), ("401", False), ("fish", True)])
def test_what_goes_wrong_is_a_model_error_asked_once(server: Server, text: str, retryable: bool) -> None:
    with pytest.raises(ModelError) as caught:
        bridge.run(hosted(server).complete(asked(text)))

    assert caught.value.retryable is retryable and len(server.seen) == 1


def test_in_a_run_a_vector_is_paid_once_and_remembered(server: Server, tmp_path: Path) -> None:
    section = {"model": "openai/embed-x", "api_base": server.url, "price": {"input": 2, "output": 0}}
    settings = load_settings(write_task(tmp_path, embedder=section))
    for _ in range(2):
        purse = Purse()
        with CallStore(tmp_path / "calls.sqlite") as store:
            embedder = connect(settings, store, purse, provider=lambda *_: hosted(server)).embedder
            assert embedder is not None
            assert unpack(bridge.run(embedder.complete(asked("cat"))).text) == [1.0, 0.0]
            bridge.run(embedder.complete(asked("cat")))
        assert purse.spend["embedder"].calls == 1 and purse.dollars == pytest.approx(7 * 2e-6)
    assert len(server.seen) == 1


@pytest.mark.parametrize("workers", ["local", "dask"])
def test_before_a_run_its_key_and_its_server_are_looked_for(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: str
) -> None:
    monkeypatch.delenv("PROMPTPORT_TEST_VECTORS", raising=False)
    section = {"model": "openai/embed-x", "price": {"input": 2, "output": 0}, "api_key_env": "PROMPTPORT_TEST_VECTORS"}

    def look(address: str) -> None:
        task = write_task(tmp_path, embedder={**section, "api_base": address}, engine={"workers": workers})
        preflight(load_settings(task))

    with pytest.raises(ConfigError, match=r"openai/embed-x.*PROMPTPORT_TEST_VECTORS is not set; export it"):
        look(server.url)
    monkeypatch.setenv("PROMPTPORT_TEST_VECTORS", "x")
    look(server.url)
    with pytest.raises(ConfigError, match=r"127\.0\.0\.1:9/v1/models cannot be reached .*correct `api_base`"):
        look("http://127.0.0.1:9/v1")
    assert not server.seen


def test_list_prices_of_embedding_models_are_known_and_unknown_ones_refused(tmp_path: Path) -> None:
    listed = load_settings(write_task(tmp_path / "a", embedder="openai/text-embedding-3-small")).embedder
    local = load_settings(write_task(tmp_path / "b", embedder="local/somewhere")).embedder
    unknown = load_settings(write_task(tmp_path / "c", embedder="openai/gpt-4o")).embedder
    assert listed and local and unknown

    assert price_of_vectors(listed).input == pytest.approx(0.02)
    assert price_of_vectors(local).free
    with pytest.raises(ConfigError, match=r"lists no price|does not know it"):
        price_of_vectors(unknown)


def test_a_local_embedder_is_read_from_its_folder(tmp_path: Path) -> None:
    model2vec = pytest.importorskip("model2vec")
    import numpy as np
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel

    words = Tokenizer(WordLevel({"[UNK]": 0, "cat": 1, "dog": 2, "[PAD]": 3}, unk_token="[UNK]"))  # noqa: S106
    vectors = np.array([[0, 0], VECTORS["cat"], VECTORS["dog"], [0, 0]], np.float32)
    model2vec.StaticModel(vectors, words, config={"normalize": False}).save_pretrained(tmp_path / "tiny")

    reply = bridge.run(LocalEmbedder(f"local/{tmp_path / 'tiny'}").complete(asked("dog")))

    assert unpack(reply.text) == pytest.approx(VECTORS["dog"]) and reply.cost == 0


def test_a_local_embedder_that_is_not_there_is_refused_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "HF_HUB_OFFLINE", "1")
    with pytest.raises(ConfigError, match=r"promptport\[local\]|cannot be loaded"):
        LocalEmbedder(f"local/{tmp_path / 'nothing'}")
