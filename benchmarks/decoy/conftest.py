"""What all tests here need: one thread, as more of them wait for each other, and no gradients."""

from collections.abc import Iterator

import pytest
import torch


@pytest.fixture(scope="session", autouse=True)
def plain_torch() -> Iterator[None]:
    """Set PyTorch up."""
    torch.set_num_threads(1)
    with torch.no_grad():
        yield
