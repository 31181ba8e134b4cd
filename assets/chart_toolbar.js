/* The toolbar of each chart: one tab stop, arrow keys from tool to tool, and the zoom in steps. */
(() => {
  const { monitor } = window;
  const TOOLBAR = "[data-toolbar]";
  const begun = new WeakSet();

  function tools(toolbar) {
    return [...toolbar.querySelectorAll("button, a")].filter((each) => each.offsetParent !== null);
  }

  // Only this one of the toolbar's tools is reached with the tab key.
  function stopAt(toolbar, tool) {
    for (const each of toolbar.querySelectorAll("button, a")) each.tabIndex = each === tool ? 0 : -1;
  }

  function next(key, all, now) {
    const place = all.indexOf(now);
    if (key === "ArrowRight") return all[(place + 1) % all.length];
    if (key === "ArrowLeft") return all[(place + all.length - 1) % all.length];
    if (key === "Home") return all[0];
    return key === "End" ? all.at(-1) : undefined;
  }

  document.addEventListener("keydown", (event) => {
    const toolbar = event.target.closest?.(TOOLBAR);
    const tool = toolbar && next(event.key, tools(toolbar), event.target.closest("button, a"));
    if (!tool) return;
    event.preventDefault();
    tool.focus();
  });

  document.addEventListener("focusin", (event) => {
    const toolbar = event.target.closest?.(TOOLBAR);
    if (toolbar) stopAt(toolbar, event.target.closest("button, a"));
  });

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-zoom]");
    const plot = button?.closest(".chart-card").querySelector(".js-plotly-plot");
    if (plot?.data?.length) monitor.charts.move(plot, button.dataset.zoom);
  });

  new MutationObserver(() => {
    for (const toolbar of document.querySelectorAll(TOOLBAR)) {
      if (begun.has(toolbar)) continue;
      begun.add(toolbar);
      stopAt(toolbar, toolbar.querySelector("button, a"));
    }
  }).observe(document.documentElement, { childList: true, subtree: true });
})();
