/* Announces new critical findings while the page is in the background: a count in the title, and desktop notes if wanted. */
(() => {
  const { monitor } = window;
  const COUNT = /^\(\d+\) /;
  const DENIED = "This browser was told not to show any for this site.";
  let count = 0;
  let previous = null;

  function updateTitle() {
    const plain = document.title.replace(COUNT, "");
    const title = count ? `(${count}) ${plain}` : plain;
    if (document.title !== title) document.title = title;
  }
  new MutationObserver(updateTitle).observe(document.head, { subtree: true, childList: true, characterData: true });

  function show(name, messages) {
    if (!window.Notification || Notification.permission !== "granted" || document.hasFocus()) return;
    const note = new Notification(`✖ ${name}`, { body: messages.join("\n").slice(0, 500), tag: `thalia-${name}` });
    note.onclick = () => {
      window.focus();
      note.close();
    };
  }

  monitor.register("notifications", {
    update(standing, wanted) {
      if (!standing) return "";
      const criticals = standing.criticals;
      const before = previous?.run === standing.run ? previous.criticals : null;
      const fresh = before ? criticals.filter((each) => !before.includes(each)) : [];
      count = criticals.length;
      updateTitle();
      if (wanted && fresh.length) show(standing.name || "thalia-monitor", fresh);
      previous = standing;
      return count ? criticals.join("\n") : "Nothing is critical.";
    },

    // Browsers ask their user, and only after a click.
    async allow(wanted) {
      if (!wanted) return "";
      if (!window.Notification || !window.isSecureContext) {
        return "This browser shows none here: it wants https, or this very machine.";
      }
      if (Notification.permission === "default") await Notification.requestPermission();
      return Notification.permission === "granted" ? "" : DENIED;
    },
  });
})();
