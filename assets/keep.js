/* Keeps keyboard focus and open details. Dash 4.2 to 4.4 rebuilds everything below a changed part, so that
   each refresh would lose both (plotly/dash#3846, mended after 4.4.1: tests/browser/test_scripts.py fails when this file can go). */
(() => {
  const unfolded = new Map();
  let focus = null;

  // Where an element is: the nearest id above it, and the way down from there.
  function placeOf(element) {
    const way = [];
    for (let each = element; each && each !== document.body; each = each.parentElement) {
      if (each.id) return { id: each.id, way };
      way.unshift([...each.parentElement.children].indexOf(each));
    }
    return null;
  }

  function elementAt({ id, way }) {
    return way.reduce((each, index) => each?.children[index], document.getElementById(id));
  }

  document.addEventListener("focusin", (event) => {
    const place = placeOf(event.target);
    focus = place && { element: event.target, place };
  });

  document.addEventListener("focusout", (event) => {
    if (event.target.isConnected && event.relatedTarget) focus = null;
  });

  document.addEventListener(
    "toggle",
    (event) => {
      if (event.target.tagName !== "DETAILS" || !event.target.isConnected) return;
      const place = placeOf(event.target);
      if (!place) return;
      if (event.target.open) unfolded.set(JSON.stringify(place), place);
      else unfolded.delete(JSON.stringify(place));
    },
    true,
  );

  new MutationObserver(() => {
    for (const place of unfolded.values()) {
      const element = elementAt(place);
      if (element?.tagName === "DETAILS" && !element.open) element.open = true;
    }
    if (!focus || focus.element.isConnected || document.activeElement !== document.body) return;
    const element = elementAt(focus.place);
    if (element?.tagName === focus.element.tagName) element.focus({ preventScroll: true });
  }).observe(document, { subtree: true, childList: true });
})();
