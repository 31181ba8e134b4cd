/* The run on screen: chosen in the address or in the list, kept in one store and in the address of every page. */
(() => {
  const { monitor } = window;

  function runInAddress() {
    return monitor.address.query().get("run");
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[data-run]");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    window.history.pushState(null, "", monitor.address.with({ run: link.dataset.run }));
    monitor.set("live-run", { data: link.dataset.run });
    monitor.set("runs-panel", { is_open: false });
  });

  document.addEventListener("click", (event) => {
    const heading = event.target.closest?.("#runs-list [data-sort]");
    if (heading) monitor.set("runs-sort", { data: heading.dataset.sort });
  });

  // Dash does not notice a step back between two runs on the same page.
  window.addEventListener("popstate", () => {
    if (runInAddress()) monitor.set("live-run", { data: runInAddress() });
  });

  monitor.register("runs", {
    // A link to another page has no query: the run then stays what it was.
    choose(_search, opened, before) {
      const typed = opened && monitor.triggers().some((each) => each.prop_id === "runs-opened.data");
      if (typed) window.history.pushState(null, "", monitor.address.with({ run: opened }));
      const run = typed ? opened : runInAddress();
      return run && run !== before ? run : monitor.noUpdate();
    },

    address(_path, run, version, alone) {
      const shown = run || (!alone && version?.run);
      if (shown && shown !== runInAddress()) monitor.address.replace({ run: shown });
      return shown || "";
    },

    label(standing) {
      return standing?.name ? standing.name.slice(0, 60) : monitor.noUpdate();
    },

    query(open, query, page, pulse, sort) {
      return open ? { query: query || "", page: page || 1, pulse, sort: sort || "" } : monitor.noUpdate();
    },
  });
})();
