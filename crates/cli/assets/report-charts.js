// The other charts: outcomes, the machine, availability, the slowest frames.

const legend = (c) => ({
  top: 0,
  left: 0,
  itemWidth: 22,
  itemHeight: 10,
  itemGap: 16,
  textStyle: { color: c.soft, fontSize: 12 },
  inactiveColor: c.rule,
});
// Where the chart begins below a legend, which breaks into lines where it must.
const below = (names, width) => {
  let [lines, used] = [1, 0];
  for (const name of names) {
    const item = name.length * 6.7 + 36;
    if (used > 0 && used + item > width) [lines, used] = [lines + 1, 0];
    used += item;
  }
  return 10 + lines * 22;
};
// Patterns tell the areas apart where colours do not.
const patterns = [
  null,
  { symbol: "rect", dashArrayX: [1, 0], dashArrayY: [1, 7], rotation: Math.PI / 4 },
  {
    symbol: "circle",
    symbolSize: 0.5,
    dashArrayX: [
      [8, 8],
      [0, 8, 8, 0],
    ],
    dashArrayY: [6, 0],
  },
  { symbol: "rect", dashArrayX: [1, 0], dashArrayY: [1, 5], rotation: -Math.PI / 4 },
  { symbol: "rect", dashArrayX: [1, 0], dashArrayY: [1, 5], rotation: 0 },
  { symbol: "rect", dashArrayX: [1, 0], dashArrayY: [1, 5], rotation: Math.PI / 2 },
];
const pattern = (c, index) => {
  const decal = patterns[index % patterns.length];
  return decal && { color: c.page, ...decal };
};

const outcomes = (c, width) => {
  const colour = { idle: c.grey, motion: c.sky, suppressed: c.purple, event: c.green, failed: c.red };
  const all = Object.entries(data.outcomes);
  return {
    ...base(c),
    grid: {
      ...base(c).grid,
      top: below(
        all.map(([name]) => name),
        width,
      ),
    },
    legend: { ...legend(c), icon: "rect", itemWidth: 14 },
    xAxis: timeAxis(c, width),
    yAxis: axis(c, { type: "value", min: 0 }),
    tooltip: {
      ...base(c).tooltip,
      formatter: ([first]) =>
        tip(
          bucketName(first.dataIndex),
          all.map(([name, rates]) => {
            const rate = rates[first.dataIndex];
            return [name, rate == null ? "not running" : `${digits(rate)} / min`];
          }),
        ),
    },
    series: all.map(([name, rates], index) =>
      line(
        name,
        rates,
        { color: colour[name], width: 0.5 },
        {
          stack: "outcomes",
          areaStyle: { opacity: 0.9, decal: pattern(c, index) },
          itemStyle: { color: colour[name], decal: pattern(c, index) },
          ...(index === 0 && { markArea: gapAreas(c) }),
        },
      ),
    ),
  };
};

// Steps that are round in MiB and GiB.
const memoryStep = (most) => {
  const steps = [1, 1024, 1024 ** 2].flatMap((unit) => [1, 2, 5, 10, 20, 50, 100, 200, 500].map((step) => step * unit));
  return steps.find((step) => most / step <= 6);
};
const gauges = (names, unit) => (c, width) => {
  const styles = [
    { color: c.blue, width: 1.6 },
    { color: c.amber, width: 1.4, type: [5, 3] },
  ];
  const known = names.filter(([key]) => data.machine[key].some((value) => value != null));
  const most = Math.max(1, ...known.flatMap(([key]) => data.machine[key]));
  return {
    ...base(c),
    grid: { ...base(c).grid, top: 30 },
    legend: { ...legend(c), itemWidth: 30 },
    xAxis: timeAxis(c, width),
    yAxis: axis(c, {
      type: "value",
      min: 0,
      ...unit.scale?.(most),
      axisLabel: { ...axis(c).axisLabel, formatter: unit.axis },
    }),
    tooltip: {
      ...base(c).tooltip,
      formatter: ([first]) =>
        tip(
          bucketName(first.dataIndex),
          known.map(([key, name]) => {
            const value = data.machine[key][first.dataIndex];
            return [name, value == null ? "not known" : unit.full(value)];
          }),
        ),
    },
    series: known.map(([key, name], index) =>
      line(
        name,
        data.machine[key],
        styles[names.findIndex((it) => it[0] === key)],
        index === 0 ? { markArea: gapAreas(c) } : {},
      ),
    ),
  };
};

const availability = (c, width) => {
  const marks = data.interruptions.filter((it) => it.kind === "stall" || it.kind === "restart");
  const hasRoom = width / Math.max(data.interruptions.length, 1) > 60;
  const gaps = gapAreas(c);
  const label = { show: hasRoom, fontSize: 11, color: c.soft, formatter: (it) => it.name, distance: 2 };
  const namedGaps = { ...gaps, label: { ...label, position: "top" } };
  return {
    ...base(c),
    grid: { ...base(c).grid, top: 22 },
    xAxis: timeAxis(c, width),
    yAxis: axis(c, {
      type: "value",
      min: 0,
      max: 100,
      interval: 50,
      axisLabel: { ...axis(c).axisLabel, formatter: "{value} %" },
    }),
    tooltip: {
      ...base(c).tooltip,
      formatter: ([first]) => {
        const up = data.availability[first.dataIndex];
        return tip(bucketName(first.dataIndex), [["up", up == null ? "not running" : percent(up)]]);
      },
    },
    series: [
      line(
        "up",
        data.availability,
        { color: c.green, width: 1.5 },
        {
          areaStyle: { color: c.green, opacity: 0.15, origin: "start" },
          markArea: namedGaps,
          markLine: {
            silent: true,
            symbol: ["none", "none"],
            label,
            data: marks.map((it) => ({
              name: it.kind,
              xAxis: millis(it.from),
              lineStyle: {
                color: it.kind === "stall" ? c.red : c.soft,
                type: it.kind === "stall" ? "solid" : "dashed",
                width: 1,
              },
            })),
          },
        },
      ),
    ],
  };
};

const slowest = (c, width) => {
  const frames = data.slowest;
  const hues = [c.blue, c.amber, c.green, c.purple, c.sky, c.red, c.yellow, c.grey];
  const names = data.slowest_stages;
  const series = names.map((stage, index) => ({
    name: stage.text,
    type: "bar",
    stack: "frame",
    barMaxWidth: 14,
    itemStyle: {
      color: stage.between ? c.rule : hues[index % hues.length],
      decal: stage.between ? null : pattern(c, index),
    },
    emphasis: { disabled: true },
    data: frames.map((frame) => frame.stages[index]),
  }));
  // One frame that hung must not press all others flat.
  const [longest, next] = frames.map((frame) => frame.ms);
  const breaks = next && longest > 2.5 * next ? [{ start: next * 1.1, end: longest * 0.985, gap: "3%" }] : [];
  const title = (frame) =>
    width < 560
      ? `${frame.rank}`
      : `${frame.rank}   ${moment.format(new Date(millis(frame.start)))}   ${frame.outcome}`;
  return {
    ...base(c),
    grid: {
      ...base(c).grid,
      top: below(
        names.map((stage) => stage.text),
        width,
      ),
    },
    legend: { ...legend(c), itemWidth: 14, data: names.map((stage) => stage.text) },
    xAxis: axis(c, {
      type: "value",
      breaks,
      breakArea: { expandOnClick: false, itemStyle: { color: c.page, opacity: 1, borderColor: c.soft } },
      axisLabel: { ...axis(c).axisLabel, formatter: (ms) => short(ms) },
    }),
    yAxis: axis(c, {
      type: "category",
      inverse: true,
      data: frames.map(title),
      splitLine: { show: false },
      axisLabel: { ...axis(c).axisLabel, interval: 0 },
    }),
    tooltip: {
      ...base(c).tooltip,
      axisPointer: { type: "shadow" },
      formatter: ([first]) => {
        const frame = frames[first.dataIndex];
        const rows = names.map((stage, index) => [stage.text, frame.stages[index]]).filter(([, ms]) => ms > 0);
        return tip(`${clock.format(new Date(millis(frame.start)))}, frame ${frame.number}`, [
          ...rows.map(([name, ms]) => [name, duration(ms)]),
          ["in all", duration(frame.ms)],
        ]);
      },
    },
    series,
  };
};
