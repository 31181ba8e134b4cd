/* Saves a chart: as an image for paper, on white in the figure's own colours at twice the size on screen, or the points
   that are drawn as a table. */
(() => {
  function escaped(text) {
    return text.replace(/&/g, "&amp;").replace(/</g, "&lt;");
  }

  // A spreadsheet takes a text that begins like this for a formula.
  function cell(value) {
    const text = String(value ?? "");
    const harmless = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
    return /[",\r\n]/.test(harmless) ? `"${harmless.replace(/"/g, '""')}"` : harmless;
  }

  function table(plot) {
    const rows = [["series", "x", "y", "text"]];
    for (const trace of plot.data) {
      const { x, y, base, hovertext, text = [], name = "", visible = true } = trace;
      if (visible !== true) continue;
      const words = hovertext ?? text;
      for (const [place, value] of x.entries()) {
        const at = base ? base[place] : value;
        if (at !== null) rows.push([name, at, y[place], words[place]?.replace(/<br>/g, ", ")]);
      }
    }
    return `${rows.map((row) => row.map(cell).join(",")).join("\r\n")}\r\n`;
  }

  function saveTable(plot, filename) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([table(plot)], { type: "text/csv" }));
    link.download = `${filename}.csv`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-save]");
    const card = button?.closest(".chart-card");
    const plot = card?.querySelector(".js-plotly-plot");
    if (!plot?.data) return;
    const name = card.querySelector(".card-name").textContent;
    const filename = name.replace(/[^A-Za-z0-9]+/g, "_");
    if (button.dataset.save === "csv") {
      saveTable(plot, filename);
      return;
    }
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
    window.Plotly.downloadImage(
      { data: plot.data, layout },
      { format: button.dataset.save, scale: 2, filename, ...size },
    );
  });
})();
