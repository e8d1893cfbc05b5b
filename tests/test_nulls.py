"""The Methods page's tables are what the benchmarks kept; a run that was stopped goes on."""

from pathlib import Path

import pytest

from analysis.readme import replaced
from benchmarks import nulls, seeds, untrained
from benchmarks.kept import read
from film import InputError, Session, bundled

PAGE = Path(__file__).parents[1] / "docs" / "methods.md"
KEPT = read(nulls.KEPT)


def test_the_page_has_these_tables_byte_for_byte():
    kept = {"untrained": untrained, "seeds": seeds}
    made = {name: of.table(read(of.KEPT)) for name, of in kept.items()} | {"nulls": nulls.table(KEPT)}
    text = PAGE.read_text("utf-8")
    assert replaced(text, made) == text, "run the benchmarks with `--page docs/methods.md`"


def test_every_row_is_kept_and_another_figure_would_be_seen():
    assert set(KEPT) == set(nulls.ROWS)
    claim = KEPT["claim"] | {"counts": {name: [1, 300] for name in KEPT["claim"]["counts"]}}
    assert nulls.table(KEPT | {"claim": claim}) != nulls.table(KEPT)


def test_what_is_kept_is_of_the_bundled_networks():
    weights = {folder.name: Session(folder, "cpu").card.weights for folder in bundled()}
    for name, row in nulls.ROWS.items():
        assert KEPT[name]["weights"] == " ".join(weights[network] for network in row.networks), name


def test_a_page_without_the_place_is_refused():
    with pytest.raises(InputError, match="table: nulls"):
        replaced("No table here.", {"nulls": ""})


def test_a_run_that_was_stopped_goes_on(tmp_path, monkeypatch, capsys):
    seeds = []

    def once(seed: int) -> nulls.Outcome:
        seeds.append(seed)
        return {"called": (seed % 4 == 0, 1), "gain": seed / 1000}

    lines = (
        nulls.Line("called", ("called",), "runs", most=0.3),
        nulls.Mean("gain", ("gain",), "runs", least=-0.01, most=0.001),
    )
    monkeypatch.setattr(nulls, "ROWS", {"one": nulls.Row(9, lambda: once, lines)})
    page = tmp_path / "page.md"
    page.write_text("<!-- table: nulls -->\n\n<!-- end of table -->\n")
    kept = ["--json", str(tmp_path / "kept.json")]
    nulls.main(["--repeats", "4", *kept])
    assert (
        "| called | at most 30 % | 25.0 [0.6, 80.6] | 4 runs, seeds 0 to 3 | yes |" in capsys.readouterr().out
    )
    nulls.main(["--page", str(page), *kept])
    assert seeds == list(range(9))
    assert "| called | at most 30 % | 33.3 [7.5, 70.1] | 9 runs, seeds 0 to 8 | no |" in page.read_text()
    assert "| gain | -1 to +0.1 points | +0.4 [+0.2, +0.6] | 9 runs, seeds 0 to 8 | no |" in page.read_text()
    nulls.main(["--seed", "1", "--repeats", "2", *kept])
    assert seeds[9:] == [100_000, 100_001]


def test_an_empty_place_is_filled_and_the_next_one_is_left_alone():
    empty = "<!-- table: one -->\n<!-- end of table -->\n"
    other = "<!-- table: two -->\n\nkept\n\n<!-- end of table -->\n"
    filled = "<!-- table: one -->\n\n| a |\n\n<!-- end of table -->\n"
    assert replaced(empty + other, {"one": "| a |"}) == filled + other
    assert replaced(filled + other, {"one": "| a |"}) == filled + other
