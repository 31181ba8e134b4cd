/* Schedules the live refresh, one request per interval, and lets only those answers reach the page that fit what it
   shows. An answer may be a change to the figure that the browser held when it asked. Dash applies it also where
   another answer has changed that figure meanwhile, and fails where the page was left. */
(() => {
  const { monitor } = window;
  const PATIENCE = 60000; // ms after which a request without an answer no longer holds back the next
  const HIDDEN_PAUSE = 60000; // ms: a hidden tab asks only where desktop notifications are on, at this interval
  const TAKEN_IN = 100; // ms in which Dash takes an answer in: another request before that would discard it
  const SENT = 1000; // ms in which Dash sends a request after a pulse
  const send = window.fetch;
  const underWay = new Map(); // number of a request -> when it was sent
  let newest = 0; // number of the last request
  let turning = 0; // pages that are under way
  let turned = 0; // number of the last request that was sent before the page came that is shown
  let pulsed = 0;
  let starting = false; // a pulse whose request has not been sent
  let answered = 0;
  let again = false; // once more after the request under way: its answer is not applied, or too old
  let planned = 0;

  // A request during another makes that one's answer worthless: a server slower than the interval would never be seen.
  function busy() {
    return [...underWay.values()].some((since) => Date.now() - since < PATIENCE);
  }

  // Ask once, as soon as no request is under way.
  monitor.ask = () => {
    clearTimeout(planned);
    planned = setTimeout(
      () => {
        const coming = starting && Date.now() - pulsed < SENT;
        again = !coming && busy();
        if (coming || again) return;
        pulsed = Date.now();
        starting = true;
        monitor.set("live-pulse", { data: pulsed });
      },
      Math.max(0, answered + TAKEN_IN - Date.now()),
    );
  };

  monitor.register("live", {
    pulse(tick, _refresh, _run, auto, notify) {
      const requested = monitor.triggers().some((each) => each.prop_id !== "live-tick.n_intervals");
      if (!requested && (busy() || monitor.spares(pulsed))) return monitor.noUpdate();
      const resting = document.hidden && !(notify && Date.now() - pulsed >= HIDDEN_PAUSE);
      if (!requested && (!auto || resting) && tick) return monitor.noUpdate();
      pulsed = Date.now();
      starting = true;
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

  // Dash looks for a chart where it was when it asked: of a page that is being left, something else is there by then.
  function fits({ charts, notes }, number) {
    const samePage = !turning && number > turned;
    const onPage = samePage && charts.every(({ id }) => monitor.component(id));
    return onPage && notes.every(({ id, value }) => same(value, monitor.component(id)?.props.data));
  }

  async function turnPage(address, options) {
    turning += 1;
    try {
      return await send(address, options);
    } finally {
      turning -= 1;
      turned = newest;
    }
  }

  window.fetch = async (address, options) => {
    const body = String(options?.body);
    if (!monitor.isCallback(address)) return send(address, options);
    if (monitor.isPageCallback(body)) return turnPage(address, options);
    if (!monitor.isRefresh(body)) return send(address, options);
    const question = asked(JSON.parse(body));
    const number = ++newest;
    starting = false;
    underWay.set(number, Date.now());
    let answer;
    try {
      answer = await send(address, options); // all of it: connection.js
    } finally {
      underWay.delete(number);
      answered = Date.now();
    }
    if (!answer.ok) return answer;
    const right = number === newest && fits(question, number);
    again ||= !right;
    if (again && !busy()) monitor.ask();
    return right ? answer : new Response(null, { status: 204 });
  };
})();
