/* Which runs are compared, and how: one object in a store, and in the address while the page is open. */
(function () {
  "use strict";
  var KEYS = {base: "base", of: "series", origin: "origin", at: "step"};
  var chosen = null;

  function here() { return /\/compare\/?$/.test(window.location.pathname); }

  function parse() {
    var given = new URLSearchParams(window.location.search), found = {};
    if (given.get("runs")) found.runs = given.get("runs").split(",");
    Object.keys(KEYS).forEach(function (key) { if (given.get(key)) found[KEYS[key]] = given.get(key); });
    if (found.step !== undefined) found.step = Number(found.step);
    return found;
  }

  function write() {
    if (!here()) return;
    var given = new URLSearchParams(window.location.search);
    function put(key, value) {
      if (value === undefined || value === null || value === "") given.delete(key); else given.set(key, String(value));
    }
    put("runs", (chosen.runs || []).join(","));
    Object.keys(KEYS).forEach(function (key) { put(key, chosen[KEYS[key]]); });
    var query = given.toString().replace(/%2C/g, ",").replace(/%25/g, "%");
    var address = window.location.pathname + (query ? "?" + query : "") + window.location.hash;
    window.history.replaceState(window.history.state, "", address);
  }

  function change(part) {
    chosen = Object.assign({}, chosen, part);
    write();
    window.dash_clientside.set_props("compare-chosen", {data: chosen});
  }

  // The table says which runs are compared, also those that nobody has chosen.
  function shown() {
    return Array.from(document.querySelectorAll("#compare-table [data-compare=drop]")).map(function (each) {
      return each.dataset.runId;
    });
  }

  document.addEventListener("click", function (event) {
    var button = event.target.closest && event.target.closest("button[data-compare]");
    if (!button) return;
    var run = button.dataset.runId, runs = shown();
    if (button.dataset.compare === "add") change({runs: runs.concat([run])});
    if (button.dataset.compare === "drop") change({runs: runs.filter(function (each) { return each !== run; })});
    if (button.dataset.compare === "base") change({runs: runs, base: run});
  });

  // Heard from the controls themselves: a callback of Dash waits for the answer under way, and may be dropped for it.
  document.addEventListener("change", function (event) {
    var key = {"compare-series": "series", "compare-origin": "origin", "compare-step": "step"}[event.target.id];
    if (!key) return;
    var value = event.target.value, part = {};
    part[key] = key === "step" ? (value === "" ? undefined : Number(value)) : value;
    change(part);
  });

  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    compare: {
      ask: function (pulse, path) {
        if (!here()) return window.dash_clientside.no_update;
        if (chosen === null || window.location.search.indexOf("runs=") >= 0) {
          var said = parse();
          if (Object.keys(said).length && JSON.stringify(said) !== JSON.stringify(chosen)) change(said);
        }
        chosen = chosen || {};
        write();
        return {pulse: pulse, chosen: chosen};
      }
    }
  });
})();
