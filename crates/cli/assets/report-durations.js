// What all charts have in common, and the two kinds of them that show durations: over time, and by percentile.

const colours = () => {
  const style = getComputedStyle(document.documentElement);
  return new Proxy({}, { get: (_, name) => style.getPropertyValue(`--${name}`).trim() });
};
const base = (c) => ({
  animation: false,
  aria: { enabled: false },
  textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, color: c.ink },
  grid: { left: 4, right: 14, top: 12, bottom: 4, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
  tooltip: {
    trigger: "axis",
    confine: true,
    transitionDuration: 0,
    backgroundColor: c.page,
    borderColor: c.rule,
    textStyle: { color: c.ink, fontSize: 12 },
    axisPointer: { lineStyle: { color: c.soft } },
  },
});
const axis = (c, more) => ({
  axisLine: { show: false },
  axisTick: { show: false },
  axisLabel: { color: c.soft, fontSize: 11, hideOverlap: true },
  splitLine: { lineStyle: { color: c.faint } },
  ...more,
});
const timeAxis = (c, width) => {
  const labels = axis(c).axisLabel;
  return axis(c, {
    type: "time",
    min: millis(data.start),
    max: millis(data.end),
    splitNumber: Math.max(2, Math.round(width / 110)),
    splitLine: { show: false },
    axisLine: { show: true, lineStyle: { color: c.rule } },
    axisLabel: { ...labels, showMinLabel: false, showMaxLabel: false },
  });
};
const gapAreas = (c) => ({
  silent: true,
  itemStyle: { color: c.gap },
  label: { show: false },
  data: data.interruptions
    .filter((it) => it.kind === "outage" || it.kind === "suspended")
    .map((it) => [{ name: it.kind, xAxis: millis(it.from) }, { xAxis: millis(it.to) }]),
});
// A point between two gaps has no line to be seen by.
const points = (values, at) =>
  values.map((value, index) => {
    const alone = value != null && values[index - 1] == null && values[index + 1] == null;
    const item = { value: [at[index], value] };
    return alone ? { ...item, symbol: "circle", symbolSize: 4 } : item;
  });
const line = (name, values, style, more, at = times) => ({
  name,
  type: "line",
  symbol: "none",
  showAllSymbol: true,
  data: points(values, at),
  lineStyle: { width: 1.5, ...style },
  itemStyle: { color: style.color },
  emphasis: { disabled: true },
  ...more,
});

// Durations go from microseconds to minutes, so they are drawn as logarithms, with marks at 1, 2 and 5.

const log = (ms) => (ms == null ? null : Math.log10(Math.max(ms, 1e-4)));
const durationAxis = (c, values, height) => {
  const known = values.filter((value) => value != null);
  let low = Math.min(...known) - 0.04;
  let high = Math.max(...known) + 0.04;
  const least = 0.3;
  if (!known.length) [low, high] = [0, 1];
  if (high - low < least) [low, high] = [(low + high - least) / 2, (low + high + least) / 2];
  const steps = [[1], [1, 3], [1, 2, 5], [1, 1.5, 2, 3, 5, 7]];
  const marks = (parts) => {
    const all = [];
    for (let decade = Math.floor(low); decade <= high; decade += 1) {
      for (const part of parts) all.push(decade + Math.log10(part));
    }
    return all.filter((mark) => mark >= low && mark <= high);
  };
  const room = Math.max(3, height / 24);
  const best =
    steps
      .map(marks)
      .filter((all) => all.length <= room)
      .pop() ?? [];
  return axis(c, {
    type: "value",
    min: low,
    max: high,
    axisLabel: {
      ...axis(c).axisLabel,
      customValues: best,
      formatter: (value) => short(Number((10 ** value).toPrecision(2))),
    },
    axisTick: { show: false, customValues: best },
    splitLine: { lineStyle: { color: c.faint }, customValues: best },
  });
};
const limitLines = (c, timer) => ({
  silent: true,
  symbol: "none",
  lineStyle: { color: c.red, type: "dotted", width: 1.5 },
  label: { position: "insideStartTop", color: c.red, fontSize: 11, formatter: (it) => it.name },
  data: timer.limits.map((it) => ({ name: it.text, yAxis: log(it.ms) })),
});

const bands = (c, timer, width, height) => {
  const [p50, p95, max] = ["p50", "p95", "max"].map((name) => timer[name].map(log));
  const above = (upper, lower) => upper.map((value, index) => (value == null ? null : value - lower[index]));
  const stack = { stack: "bands", stackStrategy: "all" };
  const at = timer.at.map((bucket) => millis(data.origin + bucket * timer.bucket_s));
  const limits = timer.limits.map((it) => log(it.ms));
  const reach = Math.max(...max.filter((value) => value != null));
  const shown = limits.filter((limit) => limit < reach + 0.5);
  return {
    ...base(c),
    xAxis: timeAxis(c, width),
    yAxis: durationAxis(c, [...p50, ...max, ...shown], height),
    tooltip: {
      ...base(c).tooltip,
      formatter: ([first]) => {
        const bucket = first.dataIndex;
        const title = between(at[bucket], timer.bucket_s);
        if (timer.p50[bucket] == null) return tip(title, [["no samples", ""]]);
        const rows = ["p50", "p95", "max"].map((name) => [name, duration(timer[name][bucket])]);
        return tip(title, [...rows, ["samples", timer.samples[bucket].toLocaleString()]]);
      },
    },
    series: [
      line(
        "p50",
        p50,
        { color: c.blue, width: 1.8 },
        { ...stack, markArea: gapAreas(c), markLine: limitLines(c, timer) },
        at,
      ),
      line(
        "p95",
        above(p95, p50),
        { color: c.blue, width: 1.2, type: [4, 3] },
        { ...stack, areaStyle: { color: c["band-1"] } },
        at,
      ),
      line("max", above(max, p95), { color: c.blue, width: 0.6 }, { ...stack, areaStyle: { color: c["band-2"] } }, at),
    ],
  };
};

// The percentile axis: equal room for each further nine.

const distribution = (c, timer, width, height) => {
  const { nines, ms } = timer.distribution;
  const last = Math.max(nines.at(-1) ?? 1, 1);
  const marks = [0, ...(width / last > 90 ? [Math.log10(2)] : [])];
  for (let nine = 1; nine <= last; nine += 1) marks.push(nine);
  const name = (nine) => `${Number((100 * (1 - 10 ** -nine)).toFixed(Math.max(0, Math.round(nine) - 2)))}`;
  const values = ms.map(log);
  const limits = timer.limits.map((it) => log(it.ms)).filter((limit) => limit < Math.max(...values) + 0.5);
  return {
    ...base(c),
    xAxis: axis(c, {
      type: "value",
      min: 0,
      max: last,
      axisLine: { show: true, lineStyle: { color: c.rule } },
      axisLabel: { ...axis(c).axisLabel, customValues: marks, formatter: (nine) => `${name(nine)}%` },
      axisTick: { show: false, customValues: marks },
      splitLine: { lineStyle: { color: c.faint }, customValues: marks },
    }),
    yAxis: durationAxis(c, [...values, ...limits], height),
    tooltip: {
      ...base(c).tooltip,
      formatter: ([first]) => {
        const at = first.dataIndex;
        const share = 100 * (1 - 10 ** -nines[at]);
        return tip(at === nines.length - 1 ? "the longest" : `${Number(share.toPrecision(6))} % took at most`, [
          [duration(ms[at]), ""],
        ]);
      },
    },
    series: [
      {
        name: "duration",
        type: "line",
        symbol: values.length > 1 ? "none" : "circle",
        data: values.map((value, index) => [nines[index], value]),
        lineStyle: { color: c.blue, width: 1.8 },
        itemStyle: { color: c.blue },
        emphasis: { disabled: true },
        markLine: limitLines(c, { limits: timer.limits.map((it) => ({ ...it, text: "" })) }),
      },
    ],
  };
};
