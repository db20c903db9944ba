import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { dueReviews } from "../../activities/review.ts";
import { heldAt, agreedReview, type ReviewKind } from "../../handoff/reviews/review.ts";
import { inTransaction, rows, sql } from "../../store/postgres/db.ts";
import { addResolution } from "../../store/reviews/resolutions.ts";
import type { ReviewRow } from "../../store/reviews/reviews.ts";
import { signReview, type Signer } from "../../store/reviews/signatures.ts";
import { reviewView } from "../../store/reviews/view.ts";
import { reviewWorkflowId } from "../../workflows/contract.ts";
import { quarterWorld, type QuarterWorld } from "../support/quarter-world.ts";
import { keepReview, leadersOf } from "../support/review-world.ts";

/** A busy machine compiles the figures of a review in some seconds. */
const patient = { timeout: 60_000 };
const day = 86_400_000;
const hour = 3_600_000;
const from = Date.parse("2040-12-20T12:00:00Z");
/** Nine in the morning in New York, as the Schedules fire, whatever the clocks say. */
const firings = Array.from({ length: 365 }, (_, n) => nineInNewYork(2041, n));
/** The system is down from the evening of 31 March to the evening of 1 April, a Monday. */
const down = { from: Date.parse("2041-03-31T22:00:00Z"), to: Date.parse("2041-04-01T22:00:00Z") };
/** Nobody signs this one in time. */
const ignored = "2041-W20";

const agreementText = readFileSync(new URL("../../agreement/example.yaml", import.meta.url), "utf8")
  // Memorial Day, a Monday.
  .replace("exceptions: { 2026-11-26: []", "exceptions: { 2041-05-27: [], 2026-11-26: []");

let world: QuarterWorld;
let leaders: Readonly<Record<"marketing" | "sales", Signer>>;
beforeAll(async () => {
  world = await quarterWorld(agreementText, from);
  leaders = await leadersOf(world.pool);
});
afterAll(() => world?.close(), 60_000);

const reviews = () =>
  rows<ReviewRow>(world.pool, sql`select * from review order by opened_at, kind`);
const reviewOf = async (kind: ReviewKind, period: string): Promise<ReviewRow> => {
  const found = (await reviews()).find((one) => one.kind === kind && one.period === period);
  if (!found) throw new Error(`${kind} ${period} was not opened`);
  return found;
};
const sign = (id: string, at: number, who: readonly Signer[] = Object.values(leaders)) =>
  inTransaction(world.pool, async (tx) => {
    for (const signer of who) await signReview(tx, id, signer, at);
  });

/** Two Schedules that fire at once, as after a start in a second namespace, open each review once. */
async function fire(at: number): Promise<string[]> {
  const opened = await Promise.all(
    [1, 2].map(async (n) => {
      const asking = `review-year/${world.taskQueue}/${at}/${n}`;
      await world.begin("openDueReview", asking, at, []);
      const answer = await world.client.workflow
        .getHandle<() => Promise<{ opened: string[] }>>(asking)
        .result();
      for (const id of answer.opened) world.adopt(id, asking);
      return answer.opened;
    }),
  );
  return opened.flat();
}

test(
  "a year of reviews is opened on the right days, each once, though two ask at once and a day " +
    "is missed; all are signed",
  async () => {
    const deps = { pool: world.pool, agreements: world.agreements };
    let first: string | undefined;
    for (const at of firings) {
      if (at > down.from && at < down.to) continue;
      const due = (await dueReviews(deps, at, null)).filter(({ period }) => period !== ignored);
      if (due.length === 0 && !(await isIgnoredDue(at))) continue;
      for (const id of await fire(at)) {
        const [, kind = "", period = ""] = id.split("/");
        await expect
          .poll(async () => (await reviews()).some((one) => one.period === period), patient)
          .toBe(true);
        const review = await reviewOf(kind as ReviewKind, period);
        if (kind === "weekly" && first === undefined) {
          first = review.id;
          await inTransaction(world.pool, (tx) =>
            addResolution(
              tx,
              review,
              { text: "Call them", owner: "manager", dueOn: "2041-12-01", proposal: null },
              leaders.sales,
              at,
            ),
          );
        }
        if (period !== ignored) await sign(review.id, at + hour);
      }
      await expect
        .poll(
          async () =>
            (await reviews()).every(
              ({ state, period }) => state === "closed" || period === ignored,
            ),
          patient,
        )
        .toBe(true);
    }
    const inYear = (await reviews()).filter(({ opened_at }) => opened_at.getUTCFullYear() === 2041);
    const count = (kind: ReviewKind) => inYear.filter((one) => one.kind === kind).length;
    expect([count("weekly"), count("monthly"), count("quarterly")]).toEqual([53, 12, 4]);
    const { agreement } = (await world.agreements.active(world.pool))!;
    const late = inYear.filter(({ kind, period, opened_at }) => {
      const held = heldAt(agreedReview(agreement, kind)!, period);
      return opened_at.getTime() < held || opened_at.getTime() > held + 10 * 60_000;
    });
    // The day that was missed is made up for the next morning.
    expect(
      late
        .map(({ period, opened_at }) => `${period} ${opened_at.toISOString().slice(0, 10)}`)
        .toSorted(),
    ).toEqual([
      "2041-04 2041-04-02",
      "2041-Q2 2041-04-02",
      "2041-W01 2041-01-01",
      "2041-W14 2041-04-02",
    ]);
    const memorial = await reviewOf("weekly", "2041-W22");
    expect(memorial.opened_at.toISOString().slice(0, 10)).toBe("2041-05-28");
    // What was resolved in January waits in each weekly review of the year.
    const last = await reviewView(world.pool, await reviewOf("weekly", "2041-W40"), Date.now());
    expect(last.carried).toMatchObject([{ text: "Call them", state: "open", period: "2041-W01" }]);
    expect(last.figures?.packet.sections.length).toBeGreaterThan(0);
    const signed = await reviewOf("weekly", "2041-W30");
    await world.client.workflow.getHandle(reviewWorkflowId("weekly", signed.period)).result();
    await keepReview(world, signed.period, "review-weekly-signed", "weekly");
  },
  900_000,
);

/** A day on which nothing but the ignored review is due needs no firing. */
async function isIgnoredDue(at: number): Promise<boolean> {
  return (
    (await dueReviews({ pool: world.pool, agreements: world.agreements }, at, null)).length > 0 &&
    (await reviews()).every(({ period }) => period !== ignored)
  );
}

test(
  "a review that nobody signs is called to mind at half time, escalated at its due time, asked " +
    "for every day and then every week, and closes late",
  async () => {
    const review = await reviewOf("weekly", ignored);
    const workflowId = reviewWorkflowId("weekly", ignored);
    const asked = async () =>
      (
        await rows<{ key: string }>(
          world.pool,
          sql`select key from effect where subject_id = ${review.id} and what = 'review-waits'
          order by id`,
        )
      ).map(({ key }) => key.slice(`review/${review.id}/sign/`.length));
    await world.bring(workflowId, review.remind_at!.getTime() + 60_000);
    await expect.poll(asked, patient).toEqual(["reminder/marketing", "reminder/sales"]);
    await sign(review.id, review.remind_at!.getTime() + hour, [leaders.marketing]);
    await world.bring(workflowId, review.due_at.getTime() + 60_000);
    await expect
      .poll(async () => (await asked()).slice(2), patient)
      .toEqual(["overdue-0/sales", "overdue-0/above"]);
    const weeks = async (n: number): Promise<number> => {
      await world.bring(workflowId, review.due_at.getTime() + n * 7 * day + hour);
      return (await asked()).filter((key) => key.endsWith("/above")).length;
    };
    // Due on a Wednesday when the office closes: asked on Friday, Monday to Thursday, then once a week.
    expect([await weeks(1), await weeks(2), await weeks(3), await weeks(4)]).toEqual([5, 6, 7, 8]);
    expect((await reviewOf("weekly", ignored)).state).toBe("open");
    await sign(review.id, world.now(workflowId), [leaders.sales]);
    await world.client.workflow.getHandle(workflowId).result();
    expect((await reviewOf("weekly", ignored)).state).toBe("closed");
    await keepReview(world, ignored, "review-weekly-escalated", "weekly");
  },
  300_000,
);

function nineInNewYork(year: number, n: number): number {
  const date = new Date(Date.UTC(year, 0, 1 + n, 14));
  const summer =
    date >= new Date(`${year}-03-10T00:00:00Z`) && date < new Date(`${year}-11-03T00:00:00Z`);
  return date.getTime() - (summer ? hour : 0);
}
