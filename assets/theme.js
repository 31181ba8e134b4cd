/* Runs in the head, before the first paint: the viewer's choice of light or dark, else the system's. */
(function () {
  "use strict";
  var media = window.matchMedia("(prefers-color-scheme: dark)");
  function apply() {
    var chosen = null;
    try { chosen = localStorage.getItem("thalia-theme"); } catch (refused) { /* private mode: follow the system */ }
    document.documentElement.setAttribute("data-bs-theme", chosen || (media.matches ? "dark" : "light"));
  }
  media.addEventListener("change", apply);
  apply();
})();
