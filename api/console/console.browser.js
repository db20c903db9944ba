"use strict";
(() => {
  const script = document.currentScript;
  // A browser that shows a page of its memory shows an old one.
  addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });

  // The outcome of a form is not known: asked again by itself three times.
  const again = document.querySelector("form[data-ask-again]");
  if (again instanceof HTMLFormElement) {
    const asked = again.querySelector("input[name=asked]") ?? document.createElement("input");
    asked.type = "hidden";
    asked.name = "asked";
    const times = Number(asked.value) || 0;
    asked.value = String(times + 1);
    again.append(asked);
    if (times < 3)
      setTimeout(() => again.requestSubmit(), 1000 * (Number(again.dataset.askAgain) || 2));
  }

  // Deadlines go on counting, from the server's time when the page was made.
  const now = Number(document.querySelector("time[data-now]")?.dataset.now);
  const ahead = now ? Date.now() - now : 0;
  const span = (minutes) => {
    const [days, hours, rest] = [minutes / 1440, (minutes / 60) % 24, minutes % 60].map(Math.floor);
    const parts = [
      days && `${days} d`,
      hours && `${hours} h`,
      !days && (rest || !hours) && `${rest} min`,
    ];
    return parts.filter(Boolean).join(" ");
  };
  const tick = () => {
    const at = Date.now() - ahead;
    for (const shown of document.querySelectorAll("time[data-due]")) {
      const due = Number(shown.dataset.due);
      const minutes = Math.floor(Math.abs(due - at) / 60000);
      const late = due < at;
      const text = late
        ? minutes === 0
          ? "just late"
          : `${span(minutes)} late`
        : minutes === 0
          ? "due now"
          : `in ${span(minutes)}`;
      if (shown.textContent === text) continue;
      shown.textContent = text;
      const state = late ? "late" : due - at <= 30 * 60000 ? "soon" : "clock";
      shown.className = state;
      const row = shown.closest("[data-urgency]")?.parentElement;
      row?.classList.toggle("is-late", state === "late");
      row?.classList.toggle("is-soon", state === "soon");
    }
  };
  if (now) setInterval(tick, 5000);

  // Keys press what is on the page; a field keeps what is written in it.
  const rows = () => [...document.querySelectorAll("[data-row]")];
  const rowOf = (element) => element?.closest?.("[data-row]") ?? null;
  const move = (by) => {
    const all = rows();
    const next = all[Math.max(0, all.indexOf(rowOf(document.activeElement)) + by)];
    (next?.querySelector("[data-key=Enter]") ?? next?.querySelector("a, button"))?.focus();
  };
  const controlOf = (key) => {
    const all = [...document.querySelectorAll("[data-key]")].filter(
      (one) => one.dataset.key === key && one.checkVisibility(),
    );
    const row = rowOf(document.activeElement) ?? rows()[0] ?? null;
    return all.find((one) => rowOf(one) === row) ?? all.find((one) => rowOf(one) === null);
  };
  const nameOf = (one) => one.getAttribute("aria-label") ?? one.textContent.trim();
  const help = () => {
    const dialog = document.createElement("dialog");
    dialog.setAttribute("aria-label", "Keys");
    const list = document.createElement("dl");
    const rowsOfHelp = [
      ["j k", "next and previous row"],
      [".", "refresh"],
      ...[...document.querySelectorAll("[data-go]")].map((one) => [
        `g ${one.dataset.go}`,
        nameOf(one),
      ]),
      ...[...new Set([...document.querySelectorAll("[data-key]")].map((one) => one.dataset.key))]
        .map((key) => [key, controlOf(key)])
        .filter(([, one]) => one)
        .map(([key, one]) => [key, nameOf(one)]),
    ];
    for (const [key, words] of rowsOfHelp) {
      const term = document.createElement("dt");
      const shown = document.createElement("kbd");
      shown.textContent = key;
      term.append(shown);
      const meaning = document.createElement("dd");
      meaning.textContent = words;
      list.append(term, meaning);
    }
    const close = document.createElement("button");
    close.textContent = "Close";
    close.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => dialog.remove());
    dialog.append(list, close);
    document.body.append(dialog);
    dialog.showModal();
  };
  let isGoing = false;
  document.addEventListener("keydown", (event) => {
    const { key, target } = event;
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (document.documentElement.dataset.keys === "off") return;
    if (target.closest("input, textarea, select, dialog")) return;
    const wasGoing = isGoing;
    isGoing = false;
    if (wasGoing) {
      const place = document.querySelector(`[data-go="${CSS.escape(key)}"]`);
      if (place) {
        event.preventDefault();
        place.click();
      }
      return;
    }
    if (key === "g") isGoing = true;
    else if (key === "j") move(1);
    else if (key === "k") move(-1);
    else if (key === ".") location.reload();
    else if (key === "?") help();
    // Enter is the browser's own, on what has the focus.
    else if (key !== "Enter") {
      const control = controlOf(key);
      if (!control || control.getAttribute("aria-disabled") === "true") return;
      event.preventDefault();
      control.focus();
      if (!(control instanceof HTMLInputElement)) control.click();
    }
  });

  // A page that is taken along on paper: what is folded is read there, too.
  const print = document.querySelector("[data-print]");
  if (print instanceof HTMLButtonElement) {
    print.hidden = false;
    print.addEventListener("click", () => window.print());
    const folded = () => document.querySelectorAll("main details:not([open])");
    let opened = [];
    addEventListener("beforeprint", () => {
      opened = [...folded()];
      for (const one of opened) one.open = true;
    });
    addEventListener("afterprint", () => {
      for (const one of opened) one.open = false;
    });
  }

  // Something is being made: looked at again, unless somebody is doing something on the page.
  if (document.querySelector("[data-again]"))
    setInterval(() => {
      const isIdle = document.activeElement === document.body && document.hasFocus();
      if (document.visibilityState === "visible" && isIdle) location.reload();
    }, 3000);

  void script;
})();
