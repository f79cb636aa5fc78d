// Checks of a page as it stands, evaluated by the journeys.

// Elements that a keyboard or a screen reader would miss: no name, no label, an id twice, not one main and one h1.
window.faults = () => {
  const named = (e) => (e.getAttribute('aria-label') || e.textContent || e.title || '').trim();
  const faults = [];
  for (const e of document.querySelectorAll('a[href], button, summary')) if (!named(e)) faults.push('no name: ' + e.outerHTML.slice(0, 90));
  for (const e of document.querySelectorAll('input:not([type=hidden]), select, textarea'))
    if (!e.getAttribute('aria-label') && !(e.labels && e.labels.length)) faults.push('no label: ' + e.outerHTML.slice(0, 90));
  for (const e of document.querySelectorAll('th')) if (!e.scope) faults.push('th without scope: ' + e.textContent);
  const ids = [...document.querySelectorAll('[id]')].map((e) => e.id);
  faults.push(...ids.filter((id, n) => ids.indexOf(id) !== n).map((id) => 'id twice: ' + id));
  if (document.querySelectorAll('main').length !== 1) faults.push('not one main');
  if (document.querySelectorAll('h1').length !== 1) faults.push('not one h1');
  if (!document.documentElement.lang) faults.push('no language');
  return faults;
};

// Texts whose contrast with what lies behind them is below 4.5 to 1.
window.pale = () => {
  const parse = (c) => {
    const srgb = c.match(/color\(srgb ([\d.]+) ([\d.]+) ([\d.]+)(?: \/ ([\d.]+))?/);
    if (srgb) return [srgb[1] * 255, srgb[2] * 255, srgb[3] * 255, srgb[4] === undefined ? 1 : +srgb[4]];
    const rgb = c.match(/[\d.]+/g).map(Number);
    return [rgb[0], rgb[1], rgb[2], rgb[3] === undefined ? 1 : rgb[3]];
  };
  const light = (c) => { const [r, g, b] = c.map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const over = (top, under) => top.slice(0, 3).map((v, n) => v * top[3] + under[n] * (1 - top[3]));
  const behind = (e) => { const layers = []; for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c[3]) layers.push(c); if (c[3] === 1) break; }
    return layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255]); };
  const dim = (e) => { let o = 1; for (; e; e = e.parentElement) o *= +getComputedStyle(e).opacity; return o; };
  const pale = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim(), e = walker.currentNode.parentElement;
    if (!text || !e.checkVisibility({ visibilityProperty: true }) || e.closest('.sr, [aria-hidden], svg, option, .context')) continue;
    const ground = behind(e), ink = parse(getComputedStyle(e).color);
    ink[3] *= dim(e);
    const [a, b] = [light(over(ink, ground)), light(ground)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) pale.push(ratio.toFixed(2) + ' ' + text.slice(0, 40));
  }
  return [...new Set(pale)];
};
