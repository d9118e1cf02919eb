"""A real browser for tests: headless Chromium over its DevTools protocol."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_TRIES = 1200  # a twentieth of a second apart: a minute, for a very busy machine
_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--hide-scrollbars",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--remote-debugging-port=0",
    "--remote-allow-origins=*",
]


@dataclass
class Page:
    """An open page: what it asked the network for, what its scripts complained about."""

    socket: aiohttp.ClientWebSocketResponse
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    _number: int = 0

    async def send(self, method: str, **params: Any) -> dict[str, Any]:
        self._number += 1
        number = self._number
        await self.socket.send_json({"id": number, "method": method, "params": params})
        while True:
            message = json.loads((await self.socket.receive()).data)
            if message.get("id") == number:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                result: dict[str, Any] = message["result"]
                return result
            self._note(message)

    async def evaluate(self, script: str) -> Any:
        answer = await self.send("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(str(answer["exceptionDetails"]))
        return answer["result"].get("value")

    async def open(self, url: str) -> None:
        for domain in ("Network", "Runtime", "Log", "Page"):
            await self.send(f"{domain}.enable")
        await self.send("Page.navigate", url=url)
        for _ in range(_TRIES):
            if await self.evaluate("document.readyState === 'complete' && location.href !== 'about:blank'"):
                return
            await asyncio.sleep(0.05)
        raise TimeoutError(url)

    async def press(self, key: str, code: int) -> None:
        for kind in ("keyDown", "keyUp"):
            text = {"text": key} if len(key) == 1 and kind == "keyDown" else {}
            await self.send("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, **text)

    async def screenshot(self, path: Path, *, dark: bool = False, width: int = 1100) -> None:
        scheme = "dark" if dark else "light"
        await self.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        size = await self.evaluate("document.documentElement.scrollHeight")
        metrics = {"width": width, "height": min(int(size), 9000), "deviceScaleFactor": 1, "mobile": False}
        await self.send("Emulation.setDeviceMetricsOverride", **metrics)
        data = (await self.send("Page.captureScreenshot", captureBeyondViewport=True))["data"]
        path.write_bytes(base64.b64decode(data))

    def _note(self, message: dict[str, Any]) -> None:
        method, params = message.get("method"), message.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(str(params["exceptionDetails"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.complaints.append(params["entry"]["text"])
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "assert"):
            self.complaints.append(str(params["args"]))


def visit(path: Path, look: Callable[[Page], Coroutine[Any, Any, None]]) -> Page:
    """Open the file in a browser of its own, and `look` at it."""
    assert CHROMIUM
    # Its helpers outlive the browser by a moment, and may write to the profile while that is taken away.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [CHROMIUM, *_FLAGS, f"--user-data-dir={profile}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            return asyncio.run(_look(Path(profile), path, look))
        finally:
            process.terminate()
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Wait until the browser has ended, and end what is left of it: a test never fails for how it closes."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(30)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


async def _look(profile: Path, path: Path, look: Callable[[Page], Coroutine[Any, Any, None]]) -> Page:
    address = profile / "DevToolsActivePort"
    for _ in range(_TRIES):
        if address.exists() and address.read_text().strip():
            break
        await asyncio.sleep(0.05)
    port = address.read_text().split()[0]
    async with aiohttp.ClientSession() as session:
        async with session.get(f"http://127.0.0.1:{port}/json") as answer:
            tab = next(tab for tab in await answer.json() if tab["type"] == "page")
        async with session.ws_connect(tab["webSocketDebuggerUrl"], max_msg_size=0) as socket:
            page = Page(socket)
            await page.open(path.resolve().as_uri())
            await look(page)
            return page
