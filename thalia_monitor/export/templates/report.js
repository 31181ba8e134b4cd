/* Draws the figures of a report one after the other, and zooms those that share the run's steps together. */
(() => {
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const charts = [...document.querySelectorAll("[data-figure]")];
  const waiting = [...charts];
  // A finger that moves over a chart scrolls the page; buttons zoom.
  const dragmode = window.matchMedia("(pointer: coarse)").matches ? false : "zoom";
  const config = { displayModeBar: false, displaylogo: false, responsive: true, showSendToCloud: false };
  const [NARROW, LABEL, CHARACTER] = [450, 75, 7]; // px: of a chart, of the number of a step, of a lane's letter
  let following = false;

  const isLinked = (chart) => !chart.classList.contains("own-axis") && chart.layout;

  // Paper is narrower than the screen: there the drawing is scaled as a picture.
  function scale(chart) {
    const [width, height] = [chart._fullLayout.width, chart._fullLayout.height];
    chart.style.setProperty("--ratio", `${width} / ${height}`);
    for (const drawing of chart.querySelectorAll(".main-svg")) {
      drawing.setAttribute("viewBox", `0 0 ${width} ${height}`);
    }
  }

  function show(chart, range) {
    const change = range ? { "xaxis.range": range } : { "xaxis.autorange": true, "yaxis.autorange": true };
    return Plotly.relayout(chart, change);
  }

  async function follow(zoomed, range) {
    if (following) return;
    following = true;
    const others = isLinked(zoomed) ? charts.filter((each) => each !== zoomed && isLinked(each)) : [];
    await Promise.all(others.map((each) => show(each, range)));
    following = false;
  }

  // As assets/01-dash.js does: so few numbers below a narrow chart that none has to be turned.
  function spaced(chart, { xaxis, yaxis }) {
    if (chart.clientWidth >= NARROW) return xaxis;
    const names = CHARACTER * Math.max(0, ...(yaxis?.categoryarray ?? []).map((name) => name.length));
    return { nticks: Math.max(2, Math.floor((chart.clientWidth - names) / LABEL)), ...xaxis };
  }

  function draw(chart) {
    const { data, layout } = figures[Number(chart.dataset.figure)];
    Plotly.newPlot(chart, data, { ...layout, xaxis: spaced(chart, layout), dragmode }, config);
    scale(chart);
    chart.on("plotly_afterplot", () => scale(chart));
    chart.on("plotly_relayout", (change) => {
      if (change["xaxis.autorange"]) follow(chart, null);
      else if ("xaxis.range[0]" in change) follow(chart, [change["xaxis.range[0]"], change["xaxis.range[1]"]]);
      else if (change["xaxis.range"]) follow(chart, change["xaxis.range"]);
    });
  }

  function drawNext() {
    const chart = waiting.shift();
    if (!chart) {
      document.documentElement.dataset.drawn = String(charts.length);
      return;
    }
    draw(chart);
    setTimeout(drawNext);
  }

  document.addEventListener("click", ({ target }) => {
    const move = target.dataset?.zoom;
    if (!move) return;
    const chart = target.closest("figure").querySelector(".chart");
    if (!chart.layout) return; // not drawn yet
    const [start, end] = chart.layout.xaxis.range;
    const by = ((end - start) * (move === "in" ? -1 : 2)) / 4;
    show(chart, move === "reset" ? null : [start - by, end + by]);
  });

  window.addEventListener("beforeprint", () => {
    for (const chart of waiting.splice(0)) draw(chart);
  });
  drawNext();
})();
