/* Lets only those answers reach the charts that fit what they show. An answer may be a change to the figure that the
   browser held when it asked. Dash applies it also where another answer has changed that figure meanwhile, and fails
   where the page was left. */
(() => {
  const { monitor } = window;
  const send = window.fetch;
  let newest = 0; // number of the last question about charts
  let waiting = 0;
  let dropped = false; // what an answer had besides the charts is asked for again once none is under way

  function questionAbout(body) {
    if (!body.includes('\\"chart\\"')) return null;
    const { outputs, state } = JSON.parse(body);
    const charts = outputs.flat().filter(({ id }) => id.type === "chart");
    const notes = (state || []).flat().filter(({ id, property }) => id.type === "drawn" && property === "data");
    return charts.length ? { charts, notes } : null;
  }

  // What the server wrote down of a chart when it drew it, as text.
  function note(value) {
    return JSON.stringify(value ?? null);
  }

  function fits({ charts, notes }) {
    const onPage = charts.every(({ id }) => monitor.component(id));
    return onPage && notes.every(({ id, value }) => note(value) === note(monitor.component(id)?.props.data));
  }

  window.fetch = async (address, options) => {
    const question = monitor.isCallback(address) ? questionAbout(String(options?.body)) : null;
    if (!question) return send(address, options);
    const number = ++newest;
    waiting += 1;
    let answer;
    try {
      answer = await send(address, options);
    } finally {
      waiting -= 1;
    }
    if (!answer.ok) return answer;
    const right = number === newest && fits(question);
    dropped ||= !right;
    if (dropped && !waiting) {
      dropped = false;
      setTimeout(() => monitor.set("live-pulse", { data: Date.now() }));
    }
    return right ? answer : new Response(null, { status: 204 });
  };
})();
