// Keys, searching and marking of the review; what they do is a button of the page.
(() => {
  "use strict";
  const one = (selector) => document.querySelector(selector);
  const writes = (node) => node instanceof HTMLElement &&
    (node.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(node.tagName));
  const STEPS = { j: "next", ArrowDown: "next", k: "previous", ArrowUp: "previous",
    ArrowRight: "next_member", ArrowLeft: "previous_member" };
  const composes = (event) => event.isComposing || event.keyCode === 229;

  document.addEventListener("keydown", (event) => {
    const search = one(".review [data-filter=intent]");
    if (!search || composes(event) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target === search) {
      if (event.key === "Enter") {
        event.preventDefault();
        one(".review-likely [data-do=label]")?.click();
        search.blur();
      } else if (event.key === "Escape") search.blur();
      return;
    }
    if (writes(event.target) || one(".q-dialog, .q-menu")) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const pressed = one(`.review [data-key="${CSS.escape(key)}"]`);
    if (key === "/") search.focus();
    else if (STEPS[key]) emitEvent("desk", { what: STEPS[key] });
    else if (pressed && !event.repeat) pressed.click();
    else return;
    event.preventDefault();
  });

  document.addEventListener("selectionchange", () => {
    clearTimeout(selecting);
    selecting = setTimeout(select, 250);
  });
  let selecting, told = "";
  function select() {
    const chosen = getSelection();
    const range = chosen.rangeCount && !chosen.isCollapsed ? chosen.getRangeAt(0) : null;
    const within = range?.commonAncestorContainer;
    const text = (within?.nodeType === 1 ? within : within?.parentElement)?.closest("[data-marking]");
    if (!text) { told = ""; return; }
    const before = range.cloneRange();
    before.selectNodeContents(text);
    before.setEnd(range.startContainer, range.startOffset);
    // Python counts code points, a selection counts halves of them.
    const length = (said) => [...said].length;
    const start = length(before.toString()), end = start + length(range.toString());
    const now = `${text.dataset.marking}:${start}:${end}`;
    if (now === told) return;
    told = now;
    emitEvent("desk", { what: "select", value: now });
  }

  window.review = {
    begin() { const search = one(".review [data-filter=intent]"); if (search) search.value = ""; },
  };
})();
