/* Tables: what a reader filters and sorts by is in the address, and a click on a row zooms the charts to its step. */
(() => {
  const { monitor } = window;

  monitor.register("tables", {
    address(find, kinds, { word, column, ascending }) {
      const key = (name) => (word ? `${word}-${name}` : name);
      monitor.address.replace({
        [key("find")]: find,
        [key("kind")]: monitor.address.listed(kinds),
        [key("sort")]: column && (ascending ? column : `-${column}`),
      });
    },
  });

  // Plotly tells the other charts, and the address, of a zoom of one of them.
  function zoomHere(range) {
    const plots = [...document.querySelectorAll(".chart .js-plotly-plot")].filter(monitor.charts.isLinked);
    const plot = plots.find((each) => each.data.length) || plots[0];
    if (!plot) return false;
    window.Plotly.relayout(plot, { "xaxis.range": range, "xaxis.autorange": false });
    plot.closest(".chart-card").scrollIntoView({ block: "nearest" });
    return true;
  }

  // A page without charts leads to those of the metrics.
  function zoomElsewhere([from, to]) {
    const place = new URL(`${monitor.basePath()}metrics`, window.location.href).pathname;
    const query = monitor.address.with({ from, to, find: "", kind: "", sort: "" });
    window.history.pushState({}, "", place + query.slice(window.location.pathname.length));
    monitor.showAddress();
  }

  document.addEventListener("click", (event) => {
    const row = event.target.closest?.("[data-range]");
    const control = event.target.closest?.("a, button, input, select, summary");
    if (!row || (control && !control.matches(".zoom-to")) || String(window.getSelection())) return;
    const axis = monitor.component("view").props.data?.x || "step";
    const range = JSON.parse(row.dataset.range)[axis];
    if (range && !zoomHere(range)) zoomElsewhere(range);
  });
})();
