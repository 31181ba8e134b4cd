/* The settings panel: open and closed, which details are shown, light or dark. */
(() => {
  const { monitor } = window;

  monitor.register("settings", {
    details(metrics, growth, sleep) {
      const hidden = { "without-metrics": !metrics, "without-growth": !growth, "without-sleep": !sleep };
      return Object.keys(hidden)
        .filter((name) => hidden[name])
        .join(" ");
    },

    toggle(clicks, open) {
      return clicks ? !open : monitor.noUpdate();
    },

    expanded(open) {
      return String(Boolean(open));
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
