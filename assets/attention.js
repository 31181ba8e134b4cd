/* Calls for attention where nobody looks at the page: a count in the title, and notes on the desktop if asked for. */
(function () {
  "use strict";
  var count = 0, told = null;
  var PREFIX = /^\(\d+\) /;

  function entitle() {
    var title = document.title.replace(PREFIX, "");
    if (count) title = "(" + count + ") " + title;
    if (document.title !== title) document.title = title;
  }
  new MutationObserver(entitle).observe(document.head, {subtree: true, childList: true, characterData: true});

  function note(name, messages) {
    if (!window.Notification || Notification.permission !== "granted" || document.hasFocus()) return;
    var note = new Notification("✖ " + name, {body: messages.join("\n").slice(0, 500), tag: "thalia-" + name});
    note.onclick = function () { window.focus(); note.close(); };
  }

  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    attention: {
      tell: function (stood, wanted) {
        if (!stood) return "";
        var now = stood.criticals, before = told && told.run === stood.run ? told.criticals : null;
        count = now.length;
        entitle();
        var fresh = before ? now.filter(function (each) { return before.indexOf(each) < 0; }) : [];
        if (wanted && fresh.length) note(stood.name || "thalia-monitor", fresh);
        told = stood;
        return count ? now.join("\n") : "Nothing is critical.";
      },
      // Browsers ask their user, and only after a click.
      allow: function (wanted) {
        if (!wanted) return "";
        if (!window.Notification || !window.isSecureContext) return "This browser shows none here: it wants https, or this very machine.";
        if (Notification.permission === "granted") return "";
        if (Notification.permission === "denied") return "This browser was told not to show any for this site.";
        return Notification.requestPermission().then(function (answer) {
          return answer === "granted" ? "" : "This browser was told not to show any for this site.";
        });
      }
    }
  });
})();
