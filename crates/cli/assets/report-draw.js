// Drawing all charts into the page, and telling what was drawn.

const cpu = gauges(
  [
    ["cpu", "machine"],
    ["process_cpu", "process"],
  ],
  { axis: "{value} %", full: percent },
);
const used = gauges(
  [
    ["memory", "machine"],
    ["process_memory", "process"],
  ],
  {
    axis: (mib) => memory(mib).replace(/\.0+ /, " "),
    full: memory,
    scale: (most) => {
      const interval = memoryStep(most);
      return interval && { interval, max: interval * Math.ceil(most / interval) };
    },
  },
);
const kinds = {
  bands: (c, index, width, height) => bands(c, data.timers[index], width, height),
  distribution: (c, index, width, height) => distribution(c, data.timers[index], width, height),
  outcomes: (c, _, width) => outcomes(c, width),
  cpu: (c, _, width) => cpu(c, width),
  memory: (c, _, width) => used(c, width),
  availability: (c, _, width) => availability(c, width),
  slowest: (c, _, width) => slowest(c, width),
};

// Drawing, and drawing anew when the room, the colours or the medium change.

const charts = [];
const draw = (element) => {
  const { kind, index } = element.dataset;
  const chart = echarts.getInstanceByDom(element) ?? echarts.init(element, null, { renderer: "svg" });
  const [width, height] = [element.clientWidth, element.clientHeight];
  chart.resize({ width, height });
  chart.setOption(kinds[kind](colours(), Number(index ?? 0), width, height), { notMerge: true });
  chart.getZr().flush();
  return chart;
};
const drawAll = () => {
  for (const element of document.querySelectorAll(".chart")) {
    try {
      const chart = draw(element);
      if (!charts.includes(chart)) charts.push(chart);
    } catch (error) {
      window.tachoProblems.push(`${element.id}: ${error.message}`);
    }
  }
  report();
};

// What was really drawn, read back from the charts, for tests.
const report = () => {
  const drawn = charts.map((chart) => {
    const series = chart
      .getModel()
      .getSeries()
      .map((it) => {
        const values = it.getData();
        const shown = values.count()
          ? values
              .mapArray(values.mapDimension(it.getBaseAxis().dim === "y" ? "x" : "y"), (value) => value)
              .filter(Number.isFinite).length
          : 0;
        return { name: it.name, points: shown };
      });
    return { id: chart.getDom().id, series, paths: chart.getDom().querySelectorAll("svg path").length };
  });
  const root = document.documentElement;
  document.getElementById("status").textContent = JSON.stringify({
    problems: window.tachoProblems,
    charts: drawn,
    sideways: root.scrollWidth - root.clientWidth,
    width: root.clientWidth,
  });
};

let waiting = 0;
const soon = () => {
  cancelAnimationFrame(waiting);
  waiting = requestAnimationFrame(drawAll);
};
let width = document.documentElement.clientWidth;
addEventListener("resize", () => {
  if (document.documentElement.clientWidth === width) return;
  width = document.documentElement.clientWidth;
  soon();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", soon);
addEventListener("beforeprint", () => {
  document.documentElement.classList.add("printing");
  drawAll();
});
addEventListener("afterprint", () => {
  document.documentElement.classList.remove("printing");
  soon();
});

localTimes();
drawAll();
