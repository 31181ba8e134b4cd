/* Tracks the charts on the screen and close to it: the first are followed, the others drawn in advance. */
(() => {
  const MARGIN = "50%"; // of the window's height, below and above: what is close to the screen
  const SOON = 60; // ms until charts that have come on or close to the screen are reported
  const LATER = 1500; // ms until those that have left are: the page asks at a report, and only an answer for more is used
  const onScreen = new Set();
  const nearby = new Set();
  const watched = new WeakSet();
  let reported = []; // [kind, name] of each chart on the screen, [kind, name, "ahead"] of those close to it
  let soon = null;
  let later = null;

  function partOf(card) {
    const id = JSON.parse(card.querySelector(".chart").id);
    return onScreen.has(card) ? [id.kind, id.name] : [id.kind, id.name, "ahead"];
  }

  // In the order of the page, so that viewers of the same charts ask the same.
  function parts() {
    return [...document.querySelectorAll(".chart-card")].filter((card) => nearby.has(card)).map(partOf);
  }

  // Whether a report of one part asks for all that the other does.
  function covers(one, other) {
    return one[0] === other[0] && one[1] === other[1] && one.length <= other.length;
  }

  function report() {
    reported = parts();
    window.monitor.set("charts-near", { data: reported });
  }

  function look() {
    soon = null;
    clearTimeout(later);
    const now = parts();
    if (!now.every((part) => reported.some((each) => covers(each, part)))) report();
    else if (JSON.stringify(now) !== JSON.stringify(reported)) later = setTimeout(report, LATER);
  }

  function lookSoon() {
    if (soon === null) soon = setTimeout(look, SOON);
  }

  function observer(cards, rootMargin) {
    const note = (entries) => {
      for (const each of entries) {
        if (each.isIntersecting) cards.add(each.target);
        else cards.delete(each.target);
      }
      lookSoon();
    };
    return new IntersectionObserver(note, { rootMargin });
  }

  const observers = [observer(onScreen, "0px"), observer(nearby, `${MARGIN} 0px`)];

  new MutationObserver(() => {
    for (const card of document.querySelectorAll(".chart-card")) {
      if (!watched.has(card)) {
        watched.add(card);
        for (const each of observers) each.observe(card);
      }
    }
    for (const card of nearby) {
      if (!card.isConnected) {
        nearby.delete(card);
        onScreen.delete(card);
        lookSoon();
      }
    }
  }).observe(document.documentElement, { childList: true, subtree: true });
})();
