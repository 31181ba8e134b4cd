/* Events on the charts: the pointer shows what is within a few pixels of it, a click leads to its row in a table. */
(() => {
  const { monitor } = window;
  const SEARCH = "#page .table-card input[type=search]";
  const ROW = /^[a-z]+(\?find=-?\d+)?$/;
  const REACH = 5; // px
  const MOST_SHOWN = 4;
  let doubleClicked = Number.NEGATIVE_INFINITY;
  let lastVisited = null;

  // The events drawn near an x of the screen, the nearest first: at most one of each kind.
  function eventsNear(plot, clientX) {
    const near = [];
    const screenX = monitor.toScreen(plot);
    for (const trace of plot.data || []) {
      if (trace.hoverinfo !== "none" || !trace.hovertext) continue;
      let best = null;
      for (const [place, x] of trace.x.entries()) {
        const distance = Math.abs(screenX(x) - clientX);
        if (distance <= (best ? best.distance : REACH)) best = { distance, place };
      }
      if (best) {
        const { [best.place]: words } = trace.hovertext;
        const { [best.place]: row } = trace.customdata;
        near.push({ distance: best.distance, words, row });
      }
    }
    return near.sort((one, other) => one.distance - other.distance);
  }

  // A figure's texts are escaped for Plotly.
  function plain(text) {
    return text.replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");
  }

  const tip = document.createElement("div");
  tip.className = "event-tip";
  tip.hidden = true;

  function showTip(plot, clientX) {
    const near = eventsNear(plot, clientX).slice(0, MOST_SHOWN);
    tip.hidden = near.length === 0;
    if (tip.hidden) return;
    const lines = near.map(({ words }) => {
      const line = document.createElement("div");
      line.dir = "auto";
      line.textContent = plain(words);
      return line;
    });
    tip.replaceChildren(...lines);
    if (!tip.isConnected) document.body.append(tip);
    const box = plot.getBoundingClientRect();
    const left = Math.min(clientX + 8, document.documentElement.clientWidth - tip.offsetWidth - 4);
    tip.style.left = `${Math.max(4, left)}px`;
    tip.style.top = `${Math.max(4, box.top - tip.offsetHeight)}px`;
  }

  document.addEventListener("pointermove", (event) => {
    const plot = event.target.closest?.(".chart .js-plotly-plot");
    if (plot) showTip(plot, event.clientX);
    else tip.hidden = true;
  });
  document.addEventListener("scroll", () => {
    tip.hidden = true;
  });

  // The table may stand below charts, and may not be there yet. Its first row is below the search field: the middle of
  // the table moves when the answer makes it shorter.
  function scrollToTable(wanted, tries) {
    const field = document.querySelector(SEARCH);
    if (field?.value === wanted) field.scrollIntoView({ block: "center" });
    else if (tries) setTimeout(scrollToTable, 50, wanted, tries - 1);
  }

  function visit(rows) {
    const row = rows.find((each) => typeof each === "string" && ROW.test(each));
    if (!row || performance.now() - doubleClicked < 400) return; // a double click resets the zoom
    const place = new URL(monitor.basePath() + row, window.location.href);
    const wanted = place.searchParams.get("find") || "";
    const field = document.querySelector(SEARCH);
    const query = monitor.address.with({ find: wanted, kind: "", sort: "" }).slice(window.location.pathname.length); // run and view go along
    const isHere = place.pathname === window.location.pathname;
    window.history.pushState({}, "", place.pathname + query);
    if (isHere && field) {
      lastVisited = place.pathname;
      monitor.set(field.id, { value: wanted }); // the charts stay as they are
      monitor.set(field.id.replace("query", "kinds"), { value: [] }); // the row may be of another kind
    } else monitor.showAddress();
    scrollToTable(wanted, 100);
  }

  // A name in the tree of metrics is searched for: its chart appears below.
  document.addEventListener("click", (event) => {
    const name = event.target.closest?.(".tree [data-find]")?.dataset.find;
    if (name) monitor.set("metrics-other-query", { value: name });
  });

  // Dash does not notice a step back between two rows on the same page.
  window.addEventListener("popstate", () => {
    const field = document.querySelector(SEARCH);
    const wanted = monitor.address.query().get("find") || "";
    if (field && window.location.pathname === lastVisited) monitor.set(field.id, { value: wanted });
  });

  // A cell of a map of regions shows its region's curve, and zooms to its surroundings, where the cells are finer.
  function visitCell(plot, { data, x, y }) {
    if (!plot.isConnected || performance.now() - doubleClicked < 400) return;
    const { width, series } = data.meta;
    const at = monitor.charts.toNumber(x);
    monitor.set("activity-region", { value: series[y] });
    window.Plotly.relayout(plot, {
      "xaxis.range": [at - 1.5 * width, at + 1.5 * width],
      "xaxis.autorange": false,
    });
  }

  document.addEventListener("chart-found", ({ detail: plot }) => {
    plot.on("plotly_click", ({ event, points }) => {
      const cell = points.find(({ data }) => data.type === "heatmap");
      if (cell) {
        setTimeout(visitCell, 300, plot, cell);
        return;
      }
      const others = points.filter((each) => each.data.hoverinfo !== "none");
      const rows = [
        ...eventsNear(plot, event.clientX).map(({ row }) => row),
        ...others.map((each) => each.customdata),
      ];
      setTimeout(visit, 300, rows);
    });
    plot.on("plotly_doubleclick", () => {
      doubleClicked = performance.now();
    });
  });
})();
