/* The run on screen: chosen in the address or in the list, kept in one store and in the address of every page. */
(function () {
  "use strict";
  function NO() { return window.dash_clientside.no_update; }
  function said() { return new URLSearchParams(window.location.search).get("run"); }

  function addressOf(run) {
    var given = new URLSearchParams(window.location.search);
    given.set("run", run);
    var query = given.toString().replace(/%2C/g, ",");
    return window.location.pathname + "?" + query + window.location.hash;
  }

  document.addEventListener("click", function (event) {
    var link = event.target.closest && event.target.closest("a[data-run]");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    window.history.pushState(null, "", addressOf(link.dataset.run));
    window.dash_clientside.set_props("live-run", {data: link.dataset.run});
    window.dash_clientside.set_props("runs-panel", {is_open: false});
  });

  // Dash does not hear of a step back between two runs on the same page.
  window.addEventListener("popstate", function () {
    if (said()) window.dash_clientside.set_props("live-run", {data: said()});
  });

  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    runs: {
      // A link to another page has no query: the run then stays what it was.
      choose: function (search, opened, before) {
        var typed = window.dash_clientside.callback_context.triggered.some(function (each) {
          return each.prop_id === "runs-opened.data";
        });
        var run = typed && opened ? opened : said();
        if (typed && opened) window.history.pushState(null, "", addressOf(opened));
        return run && run !== before ? run : NO();
      },
      address: function (path, run, version, alone) {
        var shown = run || (!alone && version && version.run);
        if (shown && shown !== said()) window.history.replaceState(window.history.state, "", addressOf(shown));
        return shown || "";
      },
      label: function (standing) {
        return standing && standing.name ? standing.name.slice(0, 60) : NO();
      },
      toggle: function (clicks, open) { return clicks ? !open : NO(); },
      ask: function (open, query, page, pulse) {
        return open ? {query: query || "", page: page || 1, pulse: pulse} : NO();
      }
    }
  });
})();
