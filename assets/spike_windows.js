/* The window of spikes that the raster shows: chosen by its step, in the address while it is not the newest. */
(() => {
  const { monitor } = window;
  const FIELD = "activity-window";
  const NEWEST = "newest";

  // The newest first; without the choice that follows the newest.
  function steps() {
    const options = document.getElementById(FIELD)?.options || [];
    return [...options].map(({ value }) => value).filter((value) => /^\d+$/.test(value));
  }

  function choose(value) {
    monitor.set(FIELD, { value });
  }

  function move(by) {
    const every = steps();
    const now = every.indexOf(document.getElementById(FIELD).value); // -1 follows the newest, which is at 0
    const next = Math.max(now, 0) + by;
    if (next < 0) choose(NEWEST);
    else if (next < every.length) choose(every[next]);
  }

  function chooseNear(step) {
    const every = steps();
    if (!every.length) return;
    const distance = (each) => Math.abs(Number(each) - step);
    const nearest = every.reduce((best, each) => (distance(each) < distance(best) ? each : best));
    choose(nearest === every[0] ? NEWEST : nearest);
  }

  document.addEventListener("click", (event) => {
    const by = event.target.closest?.("button[data-window]")?.dataset.window;
    if (by) move(Number(by));
  });

  // A cell of a map of regions is of a step only on that axis.
  document.addEventListener("chart-found", ({ detail: plot }) => {
    plot.on("plotly_click", ({ points }) => {
      const cell = points.find(({ data }) => data.type === "heatmap");
      const axis = monitor.component("view").props.data?.x || "step";
      if (cell && axis === "step") chooseNear(Number(cell.x));
    });
  });

  monitor.register("windows", {
    address(value) {
      monitor.address.replace({ window: value === NEWEST ? "" : value });
    },
  });
})();
