/* Updates every "4 min 12 s ago" between two server responses, and writes times of day in the reader's zone. */
(() => {
  const shown = new WeakMap(); // element -> the age that the server sent, and when it was seen here

  function inWords(age) {
    const seconds = Math.max(0, Math.floor(age));
    if (seconds < 1) return "just now";
    const d = Math.floor(seconds / 86400);
    const h = Math.floor(seconds / 3600) % 24;
    const m = Math.floor(seconds / 60) % 60;
    const s = seconds % 60;
    if (d) return `${d} d ${h} h ago`;
    if (h) return `${h} h ${m} min ago`;
    if (m) return `${m} min ${s} s ago`;
    return `${s} s ago`;
  }

  // The server sends an age, not a clock time to subtract from: the viewer's clock may be wrong.
  function update() {
    for (const element of document.querySelectorAll("[data-age]")) {
      const age = element.dataset.age;
      if (shown.get(element)?.age !== age) shown.set(element, { age, since: performance.now() });
      const words = inWords(Number(age) + (performance.now() - shown.get(element).since) / 1000);
      if (element.textContent !== words) element.textContent = words;
    }
  }

  function local(time) {
    const when = new Date(time.dateTime);
    const clock = when.toLocaleTimeString("en-GB", { timeZoneName: "short" });
    const today = when.toDateString() === new Date().toDateString();
    return today ? clock : `${when.toLocaleDateString("en-GB", { dateStyle: "medium" })}, ${clock}`;
  }

  function writeTimes() {
    for (const time of document.querySelectorAll("time[datetime]")) {
      const words = local(time);
      if (time.textContent !== words) time.textContent = words;
    }
  }

  new MutationObserver(writeTimes).observe(document, {
    childList: true,
    subtree: true,
    attributeFilter: ["datetime"],
  });
  setInterval(() => {
    update();
    writeTimes(); // at midnight a time gets its date
  }, 1000);
})();
