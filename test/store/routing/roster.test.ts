import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { appliedCalendar } from "../../../handoff/time/applied-calendar.ts";
import { businessTimeBetween, isOpen } from "../../../handoff/time/calendar.ts";
import { calendarOf, calendarVersion } from "../../../store/process/calendars.ts";
import { inTransaction } from "../../../store/postgres/db.ts";
import { putAbsences, putPools, putReps } from "../../../store/routing/roster-edit.ts";
import { listAbsences, loadRoster, unknownReps } from "../../../store/routing/roster.ts";
import {
  agreement,
  hour,
  now,
  rep,
  routingWorld,
  weekdays,
  type RoutingWorld,
} from "../../support/routing-world.ts";

let world: RoutingWorld;
beforeAll(async () => {
  world = await routingWorld(4);
});
afterAll(() => world.close());

describe("the roster", () => {
  test("comes back as it was put, for the rules without name and address", async () => {
    const full = rep("rp_a", {
      managerId: "rp_m",
      hours: weekdays,
      languages: ["de", "en"],
      products: ["router, small"],
      motions: ['in"bound'],
      caps: { open: 20, perDay: 10, perHour: 3 },
      crmId: "crm-1",
    });
    await world.roster([full, rep("rp_m", { role: "manager" })], {
      "east-sdr": { rp_a: 3, rp_m: 0 },
      "empty-sdr": {},
    });
    const away = [{ from: now + hour, to: now + 2 * hour + 1, reason: "dentist" }];
    await inTransaction(world.pool, (tx) => putAbsences(tx, { rp_a: away }, now));
    expect(await loadRoster(world.pool)).toEqual({
      reps: {
        rp_a: {
          id: "rp_a",
          active: true,
          managerId: "rp_m",
          hours: weekdays,
          languages: ["de", "en"],
          products: ["router, small"],
          motions: ['in"bound'],
          caps: { open: 20, perDay: 10, perHour: 3 },
          absences: away,
        },
        rp_m: {
          id: "rp_m",
          active: true,
          managerId: null,
          hours: null,
          languages: [],
          products: [],
          motions: [],
          caps: {},
          absences: [],
        },
      },
      pools: {
        "east-sdr": { id: "east-sdr", hours: null, members: { rp_a: 3, rp_m: 0 } },
        "empty-sdr": { id: "empty-sdr", hours: null, members: {} },
      },
    });
  });

  test("put again with less, limits and members go away; nobody is removed", async () => {
    await world.roster([rep("rp_a", { caps: { open: 1 }, hours: weekdays }), rep("rp_b")], {
      "east-sdr": { rp_a: 1, rp_b: 1 },
    });
    await inTransaction(world.pool, async (tx) => {
      await putReps(tx, [rep("rp_a", { active: false })], now);
      await putPools(tx, [{ id: "east-sdr", hours: weekdays, members: { rp_b: 2 } }], now);
    });
    const { reps, pools } = await loadRoster(world.pool);
    expect(reps.rp_a).toMatchObject({ active: false, caps: {}, hours: null });
    expect(Object.keys(reps)).toEqual(["rp_a", "rp_b"]);
    expect(pools["east-sdr"]).toEqual({ id: "east-sdr", hours: weekdays, members: { rp_b: 2 } });
  });

  test("absences that are over stay, for clocks have counted them; a rep who does not exist is named", async () => {
    await world.roster([rep("rp_a")], {});
    const past = { from: now - 4 * hour, to: now - 3 * hour, reason: "past" };
    await world.pool.query(
      "insert into absence (rep_id, from_at, to_at, reason) values ('rp_a', $1, $2, 'past')",
      [new Date(past.from), new Date(past.to)],
    );
    await inTransaction(world.pool, (tx) =>
      putAbsences(tx, { rp_a: [past, { from: now, to: now + 1, reason: "blink" }] }, now),
    );
    expect(await listAbsences(world.pool)).toEqual({
      rp_a: [past, { from: now, to: now + 1, reason: "blink" }],
    });
    expect(await unknownReps(world.pool, ["rp_a", "rp_x", "rp_b"])).toEqual(["rp_b", "rp_x"]);
  });
});

describe("calendar versions", () => {
  test(
    "the same hours are one version, in whatever order they are written; one absence makes " +
      "another",
    async () => {
      const id = await calendarVersion(
        world.pool,
        { hours: weekdays, minus: [], from: "agreement" },
        now,
      );
      const turned = {
        from: "agreement" as const,
        minus: [],
        hours: { week: Object.fromEntries(Object.entries(weekdays.week).reverse()), zone: "UTC" },
      };
      expect(await calendarVersion(world.pool, turned, now + hour)).toBe(id);
      expect(id).toMatch(/^cal_[0-9a-f]{32}$/);
      expect(
        await calendarVersion(
          world.pool,
          { hours: weekdays, minus: [{ from: now, to: now + hour }], from: "agreement" },
          now,
        ),
      ).not.toBe(id);
      const { rows } = await world.pool.query(
        "select tz_version, created_at from calendar_version where id = $1",
        [id],
      );
      expect(rows).toEqual([{ tz_version: process.versions.tz, created_at: new Date(now) }]);
    },
  );

  test("a kept calendar answers as the applied one, years before and after", async () => {
    await world.roster([rep("rp_a")], { "east-sdr": { rp_a: 1 } });
    await inTransaction(world.pool, (tx) =>
      putAbsences(tx, { rp_a: [{ from: now, to: now + 2 * hour, reason: "x" }] }, now),
    );
    const { reps, pools } = await loadRoster(world.pool);
    const applied = appliedCalendar(
      { ...agreement, clocks: { ...agreement.clocks, calendar: "assignee" } },
      reps.rp_a!,
      pools["east-sdr"]!,
    );
    const calendar = await calendarOf(world.pool, await calendarVersion(world.pool, applied, now));
    expect(businessTimeBetween(calendar, now - hour, now + 3 * hour)).toBe(2 * hour);
    expect(isOpen(calendar, Date.parse("2022-11-21T10:00:00Z"))).toBe(true);
    expect(isOpen(calendar, Date.parse("2033-11-21T10:00:00Z"))).toBe(true);
    await expect(calendarOf(world.pool, "cal_none")).rejects.toThrow(
      "there is no calendar version cal_none",
    );
  });

  test(
    "an edit that lets somebody begin earlier offers the first 200 leads on hold itself, and " +
      "tells the others",
    async () => {
      const later = { zone: "UTC", week: { wed: ["10:30-17:00"] } };
      await world.roster([rep("rp_a", { hours: later })], { "east-sdr": { rp_a: 1 } });
      const ids = await world.handoffs(210);
      const answers = await Promise.all(ids.map((id) => world.ask(id)));
      expect(new Set(answers.map(({ routed }) => routed.kind))).toEqual(new Set(["held"]));
      await world.pool.query("delete from outbox");
      const done = await inTransaction(world.pool, (tx) => putReps(tx, [rep("rp_a")], now));
      expect(done).toEqual({ released: 200, told: 10, revoked: [], ended: [] });
      const { rows } = await world.pool.query(
        "select message, count(*)::int as n, count(distinct workflow_id)::int as leads from " +
          "outbox group by message order by message",
      );
      expect(rows).toEqual([
        { message: "released", n: 200, leads: 200 },
        { message: "rosterChanged", n: 10, leads: 10 },
      ]);
    },
  );
});
