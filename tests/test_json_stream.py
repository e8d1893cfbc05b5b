"""Lists of JSON files read item by item."""

import json

import numpy as np
import pytest

from film.clevr.data import resumable as resumable
from film.clevr.json_stream import stream_items
from film.errors import InputError


def test_streaming_yields_what_json_loads(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    items = [
        {"n": int(rng.integers(10**9)), "text": 'é"\\ [{' * int(rng.integers(4)), "list": [[1.5, None, True]]}
        for _ in range(300)
    ] + [12, "x", None, -3.25e-5]
    content = {"info": {"questions": [1]}, "other": [{"a": 1}], "n": 3, "questions": items, "after": 1}
    path = tmp_path / "q.json"
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8-sig")
    for piece in (1, 7, 64, 1 << 20):
        monkeypatch.setattr("film.clevr.json_stream._Stream.PIECE", piece)
        assert list(stream_items(path, "questions")) == items
        assert list(stream_items(path, "other")) == [{"a": 1}]
    path.write_text(json.dumps(items))
    assert list(stream_items(path, "questions")) == items


BAD = ('{"question": "b", }', "b", '{"question": [[', "[" * 20_000, '{"question": é')


@pytest.mark.parametrize("piece", [1, 16, 1 << 20])
@pytest.mark.parametrize("bad", BAD, ids=range(len(BAD)))
def test_a_bad_line_of_json_lines_is_named_by_its_number(tmp_path, monkeypatch, piece, bad):
    monkeypatch.setattr("film.clevr.json_stream._Stream.PIECE", piece)
    good = ['{"question": "a"}', "", '{"question": "é"}']
    path = tmp_path / "q.jsonl"
    path.write_text("\n".join([*good, bad, *good]), encoding="utf-8")
    with pytest.raises(InputError, match="is damaged in line 4: "):
        list(stream_items(path, "questions"))
