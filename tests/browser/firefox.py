"""Debian's Firefox, driven through WebDriver BiDi (https://w3c.github.io/webdriver-bidi/), no driver between."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from websockets.sync.client import connect

FIREFOX: Final = shutil.which("firefox-esr") or shutil.which("firefox")
SECONDS: Final = 30.0
"""A loaded machine is slow, not wrong."""
PREFERENCES: Final = """
user_pref("browser.download.folderList", 2);
user_pref("browser.download.dir", {downloads});
user_pref("browser.download.useDownloadDir", true);
user_pref("browser.download.always_ask_before_handling_new_types", false);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("toolkit.telemetry.reportingpolicy.firstRun", false);
user_pref("app.update.enabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("services.settings.server", "data:,");
user_pref("ui.systemUsesDarkTheme", {dark});
"""


class Firefox:
    """A headless Firefox with one page, and everything that should not have happened on it.

    Args:
        profile: An empty directory for the profile and the downloads.
        dark: Whether the system prefers the dark theme.

    Raises:
        RuntimeError: The protocol answered with an error, or what was waited for did not come.

    """

    def __init__(self, profile: Path, *, dark: bool = False) -> None:
        assert FIREFOX
        self.downloads = profile / "downloads"
        self.downloads.mkdir()
        self.complaints: list[str] = []
        words = {"downloads": json.dumps(str(self.downloads)), "dark": int(dark)}
        (profile / "user.js").write_text(PREFERENCES.format(**words))
        options = ("--headless", "--no-remote", "--remote-debugging-port", "0")
        command = [FIREFOX, *options, "--profile", str(profile)]
        self._resources = ExitStack()
        log = self._resources.enter_context((profile / "firefox.log").open("w+"))
        process = subprocess.Popen(command, stdout=log, stderr=log)
        self._resources.callback(process.wait)
        self._resources.callback(process.kill)
        address = f"{self._address(profile / 'firefox.log')}/session"
        self._socket = self._resources.enter_context(connect(address, max_size=None, compression=None))
        self._number = 0
        self.call("session.new", capabilities={})
        self.call("session.subscribe", events=["log.entryAdded", "network.responseCompleted"])
        self._page = self.call("browsingContext.getTree")["contexts"][0]["context"]

    def _address(self, log: Path) -> str:
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            found = re.search(r"WebDriver BiDi listening on (ws://\S+)", log.read_text())
            if found:
                return found[1]
            time.sleep(0.1)
        raise RuntimeError(log.read_text()[-500:])

    def close(self) -> None:
        """Close the browser."""
        self._resources.close()

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Ask the browser for something; what it reports meanwhile is noted."""
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": params}))
        while True:
            answer = json.loads(self._socket.recv(timeout=SECONDS))
            if answer.get("id") != self._number:
                self._note(answer.get("method"), answer.get("params", {}))
            elif answer["type"] == "error":
                raise RuntimeError(f"{method}: {answer['error']}: {answer['message']}")
            else:
                result: dict[str, Any] = answer["result"]
                return result

    def _note(self, event: str | None, said: dict[str, Any]) -> None:
        if event == "log.entryAdded":
            self.complaints.append(f"{said['level']}: {said['text'][:500]}")
        elif event == "network.responseCompleted" and said["response"]["status"] >= 400:
            self.complaints.append(f"{said['response']['status']} {said['request']['url']}")

    def size(self, width: int, height: int) -> None:
        """Give the page a size in CSS pixels."""
        self.call(
            "browsingContext.setViewport", context=self._page, viewport={"width": width, "height": height}
        )

    def open(self, url: str) -> None:
        """Go to an address, and wait until it is loaded."""
        self.call("browsingContext.navigate", context=self._page, url=url, wait="complete")

    def evaluate(self, script: str) -> Any:
        """Run a JavaScript expression (or promise) and give its value, by way of JSON."""
        wrapped = f"Promise.resolve({script}).then(value => JSON.stringify(value ?? null))"
        answer = self.call(
            "script.evaluate", expression=wrapped, target={"context": self._page}, awaitPromise=True
        )
        if answer["type"] == "exception":
            raise RuntimeError(answer["exceptionDetails"]["text"])
        return json.loads(answer["result"]["value"])

    def wait(self, script: str) -> Any:
        """Wait until a JavaScript expression is true, and give its value."""
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            found = self.evaluate(script)
            if found:
                return found
            time.sleep(0.05)
        raise RuntimeError(
            f"it did not come true: {script}\n{self.evaluate('document.body.innerText')[:1500]}"
        )

    def _middle(self, selector: str) -> tuple[float, float, float]:
        """Where an element is on the screen (x and y of its middle), and its width."""
        self.wait(f"document.querySelector({json.dumps(selector)})?.checkVisibility()")
        box = f"document.querySelector({json.dumps(selector)})"
        self.evaluate(f"{box}.scrollIntoView({{block: 'center', behavior: 'instant'}})")
        place = f"(box => [box.x, box.y, box.width, box.height])({box}.getBoundingClientRect())"
        found, before = self.evaluate(place), None
        while found != before:  # until nothing above it moves it any more
            time.sleep(0.1)
            found, before = self.evaluate(place), found
        x, y, width, height = found
        return x + width / 2, y + height / 2, width

    def _mouse(self, *actions: dict[str, Any]) -> None:
        source = {"type": "pointer", "id": "mouse", "actions": list(actions)}
        self.call("input.performActions", context=self._page, actions=[source])

    def click(self, selector: str, count: int = 1) -> None:
        """Click the middle of the first element that a CSS selector names."""
        x, y, _ = self._middle(selector)
        press = [{"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}]
        self._mouse({"type": "pointerMove", "x": round(x), "y": round(y)}, *(press * count))

    def drag(self, selector: str, start: float, end: float) -> None:
        """Drag the mouse over an element, from one share of its width to another."""
        x, y, width = self._middle(selector)
        places = [round(x + (share - 0.5) * width) for share in (start, (start + end) / 2, end)]
        moves = [{"type": "pointerMove", "x": place, "y": round(y), "duration": 100} for place in places]
        self._mouse(
            moves[0], {"type": "pointerDown", "button": 0}, *moves[1:], {"type": "pointerUp", "button": 0}
        )

    def press(self, key: str) -> None:
        """Press a key."""
        keys = [{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]
        self.call(
            "input.performActions",
            context=self._page,
            actions=[{"type": "key", "id": "keyboard", "actions": keys}],
        )
