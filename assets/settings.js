/* The settings panel: which details are shown, light or dark, and a refresh interval that is refused. */
(() => {
  const { monitor } = window;

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
