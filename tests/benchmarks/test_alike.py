"""The link between prompts is found again in answers that were drawn with it."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.tables.alike import Group, capo, link
from benchmarks.tables.recorded import Matrix, folder


def drawn(true: float, seed: int, size: int = 1) -> Group:
    """Twelve prompts of accuracies 0.3 to 0.85 on 3,000 examples, from a multivariate normal of that correlation."""
    rng = np.random.default_rng(seed)
    cov = np.full((12, 12), true) + (1 - true) * np.eye(12)
    latent = rng.multivariate_normal(np.zeros(12), cov, size=3000).T
    least = np.quantile(latent, 1 - np.linspace(0.3, 0.85, 12), axis=1).diagonal()
    answers: Matrix = (latent > least[:, None]).astype(np.float64)
    return Group(answers.reshape(12, -1, size).mean(axis=2), size)


@pytest.mark.parametrize("true", [0.3, 0.65, 0.9])
@pytest.mark.parametrize("size", [1, 30])
def test_the_link_is_found_again_from_answers_and_from_blocks_of_them(true: float, size: int) -> None:
    assert link([drawn(true, seed, size) for seed in range(6)]) == pytest.approx(true, abs=0.06)


def test_prompts_that_have_nothing_in_common_and_such_as_are_one_are_at_the_ends() -> None:
    assert link([drawn(0.0, seed) for seed in range(4)]) < 0.05
    assert link([drawn(0.9999, seed) for seed in range(4)]) > 0.97


@pytest.mark.skipif(folder() is None, reason="the recorded tables are not there")
def test_every_run_of_capo_that_kept_four_prompts_is_a_group_of_whole_rows() -> None:
    groups = capo("copa")

    assert len(groups) == 9
    assert all(group.size == 30 and group.scores.shape[1] == 10 and len(group.scores) >= 4 for group in groups)
