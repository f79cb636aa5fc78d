// Small conveniences. Every page works without this file.
(function () {
  "use strict";
  const root = document.documentElement;
  const remember = (name, value) => {
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `${name}=${value}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
  };

  function switchTheme() {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    remember("theme", root.dataset.theme);
  }

  function switchRail() {
    const narrow = root.dataset.rail === "narrow";
    if (narrow) delete root.dataset.rail; else root.dataset.rail = "narrow";
    remember("rail", narrow ? "wide" : "narrow");
  }

  // The zone that was chosen is that of all pages; the address has it too, for this one and without scripts.
  function rememberZone(name) {
    if (/^[A-Za-z][\w+/-]*$/.test(name)) remember("tz", name);
  }

  // What a copy button in a message or a row of attributes stands beside.
  function beside(button) {
    const message = button.closest(".message");
    return message ? [...message.querySelectorAll("pre")] : [...button.parentElement.querySelectorAll(".value")];
  }

  async function copy(button) {
    const sources = "copyNext" in button.dataset ? beside(button) : [document.getElementById(button.dataset.copy)].filter(Boolean);
    const source = sources[0];
    const text = button.dataset.copyText || sources.map((one) => one.dataset.text || one.textContent).join("\n\n");
    const word = button.querySelector("span");
    const before = word ? word.textContent : "";
    try {
      await navigator.clipboard.writeText(text);
      if (word) word.textContent = "Copied"; else done(button);
    } catch {
      if (source) getSelection().selectAllChildren(source);
      if (word) word.textContent = "Press Ctrl+C";
    }
    if (word) setTimeout(() => { word.textContent = before; }, 1500);
  }

  function done(button) {
    button.classList.add("done");
    setTimeout(() => button.classList.remove("done"), 1500);
  }

  document.addEventListener("click", (event) => {
    const at = (selector) => event.target.closest(selector);
    if (at("[data-theme-switch]")) return switchTheme();
    if (at("[data-rail-switch]")) return switchRail();
    if (at("[data-zone]")) rememberZone(at("[data-zone]").dataset.zone);
    const button = at("[data-copy], [data-copy-text], [data-copy-next]");
    if (button) return copy(button);
    for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
  });

  document.addEventListener("submit", (event) => {
    const zone = event.target.querySelector("[data-zone-input]");
    if (zone) rememberZone(zone.value.trim());
  });

  function typing(element) {
    return element && (element.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(element.tagName));
  }

  // j and k, or the arrows, walk through the rows of a table or tree; Enter opens (they are links).
  function walk(step) {
    const rows = [...document.querySelectorAll("[data-rows] a.row-link")];
    if (!rows.length) return;
    const now = rows.indexOf(document.activeElement);
    const selected = rows.findIndex((row) => row.closest("[aria-current]"));
    const from = now >= 0 ? now : selected;
    rows[Math.min(rows.length - 1, Math.max(0, from + step))].focus();
  }

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      const open = [...document.querySelectorAll("details.menu[open]")].pop();
      if (open) { open.open = false; open.querySelector("summary").focus(); return; }
      const close = document.querySelector("[data-escape]");
      if (close && !typing(event.target)) close.click();
      return;
    }
    if (typing(event.target) || event.metaKey || event.ctrlKey || event.altKey) return;
    if (event.key === "/") {
      const filter = document.querySelector("[data-filter]");
      if (filter) { event.preventDefault(); filter.focus(); filter.select(); }
    } else if (event.key === "j" || (event.key === "ArrowDown" && event.target.closest("[data-rows]"))) {
      event.preventDefault(); walk(1);
    } else if (event.key === "k" || (event.key === "ArrowUp" && event.target.closest("[data-rows]"))) {
      event.preventDefault(); walk(-1);
    }
  });

  // Live pages fetch their own address again. Not while hidden, scrolled down, with a menu open or text selected: nothing may jump under the reader.
  function busy() {
    return document.hidden || scrollY > 80 || document.querySelector("details.menu[open]") || !getSelection().isCollapsed || typing(document.activeElement);
  }
  setInterval(() => {
    const live = document.querySelector("[data-live]");
    if (live && window.htmx && !busy()) htmx.trigger(live, "refresh");
  }, 5000);

  // The panel beside a tree: mark the row it belongs to.
  document.addEventListener("htmx:beforeRequest", (event) => {
    const row = event.target.closest("[data-rows] .span-row");
    if (!row) return;
    for (const other of document.querySelectorAll("[data-rows] .span-row[aria-current]")) other.removeAttribute("aria-current");
    row.setAttribute("aria-current", "true");
  });
})();

// Folding of the tree: a row's children are the rows after it that stand deeper.
(function () {
  "use strict";
  const depth = (row) => Number(row.dataset.d);

  function fold(row, shut) {
    row.setAttribute("aria-expanded", shut ? "false" : "true");
    let hiddenBelow = shut ? depth(row) : Infinity;
    for (let next = row.nextElementSibling; next && depth(next) > depth(row); next = next.nextElementSibling) {
      if (depth(next) <= hiddenBelow) hiddenBelow = shut ? depth(row) : Infinity;
      next.hidden = depth(next) > hiddenBelow;
      if (!next.hidden && next.getAttribute("aria-expanded") === "false") hiddenBelow = depth(next);
    }
  }

  document.addEventListener("click", (event) => {
    const twist = event.target.closest(".twist");
    if (twist) {
      const row = twist.closest("tr");
      fold(row, row.getAttribute("aria-expanded") === "true");
      return;
    }
    const all = event.target.closest("[data-collapse-all]");
    if (!all) return;
    const shut = all.textContent.trim() === "Collapse all";
    const rows = [...document.querySelectorAll("tr[aria-expanded]")].reverse();
    for (const row of rows) if (!shut || depth(row) > 1) fold(row, shut);
    all.textContent = shut ? "Expand all" : "Collapse all";
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    const row = event.target.closest("tr[aria-expanded]");
    if (!row) return;
    event.preventDefault();
    fold(row, event.key === "ArrowLeft");
  });
})();

// A fragment that cannot be had: go to the page itself, which says why.
document.addEventListener("htmx:responseError", (event) => {
  const path = event.detail.pathInfo && event.detail.pathInfo.requestPath;
  if (path && event.detail.xhr.status !== 401 && event.detail.requestConfig.verb === "get" && !event.target.closest("[data-live], [data-optional]")) location.href = path;
});

// A new span in the panel is read from its top; on a narrow screen the panel stands above the tree.
document.addEventListener("htmx:afterSwap", (event) => {
  if (event.target.id !== "panel") return;
  event.target.scrollTop = 0;
  if (matchMedia("(max-width: 1080px)").matches) event.target.scrollIntoView({ block: "start" });
});
