"""Pages without a browser: the callbacks that a tick of the browser's clock calls, called over HTTP."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Ticking:
    """A viewer of one page, who has what the browser would have."""

    client: Any
    known: dict[str, Any] = field(default_factory=dict)
    """Properties by ``id.property``."""

    def tick(self) -> None:
        """Let the shell ask for the run's version, then let every part that follows it be filled."""
        self.call("live-version.data")
        self.call("overview-status.children")

    def call(self, output: str) -> None:
        """Call the callback that has this output, and keep what it answers."""
        listed = self.client.get("/_dash-dependencies").get_json()
        (callback,) = [each for each in listed if output in each["output"].strip(".").split("...")]
        names = callback["output"].strip(".").split("...")
        outputs = [dict(zip(("id", "property"), name.rsplit(".", 1), strict=True)) for name in names]
        answer = self.client.post(
            "/_dash-update-component",
            json={
                "output": callback["output"],
                "outputs": outputs if callback["output"].startswith("..") else outputs[0],
                "inputs": self._values(callback["inputs"]),
                "state": self._values(callback["state"]),
                "changedPropIds": [f"{each['id']}.{each['property']}" for each in callback["inputs"]],
            },
        )
        if answer.status_code == 204:  # nothing has changed
            return
        assert answer.status_code == 200, answer.get_data(as_text=True)
        for name, properties in answer.get_json()["response"].items():
            for key, value in properties.items():
                self.known[f"{name}.{key}"] = value

    def _values(self, wanted: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [each | {"value": self.known.get(f"{each['id']}.{each['property']}")} for each in wanted]

    def said(self, name: str) -> str:
        """Everything that a part of the page says."""
        return " ".join(_words(self.known.get(f"{name}.children")).split())


def _words(part: Any) -> str:
    if isinstance(part, dict):
        return _words(part.get("props", {}).get("children"))
    if isinstance(part, list):
        return " ".join(map(_words, part))
    return "" if part is None else str(part)
