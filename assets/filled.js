/* Shows a page when each of its parts has had its first answer (monitor.css hides it before): they come one after the
   other, and each would move what is below it. */
(() => {
  const { monitor } = window;
  const PAGE = "#_pages_content > :not([data-filled])";
  const LOOK = 40; // ms between two looks
  const QUIET = 3; // looks in a row without a part that waits: what one answer causes is asked within that time
  const LONGEST = 6000; // ms: a part that takes longer may move the others
  let watching = false;

  function framed() {
    return ["frame-header", "frame-notice"].some((id) => document.getElementById(id)?.childElementCount);
  }

  function watch() {
    if (watching) return;
    watching = true;
    let begun = Date.now();
    let page = null;
    let quiet = 0;
    const look = () => {
      const now = document.querySelector(PAGE);
      if (now !== page) {
        [page, begun, quiet] = [now, Date.now(), 0]; // turned to another one meanwhile
      }
      quiet = framed() && !monitor.incomplete() ? quiet + 1 : 0;
      if (page && quiet >= QUIET) page.dataset.filled = "";
      else if (page && Date.now() - begun > LONGEST) page.dataset.filled = "late";
      watching = Boolean(page) && !("filled" in page.dataset);
      if (watching) setTimeout(look, LOOK);
    };
    look();
  }

  new MutationObserver(() => document.querySelector(PAGE) && watch()).observe(document.documentElement, {
    childList: true,
    subtree: true,
  });
})();
