"use strict";
(() => {
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

  const changes = document.querySelector("#changes[data-live]");
  // The answer to a form is no page to load again.
  const refresh = () => (changes ? location.assign(changes.dataset.page) : location.reload());

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
    else if (key === ".") refresh();
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

  // Events say which leads have changed; what they are now comes by the page itself. A row is
  // replaced where it stands, unless somebody is about to use it; nothing else moves.
  const listenFor = () => {
    const here = new URL(changes.dataset.page, location.href);
    const address = new URL(changes.dataset.live, here);
    const changed = new Set();
    const elsewhere = new Set();
    const waiting = new Map();
    let isAsking = false;
    let isMissed = false;
    let source = null;
    let askedAt = 0;
    let restMs = 0;
    let againMs = 5000;
    let unanswered = 0;

    const tell = (what) => {
      const show = document.createElement("a");
      show.href = here.href;
      show.textContent = "Show";
      changes.replaceChildren(`${what} `, show);
    };
    const tellCount = () => {
      if (isMissed) return;
      const n = elsewhere.size;
      if (n > 0) tell(`${n} ${n === 1 ? "change" : "changes"} elsewhere.`);
      else changes.replaceChildren();
    };
    const missed = () => {
      isMissed = true;
      tell("Something may have changed.");
    };
    const isHeld = (row) => row.matches(":hover, :focus-within");
    const mark = (row, words) => {
      const tag = row.querySelector(".changed") ?? document.createElement("span");
      tag.className = "tag changed";
      tag.textContent = words;
      (row.querySelector(".who, h2") ?? row).append(" ", tag);
    };
    const settle = () => {
      for (const [row, fresh] of waiting) {
        if (isHeld(row)) continue;
        waiting.delete(row);
        row.replaceWith(fresh);
      }
    };
    const ofLead = (page, id) =>
      [...page.querySelectorAll("[data-row]")].filter((row) => (row.dataset.of ?? row.id) === id);
    const compare = (page, id) => {
      let isElsewhere = false;
      for (const row of ofLead(document, id)) {
        const fresh = page.getElementById(row.id);
        if (fresh) {
          waiting.set(row, document.importNode(fresh, true));
          if (isHeld(row)) mark(row, "changed");
        } else {
          waiting.delete(row);
          mark(row, "not here any more");
          isElsewhere = true;
        }
      }
      for (const row of ofLead(page, id)) isElsewhere ||= !document.getElementById(row.id);
      if (isElsewhere) elsewhere.add(id);
      else elsewhere.delete(id);
    };
    const look = () => {
      if (isAsking || changed.size === 0) return;
      const { of, as } = changes.dataset;
      if (of && !changed.has(of)) return changed.clear();
      isAsking = true;
      // The more there is to hear, the more rarely it is asked for.
      const isQuiet = Date.now() - askedAt > 2 * restMs + 5000;
      restMs = isQuiet ? 0 : Math.min(30000, restMs * 2 || 1000);
      setTimeout(() => {
        // No parsing by hand: a policy for markup is not needed.
        const request = new XMLHttpRequest();
        request.open("GET", here.href);
        request.responseType = "document";
        const ids = [...changed];
        changed.clear();
        request.addEventListener("loadend", () => {
          isAsking = false;
          askedAt = Date.now();
          const page = request.response;
          const there = request.status === 200 && page?.querySelector("#changes");
          if (!there) {
            // Busy or away for a moment: what was heard of is asked for again.
            const isAway = request.status === 0 || request.status >= 500;
            if (!isAway || ++unanswered > 3) return missed();
            for (const id of ids) changed.add(id);
            return look();
          }
          unanswered = 0;
          if (of) {
            if (there.dataset.as !== as) tell("This lead has changed.");
            return look();
          }
          // What a dialog hides is not changed behind it.
          const put = () => {
            for (const id of ids) compare(page, id);
            settle();
            tellCount();
            tick();
            look();
          };
          const dialog = document.querySelector("dialog[open]");
          if (dialog) dialog.addEventListener("close", put, { once: true });
          else put();
        });
        request.send();
      }, restMs);
    };
    const follow = () => {
      if (document.visibilityState !== "visible") {
        source?.close();
        source = null;
        return;
      }
      if (source) return;
      const own = new EventSource(address);
      source = own;
      own.addEventListener("message", ({ data, lastEventId }) => {
        address.searchParams.set("since", lastEventId);
        for (const id of data.split(" ")) changed.add(id);
        look();
      });
      own.addEventListener("missed", ({ lastEventId }) => {
        address.searchParams.set("since", lastEventId);
        missed();
      });
      own.addEventListener("open", () => {
        againMs = 5000;
      });
      // A browser comes back by itself only where nothing answered; a proxy may have.
      own.addEventListener("error", () => {
        if (own.readyState !== EventSource.CLOSED || source !== own) return;
        source = null;
        setTimeout(follow, againMs);
        againMs = Math.min(300000, againMs * 2);
      });
      // Signed out, or another window took its place.
      own.addEventListener("over", () => own.close());
    };
    for (const name of ["focusout", "pointerover"])
      document.addEventListener(name, () => waiting.size > 0 && setTimeout(settle));
    document.addEventListener("visibilitychange", follow);
    follow();
  };
  if (changes) listenFor();

  // A page that goes on by itself is asked for again, unless somebody writes in it or prints it.
  const goesOn = document.querySelector("[data-refresh]");
  const goOn = () => {
    const isPrinted = matchMedia("print").matches;
    if (document.hidden || isPrinted || document.activeElement?.closest("form"))
      setTimeout(goOn, Number(goesOn.dataset.refresh));
    else refresh();
  };
  if (goesOn) setTimeout(goOn, Number(goesOn.dataset.refresh));

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
})();
