// The part of the desk that must not wait for the server: the composer, the keys, the scrolling.
(() => {
  "use strict";
  const one = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const tell = (what, more = {}) => emitEvent("desk", { what, ...more });
  const box = () => document.getElementById("composer");
  const TYPING_EVERY = 3000, FILTER_AFTER = 250, LARGEST_PICTURE = 5 * 1024 * 1024;

  const draft = { mode: "reply", seen: 0, macro: null, attachment: null, mentions: [] };
  let place = { conversation: null, seen: 0, blocked: "", allowance: "", hint: "" };
  let known = { canned: [], people: [], words: {} };
  let options = [], chosen = 0, typedAt = 0, sending = false;

  const make = (name, kind, text) => {
    const node = document.createElement(name);
    if (kind) node.className = kind;
    if (text) node.textContent = text;
    return node;
  };
  const enterSends = () => localStorage.getItem("desk-enter") !== "no";
  const draftKey = (id) => `desk-draft:${id}`;

  // Composer

  function fit() {
    const text = box();
    if (!text) return;
    text.style.height = "auto";
    text.style.height = `${Math.min(text.scrollHeight + 2, 220)}px`;
  }

  function drawComposer() {
    const whole = one(".composer");
    if (!whole) return;
    const note = draft.mode === "note", shut = Boolean(place.blocked) && !note;
    whole.classList.toggle("as-note", note);
    whole.classList.toggle("shut", shut);
    all("[data-mode]", whole).forEach((mode) =>
      mode.setAttribute("aria-pressed", String(mode.dataset.mode === draft.mode)));
    one(".blocked", whole).textContent = shut ? place.blocked : "";
    one(".allowance", whole).textContent = note ? "" : place.allowance;
    box().placeholder = note ? box().dataset.note : place.hint;
    one("[data-send]", whole).disabled = shut;
    one("[data-enter]", whole).checked = enterSends();
    const macro = one(".macro-line", whole);
    macro.textContent = draft.macro ? `${known.words.macro} ${draft.macro.actions.join(" · ")}` : "";
    const attached = one(".attached", whole);
    attached.replaceChildren();
    if (draft.attachment) {
      const picture = make("img");
      picture.src = `/console/attachments/${draft.attachment}?thumbnail=1`;
      const drop = make("button", "quiet", "✕");
      drop.type = "button";
      drop.onclick = () => { draft.attachment = null; drawComposer(); };
      attached.append(picture, drop);
    }
    fit();
  }

  function keep() {
    if (!place.conversation) return;
    const kept = { text: box().value, mode: draft.mode, seen: draft.seen };
    if (kept.text) sessionStorage.setItem(draftKey(place.conversation), JSON.stringify(kept));
    else sessionStorage.removeItem(draftKey(place.conversation));
  }

  function clear() {
    box().value = "";
    Object.assign(draft, { seen: 0, macro: null, attachment: null, mentions: [] });
    keep();
    drawComposer();
  }

  function mode(name) {
    draft.mode = name;
    hidePalette();
    drawComposer();
    box().focus();
  }

  function send() {
    const text = box().value;
    if ((!text.trim() && !draft.attachment) || !place.conversation || sending) return;
    if (draft.mode === "reply" && place.blocked) return;
    sending = true;
    setTimeout(() => { sending = false; }, 3000);
    tell("send", {
      conversation: place.conversation, text, mode: draft.mode, macro: draft.macro && draft.macro.id,
      attachment: draft.attachment, expecting: draft.seen || place.seen,
      mentions: draft.mentions.filter((each) => text.includes(`@${each.name}`)).map((each) => each.id),
      kept: { macro: draft.macro, mentions: draft.mentions },
    });
    tell("typing", { on: false });
    typedAt = 0;
    clear();
  }

  function typed() {
    if (!draft.seen) draft.seen = place.seen;
    fit();
    keep();
    look();
    if (draft.mode === "reply" && Date.now() - typedAt > TYPING_EVERY && box().value) {
      typedAt = Date.now();
      tell("typing", { on: true });
    }
  }

  async function upload(file) {
    if (!file || !place.conversation) return;
    if (file.size > LARGEST_PICTURE) { one(".macro-line").textContent = known.words.too_large; return; }
    one(".macro-line").textContent = known.words.uploading;
    const to = `/console/conversations/${place.conversation}/attachments?name=${encodeURIComponent(file.name)}`;
    const answer = await fetch(to, { method: "POST", body: file });
    const said = await answer.json().catch(() => ({}));
    if (answer.ok) draft.attachment = said.id;
    drawComposer();
    if (!answer.ok) one(".macro-line").textContent = known.words[said.code] || known.words.too_large;
    box().focus();
  }

  // Palette: canned replies behind "/", colleagues behind "@", suggestions

  function look() {
    const text = box().value, before = text.slice(0, box().selectionStart);
    const slash = /^\/(\S*)$/.exec(text), at = /(?:^|\s)@([^\s@]*)$/.exec(before);
    if (slash) {
      const asked = slash[1].toLowerCase();
      const found = known.canned.filter((each) =>
        each.shortcut.includes(asked) || each.title.toLowerCase().includes(asked));
      found.sort((a, b) => b.shortcut.startsWith(asked) - a.shortcut.startsWith(asked));
      show(found.slice(0, 8).map((each) => ({
        key: `/${each.shortcut}`, title: each.title, text: each.text, extra: each.actions.join(" · "),
        take: () => { box().value = ""; tell("canned", { value: each.id }); },
      })));
    } else if (at && draft.mode === "note") {
      const found = known.people.filter((each) => each.name.includes(at[1]));
      show(found.slice(0, 8).map((each) => ({
        key: "@", title: each.name, text: "",
        take: () => {
          const start = before.length - at[1].length - 1;
          box().setRangeText(`@${each.name} `, start, before.length, "end");
          draft.mentions.push(each);
          keep();
        },
      })));
    } else hidePalette();
  }

  function show(found) {
    options = found;
    chosen = 0;
    drawPalette();
  }

  function drawPalette() {
    const list = document.getElementById("palette");
    list.replaceChildren(...options.map((option, place) => {
      const row = make("div", "option");
      row.setAttribute("role", "option");
      row.setAttribute("aria-selected", String(place === chosen));
      row.append(make("span", "key", option.key), make("span", "option-title", option.title),
        make("span", "option-text", option.text));
      if (option.extra) row.append(make("span", "chip", option.extra));
      row.onmousedown = (event) => { event.preventDefault(); take(place); };
      return row;
    }));
    list.classList.toggle("open", options.length > 0);
    const here = list.children[chosen];
    if (here) here.scrollIntoView({ block: "nearest" });
  }

  function take(which) {
    const option = options[which];
    hidePalette();
    if (option) option.take();
    box().focus();
    fit();
  }

  const hidePalette = () => { if (options.length) show([]); };

  function paletteKey(event) {
    if (!options.length) return false;
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by) {
      chosen = (chosen + by + options.length) % options.length;
      drawPalette();
    } else if (event.key === "Enter" || event.key === "Tab") take(chosen);
    else if (event.key === "Escape") hidePalette();
    else return false;
    event.preventDefault();
    return true;
  }

  function composerKey(event) {
    if (event.isComposing || event.keyCode === 229 || paletteKey(event)) return;
    if (event.key === "Escape") { box().blur(); event.preventDefault(); }
    if (event.key !== "Enter") return;
    const asked = event.ctrlKey || event.metaKey;
    if (asked || (enterSends() && !event.shiftKey && !event.altKey)) {
      event.preventDefault();
      send();
    }
  }

  // Keys of the page

  const writes = (node) => node instanceof HTMLElement &&
    (node.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(node.tagName));
  const OWN = {
    r: () => mode("reply"), n: () => mode("note"), f: () => one("[data-filter=text]")?.focus(),
    "/": () => { mode("reply"); box().value = "/"; look(); fit(); }, s: () => tell("suggest"),
    "?": () => tell("help"),
  };

  document.addEventListener("keydown", (event) => {
    if (event.target === box()) { composerKey(event); return; }
    if (event.isComposing) return;
    const form = event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.closest?.("form.form");
    if (form) form.requestSubmit();
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && writes(event.target)) event.target.blur();
    if (writes(event.target) || one(".q-dialog, .q-menu") || !one(".panes")) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (OWN[key]) {
      if ("rn/s".includes(key) && !place.conversation) return;
      event.preventDefault();
      OWN[key]();
    } else if (/^[a-z1-5]$/.test(key)) tell("key", { value: key });
  });

  // Clicks, filters, files

  document.addEventListener("click", (event) => {
    const at = (selector) => event.target.closest(selector);
    let found;
    if ((found = at("[data-do]"))) {
      const value = found.dataset.value;
      found.closest("details.more")?.removeAttribute("open");
      tell(found.dataset.do, value === undefined ? {} : { value });
    } else if ((found = at("[data-mode]"))) mode(found.dataset.mode);
    else if (at("[data-canned]")) OWN["/"]();
    else if (at("[data-send]")) { send(); box().focus(); }
    else if ((found = at("[data-language]"))) {
      document.cookie = `xiaoer_language=${found.dataset.language}; path=/console; max-age=31536000; samesite=strict`;
      location.reload();
    }
    if (!at("details.more")) all("details.more[open]").forEach((each) => each.removeAttribute("open"));
  });

  let filtering;
  const filters = () => tell("filter", Object.fromEntries(
    all("[data-filter]").map((each) => [each.dataset.filter, each.value])));
  document.addEventListener("input", (event) => {
    if (event.target === box()) typed();
    else if (event.target.matches("[data-filter]")) {
      clearTimeout(filtering);
      if (!event.isComposing) filtering = setTimeout(filters, FILTER_AFTER);
    }
  });
  document.addEventListener("compositionend", (event) => {
    if (event.target.matches("[data-filter]")) filtering = setTimeout(filters, FILTER_AFTER);
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches(".attach input")) { upload(event.target.files[0]); event.target.value = ""; }
    if (event.target.matches("[data-enter]")) {
      localStorage.setItem("desk-enter", event.target.checked ? "yes" : "no");
    }
  });
  document.addEventListener("paste", (event) => {
    const file = event.target === box() && [...event.clipboardData.files].find((each) => /^image\//.test(each.type));
    if (file) { event.preventDefault(); upload(file); }
  });
  document.addEventListener("visibilitychange", () => one(".panes") && tell("visible", { on: !document.hidden }));
  window.addEventListener("popstate", () => {
    const id = /\/conversations\/([0-9a-f]{32})$/.exec(location.pathname);
    if (id) tell("open", { value: id[1] });
    else if (one(".panes")) tell("back");
  });

  // Lines stay at the end while the reader is there; what was unfolded stays so when it is drawn anew

  let atEnd = true;
  const toEnd = () => { const lines = one(".lines"); if (lines) lines.scrollTop = lines.scrollHeight; };
  document.addEventListener("scroll", (event) => {
    const lines = event.target;
    if (lines.classList?.contains("lines")) {
      atEnd = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 80;
    }
  }, true);
  document.addEventListener("load", (event) => { if (atEnd && event.target.tagName === "IMG") toEnd(); }, true);
  const unfolded = new Set();
  document.addEventListener("toggle", (event) => {
    const key = event.target.dataset?.keep;
    if (key) unfolded[event.target.open ? "add" : "delete"](key);
  }, true);
  const unfold = () => all("details[data-keep]:not([open])").forEach((each) => {
    if (unfolded.has(each.dataset.keep)) each.open = true;
  });
  const watcher = new MutationObserver((changes) => {
    unfold();
    if (atEnd && changes.some((change) => change.target.closest?.(".lines"))) toEnd();
  });

  // What the server says

  window.desk = {
    prepare(told) { known = told; },
    composer(state) {
      const moved = state.conversation !== place.conversation;
      place = { blocked: "", allowance: "", hint: "", ...state };
      if (!box()) return;
      if (moved) {
        Object.assign(draft, { mode: "reply", seen: 0, macro: null, attachment: null, mentions: [] });
        const kept = JSON.parse(sessionStorage.getItem(draftKey(place.conversation)) || "null");
        box().value = kept ? kept.text : "";
        if (kept) Object.assign(draft, { mode: kept.mode, seen: kept.seen });
        hidePalette();
        atEnd = true;
        toEnd();
      }
      drawComposer();
    },
    insert({ text, macro }) {
      box().value = text;
      draft.macro = macro;
      if (!draft.seen) draft.seen = place.seen;
      keep();
      drawComposer();
      box().focus();
    },
    suggest(found) {
      mode("reply");
      if (!found.length) { one(".macro-line").textContent = known.words.nothing; return; }
      show(found.map((each) => ({
        key: each.source, title: each.title, text: each.text,
        take: () => this.insert({ text: each.text, macro: null }),
      })));
    },
    restore(said) {
      sending = false;
      if (said.conversation !== place.conversation) {
        sessionStorage.setItem(draftKey(said.conversation),
          JSON.stringify({ text: said.text, mode: said.mode, seen: 0 }));
        return;
      }
      box().value = said.text + box().value;
      Object.assign(draft, {
        mode: said.mode, seen: 0, attachment: said.attachment, macro: said.kept.macro, mentions: said.kept.mentions,
      });
      keep();
      drawComposer();
    },
    sent() { sending = false; },
    title({ count, title }) { document.title = count ? `(${count}) ${title}` : title; },
    at(path) { if (location.pathname !== path) history.pushState(null, "", path); },
  };
  const begin = () => watcher.observe(document.body, { childList: true, subtree: true });
  if (document.body) begin(); else document.addEventListener("DOMContentLoaded", begin);
})();
