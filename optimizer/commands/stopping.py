"""How a command is stopped from outside: by Ctrl-C, SIGTERM or a terminal that closes, at any moment."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_MOMENT, _PATIENCE = 0.05, 100  # seconds until a signal that came during an import is sent again; how often


@contextmanager
def stoppable(came: list[int]) -> Iterator[None]:
    """SIGTERM and SIGHUP end a command as Ctrl-C does: what is open is closed, answers are kept. `came`: the signals.

    What is raised in the middle of an import may be swallowed there, or come out as another error. So while a module is
    being imported, a signal is sent again a moment later; but not for longer than some seconds, and no second one.
    """
    if threading.current_thread() is not threading.main_thread():  # elsewhere Python allows no handlers
        yield
        return
    timers: list[threading.Timer] = []
    resent: list[int] = []

    def send(number: int) -> None:
        resent.append(number)
        _send(number)

    def stop(number: int, frame: FrameType | None) -> None:
        came.append(number)
        if _importing(frame) and len(came) == 1 + len(resent) <= _PATIENCE:
            timers.append(threading.Timer(_MOMENT, send, (number,)))
            timers[-1].start()
            return
        raise KeyboardInterrupt

    before = {signal.SIGTERM: signal.signal(signal.SIGTERM, stop)}
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:  # else nohup has it ignored
        before[signal.SIGHUP] = signal.signal(signal.SIGHUP, stop)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # in the background it is ignored, and stays so
        before[signal.SIGINT] = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for timer in timers:
            timer.cancel()


def _importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def _send(number: int) -> None:
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, number)  # wakes it, where it waits
    else:
        signal.raise_signal(number)
