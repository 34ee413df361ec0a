// Draws the plots of a task's page with Chart.js from the data that stands in the page. Texts go to the canvas only.
"use strict";

{
  const data = JSON.parse(document.getElementById("plot-data").textContent);
  const boxes = [...document.querySelectorAll("#chosen input")];
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const marks = ["circle", "triangle", "rect", "rectRot", "star", "crossRot", "cross", "rectRounded"];
  const shown = () => boxes.filter((box) => box.checked).map((box) => Number(box.value));
  const colour = (i) => css(`--series-${i % 8}`);
  const number = (value) => (value === null ? "–" : Number(value.toPrecision(4)).toString().replace("-", "−"));
  const series = (i, more) => ({
    label: data.entries[i].title, entry: i, borderColor: colour(i), backgroundColor: colour(i),
    pointStyle: marks[i % 8], borderWidth: 1.6, pointRadius: 3, pointHoverRadius: 6,
    borderDash: data.entries[i].baseline ? [5, 4] : [], ...more,
  });
  const line = (points, label) => ({
    label, data: points, borderColor: css("--base"), borderWidth: 1, borderDash: [4, 3], pointRadius: 0,
    pointHitRadius: 0, showLine: true, order: 9,
  });
  const axis = (title, more = {}) => ({
    title: { display: true, text: title, color: css("--ink") }, grid: { color: css("--faint") },
    border: { color: css("--base") }, ticks: { color: css("--soft"), maxRotation: 60, includeBounds: false, ...more.ticks }, ...more.scale,
  });
  const error = `mean absolute error / ${data.unit}`;
  const ranked = data.metric.unit ? `${data.metric.title} / ${data.metric.unit}` : data.metric.title;
  const says = (words) => ({ callbacks: { title: () => "", label: words } });

  const plots = {
    parity() {
      const values = data.rows.truth;
      const low = Math.min(...values), high = Math.max(...values), reach = high - low || 1;
      // One wild entry must not squeeze the others into a corner.
      const seen = shown().flatMap((i) => data.entries[i].predicted);
      const bounds = {
        min: Math.max(Math.min(low, ...seen), low - 0.25 * reach) - 0.05 * reach,
        max: Math.min(Math.max(high, ...seen), high + 0.25 * reach) + 0.05 * reach,
      };
      const ends = [bounds.min, bounds.max].map((v) => ({ x: v, y: v }));
      return {
        type: "scatter",
        sets: [line(ends, "right"), ...shown().map((i) => series(i, {
          data: values.map((x, k) => ({ x, y: Math.min(Math.max(data.entries[i].predicted[k], bounds.min), bounds.max) })),
          pointRadius: values.length > 200 ? 2 : 3, showLine: false,
        }))],
        x: axis(`true / ${data.unit}`, { scale: bounds }), y: axis(`predicted / ${data.unit}`, { scale: bounds }),
        tooltip: says((item) => {
          const entry = data.entries[item.dataset.entry], k = item.dataIndex;
          const spread = entry.spread ? ` ± ${number(entry.spread[k])}` : "";
          return [entry.title, data.rows.ids[k], `true ${number(values[k])}, predicted ${number(entry.predicted[k])}${spread}`];
        }),
      };
    },
    contents: () => grouped("contents", "content"),
    defects: () => grouped("defects", "sites that differ from the parent"),
    learning() {
      const given = shown().filter((i) => data.entries[i].learning);
      return {
        type: "scatter",
        sets: given.map((i) => series(i, { data: data.entries[i].learning.map(([x, y]) => ({ x, y })), showLine: true })),
        x: axis("training rows", { scale: { type: "logarithmic" } }), y: axis(ranked),
        tooltip: says((item) => `${item.dataset.label}: ${number(item.raw.y)} after ${item.raw.x} rows`),
      };
    },
    coverage() {
      const given = shown().filter((i) => data.entries[i].coverage);
      return {
        type: "scatter",
        sets: [line([{ x: 0, y: 0 }, { x: 1, y: 1 }], "kept"), ...given.map((i) => series(i, {
          data: data.nominal.map((x, k) => ({ x, y: data.entries[i].coverage[k] })), showLine: true,
        }))],
        x: axis("promised share", { scale: { min: 0, max: 1 } }), y: axis("share of labels inside", { scale: { min: 0, max: 1 } }),
        tooltip: says((item) => `${item.dataset.label}: ${number(item.raw.y)} of ${number(item.raw.x)}`),
      };
    },
    cost() {
      const known = data.entries.map((entry, i) => i).filter((i) => data.entries[i].score !== null);
      const point = (i) => ({ x: Math.max(data.entries[i].seconds, 0.001), y: data.entries[i].score });
      const times = known.map((i) => point(i).x);
      const front = known.filter((i) => data.entries[i].front).map(point).sort((a, b) => a.x - b.x);
      return {
        type: "scatter",
        sets: [line(front, "front"), ...known.map((i) => series(i, { data: [point(i)], pointRadius: 5, showLine: false }))],
        x: axis("seconds to fit and predict", { scale: { type: "logarithmic", min: Math.min(...times) / 2, max: Math.max(...times) * 2 }, ticks: { maxTicksLimit: 8, callback: (v) => String(v) } }),
        y: axis(`${ranked} (${data.metric.direction} is better)`),
        tooltip: says((item) => `${item.dataset.label}: ${number(item.raw.y)} in ${number(data.entries[item.dataset.entry].seconds)} s`),
      };
    },
  };

  function grouped(name, title) {
    const { labels, rows } = data.groups[name];
    return {
      type: "line", labels,
      sets: shown().map((i) => series(i, { data: data.entries[i].errors[name] })),
      x: axis(title), y: axis(error, { scale: { min: 0 } }),
      tooltip: says((item) => [`${item.dataset.label}: ${number(item.raw)}`, `${item.label}, ${rows[item.dataIndex]} rows`]),
    };
  }

  const drawn = new Map();
  function draw() {
    Chart.defaults.font.family = css("--sans");
    Chart.defaults.color = css("--soft");
    for (const figure of document.querySelectorAll("[data-plot]")) {
      const name = figure.dataset.plot, plot = plots[name]();
      drawn.get(name)?.destroy();
      drawn.set(name, new Chart(figure.querySelector("canvas"), {
        type: plot.type, data: { labels: plot.labels, datasets: plot.sets },
        options: {
          animation: false, maintainAspectRatio: false, scales: { x: plot.x, y: plot.y },
          interaction: { mode: "nearest", intersect: true },
          plugins: { legend: { display: false }, tooltip: { displayColors: false, ...plot.tooltip } },
        },
      }));
    }
  }

  for (const box of boxes) box.addEventListener("change", draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  draw();
}
