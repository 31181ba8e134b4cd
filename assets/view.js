/* The reader's view of the charts: one object in a store, mirrored in the address and on the toolbar's controls. */
(() => {
  const { monitor } = window;
  const AXES = ["step", "wall", "elapsed"];
  const FURTHEST = 8.64e15; // ms: no date is further from 1970
  // Lists of the view, by the name they have in the address and on a chart's buttons.
  const LISTS = new Map([
    ["log", "log"],
    ["clip", "clip"],
    ["percent", "percent"],
    ["events", "markers"],
    ["hide", "hidden"],
    ["pin", "pins"],
  ]);
  const UNZOOMED = { start: null, end: null };

  // The address is untrusted input: invalid values are ignored.
  function number(text) {
    const value = Number(text);
    return text && Math.abs(value) <= FURTHEST ? value : undefined;
  }

  function decoded(name) {
    try {
      return decodeURIComponent(name);
    } catch {
      return name;
    }
  }

  function parse(text) {
    const query = new URLSearchParams(text);
    const view = {};
    const smooth = number(query.get("smooth"));
    const start = number(query.get("from"));
    const end = number(query.get("to"));
    if (AXES.includes(query.get("x"))) view.x = query.get("x");
    if (smooth >= 0) view.smooth = Math.min(smooth, 0.99);
    if (start < end) Object.assign(view, { start, end });
    for (const [key, field] of LISTS) {
      const given = query.get(key);
      if (given) view[field] = given === "none" ? [] : given.split(",").map(decoded);
    }
    return view;
  }

  // Smoothing of a page where the reader has not chosen one: many raw lines over each other cannot be told apart.
  function usualSmoothing() {
    return monitor.isComparison() ? 0.6 : 0;
  }

  // The page's own smoothing is no choice, unless it was chosen on another page: it does not go along to the next.
  function smoothed(view, chosen) {
    const usual = chosen === usualSmoothing() && chosen !== view.chosenSmooth;
    const own = chosen === undefined || chosen === null || usual;
    return { ...view, chosenSmooth: own ? null : chosen, smooth: own ? usualSmoothing() : chosen };
  }

  function isZoomed(view) {
    return view.start !== undefined && view.start !== null;
  }

  // Default values stay out of the address.
  function writeAddress(view, fallback) {
    const usual = parse(fallback || "");
    const changes = {
      x: view.x !== "step" && view.x,
      smooth: monitor.isComparison() ? String(view.smooth) : view.smooth || "",
      from: isZoomed(view) && String(view.start),
      to: isZoomed(view) && String(view.end),
    };
    for (const [key, field] of LISTS) {
      const now = monitor.address.listed(view[field]);
      changes[key] = now === monitor.address.listed(usual[field]) ? "" : now || "none";
    }
    monitor.address.replace(changes);
  }

  function inWords(value, axis) {
    if (axis === "wall") return new Date(value).toISOString().slice(0, 19).replace("T", " ");
    const digits = axis === "elapsed" ? 2 : 0;
    return Number(value.toFixed(digits)).toLocaleString("en");
  }

  function show(view) {
    const unit = { step: ["steps ", ""], wall: ["", ""], elapsed: ["", " h"] }[view.x];
    const range = () => `${unit[0]}${inWords(view.start, view.x)} to ${inWords(view.end, view.x)}${unit[1]}`;
    document.getElementById("view-words").textContent = isZoomed(view) ? `Zoomed to ${range()}` : "Following the run";
    document.getElementById("view-follow").hidden = !isZoomed(view);
    document.getElementById("view-smooth-words").textContent = view.smooth ? String(view.smooth) : "off";
    for (const key of document.querySelectorAll("[data-kind]")) {
      key.hidden = !view.markers?.includes(key.dataset.kind);
    }
    for (const button of document.querySelectorAll("[data-option]")) {
      const list = view[LISTS.get(button.dataset.option)] || [];
      button.setAttribute("aria-pressed", String(list.includes(button.dataset.name)));
    }
  }

  function toggled(list, name) {
    return list?.includes(name) ? list.filter((each) => each !== name) : [...(list || []), name];
  }

  function first(fallback) {
    const scale = Number(document.documentElement.style.getPropertyValue("--by")) || 1; // on the wall
    const view = { x: "step", scale, ...parse(fallback || ""), ...parse(window.location.search) };
    return smoothed(view, view.smooth);
  }

  function setControls(view) {
    monitor.set("view-x", { value: view.x });
    monitor.set("view-smooth", { value: view.smooth });
    monitor.set("view-events", { value: view.markers || [] });
  }

  function zoomed(view, chart, event) {
    const plot = document.getElementById(chart)?.querySelector(".js-plotly-plot");
    if (!monitor.charts.isLinked(plot)) return;
    const zoom = monitor.charts.zoomOf(event);
    if (zoom !== undefined) Object.assign(view, zoom || UNZOOMED);
  }

  monitor.register("view", {
    // The address holds the view, whatever page it is of.
    save(clicks, name) {
      if (!clicks) return window.dash_clientside.no_update;
      return { name: name || "", query: window.location.search, at: Date.now() };
    },

    change(x, smooth, events, follow, _relayouts, _options, _path, fallback, before) {
      let view = { ...(before || first(fallback)) };
      if (!before) setControls(view);
      for (const { prop_id: input, value } of before ? monitor.triggers() : []) {
        const [component, property] = [
          input.slice(0, input.lastIndexOf(".")),
          input.slice(input.lastIndexOf(".") + 1),
        ];
        if (input === "location.pathname") {
          const given = parse(window.location.search); // a link to a place
          view = smoothed({ ...view, ...given }, given.smooth ?? view.chosenSmooth);
          setControls(view);
        } else if (input === "view-x.value") {
          if (x !== view.x) Object.assign(view, UNZOOMED, { x });
        } else if (input === "view-smooth.value") view = smoothed(view, Number(smooth) || 0);
        else if (input === "view-events.value") view.markers = events || [];
        else if (input === "view-follow.n_clicks") {
          if (follow) Object.assign(view, UNZOOMED);
        } else if (property === "relayoutData") zoomed(view, component, value);
        else if (property === "n_clicks" && value) {
          const { option, name } = JSON.parse(component);
          view[LISTS.get(option)] = toggled(view[LISTS.get(option)], name);
        }
      }
      writeAddress(view, fallback);
      show(view);
      monitor.charts.zoom(view);
      return JSON.stringify(view) === JSON.stringify(before) ? monitor.noUpdate() : view;
    },
  });
})();
