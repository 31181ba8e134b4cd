/* All that the other scripts use of Dash's and Plotly's private parts, in one place: when either changes, look here.
   tests/web/test_private_parts.py names the versions that this was checked against. */
window.monitor = {
  // Add callbacks that Python names with ClientsideFunction(namespace, name).
  register(namespace, functions) {
    window.dash_clientside = { ...window.dash_clientside, [namespace]: functions };
  },

  // Set properties of a component from outside a callback.
  set(id, properties) {
    window.dash_clientside.set_props(id, properties);
  },

  // A component on the page, {type, props}, by its id; undefined where there is none. While a page is changed, Dash
  // may still look where the component was, and find another one there, or fail where nothing is.
  component(id) {
    let found;
    try {
      found = window.dash_component_api.getLayout(id);
    } catch {
      return undefined;
    }
    const its = found?.props?.id;
    const same = typeof id === "string" ? its === id : Object.keys(id).every((key) => its?.[key] === id[key]);
    return same ? found : undefined;
  },

  // Dash defines it only after this file has run.
  noUpdate() {
    return window.dash_clientside.no_update;
  },

  // What caused the running clientside callback: [{prop_id, value}, ...].
  triggers() {
    return window.dash_clientside.callback_context.triggered;
  },

  // The path that the site lives under.
  basePath() {
    return JSON.parse(document.getElementById("_dash-config").textContent).requests_pathname_prefix;
  },

  // Make Dash show the page of the address that the browser has now.
  showAddress() {
    window.dispatchEvent(new CustomEvent("_dashprivate_pushstate"));
  },

  // Ask for the present page again, after its answer was lost.
  reloadPage() {
    window.monitor.set("_pages_location", { pathname: window.location.pathname });
  },

  // The axes as Plotly drew them, or undefined before the first drawing.
  drawnLayout(plot) {
    return plot?._fullLayout;
  },

  // A function that tells where an x of a chart stands on the screen, in pixels from the left; NaN for none.
  toScreen(plot) {
    const area = plot.querySelector(".nsewdrag");
    const { xaxis } = window.monitor.drawnLayout(plot) ?? {};
    if (!area || !xaxis) return () => Number.NaN;
    const { left } = area.getBoundingClientRect();
    return (x) => (x === null ? Number.NaN : left + xaxis.d2p(x));
  },

  isCallback(address) {
    return String(address).includes("_dash-update-component");
  },

  // Whether a callback is the refresh of the page: the one that tells the version.
  isRefresh(body) {
    return String(body).includes('"output":"..live-version.data.');
  },

  // Which outputs a callback is about: Dash writes them first.
  outputOf(body) {
    return /^\{"output":("(?:[^"\\]|\\.)*")/.exec(body)?.[1] ?? "";
  },

  isPageCallback(body) {
    return String(body).includes("_pages_content.children");
  },
};

// Plotly draws a chart again whenever it hears of a size, also of the one that it has: each would be drawn twice.
// And it puts five steps or more on the shortest axis, and turns their numbers where they do not fit.
(() => {
  const NARROW = 450; // px
  const LABEL = 75; // px for the number of a step
  const CHARACTER = 7; // px, about, for a character of a lane's name
  const ENTRY = 19; // px for a line of the legend
  let plotly;
  function fits(plot) {
    const drawn = window.monitor.drawnLayout(plot);
    return drawn && Math.abs(drawn.width - plot.clientWidth) < 1 && Math.abs(drawn.height - plot.clientHeight) < 1;
  }
  function spaced(plot, figure) {
    const { layout, data } = figure;
    const { clientWidth: width } = plot;
    if (!layout.xaxis || !width || width >= NARROW) return figure;
    const lanes = layout.yaxis?.categoryarray ?? [];
    const names = CHARACTER * Math.max(0, ...lanes.map((name) => name.length));
    const nticks = Math.max(2, Math.floor((width - names) / LABEL));
    const xaxis = { nticks, ...layout.xaxis };
    const entries = layout.showlegend ? data.filter(({ showlegend }) => showlegend !== false).length : 0;
    const height = layout.height + (entries > 3 ? ENTRY * entries : 0); // they stand in one column
    return { ...figure, layout: { ...layout, xaxis, height } };
  }
  Object.defineProperty(window, "Plotly", {
    get: () => plotly,
    set(library) {
      const { resize } = library.Plots;
      library.Plots.resize = (plot) => (fits(plot) ? Promise.resolve(plot) : resize(plot));
      for (const draw of ["newPlot", "react"]) {
        const native = library[draw];
        library[draw] = (plot, figure, ...rest) => native(plot, spaced(plot, figure), ...rest);
      }
      plotly = library;
    },
  });
})();
