/* The server's stream, which says that a run has another version: the page then asks as at a tick (live.js).
   The tabs of a browser that are visible share one stream, since a browser opens six connections to a server: the tab
   that has been visible longest holds it and passes on what it says. While nothing is heard, the ticks go on. */
(() => {
  const { monitor } = window;
  const PRESENT = 1000; // ms between two signs of life of a tab
  const GONE = 3500; // ms without one after which a tab is no longer counted on
  const ELECTION = 300; // ms in which the other tabs answer one that has become visible
  const SLOWEST = 10000; // ms: so often a page asks at least, since a run grows quiet and stale without any news
  const LASTING = 5000; // ms that a stream lasts until it counts as a good one
  const path = monitor.basePath();
  const channel = window.BroadcastChannel ? new BroadcastChannel(`thalia-monitor ${path}`) : null;
  const id = Math.random();
  const tabs = new Map(); // id of another visible tab -> {since, runs, seen}
  const versions = new Map(); // run -> its version, as the stream said last
  let page = null; // the run and version that this page shows
  let wanted = null; // whether this viewer wants the page to refresh; null before that is known
  let interval = 5000;
  let since = 0; // when this tab became visible, while it takes part
  let heard = 0; // when the stream last said anything, here or in another tab
  let told = 0; // when it last said a version
  let checked = null; // the version that was asked for a second time
  let source = null;
  let query = ""; // what the stream is about; empty where another tab holds it
  let opened = 0;
  let failures = 0;
  let retry = 0;

  function announce(type) {
    channel?.postMessage({ type, id, since, run: page?.run });
  }

  function close() {
    clearTimeout(retry);
    source?.close();
    source = null;
  }

  function open() {
    close();
    if (!query) return;
    opened = Date.now();
    source = new EventSource(`${path}live?${query}`);
    source.addEventListener("version", (event) => pass({ type: "version", ...JSON.parse(event.data) }));
    source.addEventListener("beat", () => pass({ type: "beat" }));
    source.onerror = reopen;
  }

  // Each later than the one before, and all tabs at different times: a server that restarts is not overrun.
  function reopen() {
    close();
    retry = setTimeout(open, (500 + 2000 * Math.random()) * 2 ** Math.min(failures++, 5));
  }

  function pass(message) {
    if (Date.now() - opened > LASTING) failures = 0;
    channel?.postMessage(message);
    hear(message);
  }

  function hear({ type, run, version }) {
    heard = Date.now();
    if (!monitor.connected()) monitor.ask(); // the server is back, and the page does not know yet
    if (type === "version") {
      told = heard;
      const back = versions.get(run) === ""; // it could not be read, and the page says so
      versions.set(run, version);
      if (run === page?.run && (back || version !== page.version)) monitor.ask();
    }
    show();
  }

  function alive() {
    return Boolean(since) && versions.has(page?.run) && Date.now() - heard < 2 * interval;
  }

  // Whether the page says that the run cannot be read, which a stream may have missed that looked before and after.
  function unreadable() {
    return monitor.component("live-standing")?.props.data?.status === "unreadable";
  }

  // Whether a tick may be left out: the stream is heard, and the page shows what it said or has just asked.
  monitor.spares = (asked) => {
    const waited = Date.now() - asked;
    const others = [...document.querySelectorAll("[data-every-tick]")].some((each) => each.checkVisibility());
    if (!alive() || others || unreadable() || !monitor.connected()) return false;
    return waited < 0.9 * interval || (versions.get(page.run) === page.version && waited < SLOWEST);
  };

  function leads() {
    const older = (other) => other.since < since || (other.since === since && other.id < id);
    return Date.now() - since >= ELECTION && ![...tabs.values()].some(older);
  }

  // Hold the stream about all tabs' runs, or leave it to the tab that is here longer.
  function settle() {
    const now = Date.now();
    for (const [key, { seen }] of tabs) if (now - seen > GONE) tabs.delete(key);
    const shown = [page?.run, ...[...tabs.values()].map(({ run }) => run)].filter(Boolean);
    const due = since && leads() ? [...new Set(shown)].sort().slice(0, 16) : [];
    const parts = due.map((run) => `run=${encodeURIComponent(run)}`);
    const next = due.length ? [...parts, `beat=${Math.round(interval / 1000)}`].join("&") : "";
    if (next !== query) {
      query = next;
      failures = 0;
      open();
    } else if (source && now - Math.max(heard, opened) > 2 * interval + LASTING) reopen(); // nothing comes through
    show();
  }

  // Viewers share an answer for up to a second, so that the first one may be older than what the stream said.
  function check() {
    const said = versions.get(page?.run);
    if (!alive() || said === page.version || said === checked || Date.now() - told < PRESENT) return;
    checked = said;
    monitor.ask();
  }

  // A hidden tab, and one that is not to refresh by itself, holds no stream and hears none.
  function update() {
    const takesPart = wanted && !document.hidden && Boolean(page?.run);
    if (takesPart && !since) {
      since = Date.now();
      setTimeout(settle, ELECTION);
    } else if (!takesPart && since) leave();
    if (since) announce("here");
    settle();
    check();
  }

  function leave() {
    announce("gone");
    since = heard = 0;
    tabs.clear();
    versions.clear();
    query = "";
    close();
  }

  if (channel) {
    channel.onmessage = ({ data }) => {
      if (!since) return;
      if (data.type === "gone") tabs.delete(data.id);
      else if (data.type !== "here") return hear(data);
      else {
        const before = tabs.get(data.id);
        tabs.set(data.id, { ...data, seen: Date.now() });
        if (before?.run !== data.run) welcome(data, !before);
      }
      settle();
    };
  }

  // Answer a tab that has just become visible, and say what the stream has said of its run.
  function welcome({ run }, unknown) {
    if (unknown) announce("here");
    if (source && versions.has(run)) channel.postMessage({ type: "version", run, version: versions.get(run) });
  }

  function show() {
    const badge = document.getElementById("push");
    if (!badge || wanted === null) return;
    const live = alive();
    const every = `every ${interval / 1000} s`;
    const words = live ? "connected" : wanted ? every : "paused";
    if (badge.textContent === words) return;
    badge.textContent = words;
    badge.classList.toggle("push-live", live);
    badge.title = live
      ? "New lines are shown as soon as they are written."
      : wanted
        ? `New lines are looked for ${every}.`
        : "New lines are not looked for: auto-refresh is off.";
  }

  document.addEventListener("visibilitychange", update);
  window.addEventListener("pagehide", () => since && leave());
  window.addEventListener("pageshow", update);
  setInterval(update, PRESENT);

  monitor.register("push", {
    follow(version, auto, milliseconds) {
      page = version?.version ? version : null; // there is no stream about a run that cannot be read
      wanted = Boolean(auto);
      interval = milliseconds || interval;
      update();
    },
  });
})();
