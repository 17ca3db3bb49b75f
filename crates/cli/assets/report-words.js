"use strict";
// What the parts of the page's script share: the data, and numbers and times as people read them. The parts are one script.
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
const short = (ms) =>
  duration(ms)
    .replace(/(\.\d*?)0+ /, "$1 ")
    .replace(". ", " ");
const memory = (mib) => (mib < 1023.5 ? `${digits(mib)} MiB` : `${digits(mib / 1024)} GiB`);
const percent = (value) => `${digits(value)} %`;
const clock = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const moment = new Intl.DateTimeFormat(undefined, {
  month: "short",
  day: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
});
const between = (middle, seconds) =>
  moment.formatRange(new Date(middle - seconds * 500), new Date(middle + seconds * 500));
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
