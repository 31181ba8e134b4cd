/* Saves a chart as an image for paper: on white, in the figure's own colours, at twice the size on screen. */
(() => {
  function escaped(text) {
    return text.replace(/&/g, "&amp;").replace(/</g, "&lt;");
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-save]");
    const card = button?.closest(".chart-card");
    const plot = card?.querySelector(".js-plotly-plot");
    if (!plot?.data) return;
    const name = card.querySelector(".card-name").textContent;
    const size = { width: plot.clientWidth, height: plot.clientHeight + 30 };
    const legend = plot.querySelector(".infolayer .legend .bg");
    const layout = {
      ...plot.layout,
      ...size,
      paper_bgcolor: "#fff",
      plot_bgcolor: "#fff",
      margin: { ...plot.layout.margin, t: 38 + Number(legend?.getAttribute("height") ?? 0) },
      title: {
        text: escaped(name),
        font: { size: 14 },
        x: 0.02,
        xanchor: "left",
        yref: "container",
        y: 1 - 8 / size.height,
        yanchor: "top",
      },
    };
    const filename = name.replace(/[^A-Za-z0-9]+/g, "_");
    window.Plotly.downloadImage(
      { data: plot.data, layout },
      { format: button.dataset.save, scale: 2, filename, ...size },
    );
  });
})();
