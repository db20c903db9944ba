import type { Instant } from "../handoff/time/calendar.ts";

/** Something a person does to a live lead, as the API takes it. */
export interface LiveDeed {
  readonly action: "outreach" | "accept" | "reject" | "advance";
  readonly body: Readonly<Record<string, unknown>>;
}

/** A lead that arrives now, and what somebody does as soon as it is offered. */
export interface LiveLead {
  /** What it is there to show, in a few words. */
  readonly shows: string;
  /** As `POST /leads` takes it. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly deeds: readonly LiveDeed[];
}

const minute = 60_000;

interface Visitor {
  readonly shows: string;
  readonly name: string;
  readonly country?: string;
  readonly facts?: Readonly<Record<string, unknown>>;
  /** Where it waits in the chat, the desk that never closes has it at once, at any hour. */
  readonly signal?: "chat_request" | "demo_request" | "blog_view";
  readonly deeds?: readonly LiveDeed[];
}

const called: LiveDeed = { action: "outreach", body: { channel: "call", outcome: "connected" } };
const accepted: LiveDeed = {
  action: "accept",
  body: { fitRating: 4, timeline: "this-quarter", buyingSignals: ["problem-named"] },
};

const visitors: readonly Visitor[] = [
  { shows: "nobody answers: its clock is missed two minutes from now", name: "Orin" },
  { shows: "nobody answers either", name: "Pavla" },
  {
    shows: "called, and not yet accepted or rejected",
    name: "Quill",
    deeds: [{ action: "outreach", body: { channel: "call", outcome: "no_answer" } }],
  },
  { shows: "called and accepted", name: "Rowen", deeds: [called, accepted] },
  {
    shows: "accepted, met and confirmed (SQL)",
    name: "Sevrin",
    deeds: [
      called,
      accepted,
      { action: "outreach", body: { channel: "meeting", outcome: "meeting_booked" } },
      { action: "advance", body: { to: "sql" } },
    ],
  },
  {
    shows: "rejected against the facts: a manager decides",
    name: "Tamsel",
    deeds: [{ action: "reject", body: { reason: "outside-geography" } }],
  },
  {
    shows: "rejected: it goes to re-nurture",
    name: "Ulmar",
    deeds: [called, { action: "reject", body: { reason: "no-authority" } }],
  },
  {
    shows: "lacks a required fact: a task of marketing",
    name: "Vesna",
    facts: { "lead.role": "" },
  },
  {
    shows: "from Canada: in the queue of sales ops where nobody covers it",
    name: "Wendel",
    country: "CA",
    signal: "demo_request",
  },
  {
    shows: "to New York: offered, or held until the office opens",
    name: "Xanti",
    signal: "demo_request",
  },
  { shows: "to Berlin, the same", name: "Yorick", country: "DE", signal: "demo_request" },
  { shows: "to London, the same", name: "Zelda", country: "GB", signal: "demo_request" },
  { shows: "only read a page: nurture", name: "Anwin", signal: "blog_view" },
];

/** Leads that arrive at `now`, every time other people; most wait in the chat. */
export function liveLeads(now: Instant): readonly LiveLead[] {
  const time = now.toString(36);
  const ago = (ms: number) => new Date(now - ms).toISOString();
  return visitors.map(({ shows, name, country = "US", facts, signal, deeds = [] }, n) => {
    const domain = `live-${n + 1}-${time}.example`;
    return {
      shows,
      deeds,
      body: {
        facts: {
          "lead.name": `${name} Sample`,
          "lead.email": `${name.toLowerCase()}.sample@${domain}`,
          "lead.title": "VP Operations",
          "lead.role": "buyer",
          "lead.source": "website",
          "lead.firstTouchAt": ago(3 * 24 * 60 * minute),
          "account.name": `Live ${n + 1}`,
          "account.domain": domain,
          "account.employees": 120 + 10 * n,
          "account.industry": "Software",
          "account.country": country,
          ...facts,
        },
        engagements: [
          {
            id: `live-${n + 1}-${time}`,
            type: signal ?? "chat_request",
            occurredAt: ago(minute / 2),
          },
        ],
      },
    };
  });
}
