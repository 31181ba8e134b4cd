/* Schedules the live refresh: one request per interval. */
(() => {
  const { monitor } = window;
  const BUSY_LIMIT = 60000; // ms after which a callback without an answer no longer blocks the refresh
  const HIDDEN_PAUSE = 60000; // ms: a hidden tab asks only where desktop notifications are on, at this interval
  let busySince = 0;
  let pulsed = 0;

  monitor.register("live", {
    pulse(tick, _refresh, _run, auto, busy, notify) {
      const requested = monitor.triggers().some((each) => each.prop_id !== "live-tick.n_intervals");
      busySince = busy ? busySince || Date.now() : 0;
      if (!requested && busy && Date.now() - busySince < BUSY_LIMIT) return monitor.noUpdate();
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
})();
