/* Tracks the charts on the screen and close to it: the first are followed, the others drawn in advance. */
(() => {
  const MARGIN = "50%"; // of the window's height, below and above: what is close to the screen
  const onScreen = new Set();
  const close = new Set();
  const watched = new WeakSet();
  let reported = "[]";
  let timer = null;

  function partOf(card) {
    const id = JSON.parse(card.querySelector(".chart").id);
    return onScreen.has(card) ? [id.kind, id.name] : [id.kind, id.name, "ahead"];
  }

  function report() {
    timer = null;
    // In the order of the page, so that viewers of the same charts ask the same.
    const parts = [...document.querySelectorAll(".chart-card")].filter((card) => close.has(card)).map(partOf);
    if (JSON.stringify(parts) === reported) return;
    reported = JSON.stringify(parts);
    window.monitor.set("charts-near", { data: parts });
  }

  function reportSoon() {
    if (timer === null) timer = setTimeout(report, 60);
  }

  function observer(cards, rootMargin) {
    const note = (entries) => {
      for (const each of entries) {
        if (each.isIntersecting) cards.add(each.target);
        else cards.delete(each.target);
      }
      reportSoon();
    };
    return new IntersectionObserver(note, { rootMargin });
  }

  const observers = [observer(onScreen, "0px"), observer(close, `${MARGIN} 0px`)];

  new MutationObserver(() => {
    for (const card of document.querySelectorAll(".chart-card")) {
      if (!watched.has(card)) {
        watched.add(card);
        for (const each of observers) each.observe(card);
      }
    }
    for (const card of close) {
      if (!card.isConnected) {
        close.delete(card);
        onScreen.delete(card);
        reportSoon();
      }
    }
  }).observe(document.documentElement, { childList: true, subtree: true });
})();
