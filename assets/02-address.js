/* Reading and writing the query of the page's address; commas stay commas, so that a person can read it. */
window.monitor.isComparison = () => /\/compare\/?$/.test(window.location.pathname);

window.monitor.address = {
  query() {
    return new URLSearchParams(window.location.search);
  },

  // The present address with other parameters; an empty value removes a parameter.
  with(changes) {
    const query = window.monitor.address.query();
    for (const [key, value] of Object.entries(changes)) {
      if (value === undefined || value === null || value === "" || value === false) query.delete(key);
      else query.set(key, String(value));
    }
    const text = query.toString().replace(/%2C/g, ",");
    return window.location.pathname + (text ? `?${text}` : "") + window.location.hash;
  },

  // A name in a list of names: only what means something there is escaped (in_address in Python).
  listed(names) {
    const escaped = (name) => (name === "none" ? "%6Eone" : name.replace(/[%,]/g, encodeURIComponent));
    return (names || []).map(escaped).join(",");
  },

  replace(changes) {
    window.history.replaceState(window.history.state, "", window.monitor.address.with(changes));
  },
};
