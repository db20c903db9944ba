import { setTimeout as pause } from "node:timers/promises";
import { ask, isLeadOpen, type Answer, type Question } from "./ask.ts";
import type { RehearsalLedger } from "./ledger.ts";
import { drawFrom, type Draw } from "./random.ts";
import type { Rehearsed } from "./world.ts";

export interface Crowd {
  readonly world: Pick<Rehearsed, "url" | "tokens" | "pool">;
  readonly ledger: RehearsalLedger;
  readonly seed: number;
  /** Ends new actions. An action under way is repeated until it has a final answer. */
  readonly isOver: () => boolean;
  /** Given up: what has no answer now never gets one. */
  readonly isHopeless: () => boolean;
}

type Final = Extract<Answer, { kind: "answer" }>;

/**
 * Sends the same request with the same key until its outcome is known; undefined when that never
 * happened.
 */
export async function insist(
  crowd: Crowd,
  question: Question & { readonly key: string },
): Promise<Final | undefined> {
  const { ledger } = crowd;
  ledger.open.add(question.key);
  for (let attempt = 0; !crowd.isHopeless(); attempt++) {
    const answer = await ask(crowd.world.url, question);
    const { figures } = ledger;
    figures.requests += 1;
    if (answer.kind === "answer") {
      figures.answered += 1;
      figures.slowestMs = Math.max(figures.slowestMs, answer.ms);
      if (answer.status === 503) figures.unavailable += 1;
      if (answer.status === 503 && answer.retryAfter === null)
        ledger.breach(`503 without Retry-After: ${question.method} ${question.path}`);
      if (answer.status >= 500 && answer.status !== 503)
        ledger.breach(`${answer.status} from ${question.method} ${question.path}`);
    } else figures.broken += 1;
    if (answer.kind === "answer" && !isLeadOpen(answer)) {
      ledger.open.delete(question.key);
      return answer;
    }
    await pause(Math.min(250 * (attempt + 1), 2_000));
  }
  return undefined;
}

/**
 * Leads arrive at an even pace until all are in: most ask for a demo, some only read, some lack a
 * fact.
 */
export async function sendLeads(crowd: Crowd, count: number, overMs: number): Promise<void> {
  const draw = drawFrom(crowd.seed + 1);
  const began = performance.now();
  const under = new Set<Promise<void>>();
  for (let n = 0; n < count && !crowd.isHopeless(); n++) {
    const wait = began + (overMs * n) / count - performance.now();
    if (wait > 0) await pause(wait);
    const lead = { n, kind: draw.next(), again: draw.chance(0.2) };
    const one = sendLead(crowd, lead).finally(() => under.delete(one));
    under.add(one);
    while (under.size >= 12) await Promise.race(under);
  }
  await Promise.all(under);
}

async function sendLead(
  crowd: Crowd,
  { n, kind, again }: { n: number; kind: number; again: boolean },
): Promise<void> {
  const { ledger, world } = crowd;
  const key = `lead-${crowd.seed}-${n}`;
  const email = `kim.${n}@customer-${n}.com`;
  const facts: Record<string, string | number> = {
    "lead.email": email,
    "lead.name": `Kim ${n}`,
    "lead.title": "VP Operations",
    "lead.source": "google",
    "lead.firstTouchAt": "2026-11-01T10:00:00Z",
    "account.name": `Customer ${n}`,
    "account.domain": `customer-${n}.com`,
    "account.employees": 200,
    "account.industry": "Software",
    "account.country": "US",
    // Without it the lead waits for somebody to correct its data.
    ...(kind < 0.1 ? {} : { "lead.role": "buyer" }),
  };
  const question = {
    method: "POST",
    path: "/leads",
    token: world.tokens.operator,
    key,
    body: {
      facts,
      engagements: [
        { id: `form-${crowd.seed}-${n}`, type: kind < 0.85 ? "demo_request" : "blog_view" },
      ],
    },
  };
  const answer = await insist(crowd, question);
  if (!answer) return;
  if (answer.status >= 300)
    return ledger.breach(
      `a lead was refused with ${answer.status} ${String(answer.body["code"])} ${String(answer.body["field"])}`,
    );
  const id = String(answer.body["id"]);
  ledger.leads.push({ key, id, email });
  if (again) {
    ledger.figures.repeated += 1;
    const repeat = await insist(crowd, question);
    if (repeat && repeat.body["id"] !== id)
      ledger.breach(`${key} sent again gave ${String(repeat.body["id"])} instead of ${id}`);
  }
  if (kind < 0.1) await correct(crowd, id, key);
}

/** Somebody supplies the missing fact. */
async function correct(crowd: Crowd, lead: string, key: string): Promise<void> {
  const answer = await insist(crowd, {
    method: "PATCH",
    path: `/leads/${lead}`,
    token: crowd.world.tokens.operator,
    key: `${key}-role`,
    body: { facts: { "lead.role": "buyer" } },
  });
  if (answer && answer.status < 300)
    crowd.ledger.facts.push({ lead, fact: "lead.role", value: "buyer" });
  else if (answer)
    crowd.ledger.breach(
      `a correction was refused with ${answer.status} ${String(answer.body["code"])}`,
    );
}

/** A rep looks at the queue, takes a lead and does the next thing, until it is over. */
export async function workAsRep(crowd: Crowd, rep: string): Promise<void> {
  const token = crowd.world.tokens.reps[rep] ?? "";
  const draw = drawFrom(crowd.seed + rep.charCodeAt(3) * 977 + rep.charCodeAt(4));
  for (let n = 0; !crowd.isOver(); n++) {
    const queue = await ask(crowd.world.url, { method: "GET", path: "/queue?limit=20", token });
    const items =
      queue.kind === "answer" && queue.status === 200 ? (queue.body["items"] as Entry[]) : [];
    const leads = items.filter((item) => item.lead !== null && item.owner === rep);
    if (leads.length > 0)
      await actOn(crowd, draw, {
        rep,
        token,
        lead: draw.one(leads),
        key: `${rep}-${crowd.seed}-${n}`,
      });
    await pause(draw.between(50, 250));
  }
}

interface Entry {
  readonly lead: string | null;
  readonly owner: string | null;
  readonly waitingOn: string | null;
  readonly stage: string | null;
}
interface Turn {
  readonly rep: string;
  readonly token: string;
  readonly lead: Entry;
  readonly key: string;
}

async function actOn(crowd: Crowd, draw: Draw, turn: Turn): Promise<void> {
  const deed = nextDeed(turn.lead, draw);
  if (!deed) return;
  if (deed.name === "accept" && draw.chance(0.15)) {
    // Twice at once from two windows: each has a key of its own, and one of them is told that the
    // other won.
    crowd.ledger.pairs.push([`${turn.key}-a`, `${turn.key}-b`]);
    await Promise.all(
      ["a", "b"].map((window) =>
        act(crowd, { ...turn, key: `${turn.key}-${window}` }, deed, false),
      ),
    );
  } else await act(crowd, turn, deed, draw.chance(0.15));
}

interface Deed {
  readonly name: string;
  readonly body: object;
}

function nextDeed({ waitingOn }: Entry, draw: Draw): Deed | null {
  switch (waitingOn) {
    case "outreach":
      return {
        name: "outreach",
        body: { channel: "call", outcome: draw.chance(0.5) ? "connected" : "no_answer" },
      };
    case "answer":
      if (draw.chance(0.75)) return { name: "accept", body: { fitRating: draw.between(1, 5) } };
      return {
        name: "reject",
        body: { reason: draw.one(["unsupported-use-case", "wrong-role", "no-authority"]) },
      };
    case "attempts":
      return { name: "outreach", body: { channel: "call", outcome: "meeting_booked" } };
    case "meeting":
      return { name: "advance", body: { to: "sql" } };
    case "opportunity":
      return draw.chance(0.6)
        ? { name: "advance", body: { to: "opportunity", amountMinor: 100_000, currency: "USD" } }
        : { name: "outreach", body: { channel: "email" } };
    default:
      return null;
  }
}

async function act(
  crowd: Crowd,
  { rep, token, lead, key }: Turn,
  deed: Deed,
  again: boolean,
): Promise<void> {
  const { ledger } = crowd;
  const question = {
    method: "POST",
    path: `/leads/${lead.lead}/${deed.name}`,
    token,
    body: deed.body,
    key,
  };
  const answer = await insist(crowd, question);
  if (!answer) return;
  const { status, body } = answer;
  const done = status < 300;
  ledger.actions.push({
    key,
    lead: String(lead.lead),
    name: deed.name,
    by: rep,
    done,
    status,
    id: done ? String(body["action"]) : null,
  });
  if (!done && ![404, 409, 422].includes(status))
    ledger.breach(`${deed.name} was answered with ${status} ${String(body["code"])}`);
  if (!again) return;
  ledger.figures.repeated += 1;
  const repeat = await insist(crowd, question);
  if (repeat && (repeat.status !== status || repeat.body["action"] !== body["action"]))
    ledger.breach(
      `${deed.name} sent again with its key was answered ${repeat.status} ` +
        `${String(repeat.body["code"])} after ${status} ${String(body["code"])}`,
    );
}

/** A user of the CRM corrects a number there; it comes to us as an event. */
export async function workInCrm(crowd: Crowd): Promise<void> {
  const draw = drawFrom(crowd.seed + 7);
  const seen = new Set<string>();
  for (let n = 0; !crowd.isOver(); n++) {
    await pause(draw.between(500, 1_500));
    const found = await crowd.world.pool
      .query<{ id: string; external_id: string }>(
        "select id, external_id from house_lead where external_id is not null order by id limit 500",
      )
      .catch(() => ({ rows: [] }));
    const record = found.rows.find((row) => !seen.has(row.id));
    if (!record) continue;
    seen.add(record.id);
    const value = `+1 555 ${String(n).padStart(4, "0")}`;
    const answer = await insist(crowd, {
      method: "PATCH",
      path: `/house/leads/${record.id}`,
      token: crowd.world.tokens.crm,
      key: `crm-${crowd.seed}-${n}`,
      body: { by: "rp_ann", facts: { "lead.phone": value } },
    });
    if (answer && answer.status < 300)
      crowd.ledger.facts.push({ lead: record.external_id, fact: "lead.phone", value });
    else if (answer)
      crowd.ledger.breach(
        `a change in the CRM was refused with ${answer.status} ${String(answer.body["code"])}`,
      );
  }
}
