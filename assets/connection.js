/* Says when the server is gone, and since when; notices by itself when it is back. */
(function () {
  "use strict";
  var SILENCE = 15000; // ms without an answer to something asked: a server that hangs is gone, too
  var version = null, lostSince = 0, missed = false, waiting = new Map(), asked = 0;
  var ask = window.fetch;

  function clock(moment) { return new Date(moment).toISOString().slice(11, 19) + " UTC"; }

  function show() {
    var notice = document.getElementById("connection");
    if (!notice) return;
    var words = lostSince
      ? "✖ Connection to the server lost since " + clock(lostSince) + ". What is shown was read before; it is tried again all the time."
      : "";
    if (notice.textContent !== words) notice.textContent = words;
    if (notice.hidden === Boolean(words)) notice.hidden = !words;
  }

  function lost(since) {
    if (!lostSince) lostSince = since;
    // a call that failed is not under way any more, though dash never says so
    window.dash_clientside.set_props("live-busy", {data: false});
    show();
  }

  function back() {
    if (!lostSince) return;
    lostSince = 0;
    show();
    greet();
    // The page that was turned to meanwhile never came, and nobody else asks for it again.
    if (missed) setTimeout(function () { window.dash_clientside.set_props("_pages_location", {pathname: window.location.pathname}); }, 0);
    missed = false;
  }

  // A server of another version has other callbacks: this page would not understand them.
  function greet() {
    var config = JSON.parse(document.getElementById("_dash-config").textContent);
    ask(config.requests_pathname_prefix + "healthz").then(function (answer) { return answer.json(); }).then(function (said) {
      if (version && said.version !== version) window.location.reload();
      version = said.version;
    }).catch(function () { /* gone again: the next call will tell */ });
  }

  // The charts that a call is to draw.
  function drawing(options) {
    var body = String(options && options.body);
    if (body.indexOf('\\"chart\\"') < 0) return [];
    return [].concat.apply([], JSON.parse(body).outputs).filter(function (each) {
      return each.id.type === "chart";
    }).map(function (each) {
      return document.getElementById(JSON.stringify(each.id, Object.keys(each.id).sort()));
    }).filter(Boolean);
  }

  // New points for charts of a page that was left meanwhile: dash fails at them, so all is asked for anew.
  function settled(answer, charts) {
    if (charts.every(function (chart) { return chart.isConnected; })) return answer;
    setTimeout(function () { window.dash_clientside.set_props("live-pulse", {data: Date.now()}); }, 0);
    return new Response(null, {status: 204});
  }

  window.fetch = function (address, options) {
    if (String(address).indexOf("_dash-update-component") < 0) return ask.apply(window, arguments);
    var mine = ++asked, charts = drawing(options), page = String(options && options.body).indexOf("_pages_content.children") >= 0;
    waiting.set(mine, Date.now());
    return ask.apply(window, arguments).then(function (answer) {
      waiting.delete(mine);
      if ([502, 503, 504].indexOf(answer.status) < 0) back();
      else { missed = missed || page; lost(Date.now()); }
      return settled(answer, charts);
    }, function (error) {
      waiting.delete(mine);
      missed = missed || page;
      if (!document.hidden && error.name !== "AbortError") lost(Date.now());
      throw error;
    });
  };

  setInterval(function () {
    var oldest = Math.min.apply(null, Array.from(waiting.values()));
    if (Date.now() - oldest > SILENCE) lost(oldest);
  }, 1000);
  document.addEventListener("DOMContentLoaded", greet);
})();
