// Draws the charts of a page: <section data-charts="ADDRESS"> asks once for {name: figure}, each <div data-plot="name"> inside
// shows its figure; data-figures has them itself, as JSON. Colours are tokens ("var(--quality)/0.2") that this file reads from tokens.css, in both themes.
(function () {
  "use strict";
  const source = document.currentScript.dataset.plotly;
  // To read Plotly takes as long as to paint the page: it is read after the first frame, while the numbers are on their way.
  const plotly = new Promise((ready, fail) => {
    const begin = () => document.head.append(Object.assign(document.createElement("script"), { src: source, onload: ready, onerror: fail }));
    requestAnimationFrame(() => setTimeout(begin));
  });
  const CONFIG = { displayModeBar: false, responsive: true, doubleClick: false, showTips: false, scrollZoom: false };
  const NARROW = 480; // px
  const figures = new WeakMap(); // element -> figure as it came
  const stars = new WeakMap(); // element -> what stands out in it, a trace without y
  const places = new WeakMap(); // element -> {curve, point} of the keyboard

  const style = () => getComputedStyle(document.documentElement);

  function colour(text, styles) {
    const found = /^var\((--[a-z0-9-]+)\)(?:\/([\d.]+))?$/.exec(text);
    if (!found) return text;
    const hex = styles.getPropertyValue(found[1]).trim();
    if (!found[2]) return hex;
    const [r, g, b] = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
    return `rgba(${r},${g},${b},${found[2]})`;
  }

  function coloured(value, styles) {
    if (typeof value === "string") return value.startsWith("var(") ? colour(value, styles) : value;
    if (Array.isArray(value)) return value.map((one) => (one && typeof one === "object") || typeof one === "string" ? coloured(one, styles) : one);
    if (!value || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, coloured(one, styles)]));
  }

  // What all charts have in common: thin axes, no box, a light grid on y only, a hover that lists all lines at one time.
  function frame(styles, small) {
    const token = (name) => styles.getPropertyValue(name).trim();
    const font = { family: token("--sans"), size: 11, color: token("--muted") };
    const axis = { zeroline: false, ticks: "", fixedrange: true, automargin: false, showline: false, tickfont: font };
    return {
      autosize: true,
      margin: small ? { l: 2, r: 2, t: 2, b: 2 } : { l: 46, r: 10, t: 34, b: 22 },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: token("--surface"),
      font,
      hovermode: "x unified",
      dragmode: small ? false : "zoom",
      hoverlabel: { bgcolor: token("--raised"), bordercolor: token("--line-strong"), font: { ...font, color: token("--ink"), size: 12 }, align: "left" },
      legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", xanchor: "left", font, itemclick: "toggle", itemdoubleclick: false, bgcolor: "rgba(0,0,0,0)" },
      xaxis: { ...axis, showgrid: false, fixedrange: small, visible: !small, showline: !small, linecolor: token("--line-strong"), linewidth: 1, unifiedhovertitle: { text: " " }, showspikes: !small, spikemode: "across", spikethickness: 1, spikedash: "solid", spikecolor: token("--line-strong"), spikesnap: "hovered data" },
      yaxis: { ...axis, showgrid: !small, gridcolor: token("--line"), gridwidth: 1, nticks: 5, visible: !small },
    };
  }

  const isObject = (value) => value && typeof value === "object" && !Array.isArray(value);
  function over(base, more) {
    const merged = { ...base };
    for (const [key, value] of Object.entries(more)) merged[key] = isObject(value) && isObject(base[key]) ? over(base[key], value) : value;
    return merged;
  }

  function draw(element) {
    const figure = figures.get(element);
    if (!figure || !window.Plotly) return;
    const styles = style();
    const layout = over(frame(styles, element.classList.contains("small")), coloured(figure.layout, styles));
    // Only what ended in the step under the pointer: a line with a gap there says nothing.
    const steps = (figure.range_ms[1] - figure.range_ms[0]) / figure.step_ms;
    layout.hoverdistance = Math.max(1, (0.55 * element.clientWidth) / Math.max(1, steps));
    const narrow = element.clientWidth < NARROW; // names of releases would run into each other: their diamonds stay
    layout.annotations = (layout.annotations || []).map((one) => ({ ...one, ...(narrow && { text: "◆" }), font: { ...layout.font, ...one.font } }));
    if (layout.showlegend && layout.annotations.length) layout.margin = { ...layout.margin, t: 48 };
    if (layout.showlegend) layout.legend = { ...layout.legend, y: 1, yref: "container", yanchor: "top" };
    Plotly.react(element, coloured([...figure.data, ...standing(element, figure)], styles), layout, CONFIG).then(() => room(element)).then(() => settle(element));
  }

  // Names of releases stand below the legend, however many lines it takes at this width.
  function room(element) {
    const { legend, margin } = element._fullLayout;
    const wanted = legend && element.layout.showlegend ? Math.ceil(legend._height) + (element.layout.annotations.length ? 18 : 4) : 0;
    return wanted > margin.t ? Plotly.relayout(element, { "margin.t": wanted }) : null;
  }

  // What stands out, set on the first line where that is known.
  function standing(element, figure) {
    const trace = stars.get(element), line = figure.data.find((one) => one.meta);
    if (!trace || !line) return [];
    return [{ ...trace, y: trace.x.map((x) => line.y[line.x.indexOf(x)] ?? null) }];
  }

  function settle(element) {
    element.removeAttribute("aria-busy");
    if (element.dataset.wired) return;
    element.dataset.wired = "1";
    element.on("plotly_click", (event) => open(element, event.points.find((one) => href(one.data))));
    element.on("plotly_relayout", (change) => zoomed(element, change));
  }

  // ---- what a point leads to
  const iso = (ms) => new Date(ms).toISOString().replace(".000Z", "Z");

  function ends(element, x, shift) {
    const figure = figures.get(element);
    const from = Math.max(x, figure.range_ms[0]), to = Math.min(x + figure.step_ms, figure.range_ms[1]);
    return [iso(from - shift), iso(to - shift)];
  }

  const inMs = (x) => (typeof x === "number" ? x : Date.parse(`${x.replace(" ", "T")}Z`.replace(/^(\d{4}-\d\d-\d\d)Z$/, "$1T00:00Z")));

  function href(trace) {
    return trace && trace.meta && trace.meta.href;
  }

  function address(element, trace, x) {
    const [from, to] = ends(element, inMs(x), trace.meta.shift_ms);
    return trace.meta.href.replaceAll("{from}", encodeURIComponent(from)).replaceAll("{to}", encodeURIComponent(to));
  }

  function open(element, point) {
    if (point) location.assign(address(element, point.data, point.x));
  }

  // A dragged stretch of time becomes the range of the page.
  function zoomed(element, change) {
    const from = change["xaxis.range[0]"], to = change["xaxis.range[1]"];
    if (from === undefined || to === undefined) return;
    const [low, high] = [inMs(from), inMs(to)].map((ms) => Math.round(ms / 60000) * 60000);
    const there = new URL(location.href);
    for (const name of ["range", "cursor", "live"]) there.searchParams.delete(name);
    there.searchParams.set("from", iso(low));
    there.searchParams.set("to", iso(Math.max(high, low + 60000)));
    location.assign(there);
  }

  // ---- keyboard: left and right along the points, up and down between the lines, Enter to the traces
  const curves = (element) => element.data.map((trace, number) => ({ trace, number })).filter((one) => one.trace.meta);
  const known = (trace) => trace.y.map((y, n) => (y === null ? -1 : n)).filter((n) => n >= 0);

  function step(element, key) {
    const all = curves(element).filter((one) => known(one.trace).length);
    if (!all.length) return;
    const place = places.get(element) || { curve: 0, point: null };
    if (key === "ArrowDown" || key === "ArrowUp") place.curve += key === "ArrowDown" ? 1 : -1;
    place.curve = (place.curve + all.length) % all.length;
    const points = known(all[place.curve].trace);
    place.point = next(points, place.point, key);
    places.set(element, place);
    announce(element, all[place.curve], place.point);
  }

  function next(points, at, key) {
    if (key === "Home") return points[0];
    if (key === "End" || at === null) return points[points.length - 1];
    if (key === "ArrowLeft") return points.filter((n) => n < at).pop() ?? points[0];
    if (key === "ArrowRight") return points.find((n) => n > at) ?? points[points.length - 1];
    return points.reduce((best, n) => (Math.abs(n - at) < Math.abs(best - at) ? n : best), points[0]);
  }

  function announce(element, one, point) {
    const time = element.data[0].customdata[point];
    const text = new DOMParser().parseFromString(`${time}: ${one.trace.customdata[point]}`, "text/html").body.textContent;
    const said = element.closest("figure").querySelector("[data-said]");
    if (said) said.textContent = `${one.trace.meta.name}, ${text}`;
    Plotly.Fx.hover(element, [{ curveNumber: one.number, pointNumber: point }]);
  }

  function enter(element) {
    const place = places.get(element);
    const all = curves(element).filter((one) => known(one.trace).length);
    if (!place || place.point === null || !all[place.curve]) return;
    const trace = all[place.curve].trace;
    if (href(trace)) location.assign(address(element, trace, trace.x[place.point]));
  }

  document.addEventListener("keydown", (event) => {
    const element = event.target.matches && event.target.matches("[data-plot].js-plotly-plot") && event.target;
    if (!element || event.metaKey || event.ctrlKey || event.altKey) return;
    if (["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End"].includes(event.key)) {
      event.preventDefault();
      step(element, event.key);
    } else if (event.key === "Enter") enter(element);
    else if (event.key === "Escape") Plotly.Fx.unhover(element);
  });

  // ---- loading
  async function load(section) {
    if (section.dataset.figures) return show(section, JSON.parse(section.dataset.figures));
    const answer = await fetch(section.dataset.charts, { headers: { Accept: "application/json" } });
    const found = answer.headers.get("Content-Type").includes("json") ? await answer.json() : {};
    if (!answer.ok) return failed(section, answer.status, found.problem);
    await show(section, found);
    if (section.dataset.anomalies && !section.dataset.asked) await loadStars(section);
  }

  async function show(section, found) {
    await plotly;
    for (const element of section.querySelectorAll("[data-plot]")) {
      const figure = found[element.dataset.plot];
      if (figure) figures.set(element, figure);
      if (figure) draw(element);
    }
    section.removeAttribute("data-charts-failed");
  }

  // Once a page: it looks at weeks.
  async function loadStars(section) {
    section.dataset.asked = "1";
    const answer = await fetch(section.dataset.anomalies, { headers: { Accept: "application/json" } });
    if (!answer.ok) return;
    const found = await answer.json();
    for (const element of section.querySelectorAll("[data-plot]")) {
      if (!found[element.dataset.plot]) continue;
      stars.set(element, found[element.dataset.plot]);
      draw(element);
    }
  }

  function failed(section, status, problem) {
    section.dataset.chartsFailed = status;
    for (const element of section.querySelectorAll("[data-plot]:not(.js-plotly-plot)")) {
      element.removeAttribute("aria-busy");
      element.textContent = problem || (status === 503 ? "This took too long. Choose a shorter range." : "The chart could not be loaded. Its table is below.");
    }
  }

  const loadAll = () => Promise.all([...document.querySelectorAll("[data-charts]")].map((section) => load(section).catch(() => failed(section, 0))));
  const drawAll = () => document.querySelectorAll("[data-plot].js-plotly-plot").forEach(draw);

  async function download(button) {
    const figure = button.closest("figure");
    const element = figure.querySelector("[data-plot].js-plotly-plot");
    if (!element) return;
    const ground = style().getPropertyValue("--surface").trim();
    const picture = { data: element.data, layout: { ...element.layout, paper_bgcolor: ground, title: { text: "" } } };
    const size = { width: element.clientWidth, height: element.clientHeight };
    const drawing = await Plotly.toImage(picture, { ...size, format: "svg" });
    save(await painted(drawing, size), `${button.dataset.png}.png`);
  }

  // Plotly would paint from a blob: address, which the policy does not know; a data: address it does.
  async function painted(drawing, size) {
    const image = new Image();
    image.src = drawing;
    await image.decode();
    const canvas = Object.assign(document.createElement("canvas"), { width: size.width * 2, height: size.height * 2 });
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    return canvas.toDataURL("image/png");
  }

  function save(address, name) {
    Object.assign(document.createElement("a"), { href: address, download: name }).click();
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-png]");
    if (button) download(button);
  });

  new MutationObserver(drawAll).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  document.addEventListener("htmx:afterRequest", (event) => { if (event.target.matches("[data-live]") && event.detail.successful) loadAll(); });
  document.addEventListener("htmx:afterSettle", (event) => event.target.querySelectorAll("[data-figures]").forEach(load));
  loadAll();
})();
