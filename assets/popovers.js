/* Settings and the list of runs: panels over the page, one open at a time. Escape closes one and returns the focus. */
(() => {
  const { monitor } = window;
  const PANELS = { "settings-open": "settings-panel", "runs-open": "runs-panel" }; // by the button that opens each

  function isOpen(panel) {
    return monitor.component(panel)?.props.is_open;
  }

  function closeAll(except) {
    for (const panel of Object.values(PANELS)) {
      if (panel !== except && isOpen(panel)) monitor.set(panel, { is_open: false });
    }
  }

  monitor.register("popovers", {
    toggle(clicks, open) {
      if (!clicks) return monitor.noUpdate();
      const panel = PANELS[monitor.triggers()[0].prop_id.split(".")[0]];
      closeAll(panel);
      if (!open) setTimeout(() => document.querySelector(`#${panel} > section`).focus({ preventScroll: true }), 50);
      return !open;
    },

    expanded(open) {
      return String(Boolean(open));
    },
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const opener = Object.keys(PANELS).find((each) => isOpen(PANELS[each]));
    if (!opener) return;
    closeAll();
    document.getElementById(opener).focus();
  });

  document.addEventListener("pointerdown", ({ target }) => {
    if (!target.closest?.(".over-page, [aria-controls]")) closeAll();
  });
})();
