/* What only the browser can do: pace the pulses, count ages on, switch the theme, say when the server is gone. */
(function () {
  "use strict";
  function NO() { return window.dash_clientside.no_update; } // defined only after this file has run
  var BUSY_LIMIT = 60000; // a callback whose answer never comes must not stop the page for good
  var HIDDEN_PAUSE = 60000; // a hidden tab looks only where desktop notes are wanted, and then this seldom
  var busySince = 0, pulsed = 0;

  function age(seconds) {
    seconds = Math.max(0, Math.floor(seconds));
    if (seconds < 1) return "just now";
    var d = Math.floor(seconds / 86400), h = Math.floor(seconds / 3600) % 24;
    var m = Math.floor(seconds / 60) % 60, s = seconds % 60;
    if (d) return d + " d " + h + " h ago";
    if (h) return h + " h " + m + " min ago";
    if (m) return m + " min " + s + " s ago";
    return s + " s ago";
  }

  // The server sends an age, not a clock time to subtract from: the viewer's clock may be wrong.
  function countAges() {
    document.querySelectorAll("[data-age]").forEach(function (element) {
      var said = element.getAttribute("data-age");
      if (element._said !== said) { element._said = said; element._since = performance.now(); }
      var words = age(Number(said) + (performance.now() - element._since) / 1000);
      if (element.textContent !== words) element.textContent = words;
    });
  }
  setInterval(countAges, 1000);

  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    thalia: {
      pulse: function (tick, now, run, auto, busy, notify) {
        var asked = window.dash_clientside.callback_context.triggered.some(function (each) {
          return each.prop_id !== "live-tick.n_intervals";
        });
        busySince = busy ? busySince || Date.now() : 0;
        if (!asked && busy && Date.now() - busySince < BUSY_LIMIT) return NO();
        var resting = document.hidden && !(notify && Date.now() - pulsed >= HIDDEN_PAUSE);
        if (!asked && (!auto || resting) && tick) return NO();
        pulsed = Date.now();
        return pulsed;
      },
      interval: function (seconds) {
        var chosen = Number(seconds);
        return chosen >= 1 && chosen <= 30 ? chosen * 1000 : NO();
      },
      details: function (metrics, growth, sleep) {
        return [metrics ? "" : "without-metrics", growth ? "" : "without-growth", sleep ? "" : "without-sleep"].join(" ").trim();
      },
      toggle: function (clicks, open) { return clicks ? !open : NO(); },
      expanded: function (open) { return String(Boolean(open)); },
      theme: function (clicks) {
        var root = document.documentElement;
        if (clicks) {
          var next = root.getAttribute("data-bs-theme") === "dark" ? "light" : "dark";
          root.setAttribute("data-bs-theme", next);
          try { localStorage.setItem("thalia-theme", next); } catch (refused) { /* kept for this page only */ }
        }
        return root.getAttribute("data-bs-theme") === "dark" ? "Switch to light" : "Switch to dark";
      }
    }
  });
})();
