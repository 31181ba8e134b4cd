/* Tracks the charts on or near the screen: only those are requested. */
(() => {
  const AHEAD = "50%"; // of the window's height, below and above
  const visible = new Set();
  const watched = new WeakSet();
  let reported = "[]";
  let timer = null;

  function partOf(card) {
    const id = JSON.parse(card.querySelector(".chart").id);
    return [id.kind, id.name];
  }

  function report() {
    timer = null;
    const parts = [...visible].filter((card) => card.isConnected).map(partOf);
    if (JSON.stringify(parts) === reported) return;
    reported = JSON.stringify(parts);
    window.monitor.set("charts-near", { data: parts });
  }

  function reportSoon() {
    if (timer === null) timer = setTimeout(report, 60);
  }

  const watch = new IntersectionObserver(
    (entries) => {
      for (const each of entries) {
        if (each.isIntersecting) visible.add(each.target);
        else visible.delete(each.target);
      }
      reportSoon();
    },
    { rootMargin: `${AHEAD} 0px` },
  );

  new MutationObserver(() => {
    for (const card of document.querySelectorAll(".chart-card")) {
      if (!watched.has(card)) {
        watched.add(card);
        watch.observe(card);
      }
    }
    for (const card of visible) {
      if (!card.isConnected) {
        visible.delete(card);
        reportSoon();
      }
    }
  }).observe(document.documentElement, { childList: true, subtree: true });
})();
