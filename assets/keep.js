/* Keeps where the keyboard is and what is unfolded. Dash 4.2 to 4.4 makes everything below a changed part anew, so
   that each refresh would take both away (plotly/dash#3846; mended there after 4.4.1, and then this file can go). */
(function () {
  "use strict";
  var focus = null, opened = new Map();

  // Where an element is: the nearest id above it, and the way down from there.
  function place(element) {
    var way = [];
    for (var each = element; each && each !== document.body; each = each.parentElement) {
      if (each.id) return {id: each.id, way: way};
      way.unshift(Array.prototype.indexOf.call(each.parentElement.children, each));
    }
    return null;
  }

  function find(place) {
    return place.way.reduce(function (each, index) { return each && each.children[index]; }, document.getElementById(place.id));
  }

  document.addEventListener("focusin", function (event) {
    var where = place(event.target);
    focus = where && {element: event.target, place: where};
  });
  document.addEventListener("focusout", function (event) {
    if (event.target.isConnected && event.relatedTarget) focus = null;
  });
  document.addEventListener("toggle", function (event) {
    var where = event.target.tagName === "DETAILS" && event.target.isConnected && place(event.target);
    if (where && event.target.open) opened.set(JSON.stringify(where), where);
    else if (where) opened.delete(JSON.stringify(where));
  }, true);

  new MutationObserver(function () {
    opened.forEach(function (where) {
      var now = find(where);
      if (now && now.tagName === "DETAILS" && !now.open) now.open = true;
    });
    if (!focus || focus.element.isConnected || document.activeElement !== document.body) return;
    var now = find(focus.place);
    if (now && now.tagName === focus.element.tagName) now.focus({preventScroll: true});
  }).observe(document, {subtree: true, childList: true});
})();
