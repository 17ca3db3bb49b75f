"use strict";
// Draws the charts of a report from the data block of the page. The page can be read without this.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const millis = (seconds) => seconds * 1000;
  const times = data.time.map(millis);

  // Numbers and times as people read them.

  const digits = (value) => {
    const size = Math.abs(value);
    return value.toFixed(size < 9.995 ? 2 : size < 99.95 ? 1 : 0);
  };
  const duration = (ms) => {
    if (ms > 0 && ms < 0.9995) return `${digits(ms * 1e3)} µs`;
    if (ms < 999.5) return `${digits(ms)} ms`;
    if (ms < 3.6e6) return `${digits(ms / 1e3)} s`;
    return `${digits(ms / 3.6e6)} h`;
  };
  const short = (ms) => duration(ms).replace(/(\.\d*?)0+ /, "$1 ").replace(". ", " ");
  const memory = (mib) => (mib < 1023.5 ? `${digits(mib)} MiB` : `${digits(mib / 1024)} GiB`);
  const percent = (value) => `${digits(value)} %`;
  const clock = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
  const moment = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit" });
  const between = (middle, seconds) => moment.formatRange(new Date(middle - seconds * 500), new Date(middle + seconds * 500));
  const bucketName = (index) => between(times[index], data.bucket_s);

  const localTimes = () => {
    for (const element of document.querySelectorAll("time[datetime]")) {
      element.textContent = clock.format(new Date(element.dateTime));
    }
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    for (const element of document.querySelectorAll(".zone")) element.textContent = zone;
  };

  // Text goes into a tooltip as text: a name in the log cannot bring markup along.
  const tip = (title, rows) => {
    const box = document.createElement("div");
    box.className = "tip";
    box.append(Object.assign(document.createElement("b"), { textContent: title }));
    for (const [name, value] of rows) {
      const row = document.createElement("div");
      for (const textContent of [name, value]) row.append(Object.assign(document.createElement("span"), { textContent }));
      box.append(row);
    }
    return box;
  };

  // What all charts have in common.

  const colours = () => {
    const style = getComputedStyle(document.documentElement);
    return new Proxy({}, { get: (_, name) => style.getPropertyValue(`--${name}`).trim() });
  };
  const base = (c, width) => ({
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
    width,
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
    const best = steps.map(marks).filter((all) => all.length <= room).pop() ?? [];
    return axis(c, {
      type: "value",
      min: low,
      max: high,
      axisLabel: { ...axis(c).axisLabel, customValues: best, formatter: (value) => short(Number((10 ** value).toPrecision(2))) },
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
        line("p50", p50, { color: c.blue, width: 1.8 }, { ...stack, markArea: gapAreas(c), markLine: limitLines(c, timer) }, at),
        line("p95", above(p95, p50), { color: c.blue, width: 1.2, type: [4, 3] }, { ...stack, areaStyle: { color: c["band-1"] } }, at),
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
          return tip(at === nines.length - 1 ? "the longest" : `${Number(share.toPrecision(6))} % took at most`, [[duration(ms[at]), ""]]);
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

  const legend = (c) => ({ top: 0, left: 0, itemWidth: 22, itemHeight: 10, itemGap: 16, textStyle: { color: c.soft, fontSize: 12 }, inactiveColor: c.rule });
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
    { symbol: "circle", symbolSize: 0.5, dashArrayX: [[8, 8], [0, 8, 8, 0]], dashArrayY: [6, 0] },
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
      grid: { ...base(c).grid, top: below(all.map(([name]) => name), width) },
      legend: { ...legend(c), icon: "rect", itemWidth: 14 },
      xAxis: timeAxis(c, width),
      yAxis: axis(c, { type: "value", min: 0 }),
      tooltip: {
        ...base(c).tooltip,
        formatter: ([first]) => tip(bucketName(first.dataIndex), all.map(([name, rates]) => {
          const rate = rates[first.dataIndex];
          return [name, rate == null ? "not running" : `${digits(rate)} / min`];
        })),
      },
      series: all.map(([name, rates], index) => line(name, rates, { color: colour[name], width: 0.5 }, {
        stack: "outcomes",
        areaStyle: { opacity: 0.9, decal: pattern(c, index) },
        itemStyle: { color: colour[name], decal: pattern(c, index) },
        ...(index === 0 && { markArea: gapAreas(c) }),
      })),
    };
  };

  // Steps that are round in MiB and GiB.
  const memoryStep = (most) => {
    const steps = [1, 1024, 1024 ** 2].flatMap((unit) => [1, 2, 5, 10, 20, 50, 100, 200, 500].map((step) => step * unit));
    return steps.find((step) => most / step <= 6);
  };
  const gauges = (names, unit) => (c, width) => {
    const styles = [{ color: c.blue, width: 1.6 }, { color: c.amber, width: 1.4, type: [5, 3] }];
    const known = names.filter(([key]) => data.machine[key].some((value) => value != null));
    const most = Math.max(1, ...known.flatMap(([key]) => data.machine[key]));
    return {
      ...base(c),
      grid: { ...base(c).grid, top: 30 },
      legend: { ...legend(c), itemWidth: 30 },
      xAxis: timeAxis(c, width),
      yAxis: axis(c, { type: "value", min: 0, ...unit.scale?.(most), axisLabel: { ...axis(c).axisLabel, formatter: unit.axis } }),
      tooltip: {
        ...base(c).tooltip,
        formatter: ([first]) => tip(bucketName(first.dataIndex), known.map(([key, name]) => {
          const value = data.machine[key][first.dataIndex];
          return [name, value == null ? "not known" : unit.full(value)];
        })),
      },
      series: known.map(([key, name], index) => line(name, data.machine[key], styles[names.findIndex((it) => it[0] === key)], index === 0 ? { markArea: gapAreas(c) } : {})),
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
      yAxis: axis(c, { type: "value", min: 0, max: 100, interval: 50, axisLabel: { ...axis(c).axisLabel, formatter: "{value} %" } }),
      tooltip: {
        ...base(c).tooltip,
        formatter: ([first]) => {
          const up = data.availability[first.dataIndex];
          return tip(bucketName(first.dataIndex), [["up", up == null ? "not running" : percent(up)]]);
        },
      },
      series: [
        line("up", data.availability, { color: c.green, width: 1.5 }, {
          areaStyle: { color: c.green, opacity: 0.15, origin: "start" },
          markArea: namedGaps,
          markLine: {
            silent: true,
            symbol: ["none", "none"],
            label,
            data: marks.map((it) => ({ name: it.kind, xAxis: millis(it.from), lineStyle: { color: it.kind === "stall" ? c.red : c.soft, type: it.kind === "stall" ? "solid" : "dashed", width: 1 } })),
          },
        }),
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
      itemStyle: { color: stage.between ? c.rule : hues[index % hues.length], decal: stage.between ? null : pattern(c, index) },
      emphasis: { disabled: true },
      data: frames.map((frame) => frame.stages[index]),
    }));
    // One frame that hung must not press all others flat.
    const [longest, next] = frames.map((frame) => frame.ms);
    const breaks = next && longest > 2.5 * next ? [{ start: next * 1.1, end: longest * 0.985, gap: "3%" }] : [];
    const title = (frame) => width < 560
      ? `${frame.rank}`
      : `${frame.rank}   ${moment.format(new Date(millis(frame.start)))}   ${frame.outcome}`;
    return {
      ...base(c),
      grid: { ...base(c).grid, top: below(names.map((stage) => stage.text), width) },
      legend: { ...legend(c), itemWidth: 14, data: names.map((stage) => stage.text) },
      xAxis: axis(c, {
        type: "value",
        breaks,
        breakArea: { expandOnClick: false, itemStyle: { color: c.page, opacity: 1, borderColor: c.soft } },
        axisLabel: { ...axis(c).axisLabel, formatter: (ms) => short(ms) },
      }),
      yAxis: axis(c, { type: "category", inverse: true, data: frames.map(title), splitLine: { show: false }, axisLabel: { ...axis(c).axisLabel, interval: 0 } }),
      tooltip: {
        ...base(c).tooltip,
        axisPointer: { type: "shadow" },
        formatter: ([first]) => {
          const frame = frames[first.dataIndex];
          const rows = names.map((stage, index) => [stage.text, frame.stages[index]]).filter(([, ms]) => ms > 0);
          return tip(`${clock.format(new Date(millis(frame.start)))}, frame ${frame.number}`, [...rows.map(([name, ms]) => [name, duration(ms)]), ["in all", duration(frame.ms)]]);
        },
      },
      series,
    };
  };

  const cpu = gauges([["cpu", "machine"], ["process_cpu", "process"]], { axis: "{value} %", full: percent });
  const used = gauges([["memory", "machine"], ["process_memory", "process"]], {
    axis: (mib) => memory(mib).replace(/\.0+ /, " "),
    full: memory,
    scale: (most) => {
      const interval = memoryStep(most);
      return interval && { interval, max: interval * Math.ceil(most / interval) };
    },
  });
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

  // What was really drawn, read back from the charts: said to the reader where something is missing, and to tests.
  const report = () => {
    const drawn = charts.map((chart) => {
      const series = chart.getModel().getSeries().map((it) => {
        const values = it.getData();
        const shown = values.count() ? values.mapArray(values.mapDimension(it.getBaseAxis().dim === "y" ? "x" : "y"), (value) => value).filter(Number.isFinite).length : 0;
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
    if (window.tachoProblems.length) {
      const notice = document.getElementById("problem");
      notice.hidden = false;
      notice.textContent = `Not all charts could be drawn (${window.tachoProblems[0]}). The figures and tables are whole.`;
    }
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
})();
