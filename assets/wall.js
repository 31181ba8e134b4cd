/* A display on the wall (?wall=1): scaled to the screen, awake, and turning its pages (&cycle=SECONDS). */
(function () {
  "use strict";
  var WIDTH = 1280; // what the page is laid out for
  var asked = new URLSearchParams(window.location.search);
  if (asked.get("wall") !== "1") return;
  var LOOK = 20; // seconds that each part of a page that is longer than the screen is shown, if its pages are not turned
  var cycling = Number(asked.get("cycle")) > 0, seconds = cycling ? Math.max(2, Number(asked.get("cycle"))) : LOOK;
  var turned = performance.now();

  // Made larger by its type and spaces, and charts by their layout (view.js): under CSS zoom Plotly measures wrongly.
  function scale() {
    var by = Math.min(4, Math.max(1, Math.round(4 * window.innerWidth / WIDTH) / 4));
    document.documentElement.style.setProperty("--by", by);
  }

  function awake() {
    if (navigator.wakeLock && !document.hidden) navigator.wakeLock.request("screen").catch(function () { /* it is the viewer's to allow */ });
  }

  function pages() {
    return Array.from(document.querySelectorAll(".links a.on-wall")).map(function (link) { return link.getAttribute("href"); });
  }

  // A page that is longer than the screen is shown a screen at a time: nobody is there to scroll.
  function turn() {
    var root = document.documentElement;
    if (root.scrollTop + window.innerHeight < root.scrollHeight - 40) {
      window.scrollBy({top: 0.9 * window.innerHeight, behavior: "instant"});
      return;
    }
    var all = cycling && document.getElementById("connection").hidden ? pages() : [], here = all.indexOf(window.location.pathname);
    window.scrollTo({top: 0, behavior: "instant"});
    if (all.length) window.dash_clientside.set_props("location", {pathname: all[(here + 1) % all.length], search: "?wall=1&cycle=" + seconds});
  }

  scale();
  document.addEventListener("DOMContentLoaded", awake);
  window.addEventListener("resize", scale);
  document.addEventListener("visibilitychange", awake);
  setInterval(function () {
    if (performance.now() - turned < 1000 * seconds || document.hidden) return;
    turned = performance.now();
    turn();
  }, 200);
})();
