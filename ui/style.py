"""The few rules of style that Streamlit's theme has no option for."""

from __future__ import annotations

import streamlit as st

from ui import widgets

FIELDS = range(20, 250, 10)  # letters of a question, for which it is known how wide a field shows them
QUESTIONS = ("case", "other")  # places of a question's field: that of the page, and a second question's
LETTER, BESIDE = 6.5, 40  # pixels: of a letter, on average; of a field's own edges


def _is_in_full(letters: int) -> str:
    """A question of so many letters need not stand below its field where that is wide enough."""
    wide = f"@container case (min-width: {LETTER * letters + BESIDE:.0f}px)"
    below = ", ".join(f".st-key-{place}-full-{letters}" for place in QUESTIONS)
    return f"{wide} {{:is({below}) {{display: none}}}}\n"


def apply() -> None:
    """The few rules that Streamlit's theme has no option for; all text has a contrast of at least 4.5:1."""
    # The page's colour is that of .streamlit/config.toml.
    page, quiet, chosen = (
        ("#14171d", "#a9afb8", "#8cc1f2") if widgets.dark() else ("#ffffff", "#5b6066", "#14548a")
    )
    st.html(
        """<style>
        .stMainBlockContainer {max-width: 1280px; padding-left: 2rem; padding-right: 2rem}
        .stMainBlockContainer h1 {padding: 0 0 .1rem}
        [data-testid=stMainBlockContainer] {padding-top: 1rem}
        [data-testid=stLayoutWrapper]:has(> :is(.st-key-case, .st-key-card-head))
            {position: sticky; top: 0; z-index: 90; background: PAGE;
             border-bottom: 1px solid rgba(138, 143, 152, .28)}
        .st-key-card-head {padding-bottom: .35rem}
        @media (max-width: 640px) {
            .st-key-menu {padding-top: 3rem}  /* room for the button of the guide */
            .st-key-case [class*=st-key-study-] button p  /* arrows alone are seen, names are read out */
                {position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%)}}
        @media (max-width: 1000px) {.st-key-ask-split .stImage img {max-height: 32vh; width: auto !important}}
        .st-key-menu {gap: .2rem .5rem !important}  /* with the guide beside it, one row at 1440 pixels */
        .st-key-menu [data-testid=stPageLink-NavLink] {padding-left: .25rem; padding-right: .25rem}
        [class*=st-key-menu-] [data-testid=stCaptionContainer] {margin-right: .35rem}
        .st-key-case {flex-wrap: nowrap !important; padding: .35rem 0}
        .st-key-case-question {min-width: 0}
        :is(.st-key-case-question, .st-key-other-question) {container: case / inline-size}
        FULL
        [data-testid=stCaptionContainer], [data-testid=stCaptionContainer] p
            {color: QUIET !important; opacity: 1}
        [data-selected=true] p, [aria-checked=true] p {color: CHOSEN}
        .answer {display: flex; align-items: baseline; gap: .9rem; flex-wrap: wrap; margin: .1rem 0 .2rem}
        .answer b {font-size: 3.2rem; line-height: 1; font-weight: 700; letter-spacing: -.02em}
        .answer span {font-size: 1rem}
        .badge {border-radius: 99px; padding: .2rem .75rem; font-weight: 600; border: 1px solid currentColor;
                white-space: nowrap}
        .right {color: #00795a} .wrong {color: #b8480a} .unknown {opacity: .75}
        .dark .right {color: #3fc99b} .dark .wrong {color: #f29a5b}
        .figures {display: flex; gap: .1rem 1.5rem; flex-wrap: wrap; opacity: .85; font-size: .92rem}
        .figures i {font-style: normal; font-weight: 600}
        .steps {width: 100%; border-collapse: collapse; font-size: .92rem}
        .steps td, .steps th {text-align: left; padding: .28rem .7rem .28rem 0; vertical-align: top;
                              border: 0; border-bottom: 1px solid rgba(138, 143, 152, .28)}
        .steps th {font-weight: 600; opacity: .75}
        .steps td:first-child, .steps td:nth-child(2) {opacity: .65; white-space: nowrap}
        .steps td:nth-child(3) {min-width: 8rem}
        .rows {overflow: auto; border: 1px solid rgba(138, 143, 152, .28); border-radius: .5rem}
        .rows table {border-collapse: separate; border-spacing: 0; font-size: .875rem}
        .rows td, .rows th {text-align: left; padding: .4rem .6rem; white-space: nowrap; border: 0;
                            border-bottom: 1px solid rgba(138, 143, 152, .2)}
        .rows .number {text-align: right}
        .rows th {position: sticky; top: 0; font-weight: 400; background: PAGE; color: QUIET}
        .colophon {margin-top: 1.5rem; padding-top: .8rem; border-top: 1px solid rgba(138, 143, 152, .28);
                   opacity: .7; font-size: .82rem}
        [class*=st-key-thumb-] {position: relative; border-radius: .5rem; overflow: hidden}
        [class*=st-key-thumb-] button::after {content: ""; position: absolute; inset: 0}
        [class*=st-key-thumb-] :has(button) {position: static}
        [class*=st-key-thumb-] button {position: static; padding: 0 .3rem; min-height: 1.6rem}
        [class*=st-key-thumb-]:hover img, [class*=st-key-thumb-]:focus-within img {outline: 3px solid #2274b5;
                                                                                   outline-offset: -3px}
        :is(.st-key-offers, .st-key-map-questions) :is(button, button > div)
            {justify-content: flex-start; text-align: left}
        .stMarkdown code {unicode-bidi: isolate; overflow-wrap: anywhere}
        [data-testid=InputInstructions] {display: none}
        :is(main, a, canvas, [data-testid=stTextInputField], [data-testid=stNumberInputField]):focus-visible
            {outline: 2px solid CHOSEN !important; outline-offset: -2px}
        :is(.stMarkdown, .stHtml):has(table) {overflow-x: auto}
        .stImage img {border-radius: .5rem}
        :is(.st-key-ask-split, .st-key-studio-split) .stColumn:not(.stColumn .stColumn)
            {min-width: min(20rem, 100%)}
        [data-testid=stSidebar][data-collapsed=false] {width: 240px !important; min-width: 240px !important}
        [data-testid=stSidebar]:not(:has([data-testid=stElementContainer])) {display: none}  /* if closed */
        :is(.st-key-atlas-split, .st-key-compare-split, .st-key-labels-split)
            [data-testid=stHorizontalBlock]:has(> .stColumn)
            {flex-wrap: wrap}
        [data-testid=stHorizontalBlock]:has(> .stColumn .chart) {flex-wrap: wrap; row-gap: 1rem}
        .stColumn:has(.chart) {min-width: min(20rem, 100%)}
        .stColumn:has([data-testid=stMetric]) {min-width: min(14rem, 100%)}
        .st-key-modulation-split .stColumn:not(.stColumn .stColumn) {min-width: min(24rem, 100%)}
        .st-key-modulation-split .stColumn:has(.chart) {min-width: min(34rem, 100%)}
        .st-key-modulation-split > * > [data-testid=stHorizontalBlock] {flex-wrap: wrap}
        .st-key-maps-split > * > [data-testid=stHorizontalBlock] {flex-wrap: wrap}
        .st-key-maps-split .stColumn:not(.stColumn .stColumn) {min-width: min(26rem, 100%)}
        .st-key-maps-search [data-testid=stHorizontalBlock] {flex-wrap: wrap}
        .st-key-maps-search .stColumn {min-width: min(15rem, 100%)}
        :is(.st-key-atlas-controls, .st-key-atlas-filters) [data-testid=stHorizontalBlock] {flex-wrap: wrap}
        :is(.st-key-atlas-controls, .st-key-atlas-filters) .stColumn {min-width: 9.5rem}
        :is(.st-key-atlas-split, .st-key-compare-split, .st-key-labels-split) .stColumn
            {min-width: min(24rem, 100%)}
        </style>""".replace("FULL", "".join(map(_is_in_full, FIELDS)))
        .replace("PAGE", page)
        .replace("QUIET", quiet)
        .replace("CHOSEN", chosen)
    )
