/* The settings panel: which details are shown, light or dark, a refused refresh interval, and the report. */
(() => {
  const { monitor } = window;
  let onScreen = null;

  // The run on screen; on the comparison page all that are compared, the baseline first.
  function reportAddress() {
    const pressed = (button) => button.getAttribute("aria-pressed") === "true";
    const buttons = [...document.querySelectorAll("#compare-table [data-compare=base]")];
    const compared = buttons.sort((one, other) => pressed(other) - pressed(one)).map((each) => each.dataset.runId);
    const [first, ...others] = monitor.isComparison() && compared.length ? compared : [onScreen];
    const query = new URLSearchParams(others.map((run) => ["with", run]));
    const { address } = document.getElementById("report-link").dataset;
    return `${address}${encodeURIComponent(first)}${others.length ? `?${query}` : ""}`;
  }

  document.addEventListener("click", ({ target }) => {
    const link = target.closest?.("#report-link");
    if (link && onScreen) link.href = reportAddress();
  });

  document.addEventListener("input", ({ target }) => {
    if (target.id !== "refresh-seconds") return;
    const refused = !target.validity.valid || target.value === "";
    const words = refused ? `Not used: choose a whole number of seconds from ${target.min} to ${target.max}.` : "";
    document.getElementById("refresh-advice").textContent = words;
    target.setAttribute("aria-describedby", "refresh-advice");
    target.setAttribute("aria-invalid", String(refused));
  });

  monitor.register("settings", {
    details(metrics, growth, sleep) {
      const hidden = { "without-metrics": !metrics, "without-growth": !growth, "without-sleep": !sleep };
      return Object.keys(hidden)
        .filter((name) => hidden[name])
        .join(" ");
    },

    report(version) {
      onScreen = version?.run;
      return onScreen ? reportAddress() : window.dash_clientside.no_update;
    },

    theme(clicks) {
      const root = document.documentElement;
      if (clicks) {
        const next = root.dataset.bsTheme === "dark" ? "light" : "dark";
        root.dataset.bsTheme = next;
        try {
          localStorage.setItem("thalia-theme", next);
        } catch {
          // private mode: kept for this page only
        }
      }
      return root.dataset.bsTheme === "dark" ? "Switch to light" : "Switch to dark";
    },
  });
})();
