"""Random numbers from (seed, purpose): the same on every machine, independent between purposes."""

import pytest
import torch

from tla.seeding import derive, generator


def test_the_same_purpose_gives_the_same_numbers_for_good():
    assert derive(0, "attack", 3) == 8990171847990138758
    first, second = (torch.rand(3, generator=generator(1, "x", 2)) for _ in range(2))
    assert torch.equal(first, second)


def test_seeds_purposes_and_order_all_matter():
    seeds = {derive(0), derive(1), derive(0, "a"), derive(0, "a", "b"), derive(0, "b", "a"), derive(0, "a", 1)}
    assert len(seeds) == 6
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_the_global_generator_is_left_alone():
    before = torch.get_rng_state()
    generator(0, "anything")
    assert torch.equal(before, torch.get_rng_state())


def test_a_negative_seed_is_refused():
    with pytest.raises(ValueError, match="seed must be >= 0, got -1"):
        derive(-1, "attack")
