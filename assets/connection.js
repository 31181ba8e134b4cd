/* Shows that the server is unreachable, and since when; detects when it is back. */
(() => {
  const { monitor } = window;
  const SILENCE = 15000; // ms without an answer: a server that hangs is gone, too
  const GONE = [502, 503, 504]; // what a proxy answers in the server's place
  const LEAVING = 5000; // ms in which a page that is being left is gone
  const native = window.fetch;
  const waiting = new Map(); // number of a call -> {since, output}
  const answered = new Set(); // outputs of this page that have had an answer
  let turns = 0; // pages that have come
  let calls = 0;
  let version = null;
  let lostSince = 0;
  let missedPage = false;
  let left = 0; // when this page began to be left

  // Whether a part of the page waits for its first answer; a run that grows fast has callbacks under way at any moment.
  monitor.incomplete = () => [...waiting.values()].some(({ output }) => !answered.has(output));

  monitor.connected = () => !lostSince;

  function show() {
    const notice = document.getElementById("connection");
    if (!notice) return;
    const time = new Date(lostSince).toISOString().slice(11, 19);
    const words = lostSince
      ? `✖ Connection to the server lost since ${time} UTC. What is shown was read before; trying again all the time.`
      : "";
    if (notice.textContent !== words) notice.textContent = words;
    notice.hidden = !words;
  }

  function lost(since) {
    lostSince ||= since;
    show();
  }

  function back() {
    if (!lostSince) return;
    lostSince = 0;
    show();
    checkVersion();
    // The page that was turned to meanwhile never came, and nobody else asks for it again.
    if (missedPage) setTimeout(monitor.reloadPage);
    missedPage = false;
  }

  // All of an answer. Firefox cuts requests off while it leaves a page, and Dash would complain of each: they fail later,
  // when nobody is here any more, or when the page was not left after all (a download).
  async function send(address, options) {
    try {
      const answer = await native(address, options);
      return new Response(answer.status === 204 ? null : await answer.blob(), answer);
    } catch (error) {
      const rest = left + LEAVING - Date.now();
      if (rest > 0) await new Promise((done) => setTimeout(done, rest));
      throw error;
    }
  }

  // A server of another version has other callbacks: this page would not understand them.
  async function checkVersion() {
    try {
      const health = await (await send(`${monitor.basePath()}healthz`)).json();
      if (version && health.version !== version) window.location.reload();
      version = health.version;
    } catch {
      // still gone: the next call retries
    }
  }

  window.fetch = async (address, options) => {
    if (!monitor.isCallback(address)) return send(address, options);
    const body = String(options?.body);
    const call = ++calls;
    const output = monitor.outputOf(body);
    const page = turns;
    waiting.set(call, { since: Date.now(), output });
    try {
      const answer = await send(address, options);
      if (GONE.includes(answer.status)) {
        missedPage ||= monitor.isPageCallback(body);
        lost(Date.now());
      } else back();
      return answer;
    } catch (error) {
      missedPage ||= monitor.isPageCallback(body);
      if (!document.hidden && error.name !== "AbortError") lost(Date.now());
      throw error;
    } finally {
      waiting.delete(call);
      if (monitor.isPageCallback(body)) {
        turns += 1;
        answered.clear();
      } else if (page === turns) answered.add(output);
    }
  };

  for (const event of ["beforeunload", "pagehide"]) {
    window.addEventListener(event, () => {
      left = Date.now();
    });
  }
  // Firefox cuts off scripts, too, and Dash would complain of a part of it that it loads with the first chart.
  window.addEventListener(
    "error",
    (event) => {
      const ofScript = event.target instanceof HTMLScriptElement;
      if (ofScript && Date.now() - left < LEAVING) event.stopImmediatePropagation();
    },
    true,
  );
  setInterval(() => {
    const oldest = Math.min(...[...waiting.values()].map(({ since }) => since));
    if (Date.now() - oldest > SILENCE) lost(oldest);
  }, 1000);
  document.addEventListener("DOMContentLoaded", checkVersion);
})();
