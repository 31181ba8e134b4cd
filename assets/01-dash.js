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

  isPageCallback(body) {
    return String(body).includes("_pages_content.children");
  },
};

// Plotly draws a chart again whenever it hears of a size, also of the one that it has: each would be drawn twice.
(() => {
  let plotly;
  function fits(plot) {
    const drawn = window.monitor.drawnLayout(plot);
    return drawn && Math.abs(drawn.width - plot.clientWidth) < 1 && Math.abs(drawn.height - plot.clientHeight) < 1;
  }
  Object.defineProperty(window, "Plotly", {
    get: () => plotly,
    set(library) {
      const { resize } = library.Plots;
      library.Plots.resize = (plot) => (fits(plot) ? Promise.resolve(plot) : resize(plot));
      plotly = library;
    },
  });
})();
