"""A team's DSPy program of two steps, for the tests: first the remainder, then the parity."""

from __future__ import annotations

from typing import Any

import dspy


class Parity(dspy.Module):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.divide = dspy.Predict(dspy.Signature("number -> remainder", "Say what is left of the number."))
        self.name = dspy.ChainOfThought(dspy.Signature("number, remainder -> parity", "Name it."))

    def forward(self, number: Any) -> Any:
        rest = self.divide(number=number).remainder
        return self.name(number=number, remainder=rest)


def parity() -> Parity:
    return Parity()


ready = Parity()
alone = dspy.Predict(dspy.Signature("number -> parity", "Say what the number is."))
no_program = 3


class Fickle(dspy.Module):  # type: ignore[misc]
    """Stumbles over odd numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.only = dspy.Predict("number -> parity")

    def forward(self, number: Any) -> Any:
        said = self.only(number=number)
        if int(number) % 2:
            raise LookupError("odd")
        return said


class Stubborn(dspy.Module):  # type: ignore[misc]
    """Asks nobody."""

    def __init__(self) -> None:
        super().__init__()
        self.only = dspy.Predict("number -> parity")

    def forward(self, number: Any) -> Any:
        return dspy.Prediction(parity="odd")


class Asynchronous(dspy.Module):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.only = dspy.Predict("number -> parity")

    async def aforward(self, number: Any) -> Any:
        return await self.only.acall(number=number)


class Unready(dspy.Module):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        raise LookupError("no table of remainders")


class Grasping(dspy.Module):  # type: ignore[misc]
    """Adds to the list that it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.only = dspy.Predict("number -> parity")

    def forward(self, number: Any) -> Any:
        number.append(1)
        return self.only(number=number)


class Thorough(dspy.Module):  # type: ignore[misc]
    """Divides twice at the same time, and asks once by itself; numbers above ten are not named."""

    def __init__(self) -> None:
        super().__init__()
        self.divide = dspy.Predict(dspy.Signature("number -> remainder", "Say what is left of the number."))
        self.name = dspy.ChainOfThought(dspy.Signature("number, remainder -> parity", "Name it."))

    def forward(self, number: Any) -> Any:
        twice = [(self.divide, dspy.Example(number=n).with_inputs("number")) for n in (number, number + 2)]
        rest = dspy.Parallel(num_threads=2, disable_progress_bar=True)(twice)[0].remainder
        dspy.settings.lm("Is that so?")
        if number > 10:
            return dspy.Prediction(parity="even")
        return self.name(number=number, remainder=rest)
