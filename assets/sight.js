/* Which charts are on the screen, or will be after a little scrolling: only those are asked for. */
(function () {
  "use strict";
  var AHEAD = "50%"; // of the window's height, below and above
  var near = new Set(), watched = new WeakSet(), said = "[]", due = null;

  function part(card) {
    var id = JSON.parse(card.querySelector(".chart").id);
    return [id.kind, id.name];
  }

  function say() {
    due = null;
    var parts = Array.from(near).filter(function (card) { return card.isConnected; }).map(part);
    var now = JSON.stringify(parts);
    if (now === said) return;
    said = now;
    window.dash_clientside.set_props("charts-near", {data: parts});
  }

  function soon() { if (due === null) due = setTimeout(say, 60); }

  var watch = new IntersectionObserver(function (entries) {
    entries.forEach(function (each) { near[each.isIntersecting ? "add" : "delete"](each.target); });
    soon();
  }, {rootMargin: AHEAD + " 0px"});

  new MutationObserver(function () {
    document.querySelectorAll(".chart-card").forEach(function (card) {
      if (!watched.has(card)) { watched.add(card); watch.observe(card); }
    });
    near.forEach(function (card) { if (!card.isConnected) { near.delete(card); soon(); } });
  }).observe(document.documentElement, {childList: true, subtree: true});
})();
