"""One prompt out of several: the first, or the one that the user asks for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from optimizer.errors import ConfigError, nearest
from optimizer.importers.parsing.chat import Losses
from optimizer.importers.values import Wish

T = TypeVar("T", bound=tuple[object, ...])


def chosen(prompts: Sequence[T], wish: Wish, lost: Losses, file: str) -> T:
    """The first item of each prompt is its name. The others are listed as lost."""
    names = [str(prompt[0]) for prompt in prompts]
    place = 0
    if wish.prompt is not None:
        if wish.prompt in names:
            place = names.index(wish.prompt)
        elif wish.prompt.isdecimal() and 1 <= int(wish.prompt[:9]) <= len(prompts):
            place = int(wish.prompt) - 1
        else:
            raise ConfigError(
                f"--prompt {wish.prompt}: {file} has no such prompt.{nearest(wish.prompt, names)} "
                f"It has {', '.join(names[:20])}, or 1 to {len(prompts)}"
            )
    for number, name in enumerate(names):
        if number != place:
            lost.add(f"the prompt {name!r}: a task has one; --prompt {number + 1} takes this one")
    return prompts[place]
