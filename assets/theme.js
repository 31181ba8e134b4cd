/* Runs in the head, before the first paint: the viewer's choice of light or dark, else the system's; and where
   plotly.js is. */
(() => {
  // Dash would load all of plotly.js, which a browser takes a second to run; ours is a third of it, and fetched once.
  const { plotly } = document.currentScript.dataset;
  Object.defineProperty(window, "_dashPlotlyJSURL", { get: () => plotly, set: () => undefined });

  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  function apply() {
    let chosen = null;
    try {
      chosen = localStorage.getItem("thalia-theme");
    } catch {
      // private mode: follow the system
    }
    document.documentElement.dataset.bsTheme = chosen || (dark.matches ? "dark" : "light");
  }
  dark.addEventListener("change", apply);
  apply();

  const wall = new URLSearchParams(window.location.search).get("wall") === "1";
  document.documentElement.classList.toggle("wall", wall);
})();
