/* Schedules the live refresh, one request per interval, and lets only those answers reach the page that fit what it
   shows. An answer may be a change to the figure that the browser held when it asked. Dash applies it also where
   another answer has changed that figure meanwhile, and fails where the page was left. */
(() => {
  const { monitor } = window;
  const PATIENCE = 60000; // ms after which a request without an answer no longer holds back the next
  const HIDDEN_PAUSE = 60000; // ms: a hidden tab asks only where desktop notifications are on, at this interval
  const send = window.fetch;
  const underWay = new Map(); // number of a request -> when it was sent
  let newest = 0; // number of the last request
  let pulsed = 0;
  let dropped = false; // what was in an answer that was not applied is asked for once more

  // A request during another makes that one's answer worthless: a server slower than the interval would never be seen.
  function busy() {
    return [...underWay.values()].some((since) => Date.now() - since < PATIENCE);
  }

  monitor.register("live", {
    pulse(tick, _refresh, _run, auto, notify) {
      const requested = monitor.triggers().some((each) => each.prop_id !== "live-tick.n_intervals");
      if (!requested && busy()) return monitor.noUpdate();
      const resting = document.hidden && !(notify && Date.now() - pulsed >= HIDDEN_PAUSE);
      if (!requested && (!auto || resting) && tick) return monitor.noUpdate();
      pulsed = Date.now();
      return pulsed;
    },

    interval(seconds) {
      const chosen = Number(seconds);
      return chosen >= 1 && chosen <= 30 ? chosen * 1000 : monitor.noUpdate();
    },
  });

  // The charts that a request is about, and what the server wrote down of each when it drew it.
  function asked({ outputs, state }) {
    const charts = outputs.flat().filter(({ id }) => id.type === "chart");
    const notes = (state || []).flat().filter(({ id, property }) => id.type === "drawn" && property === "data");
    return { charts, notes };
  }

  function same(one, other) {
    return JSON.stringify(one ?? null) === JSON.stringify(other ?? null);
  }

  function fits({ charts, notes }) {
    const onPage = charts.every(({ id }) => monitor.component(id));
    return onPage && notes.every(({ id, value }) => same(value, monitor.component(id)?.props.data));
  }

  window.fetch = async (address, options) => {
    const body = String(options?.body);
    if (!monitor.isCallback(address) || !monitor.isRefresh(body)) return send(address, options);
    const question = asked(JSON.parse(body));
    const number = ++newest;
    underWay.set(number, Date.now());
    let answer;
    try {
      answer = await send(address, options);
    } finally {
      underWay.delete(number);
    }
    if (!answer.ok) return answer;
    const right = number === newest && fits(question);
    dropped ||= !right;
    if (dropped && !busy()) {
      dropped = false;
      setTimeout(() => monitor.set("live-pulse", { data: Date.now() }));
    }
    return right ? answer : new Response(null, { status: 204 });
  };
})();
