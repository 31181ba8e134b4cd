/* Runs in the head, before the first paint: the viewer's choice of light or dark, else the system's; and where
   dash finds plotly.js. */
(function () {
  "use strict";
  // dash sets this to an address that browsers cannot keep; ours names the version, so it is fetched once.
  var plotly = document.currentScript.dataset.plotly;
  Object.defineProperty(window, "_dashPlotlyJSURL", {get: function () { return plotly; }, set: function () {}});
  var media = window.matchMedia("(prefers-color-scheme: dark)");
  function apply() {
    var chosen = null;
    try { chosen = localStorage.getItem("thalia-theme"); } catch (refused) { /* private mode: follow the system */ }
    document.documentElement.setAttribute("data-bs-theme", chosen || (media.matches ? "dark" : "light"));
  }
  media.addEventListener("change", apply);
  apply();
  if (new URLSearchParams(window.location.search).get("wall") === "1") document.documentElement.classList.add("wall");
})();
