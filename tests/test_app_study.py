"""The modulation and ledger pages, run without a browser."""

import pytest
from streamlit.testing.v1 import AppTest


def modulation_script(changes: dict, counted: bool) -> None:
    import streamlit as st
    from tiny import a_picture, tiny_card, tiny_network

    from analysis import measure_population
    from film import Session
    from ui.pages import modulation

    network = tiny_network(**changes)
    session = Session((network, tiny_card(network)), "cpu")
    population = measure_population(session, 40) if counted else None
    question = "What color is the large metal sphere?"
    chosen = modulation.show(session, a_picture(), question, a_picture(2), population, 1, 5, False)
    st.text(f"chosen {chosen}")


def ledger_script(changes: dict) -> None:
    import streamlit as st
    from tiny import a_picture, tiny_card, tiny_network

    from film import Session
    from ui.pages import ledger

    network = tiny_network(**changes)
    session = Session((network, tiny_card(network)), "cpu")
    chosen = ledger.show(session, a_picture(), "What color is the large metal sphere?", 1, 5, True)
    st.text(f"chosen {chosen}")


def charts(app: AppTest) -> int:
    return len(app.get("plotly_chart"))


@pytest.mark.parametrize("changes", [{}, {"film_at": "relu"}, {"modulated": (True, False, True)}])
def test_modulation_page(changes):
    app = AppTest.from_function(modulation_script, args=(changes, True), default_timeout=60).run()
    assert not app.exception
    assert charts(app) == 7
    assert len(app.get("image")) == 4
    assert len([caption for caption in app.caption if "visibility" in caption.value]) == 6
    assert app.text[0].value == "chosen (1, 5)"
    app.number_input(key="modulation-map").set_value(2).run()
    app.selectbox(key="wall-order").set_value("energy").run()
    assert not app.exception
    assert app.text[0].value == "chosen (1, 2)"
    assert any("map 2" in heading.value for heading in app.subheader)


def test_modulation_page_without_a_population():
    app = AppTest.from_function(modulation_script, args=({}, False), default_timeout=60).run()
    assert not app.exception
    assert charts(app) == 5
    assert "measured in the background" in app.info[0].value


def test_ledger_page():
    app = AppTest.from_function(ledger_script, args=({},), default_timeout=60).run()
    assert not app.exception
    assert charts(app) == 4
    assert "When" in app.info[0].value  # the caveat stands on the page
    assert not app.warning
    (line,) = [m.value for m in app.markdown if "Sum of all lines" in m.value]
    total, used = line.split("Sum of all lines ")[1].rstrip(".").split(", value used ")
    assert float(total) == pytest.approx(float(used), abs=1e-5)
    app.number_input(key="ledger-map").set_value(0).run()
    assert app.text[0].value == "chosen (1, 0)"


def test_ledger_page_says_what_is_not_exact():
    app = AppTest.from_function(ledger_script, args=({"two_way": True},), default_timeout=60).run()
    assert not app.exception
    assert "Not exact" in app.warning[0].value
