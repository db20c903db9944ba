import { openReview } from "../../activities/review.ts";
import { agreementOf } from "../../agreement/stored.ts";
import type { ReviewKind } from "../../handoff/reviews/review.ts";
import type { LoginWish } from "../../store/access/logins.ts";
import { sql } from "../../store/postgres/db.ts";
import { createAgreements } from "../../store/process/agreements.ts";
import { eventually } from "../support/eventually.ts";
import { pastMonths } from "../support/past-months.ts";
import type { PeopleWorld } from "../support/people-world.ts";
import type { State } from "./states.ts";

const day = 86_400_000;
const hostile = `O'Brien & Sons <b>bold</b> \u202egnorw ${"Wolfeschlegelsteinhausen".repeat(6)}`;
const wrongDay = "/console/reports/funnel?from=2026-02-31";
const marketing: LoginWish = { role: "marketing" };
const revops: LoginWish = { role: "revops" };
const leader: LoginWish = { role: "leader", party: "marketing", repId: "rp_mark" };
const salesLeader: LoginWish = { role: "leader", party: "sales", repId: "rp_chief" };
const rep: LoginWish = { role: "rep", repId: "rp_one" };
const boss: LoginWish = { role: "manager", repId: "rp_boss" };

/** The pages of figures, reviews and the agreement in the states that somebody meets. */
export const figureStates: readonly State[] = [
  { name: "figures-empty", person: marketing, seed: at("/console/figures") },
  { name: "figures", person: marketing, seed: past(400, "/console/figures") },
  {
    name: "figures-source",
    person: leader,
    seed: past(400, "/console/figures?from=2026-09-01&to=2026-09-30&source=web"),
  },
  { name: "figures-below-30", person: boss, seed: past(25, "/console/figures") },
  { name: "report-empty", person: marketing, seed: at("/console/reports/funnel") },
  { name: "report-funnel-young", person: marketing, seed: past(400, "/console/reports/funnel") },
  {
    name: "report-rejections",
    person: marketing,
    seed: past(400, "/console/reports/rejections?from=2026-09-01&to=2026-11-23"),
  },
  {
    name: "report-by-source-below-30",
    person: leader,
    seed: past(
      60,
      "/console/reports/acceptance?from=2026-09-01&to=2026-11-23&groupBy=source&band=A",
    ),
  },
  {
    name: "report-hostile-names",
    person: marketing,
    seed: async (world) => {
      await pastMonths(world, 200);
      await world.pool.query(sql`update handoff set source = ${hostile} where source is not null`);
      return "/console/reports/acceptance?from=2026-09-01&to=2026-11-23&groupBy=source";
    },
  },
  { name: "report-stages", person: marketing, seed: past(200, "/console/reports/stages") },
  { name: "report-aging", person: marketing, seed: past(200, "/console/reports/aging") },
  {
    name: "report-of-people-refused",
    person: marketing,
    seed: at("/console/reports/reps"),
    status: 403,
  },
  { name: "report-wrong-day", person: marketing, seed: at(wrongDay), status: 422 },
  {
    name: "leads-of-a-report",
    person: marketing,
    seed: async (world) => {
      const ids = [await world.lead("rp_one"), await world.lead("rp_two")];
      await world.lead("rp_one");
      return `/console/leads?ids=${ids.join(",")}`;
    },
  },
  { name: "reviews-empty", person: leader, seed: at("/console/reviews") },
  {
    name: "reviews",
    person: leader,
    seed: async (world) => {
      await weekly(world);
      await opened(world, "monthly", "2026-11");
      await opened(world, "quarterly", "2026-Q4");
      return "/console/reviews";
    },
  },
  { name: "review", person: leader, seed: (world) => weekly(world) },
  { name: "review-monthly", person: revops, seed: (world) => ofKind(world, "monthly", "2026-11") },
  {
    name: "review-hostile",
    person: marketing,
    seed: async (world) => {
      const path = await weekly(world);
      await decided(world, path, { text: hostile, owner: "rp_one" });
      return path;
    },
  },
  {
    name: "review-carried",
    person: leader,
    seed: async (world) => {
      world.setNow(world.now() - 30_000);
      const before = await opened(world, "weekly", "2026-W47");
      for (const [text, owner] of [
        ["Raise the size floor to 100", "rp_boss"],
        ["Ask for the role on the form", "marketing-ops"],
      ] as const) {
        // One after the other, as they are listed.
        world.setNow(world.now() + 1_000);
        await decided(world, `/console/reviews/${before}`, { text, owner });
      }
      world.setNow(world.now() + 8 * day);
      return `/console/reviews/${await opened(world, "weekly", "2026-W48")}`;
    },
  },
  {
    name: "review-half-signed",
    person: salesLeader,
    seed: async (world) => {
      const path = await weekly(world);
      await asked(world, "leader", `${api(path)}/sign`, {});
      return path;
    },
  },
  {
    name: "review-signed",
    person: leader,
    seed: async (world) => {
      const path = await weekly(world);
      await decided(world, path, { text: "Call within the hour", owner: "rp_boss" });
      for (const as of ["leader", "salesLeader"] as const)
        await asked(world, as, `${api(path)}/sign`, {});
      await world.pool.query(sql`update review set state = 'closed',
        closed_at = ${new Date(world.now())}`);
      return path;
    },
  },
  {
    name: "review-quarterly-pool",
    person: revops,
    seed: async (world) => {
      world.setNow(world.now() - 30_000);
      await pool(world, 12);
      return `/console/reviews/${await opened(world, "quarterly", "2026-Q4")}`;
    },
  },
  {
    name: "review-decision-refused",
    person: leader,
    seed: async (world) => `${await weekly(world)}?form`,
    form: "form.decide",
    sent: { text: "Raise the floor", owner: "rp_boss", dueOn: "2020-01-01" },
    status: 422,
  },
  { name: "review-refused", person: rep, seed: (world) => weekly(world), status: 403 },
  {
    name: "agreement",
    person: revops,
    seed: past(400, "/console/agreement"),
  },
  { name: "agreement-of-rep", person: rep, seed: at("/console/agreement") },
  { name: "draft", person: revops, seed: at("/console/agreement/draft") },
  {
    name: "draft-refused",
    person: revops,
    seed: at("/console/agreement/draft"),
    sent: { content: "name: x\nleadTypes:\n  - name: fast\n    oureach: 1 hour\n", note: "Try" },
    status: 422,
  },
  { name: "version-active", person: leader, seed: activeVersion },
  { name: "version-proposed", person: revops, seed: (world) => proposed(world) },
  {
    name: "version-without-plan",
    person: revops,
    seed: async (world) => {
      const path = await proposed(world);
      await world.pool.query("delete from agreement_plan");
      return path;
    },
  },
  {
    name: "version-planning",
    person: revops,
    seed: async (world) => {
      const path = await proposed(world);
      await world.pool.query(`update agreement_plan set run_state = 'making', done = 120, of = 900,
        beat_at = clock_timestamp(), plan = null, plan_hash = null, against = null, made_at = null`);
      return path;
    },
  },
  {
    name: "version-half-signed",
    person: salesLeader,
    seed: async (world) => {
      const path = await proposed(world);
      await signedBy(world, path, "leader");
      return path;
    },
  },
  {
    name: "version-signed",
    person: revops,
    seed: async (world) => {
      const path = await proposed(world);
      await signedBy(world, path, "leader");
      await signedBy(world, path, "salesLeader");
      return path;
    },
  },
  {
    name: "version-not-yet-signed",
    person: revops,
    seed: (world) => proposed(world),
    form: 'form[action$="/activate"]',
    sent: { openHandoffs: "keep" },
    status: 409,
  },
  {
    name: "version-other-plan",
    person: leader,
    seed: (world) => proposed(world),
    form: 'form[action$="/sign"]',
    sent: { planHash: "0".repeat(64) },
    status: 409,
  },
];

function at(path: string): State["seed"] {
  return () => Promise.resolve(path);
}

function past(count: number, path: string): State["seed"] {
  return async (world) => {
    await pastMonths(world, count);
    return path;
  };
}

async function opened(world: PeopleWorld, kind: ReviewKind, period: string): Promise<string> {
  const deps = { pool: world.pool, agreements: createAgreements(agreementOf) };
  return (await openReview(deps, { kind, period, now: world.now() })).reviewId;
}

async function ofKind(world: PeopleWorld, kind: ReviewKind, period: string): Promise<string> {
  // So that no minute is over while the page is looked at.
  world.setNow(world.now() - 30_000);
  await pastMonths(world, 400);
  return `/console/reviews/${await opened(world, kind, period)}`;
}

const weekly = (world: PeopleWorld) => ofKind(world, "weekly", "2026-W48");
const api = (path: string) => path.replace(/^\/console/, "");

async function asked(
  world: PeopleWorld,
  as: "leader" | "salesLeader" | "revops",
  path: string,
  body: unknown,
) {
  const answer = await world.ask("POST", path, { as, body });
  if (answer.status >= 300) throw new Error(`${path}: ${JSON.stringify(answer.body)}`);
  return answer.body;
}

function decided(
  world: PeopleWorld,
  path: string,
  given: { readonly text: string; readonly owner: string },
): Promise<unknown> {
  const dueOn = new Date(world.now() + 2 * day).toISOString().slice(0, 10);
  return asked(world, "leader", `${api(path)}/resolutions`, { ...given, dueOn });
}

/** Leads that wait in the re-nurture pool. */
async function pool(world: PeopleWorld, count: number): Promise<void> {
  for (let n = 0; n < count; n++) {
    const id = await world.lead(null, { stage: "renurture", waitingOn: "review" });
    const since = new Date(world.now() - (n + 1) * 9 * day);
    await world.pool.query(sql`
      update process set queue = null, stage_since = ${since}, exit_at = ${since},
        exit_intent = ${n}, exit_reason = 'dated-timing' where subject_id = ${id}`);
  }
}

async function activeVersion(world: PeopleWorld): Promise<string> {
  const { body } = await world.ask("GET", "/agreement");
  return `/console/agreement/versions/${body.id}`;
}

/** A version that changes three rules, with its plan. */
async function proposed(world: PeopleWorld): Promise<string> {
  for (let n = 0; n < 3; n++) await world.lead("rp_one");
  const content = world.agreementText
    .replace("atLeast: 50, atMost: 5000", "atLeast: 100, atMost: 5000")
    .replace("outreach: 1 business hour", "outreach: 2 business hours")
    .replace("Select, unknown", "Select");
  const note = "Rejections for company size";
  const { id } = await asked(world, "revops", "/agreement/versions/propose", { content, note });
  await eventually(60, async () => {
    const { body } = await world.ask("GET", `/agreement/versions/${id}/plan`);
    return body.planning.state !== "making" && body;
  });
  return `/console/agreement/versions/${id}`;
}

async function signedBy(world: PeopleWorld, path: string, as: "leader" | "salesLeader") {
  const { body } = await world.ask("GET", `${api(path)}/plan`);
  const { contentHash, plan } = body;
  await asked(world, as, `${api(path)}/sign`, { contentHash, planHash: plan.hash });
}
