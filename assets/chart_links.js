/* Charts that move together: one zoom and one hovered place for all whose x axis is the run's. */
(() => {
  const { monitor } = window;
  let hovering = false;

  // A chart that counts something else on its x axis has a zoom of its own (OWN_AXIS in figures/chart.py).
  function isLinked(plot) {
    const layout = monitor.drawnLayout(plot);
    return Boolean(layout) && layout.meta !== "own x axis";
  }

  function linkedPlots() {
    return [...document.querySelectorAll(".chart .js-plotly-plot")].filter(isLinked);
  }

  // Milliseconds since 1970 of a time, any other x as it is.
  function toNumber(value) {
    if (typeof value === "number") return value;
    const text = String(value);
    if (/^-?\d+(\.\d+)?$/.test(text)) return Number(text);
    return Date.parse(text.replace(" ", "T") + (text.endsWith("Z") ? "" : "Z"));
  }

  function rounded(value) {
    return Number(Number(toNumber(value)).toPrecision(9));
  }

  // Dash does not know of these ranges, so it never takes them back.
  function zoom(view) {
    for (const plot of linkedPlots()) {
      const axis = monitor.drawnLayout(plot).xaxis;
      if (!axis) continue;
      if (view.start === undefined || view.start === null) {
        if (!axis.autorange) window.Plotly.relayout(plot, { "xaxis.autorange": true, "yaxis.autorange": true });
      } else if (rounded(axis.range[0]) !== view.start || rounded(axis.range[1]) !== view.end) {
        window.Plotly.relayout(plot, { "xaxis.range": [view.start, view.end], "xaxis.autorange": false });
      }
    }
  }

  // What a step of each kind adds to the two ends of what is shown, as shares of its width.
  const MOVES = { in: [0.25, -0.25], out: [-0.5, 0.5], back: [-0.25, -0.25], on: [0.25, 0.25] };

  // As if the chart had been dragged: what follows a drag follows this.
  function move(plot, step) {
    const axis = monitor.drawnLayout(plot)?.xaxis;
    if (!axis?.range) return;
    if (step === "reset") {
      window.Plotly.relayout(plot, { "xaxis.autorange": true, "yaxis.autorange": true });
      return;
    }
    const [start, end] = axis.range.map(toNumber);
    const [first, last] = MOVES[step].map((share) => share * (end - start));
    window.Plotly.relayout(plot, { "xaxis.range[0]": start + first, "xaxis.range[1]": end + last });
  }

  // The range that a relayout event sets: undefined where it is about something else, null for everything.
  function zoomOf(event) {
    if (!event) return undefined;
    if (event["xaxis.autorange"]) return null;
    const [start, end] = event["xaxis.range"] || [event["xaxis.range[0]"], event["xaxis.range[1]"]];
    return start === undefined ? undefined : { start: rounded(start), end: rounded(end) };
  }

  // Plotly answers a hover with a hover event: only the first, the reader's, is passed on.
  function once(action) {
    if (hovering) return;
    hovering = true;
    action();
    hovering = false;
  }

  function hover(event, source) {
    if (!event.points.length) return;
    const xval = toNumber(event.points[0].x);
    for (const plot of linkedPlots()) {
      if (plot === source || monitor.drawnLayout(plot).hovermode !== "x unified") continue;
      try {
        window.Plotly.Fx.hover(plot, { xval });
      } catch {
        // nothing is drawn there yet
      }
    }
  }

  function unhover(source) {
    for (const plot of linkedPlots()) if (plot !== source) window.Plotly.Fx.unhover(plot);
  }

  monitor.charts = { isLinked, move, toNumber, zoom, zoomOf };
  document.addEventListener("chart-found", ({ detail: plot }) => {
    plot.on("plotly_hover", (event) => once(() => hover(event, plot)));
    plot.on("plotly_unhover", () => once(() => unhover(plot)));
  });

  // A plot is found when the pointer is first over it: no page has to announce its charts.
  const found = new WeakSet();
  document.addEventListener("mouseover", (event) => {
    const plot = event.target.closest?.(".chart .js-plotly-plot");
    if (!plot?.on || found.has(plot)) return;
    found.add(plot);
    document.dispatchEvent(new CustomEvent("chart-found", { detail: plot }));
  });
})();
