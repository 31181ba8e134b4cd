/* The comparison (runs and options): one object in a store, mirrored in the address while the page is open. */
(() => {
  const { monitor } = window;
  const KEYS = [
    ["base", "base"],
    ["of", "series"],
    ["origin", "origin"],
    ["at", "step"],
    ["beside", "beside"],
  ];
  const CONTROLS = new Map([
    ["compare-series", "series"],
    ["compare-origin", "origin"],
    ["compare-step", "step"],
    ["compare-beside", "beside"],
  ]);
  let chosen = null;

  const isOpen = monitor.isComparison;

  function fromAddress() {
    const query = monitor.address.query();
    const found = {};
    if (query.get("runs")) found.runs = query.get("runs").split(",");
    for (const [key, field] of KEYS) if (query.get(key)) found[field] = query.get(key);
    if (found.step !== undefined) found.step = Number(found.step);
    return found;
  }

  function isSame(one, other) {
    const [a, b] = [one, other].map((each) =>
      JSON.stringify([each?.runs, ...KEYS.map(([, field]) => each?.[field])]),
    );
    return a === b;
  }

  function writeAddress() {
    if (!isOpen()) return;
    const changes = Object.fromEntries(KEYS.map(([key, field]) => [key, chosen[field]]));
    monitor.address.replace({ ...changes, runs: (chosen.runs || []).join(",") });
  }

  function change(part) {
    chosen = { ...chosen, ...part };
    writeAddress();
    monitor.set("compare-chosen", { data: chosen });
  }

  // The table lists which runs are compared, also those that nobody has chosen.
  function comparedRuns() {
    return [...document.querySelectorAll("#compare-table [data-compare=drop]")].map((each) => each.dataset.runId);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("button[data-compare]");
    if (!button) return;
    const run = button.dataset.runId;
    const runs = comparedRuns();
    if (button.dataset.compare === "add") change({ runs: [...runs, run] });
    if (button.dataset.compare === "drop") change({ runs: runs.filter((each) => each !== run) });
    // The run beside the baseline and the baseline change places.
    const { base, beside } = chosen || {};
    if (button.dataset.compare === "base") change({ runs, base: run, beside: beside === run ? base : beside });
  });

  // Listens to the controls themselves: Dash drops a callback that waits for a pending output.
  document.addEventListener("change", (event) => {
    const field = CONTROLS.get(event.target.id);
    if (!field) return;
    const value = event.target.value;
    if (field !== "step") change({ [field]: value });
    else change({ step: value === "" ? undefined : Number(value) });
  });

  monitor.register("compare", {
    // What the server compares, also what nobody has chosen: the address has all of it at once.
    shown(kind) {
      if (!kind) return;
      chosen = kind.choice;
      writeAddress();
    },

    query(pulse) {
      if (!isOpen()) return monitor.noUpdate();
      if (chosen === null || monitor.address.query().has("runs")) {
        const given = fromAddress();
        if (Object.keys(given).length && !isSame(given, chosen)) change(given);
      }
      chosen ||= {};
      writeAddress();
      return { pulse, chosen };
    },
  });
})();
