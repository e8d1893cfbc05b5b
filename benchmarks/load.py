"""Many visitors at once: `python -m benchmarks.load [--visitors 50] [--questions 8] [--think 2]`.

Starts the app and speaks its own language to it over web sockets, one per visitor: open the page, then
ask question after question with a pause in between. Prints how long answers take until the server has
sent them, how much memory a visitor costs, and how much more as many visitors cost who come when these are
gone, and forgotten: a minute later. No two ask the same question. No browser is needed; the time browsers
take to draw comes on top (`benchmarks.app`).
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import statistics
import time
import tomllib
import urllib.request
from pathlib import Path

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.typing import Subprotocol

from benchmarks.serving import ROOT, served

WORDS = (
    ("How many", "What number of"),
    ("", "large ", "small "),
    ("", "metal ", "rubber "),
    ("cubes", "spheres", "cylinders", "things", "blocks", "balls", "objects"),
    ("red ", "blue ", "green ", "gray ", "cyan ", "brown ", "purple ", "yellow "),
)
SETTLES = 15  # seconds until what the app prepares behind the scenes at its start is there
# For so many seconds a visitor whose connection broke finds everything as it was.
KEPT = tomllib.loads((ROOT / ".streamlit/config.toml").read_text("utf-8"))["server"]["disconnectedSessionTTL"]
# A thousand questions, no two alike: nobody is helped by what another one asked.
QUESTIONS = (f"{asks} {size}{color}{material}{thing} are there?"
             for asks, size, material, thing, color in itertools.product(*WORDS))  # fmt: skip


class Visitor:
    """One session: the socket, and what the last run of the page sent."""

    def __init__(self, number: int, stream: websockets.ClientConnection):
        self.number, self.stream = number, stream
        self.box = ""  # id of the question's text input

    async def run(self, question: str | None = None) -> float:
        """Run the page, with a question typed in; returns the seconds until its answer had come."""
        message = BackMsg()
        message.rerun_script.query_string = ""
        if question is not None:
            state = message.rerun_script.widget_states.widgets.add()
            state.id, state.string_value = self.box, question
        began, answered = time.perf_counter(), None
        await self.stream.send(message.SerializeToString())
        while True:
            sent = ForwardMsg.FromString(await asyncio.wait_for(self.stream.recv(), 60))
            kind = sent.WhichOneof("type")
            element = sent.delta.new_element if kind == "delta" else None
            if element is not None and element.WhichOneof("type") == "exception":
                raise RuntimeError(element.exception.message)
            if element is not None and element.WhichOneof("type") == "text_input":
                self.box = element.text_input.id
            if element is not None and 'id="answer"' in element.html.body:
                assert question is None or question in element.html.body
                answered = time.perf_counter() - began
            if kind == "script_finished":
                assert answered is not None, f"visitor {self.number} got no answer to {question!r}"
                return answered


async def visit(number: int, address: str, questions: int, think: float) -> list[float]:
    door = f"{address.replace('http', 'ws', 1)}/_stcore/stream"
    async with websockets.connect(door, subprotocols=[Subprotocol("streamlit")], max_size=None) as stream:
        visitor = Visitor(number, stream)
        await visitor.run()
        await asyncio.sleep(think * (number % 10) / 10)  # people do not come in step
        taken = []
        for _ in range(questions):
            taken.append(await visitor.run(next(QUESTIONS)))
            await asyncio.sleep(think)
        return taken


async def visit_all(visitors: int, address: str, questions: int, think: float) -> list[float]:
    taken = await asyncio.gather(*(visit(i, address, questions, think) for i in range(visitors)))
    return [seconds for one in taken for seconds in one]


def memory(pid: int) -> float:
    """Resident megabytes of a process (Linux)."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--visitors", type=int, default=50)
    parser.add_argument("--questions", type=int, default=8, help="each asks so many")
    parser.add_argument("--think", type=float, default=2.0, help="seconds between answer and next question")
    options = parser.parse_args()
    with served() as (address, server):
        for _ in range(300):
            try:
                urllib.request.urlopen(f"{address}/_stcore/health", timeout=2).close()
                break
            except OSError:
                time.sleep(0.1)
        asyncio.run(visit_all(1, address, 4, 0.1))  # loads and warms what is loaded once
        time.sleep(SETTLES)
        before = memory(server.pid)
        taken = asyncio.run(visit_all(options.visitors, address, options.questions, options.think))
        after = memory(server.pid)
        time.sleep(KEPT + 5)
        again = asyncio.run(visit_all(options.visitors, address, 2, options.think))
        later = memory(server.pid)
    assert len(again) == 2 * options.visitors
    taken.sort()
    print(
        f"{options.visitors} visitors, {len(taken)} questions, {options.think:g} s to think: "
        f"median {statistics.median(taken) * 1000:.0f} ms, 95 of 100 under "
        f"{taken[int(len(taken) * 0.95)] * 1000:.0f} ms, most {taken[-1] * 1000:.0f} ms"
    )
    each = (after - before) / options.visitors
    print(f"memory: {before:.0f} MB with one visitor; {each:.1f} MB for each further")
    more = (later - after) / options.visitors
    print(f"as many others, when these had gone: {more:+.1f} MB each, where 0 is memory that came back")


if __name__ == "__main__":
    main()
