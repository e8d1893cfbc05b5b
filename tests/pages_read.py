"""What the app shows, read from its code: what leads where, where numbers stand, and which folds are near."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
# What shows numbers.
SHOWS = {"widgets": {"figure", "data"}, "st": {"metric", "dataframe"}}

Place = tuple[str, str]  # a module, and a name that it defines


class App:
    """The app's definitions. `calls`: what each leads to; `called`: the other way round.

    Args:
        modules: what is in them, by name.
    """

    def __init__(self, modules: Mapping[str, ast.Module]) -> None:
        self.bodies: dict[Place, ast.stmt] = {}
        self.known: dict[
            str, dict[str, Place]
        ] = {}  # module -> name there -> what it is; (module, "") a module
        for module, tree in modules.items():
            self._define(module, tree, set(modules))
        self.calls = {place: set(self._led_to(place)) for place in self.bodies}
        self.called: dict[Place, set[Place]] = defaultdict(set)
        for place, others in self.calls.items():
            for other in others:
                self.called[other].add(place)

    def _define(self, module: str, tree: ast.Module, modules: set[str]) -> None:
        known = self.known.setdefault(module, {})
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    whole = f"{node.module}.{alias.name}"
                    found = (whole, "") if whole in modules else (str(node.module), alias.name)
                    known[alias.asname or alias.name] = found
        for node in tree.body:
            for name in _names(node):
                self.bodies[module, name], known[name] = node, (module, name)

    def _led_to(self, place: Place) -> Iterator[Place]:
        known = self.known[place[0]]
        for node in ast.walk(self.bodies[place]):
            found: Place | None = None
            if isinstance(node, ast.Name):
                found = known.get(node.id)
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                module, name = known.get(node.value.id, ("", "none"))
                found = None if name else (module, node.attr)
            if found in self.bodies and found is not None and found != place:
                yield found

    def reached(self, module: str) -> set[Place]:
        """All that a module's definitions lead to, themselves among them."""
        found = {place for place in self.bodies if place[0] == module}
        waiting = list(found)
        while waiting:
            new = self.calls[waiting.pop()] - found
            found |= new
            waiting += new
        return found

    def folds(self, place: Place) -> set[str]:
        """The sections of the Methods page that are shown by a definition itself."""
        calls = (call for name, call in self._calls(place) if name.endswith("how_measured"))
        return {ast.literal_eval(heading) for call in calls for heading in call.args}

    def shows(self, place: Place) -> bool:
        """Does it show numbers?"""
        shown = {f"{module}.{name}" for module, names in SHOWS.items() for name in names}
        return any(name in shown for name, _ in self._calls(place))

    def drawn(self, place: Place) -> set[str]:
        """The figures of `analysis` that it draws, by the names of their functions."""
        return {name for name in self.asked(place) if name in figures()}

    def asked(self, place: Place) -> set[str]:
        """The names of `analysis` that it uses."""
        known, found = self.known[place[0]], set()
        for node in ast.walk(self.bodies[place]):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "analysis":
                found.add(node.attr)
            elif isinstance(node, ast.Name) and known.get(node.id, ("",))[0] == "analysis":
                found.add(known[node.id][1])
        return found

    def near(self, place: Place, wanted: set[str], below: frozenset[Place] = frozenset()) -> bool:
        """Does a fold with one of these sections stand near, on every way that leads there?

        Near is in the definition itself, in a function that calls it, or in another that this one calls.
        What is named in a table, such as the parts of which one is shown, stands beside nothing.
        """
        if self.folds(place) & wanted:
            return True
        above = self.called[place] - below - {place}
        return bool(above) and all(
            self.beside(other, wanted) or self.near(other, wanted, below | {place}) for other in above
        )

    def beside(self, place: Place, wanted: set[str]) -> bool:
        """Does a function that a function calls show one of these sections?"""
        called = self.calls[place] if isinstance(self.bodies[place], ast.FunctionDef) else ()
        return any(
            self.folds(other) & wanted for other in called if isinstance(self.bodies[other], ast.FunctionDef)
        )

    def _calls(self, place: Place) -> Iterator[tuple[str, ast.Call]]:
        for node in ast.walk(self.bodies[place]):
            if isinstance(node, ast.Call):
                yield ast.unparse(node.func), node


def _names(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return [target.id for target in targets if isinstance(target, ast.Name)]


@cache
def read() -> App:
    """The app as it is."""
    modules = {}
    for path in sorted((ROOT / "ui").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        modules[".".join(parts).removesuffix(".__init__")] = ast.parse(path.read_text("utf-8"))
    return App(modules)


@cache
def figures() -> frozenset[str]:
    """The functions of `analysis` that make a plotly figure."""
    trees = (ast.parse(path.read_text("utf-8")) for path in (ROOT / "analysis" / "figures").glob("*.py"))
    made = (
        node for tree in trees for node in tree.body if isinstance(node, ast.FunctionDef) and node.returns
    )
    return frozenset(node.name for node in made if ast.unparse(node.returns).endswith("Figure"))
