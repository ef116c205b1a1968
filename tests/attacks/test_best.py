"""The table of the best images: what is copied, and what is not."""

import torch

from tla.attacks.search.best import Best


def test_all_rows_of_a_table_are_the_table():
    """Positions of every row copy nothing; a mask of the same length chooses."""
    table = Best.none(torch.rand(4, 3))
    other = table.add_query()
    everyone, mask = torch.arange(4), torch.tensor([True, False, True, False])
    assert table.select(everyone) is table
    assert table.write(everyone, other) is other
    assert torch.equal(table.select(mask).images, table.images[::2])
    assert table.merge(everyone, other).queries.tolist() == [1] * 4
