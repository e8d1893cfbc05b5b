"""Rows of several arrays as one."""

import numpy as np
import pytest

from film.clevr.data import resumable as resumable
from film.clevr.data.corpus import Rows


def test_rows_index_like_an_array():
    whole = np.arange(60).reshape(20, 3)
    rows = Rows([whole[:7], whole[7:8], whole[8:]])
    for key in (
        0,
        6,
        7,
        8,
        -1,
        slice(5, 10),
        slice(None, None, -3),
        np.array([19, 0, 7, 7]),
        [3, 8],
        whole[:, 0] % 2 == 0,
    ):
        assert np.array_equal(rows[key], whole[key])
    assert rows.shape == whole.shape
    for bad in (20, [20], -21):
        with pytest.raises(IndexError):
            rows[bad]
