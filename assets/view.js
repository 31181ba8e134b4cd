/* The reader's view of the charts: one object in a store, mirrored in the address and on the toolbar's controls. */
(function () {
  "use strict";
  var AXES = ["step", "wall", "elapsed"], FURTHEST = 8.64e15; // milliseconds: no date is further from 1970
  var LISTS = {log: "log", clip: "clip", events: "markers", hide: "hidden", pin: "pins"};
  var SEARCH = "#page .table-card input[type=search]";
  var linking = false, zoomedAt = -Infinity, visited = null;

  // Not every x axis is the run's: one that counts something else has a zoom of its own.
  function linked(plot) { return Boolean(plot && plot._fullLayout) && plot._fullLayout.meta !== "own x axis"; }

  function plots() { return Array.from(document.querySelectorAll(".chart .js-plotly-plot")).filter(linked); }

  function plotOf(id) {
    var chart = document.getElementById(id);
    return chart && chart.querySelector(".js-plotly-plot");
  }

  // An address may come from anywhere: what makes no sense in it is as if it had not been said.
  function number(text) {
    var value = Number(text);
    return text && Math.abs(value) <= FURTHEST ? value : undefined;
  }

  function plain(name) { try { return decodeURIComponent(name); } catch (malformed) { return name; } }

  function parse(query) {
    var given = new URLSearchParams(query), view = {}, smooth = number(given.get("smooth"));
    var start = number(given.get("from")), end = number(given.get("to"));
    if (AXES.indexOf(given.get("x")) >= 0) view.x = given.get("x");
    if (smooth >= 0) view.smooth = Math.min(smooth, 0.99);
    if (start < end) { view.start = start; view.end = end; }
    Object.keys(LISTS).forEach(function (key) {
      var said = given.get(key);
      if (said) view[LISTS[key]] = said === "none" ? [] : said.split(",").map(plain);
    });
    return view;
  }

  // Only what means something in a list is written otherwise: the comma between names, and "none".
  function names(list) {
    return (list || []).map(function (name) {
      return name === "none" ? "%6Eone" : name.replace(/[%,]/g, encodeURIComponent);
    }).join(",");
  }

  // What is as it is anyway stays out of the address.
  function write(view, fallback) {
    var given = new URLSearchParams(window.location.search);
    function put(key, value) { if (value) given.set(key, value); else given.delete(key); }
    put("x", view.x !== "step" && view.x);
    put("smooth", view.smooth && String(view.smooth));
    put("from", zoomed(view) && String(view.start)); put("to", zoomed(view) && String(view.end));
    Object.keys(LISTS).forEach(function (key) {
      var usual = names(parse(fallback || "")[LISTS[key]]), now = names(view[LISTS[key]]);
      put(key, now === usual ? "" : now || "none");
    });
    var query = given.toString().replace(/%2C/g, ",");
    var address = window.location.pathname + (query ? "?" + query : "") + window.location.hash;
    window.history.replaceState(window.history.state, "", address);
  }

  function zoomed(view) { return view.start !== undefined && view.start !== null; }

  function millis(value) {
    if (typeof value === "number") return value;
    var text = String(value);
    if (/^-?\d+(\.\d+)?$/.test(text)) return Number(text);
    return Date.parse(text.replace(" ", "T") + (/Z$/.test(text) ? "" : "Z"));
  }

  function short(value) { return Number(Number(value).toPrecision(9)); }

  // undefined: the event is about something else; null: the reader went back to everything
  function zoomOf(event) {
    if (!event) return undefined;
    if (event["xaxis.autorange"]) return null;
    var range = event["xaxis.range"] || [event["xaxis.range[0]"], event["xaxis.range[1]"]];
    return range[0] === undefined ? undefined : {start: short(millis(range[0])), end: short(millis(range[1]))};
  }

  // Dash does not know of these ranges, so it never takes them back.
  function link(view) {
    plots().forEach(function (plot) {
      var axis = plot._fullLayout.xaxis;
      if (!axis) return;
      if (!zoomed(view)) {
        if (!axis.autorange) window.Plotly.relayout(plot, {"xaxis.autorange": true, "yaxis.autorange": true});
        return;
      }
      var now = axis.range.map(millis).map(short);
      if (now[0] !== view.start || now[1] !== view.end) {
        window.Plotly.relayout(plot, {"xaxis.range": [view.start, view.end], "xaxis.autorange": false});
      }
    });
  }

  function hover(event, source) {
    if (linking || !event.points.length) return;
    linking = true;
    plots().forEach(function (plot) {
      if (plot !== source && plot._fullLayout.hovermode === "x unified") {
        try { window.Plotly.Fx.hover(plot, {xval: millis(event.points[0].x)}); } catch (empty) { /* nothing is drawn there yet */ }
      }
    });
    linking = false;
  }

  function unhover(source) {
    if (linking) return;
    linking = true;
    plots().forEach(function (plot) { if (plot !== source) window.Plotly.Fx.unhover(plot); });
    linking = false;
  }

  // An event's mark leads to its row; the address is the server's, below the path that the site lives under.
  function visit(points) {
    var found = points.map(function (each) { return each.customdata; }).filter(function (each) {
      return typeof each === "string" && /^[a-z]+(\?find=-?\d+)?$/.test(each);
    });
    if (!found.length || performance.now() - zoomedAt < 400) return; // the end of a double click is no visit
    var base = JSON.parse(document.getElementById("_dash-config").textContent).requests_pathname_prefix;
    var place = new URL(base + found[0], window.location.href), wanted = place.searchParams.get("find");
    var given = new URLSearchParams(window.location.search); // the run and the view go along
    if (wanted) given.set("find", wanted); else given.delete("find");
    var here = place.pathname === window.location.pathname, field = document.querySelector(SEARCH);
    window.history.pushState({}, "", place.pathname + "?" + given.toString().replace(/%2C/g, ","));
    if (here && field) {
      visited = place.pathname;
      window.dash_clientside.set_props(field.id, {value: wanted || ""}); // the charts stay as they are
    } else window.dispatchEvent(new CustomEvent("_dashprivate_pushstate"));
    seek(wanted || "", 100);
  }

  // The table may stand below charts, and may not be there yet.
  function seek(wanted, tries) {
    var field = document.querySelector(SEARCH);
    if (field && field.value === wanted) field.closest(".panel").scrollIntoView({block: "center"});
    else if (tries) setTimeout(seek, 50, wanted, tries - 1);
  }

  // Dash does not hear of a step back between two rows on the same page.
  window.addEventListener("popstate", function () {
    var field = document.querySelector(SEARCH), wanted = new URLSearchParams(window.location.search).get("find") || "";
    if (field && window.location.pathname === visited) window.dash_clientside.set_props(field.id, {value: wanted});
  });

  // An image is for paper and for others: on white, in the figure's own colours, at twice the size on screen.
  document.addEventListener("click", function (event) {
    var button = event.target.closest && event.target.closest("[data-save]");
    var plot = button && button.closest(".chart-card").querySelector(".js-plotly-plot");
    if (!plot || !plot.data) return;
    var name = button.closest(".chart-card").querySelector(".card-name").textContent;
    var size = {width: plot.clientWidth, height: plot.clientHeight + 30};
    var legend = plot.querySelector(".infolayer .legend .bg"), top = 38 + (legend ? Number(legend.getAttribute("height")) : 0);
    var layout = Object.assign({}, plot.layout, size, {
      paper_bgcolor: "#fff", plot_bgcolor: "#fff", margin: Object.assign({}, plot.layout.margin, {t: top}),
      title: {text: name.replace(/&/g, "&amp;").replace(/</g, "&lt;"), font: {size: 14}, x: 0.02, xanchor: "left", yref: "container", y: 1 - 8 / size.height, yanchor: "top"}
    });
    window.Plotly.downloadImage({data: plot.data, layout: layout}, Object.assign(
      {format: button.dataset.save, scale: 2, filename: name.replace(/[^A-Za-z0-9]+/g, "_")}, size));
  });

  // A plot is listened to from the first time the pointer is over it: no page has to announce its charts.
  document.addEventListener("mouseover", function (event) {
    var plot = event.target.closest && event.target.closest(".chart .js-plotly-plot");
    if (!plot || plot._linked || !plot.on) return;
    plot._linked = true;
    plot.on("plotly_hover", function (what) { hover(what, plot); });
    plot.on("plotly_click", function (what) { setTimeout(visit, 300, what.points); });
    plot.on("plotly_doubleclick", function () { zoomedAt = performance.now(); });
    plot.on("plotly_unhover", function () { unhover(plot); });
  });

  function show(view) {
    var words = document.getElementById("view-words"), button = document.getElementById("view-follow");
    var unit = {wall: "", elapsed: " h"}[view.x] ;
    function say(value) {
      return view.x === "wall" ? new Date(value).toISOString().slice(0, 19).replace("T", " ")
        : Math.round(value * (view.x === "elapsed" ? 100 : 1)) / (view.x === "elapsed" ? 100 : 1);
    }
    function grouped(value) { return typeof value === "number" ? value.toLocaleString("en") : value; }
    words.textContent = zoomed(view)
      ? "Held at " + (unit === undefined ? "steps " : "") + grouped(say(view.start)) + " to " + grouped(say(view.end)) + (unit || "")
      : "Following the run";
    button.hidden = !zoomed(view);
    document.getElementById("view-smooth-words").textContent = view.smooth ? String(view.smooth) : "off";
    document.querySelectorAll("[data-option]").forEach(function (each) {
      var list = view[LISTS[each.dataset.option]] || [];
      each.setAttribute("aria-pressed", String(list.indexOf(each.dataset.name) >= 0));
    });
  }

  function toggled(list, name) {
    list = list || [];
    return list.indexOf(name) >= 0 ? list.filter(function (each) { return each !== name; }) : list.concat([name]);
  }

  function begin(fallback) {
    var said = parse(window.location.search);
    var scale = Number(document.documentElement.style.getPropertyValue("--by")) || 1; // on the wall
    return Object.assign({x: "step", smooth: 0, scale: scale}, parse(fallback || ""), said);
  }

  function control(view) {
    var set = window.dash_clientside.set_props;
    set("view-x", {value: view.x});
    set("view-smooth", {value: view.smooth});
    set("view-events", {value: view.markers || []});
    return view;
  }

  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    view: {
      change: function (x, smooth, events, follow, relayouts, options, path, fallback, before) {
        var triggered = window.dash_clientside.callback_context.triggered;
        var view = Object.assign({}, before || control(begin(fallback)));
        if (before) triggered.forEach(function (each) {
          var id = each.prop_id;
          if (id === "location.pathname") control(Object.assign(view, parse(window.location.search)));  // a link to a place
          if (id === "view-x.value" && x !== view.x) Object.assign(view, {x: x, start: null, end: null});
          if (id === "view-smooth.value") view.smooth = Number(smooth) || 0;
          if (id === "view-events.value") view.markers = events || [];
          if (id === "view-follow.n_clicks" && follow) Object.assign(view, {start: null, end: null});
          if (/\.relayoutData$/.test(id) && linked(plotOf(id.slice(0, -".relayoutData".length)))) {
            var zoom = zoomOf(each.value);
            if (zoom !== undefined) Object.assign(view, zoom || {start: null, end: null});
          }
          if (/\.n_clicks$/.test(id) && id[0] === "{" && each.value) {
            var part = JSON.parse(id.slice(0, -".n_clicks".length));
            view[LISTS[part.option]] = toggled(view[LISTS[part.option]], part.name);
          }
        });
        write(view, fallback); show(view); link(view);
        return JSON.stringify(view) === JSON.stringify(before) ? window.dash_clientside.no_update : view;
      }
    }
  });
})();
