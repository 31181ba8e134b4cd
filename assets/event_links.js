/* A click on an event's mark leads to its row in the page's table. */
(() => {
  const { monitor } = window;
  const SEARCH = "#page .table-card input[type=search]";
  const ROW = /^[a-z]+(\?find=-?\d+)?$/;
  let doubleClicked = Number.NEGATIVE_INFINITY;
  let lastVisited = null;

  // The table may stand below charts, and may not be there yet. Its first row is below the search field: the middle of
  // the table moves when the answer makes it shorter.
  function scrollToTable(wanted, tries) {
    const field = document.querySelector(SEARCH);
    if (field?.value === wanted) field.scrollIntoView({ block: "center" });
    else if (tries) setTimeout(scrollToTable, 50, wanted, tries - 1);
  }

  function visit(points) {
    const row = points.map((each) => each.customdata).find((each) => typeof each === "string" && ROW.test(each));
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

  // Dash does not notice a step back between two rows on the same page.
  window.addEventListener("popstate", () => {
    const field = document.querySelector(SEARCH);
    const wanted = monitor.address.query().get("find") || "";
    if (field && window.location.pathname === lastVisited) monitor.set(field.id, { value: wanted });
  });

  document.addEventListener("chart-found", ({ detail: plot }) => {
    plot.on("plotly_click", (event) => setTimeout(visit, 300, event.points));
    plot.on("plotly_doubleclick", () => {
      doubleClicked = performance.now();
    });
  });
})();
