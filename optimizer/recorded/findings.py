"""What is odd about recorded outputs: replies that were cut off, costs that no price list knows.

Each finding is one sentence that names the model, how many answers, which, and by what it was noticed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from optimizer.models.money.prices import Price
from optimizer.types import Output

_CUT = {"length", "maxtokens", "maxoutputtokens", "maxcompletiontokens", "maxlength", "modellength", "tokenlimit"}
_SHORT = 32  # tokens; shorter replies often have the same length
_SPOKEN = 8  # words, from which on a reply is taken for sentences
_MOST = 0.6  # of a model's replies must do as expected before the others are called odd
_NAMED = 5
_OFF = 0.01  # of the reckoned cost; less may be rounding
_ENDS = tuple(".!?…\"'”’»)]}>*`|。！？")


def cut_off(model: str, outputs: Sequence[Output], finish: Mapping[str, str], limit: int | None) -> Iterator[str]:
    """`finish`: why the model stopped, by example id; `limit`: tokens at which replies were cut, if it is known."""
    answered = [output for output in outputs if output.status != "failed"]

    def told(found: Sequence[Output], what: str) -> Iterator[str]:
        if found:
            yield f"{model}: {len(found):,} of {len(answered):,} replies {what}: {_names(found)}"

    stopped = [o for o in answered if re.sub(r"[\W_]", "", finish.get(o.example_id, "").casefold()) in _CUT]
    yield from told(stopped, "were stopped at the token limit, as their stop reason says")
    if known := limit or _likely_limit(answered):
        long = [output for output in answered if output.output_tokens >= known]
        which = "the limit" if limit else "the length of its longest reply"
        yield from told(long, f"have {known:,} tokens, {which}, and are probably cut off there")
    yield from told(_unfinished(answered), "end in the middle of a sentence")
    yield from told(_headless(answered), "begin in the middle of a word or sentence")


def _likely_limit(outputs: Sequence[Output]) -> int | None:
    """The greatest length, where it is a round number that several replies have to the token."""
    longest = max((output.output_tokens for output in outputs), default=0)
    often = sum(output.output_tokens == longest for output in outputs)
    is_round = longest % 50 == 0 or longest % 128 == 0 or longest & (longest - 1) == 0
    return longest if longest >= _SHORT and is_round and often >= max(2, 0.02 * len(outputs)) else None


def _unfinished(outputs: Sequence[Output]) -> list[Output]:
    """Replies of some length that stop without a stop, where most of the same model do not; JSON that never ends."""
    texts = [(output, output.text.strip()) for output in outputs]
    open_json = [o for o, text in texts if text[:1] in "{[" and text and not text.endswith(("}", "]", "```"))]
    spoken = [(o, text) for o, text in texts if len(text.split()) >= _SPOKEN and text[0] not in "{["]
    odd = [output for output, text in spoken if not text.endswith(_ENDS)]
    return open_json + odd if len(odd) <= (1 - _MOST) * len(spoken) else open_json


def _headless(outputs: Sequence[Output]) -> list[Output]:
    """Replies whose first letter is small, or that begin with a stray mark, where most of the same model do not."""
    texts = [(output, text) for output in outputs if (text := output.text.strip())]
    odd = [output for output, text in texts if text[0].islower() or text[0] in "/,.;:)?!"]
    return odd if len(odd) <= (1 - _MOST) * len(texts) else []


def mispriced(model: str, outputs: Sequence[Output], price: Price | None) -> Iterator[str]:
    """Where the recorded cost is not what the tokens cost at the known price; with what it looks like."""
    by_the_hour = bool(price and price.call)
    paid = [o for o in outputs if o.status != "failed" and (by_the_hour or o.input_tokens + o.output_tokens > 0)]
    if not price:
        if paid and not any(output.cost for output in paid):
            yield f"{model}: the recorded cost of every answer is 0, though tokens were used, and no price is known"
        return
    rounding = 0.5 * 10.0 ** -max((_decimals(output.cost) for output in paid if output.cost), default=12)
    odd = [output for output in paid if _differs(output, price, rounding)]
    if not odd:
        return
    recorded, reckoned = (1000 * math.fsum(c) / len(odd) for c in ([o.cost for o in odd], [_at(o, price) for o in odd]))
    if by_the_hour:
        known, why = "a call's share of the hour", "the recorded one is compared"
    else:
        known = f"tokens times the known price (${price.input:g} and ${price.output:g} per million tokens in and out)"
        why = _explained(odd, price, rounding, recorded / reckoned) if reckoned else "which makes them free"
    yield (
        f"{model}: the recorded cost of {len(odd):,} of {len(paid):,} answers is not {known}: ${recorded:,.4f} per "
        f"1,000 recorded, ${reckoned:,.4f} reckoned, first {odd[0].example_id}; {why}"
    )


def _explained(odd: Sequence[Output], price: Price, rounding: float, ratio: float) -> str:
    into, out = price.input, price.output
    slips = {
        "output tokens were charged at the input price": replace(price, output=into),
        "input tokens were charged at the output price": replace(price, input=out),
        "the prices of input and output were exchanged": replace(price, input=out, output=into),
        "output tokens were left out": replace(price, output=0.0),
        "input tokens were left out": replace(price, input=0.0),
        "nothing was charged": Price(0.0, 0.0),
        "a price per million tokens was taken for one per thousand": Price(1000 * into, 1000 * out),
        "a price per thousand tokens was taken for one per million": Price(into / 1000, out / 1000),
    }
    for slip, wrong in slips.items():
        if not any(_differs(output, wrong, rounding) for output in odd):
            return f"it looks as if {slip}"
    return f"it is {ratio:.3g} times as much (discounts and cached tokens can explain less, nothing explains more)"


def _differs(output: Output, price: Price, rounding: float) -> bool:
    reckoned = _at(output, price)
    return abs(output.cost - reckoned) > _OFF * reckoned + rounding


def _at(output: Output, price: Price) -> float:
    return price.cost(output.input_tokens, output.output_tokens)


def _decimals(value: float) -> int:
    """Of a number as it was written; a record may be rounded."""
    _, _, fraction = f"{value:.12f}".rstrip("0").partition(".")
    return len(fraction)


def _names(outputs: Sequence[Output]) -> str:
    more = f" and {len(outputs) - _NAMED:,} more" if len(outputs) > _NAMED else ""
    return ", ".join(output.example_id for output in outputs[:_NAMED]) + more
