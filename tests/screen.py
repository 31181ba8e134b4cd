"""A page as a viewer without a browser has it: laid out by the server, filled by the server's own callbacks.

It speaks what dash's renderer speaks (``_dash-layout``, ``_dash-dependencies``, ``_dash-update-component``), so that
pages are tested through their callbacks. What only the browser does (the clientside callbacks) is left out: a test
sets the view itself.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any, Final

CHART: Final = "chart"
VERSION: Final = "live-version.data"
NAMES: Final = "live-names.data"


def key_of(identifier: Any) -> str:
    """An id as dash writes it."""
    return (
        identifier
        if isinstance(identifier, str)
        else json.dumps(identifier, sort_keys=True, separators=(",", ":"))
    )


def patched(value: Any, patch: dict[str, Any]) -> Any:
    """What a browser makes of a value and a ``Patch``."""
    result = copy.deepcopy(value)
    for step in patch["operations"]:
        *path, last = step["location"]
        target = result
        for part in path:
            target = target[part]
        if step["operation"] == "Assign":
            target[last] = step["params"]["value"]
        elif step["operation"] == "Delete":
            del target[last]
        elif step["operation"] == "Extend":
            target[last].extend(step["params"]["value"])
        else:
            raise AssertionError(f"not expected in a page's patch: {step['operation']}")
    return result


def parts(node: Any) -> Iterator[dict[str, Any]]:
    """Every component below a node, itself included."""
    if isinstance(node, list):
        for each in node:
            yield from parts(each)
    elif isinstance(node, dict):
        if "props" in node:
            yield node
        for name, value in node.get("props", node).items():
            if isinstance(value, list | dict) and name != "figure":
                yield from parts(value)


def words(node: Any) -> str:
    """The text that a component shows, as a reader would read it out."""
    if isinstance(node, list):
        return " ".join(text for each in node if (text := words(each)))
    if isinstance(node, dict):
        return words(node.get("props", {}).get("children"))
    return "" if node is None else str(node)


class Screen:
    """One viewer's page."""

    def __init__(self, client: Any, path: str, *, search: str = "", base: str = "/", **view: Any) -> None:
        self.client, self.base = client, base.rstrip("/")
        self.answers: list[dict[str, Any]] = []
        """What every callback answered, newest last."""
        self.layout = client.get(f"{self.base}/_dash-layout").get_json()
        self._known: dict[str, dict[str, Any]] = {}
        self.callbacks = [
            each
            for each in client.get(f"{self.base}/_dash-dependencies").get_json()
            if not each.get("clientside_function")
        ]
        self.set("_pages_location", pathname=self.base + path, search=search)
        self.call("_pages_content.children")
        self.set("view", data={"x": "step", "smooth": 0} | view)
        self.set("charts-near", data=None)  # a reader with a window as high as the page
        self.refresh()

    def component(self, identifier: Any) -> dict[str, Any]:
        """A component's properties."""
        key = key_of(identifier)
        found = self._components().get(key)
        assert found is not None, f"there is no {key} on this page"
        return found

    def has(self, identifier: Any) -> bool:
        """Whether the page has a component of that id."""
        return key_of(identifier) in self._components()

    def _components(self) -> dict[str, dict[str, Any]]:
        """The properties of every component with an id, looked for again only after the page has changed."""
        if not self._known:
            with_id = [each["props"] for each in parts(self.layout) if "id" in each["props"]]
            self._known = {key_of(each["id"]): each for each in reversed(with_id)}  # the first of two counts
        return self._known

    def text(self, identifier: Any) -> str:
        """What a component shows, in words."""
        return words(self.component(identifier).get("children"))

    def everything(self) -> str:
        """What the whole page says."""
        return words(self.layout)

    def facts(self) -> dict[str, str]:
        """Every number with its name, of the frame and the page."""
        found = {}
        for each in parts(self.layout):
            if each["props"].get("className") == "fact":
                label, *rest = each["props"]["children"]
                found[words(label)] = words(rest[0])
        return found

    def figure(self, kind: str, name: str = "") -> dict[str, Any]:
        """What a chart shows."""
        found: dict[str, Any] = self.component({"type": CHART, "kind": kind, "name": name})["figure"]
        return found

    def rows(self, table: str) -> list[list[str]]:
        """The rows of a table, cell by cell."""
        body = self.component(f"{table}-rows")["children"]
        return [[words(cell) for cell in row["props"]["children"]] for row in body]

    def set(self, identifier: Any, **properties: Any) -> None:
        """Change a component as a reader would, without telling the server."""
        self.component(identifier).update(properties)
        self._known = {}

    def change(self, identifier: Any, **properties: Any) -> None:
        """Change a component and let every callback that waits for it follow."""
        self.set(identifier, **properties)
        self._follow([f"{key_of(identifier)}.{name}" for name in properties])

    def refresh(self) -> None:
        """Let one tick of the clock pass."""
        self.call("frame-header.children")
        self._follow([VERSION, NAMES])

    def call(self, output: str, changed: tuple[str, ...] = ()) -> dict[str, Any]:
        """Ask the one callback with this output, and apply what it answers."""
        [callback] = [each for each in self.callbacks if output in each["output"]]
        return self._ask(callback, list(changed))

    def _follow(self, changed: list[str]) -> None:
        waiting = list(changed)
        while waiting:
            now, waiting = waiting, []
            for callback in self.callbacks:
                listens = [f"{each['id']}.{each['property']}" for each in callback["inputs"]]
                if not any(_fits(one, each) for one in now for each in listens) or not self._here(callback):
                    continue
                answer = self._ask(callback, now)
                charts = any(
                    '"type":"chart"' in key_of(each["props"].get("id", ""))
                    for value in answer.values()
                    for each in parts(value.get("children"))
                )
                waiting += [
                    f"{key}.{name}"
                    for key, value in answer.items()
                    for name in value
                    if name == "data" and key.endswith("-sort")
                ]
                waiting += ["view.data"] if charts else []

    def _here(self, callback: dict[str, Any]) -> bool:
        outputs = (each.rpartition(".")[0] for each in callback["output"].strip(".").split("..."))
        return any(bool(self._matching(each)) if each.startswith("{") else self.has(each) for each in outputs)

    def _matching(self, pattern: str) -> list[dict[str, Any]]:
        wanted = json.loads(pattern)
        return [
            each
            for each in reversed(self._components().values())
            if isinstance(identifier := each["id"], dict)
            and identifier.keys() == wanted.keys()
            and all(value == ["ALL"] or identifier[name] == value for name, value in wanted.items())
        ]

    def _argument(self, each: dict[str, str]) -> Any:
        name = each["property"]
        if each["id"].startswith("{"):
            return [
                {"id": props["id"], "property": name, "value": props.get(name)}
                for props in self._matching(each["id"])
            ]
        return {"id": each["id"], "property": name, "value": self.component(each["id"]).get(name)}

    def _output(self, written: str) -> Any:
        identifier, _, name = written.rpartition(".")
        if identifier.startswith("{"):
            return [{"id": props["id"], "property": name} for props in self._matching(identifier)]
        return {"id": identifier, "property": name}

    def question(self, output: str, *changed: str) -> dict[str, Any]:
        """What the browser sends for the one callback with this output."""
        [callback] = [each for each in self.callbacks if output in each["output"]]
        return self._question(callback, list(changed))

    def _question(self, callback: dict[str, Any], changed: list[str]) -> dict[str, Any]:
        output = callback["output"]
        outputs = [self._output(each) for each in output.strip(".").split("...")]
        return {
            "output": output,
            "outputs": outputs if output.startswith("..") else outputs[0],
            "inputs": [self._argument(each) for each in callback["inputs"]],
            "state": [self._argument(each) for each in callback["state"]],
            "changedPropIds": changed,
        }

    def _ask(self, callback: dict[str, Any], changed: list[str]) -> dict[str, Any]:
        output = callback["output"]
        answer = self.client.post(
            f"{self.base}/_dash-update-component", json=self._question(callback, changed)
        )
        assert answer.status_code in (200, 204), (
            f"{output}: {answer.status_code} {answer.get_data(as_text=True)}"
        )
        found = json.loads(answer.get_data(as_text=True), parse_constant=_refuse) if answer.data else {}
        given: dict[str, Any] = found.get("response", {})
        self.answers.append(given)
        for key, properties in given.items():
            self._apply(json.loads(key) if key.startswith("{") else key, properties)
        return given

    def _apply(self, identifier: Any, properties: dict[str, Any]) -> None:
        if not self.has(identifier):
            return
        held = self.component(identifier)
        for name, value in properties.items():
            is_patch = isinstance(value, dict) and "__dash_patch_update" in value
            held[name] = patched(held.get(name), value) if is_patch else value
            if name not in ("figure", "data"):
                self._known = {}


def _refuse(constant: str) -> None:
    raise AssertionError(f"the answer holds a bare {constant}")


def _fits(changed: str, listened: str) -> bool:
    if changed == listened or not listened.startswith("{"):
        return changed == listened
    one, other = changed.rpartition("."), listened.rpartition(".")
    if one[2] != other[2] or not one[0].startswith("{"):
        return False
    given, wanted = json.loads(one[0]), json.loads(other[0])
    return given.keys() == wanted.keys() and all(
        value == ["ALL"] or given[name] == value for name, value in wanted.items()
    )
