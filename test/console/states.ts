import { ensureLogin, type LoginWish } from "../../store/access/logins.ts";
import { startSession } from "../../store/access/sessions.ts";
import { makeLink } from "../../store/access/sign-in-links.ts";
import { signingKey } from "../../store/access/signing-key.ts";
import { signOffer } from "../../messages/offer-link.ts";
import type { PeopleWorld } from "../support/people-world.ts";

/** A page in a state that somebody meets; each is judged and pictured by states.test.ts. */
export interface State {
  /** Of the picture, too: page and state. */
  readonly name: string;
  /** Who looks; null: somebody who is not signed in. */
  readonly person: LoginWish | null;
  /** Makes the state, and gives the address of the page. */
  readonly seed: (world: PeopleWorld) => Promise<string>;
  /** A form that is sent from the page, to another address where it has one; the page is its answer. */
  readonly sent?: Readonly<Record<string, string>>;
  /** Which form that is, by a selector; the first of the page when absent. */
  readonly form?: string;
  /** As the answer has it; 200 when absent. */
  readonly status?: number;
  /** Nothing runs on the page in any case. */
  readonly isPlain?: true;
}

const rep: LoginWish = { role: "rep", repId: "rp_one" };
const key = "0123456789abcdef0123456789abcdef";

export const states: readonly State[] = [
  { name: "in", person: null, seed: at("/console/in") },
  { name: "in-asked", person: null, seed: at("/console/in?asked=1") },
  {
    name: "in-wrong",
    person: null,
    seed: at("/console/in"),
    sent: { key, email: "kim@example.com, boss@example.com" },
    status: 422,
  },
  {
    name: "in-link",
    person: null,
    seed: async (world) => {
      const login = await ensureLogin(world.pool, rep, world.now());
      const secret = await makeLink(world.pool, login.id, "mail", world.now());
      return `/console/in/${secret}?to=/console/me`;
    },
  },
  { name: "in-link-over", person: null, seed: at(`/console/in/${"a".repeat(43)}`), status: 404 },
  { name: "me", person: rep, seed: at("/console/me") },
  {
    name: "me-many-sessions",
    person: { role: "leader", party: "sales", repId: "rp_chief" },
    seed: async (world) => {
      const wish = { role: "leader", party: "sales", repId: "rp_chief" } as const;
      const login = await ensureLogin(world.pool, wish, world.now());
      for (const [n, device] of ["Firefox on Windows", "Safari on iOS", "a browser"].entries())
        await startSession(world.pool, login, device, world.now() - n * 86_400_000);
      return "/console/me";
    },
  },
  {
    name: "me-hostile-name",
    person: rep,
    seed: async (world) => {
      await world.pool.query("update rep set name = $1 where id = 'rp_one'", [
        `O'Brien & Sons <b>${"Wolfeschlegelsteinhausenbergerdorff".repeat(3)}</b>`,
      ]);
      return "/console/me";
    },
  },
  { name: "nothing-here", person: rep, seed: at("/console/nothing"), status: 404 },
  {
    name: "form-from-elsewhere",
    person: rep,
    seed: at("/console/me"),
    sent: { key: "none" },
    status: 422,
  },
  { name: "offer", person: null, isPlain: true, seed: offer },
  {
    name: "offer-refused",
    person: null,
    isPlain: true,
    seed: offer,
    sent: { action: "reject", key, stage: "mql", reason: "dated-timing", note: "In spring" },
    status: 422,
  },
  {
    name: "offer-over",
    person: null,
    isPlain: true,
    seed: async (world) => {
      const path = await offer(world);
      world.setNow(world.now() + 2 * 86_400_000);
      return path;
    },
  },
  {
    name: "offer-unknown",
    person: null,
    isPlain: true,
    seed: at("/console/offer/x.y"),
    status: 404,
  },
];

function at(path: string): State["seed"] {
  return () => Promise.resolve(path);
}

/** The page of a link in a mail to the rep who has the lead. */
async function offer(world: PeopleWorld): Promise<string> {
  const secret = await signingKey(world.pool, world.now());
  const link = {
    repId: "rp_one",
    leadId: await world.lead("rp_one"),
    cycle: 1,
    round: 1,
    until: world.now() + 86_400_000,
  };
  return `/console/offer/${signOffer(secret, link)}`;
}
