/* A display on the wall (?wall=1): scaled to the screen, awake, and turning its pages (&cycle=SECONDS). */
(() => {
  const { monitor } = window;
  const query = monitor.address.query();
  if (query.get("wall") !== "1") return;
  const WIDTH = 1280; // px that the page is laid out for
  const PART = 20; // seconds that each part of a page longer than the screen is shown, where pages are not turned
  const cycling = Number(query.get("cycle")) > 0;
  const seconds = cycling ? Math.max(2, Number(query.get("cycle"))) : PART;
  let turned = performance.now();

  // Enlarged by type and spaces, and charts by their layout (view.js): under CSS zoom Plotly measures wrongly.
  function scale() {
    const factor = Math.min(4, Math.max(1, Math.round((4 * window.innerWidth) / WIDTH) / 4));
    document.documentElement.style.setProperty("--by", factor);
  }

  async function stayAwake() {
    if (!navigator.wakeLock || document.hidden) return;
    try {
      await navigator.wakeLock.request("screen");
    } catch {
      // the browser may refuse a wake lock
    }
  }

  function turnPage() {
    const connected = document.getElementById("connection").hidden;
    const links = [...document.querySelectorAll(".links a.on-wall")].map((link) => link.getAttribute("href"));
    window.scrollTo({ top: 0, behavior: "instant" });
    if (!cycling || !connected || !links.length) return;
    const next = links[(links.indexOf(window.location.pathname) + 1) % links.length];
    monitor.set("location", { pathname: next, search: `?wall=1&cycle=${seconds}` });
  }

  // A page longer than the screen is shown a screen at a time: nobody is there to scroll.
  function advance() {
    const root = document.documentElement;
    const below = root.scrollHeight - root.scrollTop - window.innerHeight;
    if (below > 40) window.scrollBy({ top: 0.9 * window.innerHeight, behavior: "instant" });
    else turnPage();
  }

  scale();
  document.addEventListener("DOMContentLoaded", stayAwake);
  window.addEventListener("resize", scale);
  document.addEventListener("visibilitychange", stayAwake);
  setInterval(() => {
    if (performance.now() - turned < 1000 * seconds || document.hidden) return;
    turned = performance.now();
    advance();
  }, 200);
})();
