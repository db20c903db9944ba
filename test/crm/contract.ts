import { describe, expect, test } from "vitest";
import type { CrmChange } from "../../crm/change.ts";
import {
  CrmGone,
  CrmMerged,
  CrmRefused,
  type CrmPort,
  type LeadRecord,
  type WebhookRequest,
} from "../../crm/crm.ts";
import { ChangeError } from "../../store/inbox/crm-change.ts";

/**
 * What a person does in the CRM's own interface, for the suite to look at what the adapter makes of
 * it.
 */
export interface CrmUser {
  changePhone(crmId: string, phone: string): Promise<void>;
  setStatus(crmId: string, status: string): Promise<void>;
  /** Gives a company's handoff to another user. */
  giveAccount(crmId: string, owner: string): Promise<void>;
  acceptAccount(crmId: string): Promise<void>;
  logCallToAccount(crmId: string): Promise<void>;
  /** Opens an opportunity of the lead, in this deal stage; gives its id there. */
  openOpportunity(crmId: string, dealStage: string): Promise<string>;
  moveOpportunity(id: string, dealStage: string): Promise<void>;
  winOpportunity(id: string): Promise<void>;
  merge(crmId: string, into: string): Promise<void>;
  remove(crmId: string): Promise<void>;
}

export interface CrmUnderTest {
  readonly crm: CrmPort;
  readonly user: CrmUser;
  /** The webhook with which the CRM tells of a change, signed with this secret. */
  readonly webhook: (
    change: CrmChange,
    at: number,
  ) => { readonly request: WebhookRequest; readonly payload: unknown; readonly secret: string };
  /** Another secret of the CRM's form. */
  readonly otherSecret: string;
}

const at = "2026-11-20T12:00:00.000Z";
const since = Date.parse(at);

export function someLead(n: number | string, more: Partial<LeadRecord> = {}): LeadRecord {
  return {
    leadId: `ld_${n}`,
    crmId: null,
    accountCrmId: null,
    status: "mql",
    statusSince: since,
    cycle: 1,
    round: 1,
    ownerId: "rp_ann",
    queue: null,
    leadType: "demo-request",
    band: "A",
    fit: 40,
    intent: 42.5,
    slaState: "running",
    territory: "rest",
    dueAt: since + 3_600_000,
    reason: null,
    agreement: "ag_1",
    facts: { "lead.email": { value: `p${n}@engines.test`, at }, "lead.phone": { value: "1", at } },
    ...more,
  };
}

/** Every adapter passes this suite: what Baton relies on whichever CRM is behind the port. */
export function crmContract(name: string, under: () => CrmUnderTest): void {
  const crm = () => under().crm;
  const user = () => under().user;

  describe(`${name} as a CRM`, () => {
    test("a lead written twice is one record, and the second time changes nothing", async () => {
      const first = await crm().upsertLead(someLead(1));
      expect(await crm().upsertLead(someLead(1))).toEqual(first);
      expect(await crm().readLead(first.crmId)).toMatchObject({
        crmId: first.crmId,
        leadId: "ld_1",
        status: "mql",
        ownerId: "rp_ann",
      });
    });

    test("twenty writers of one new lead at once make one record", async () => {
      const refs = await Promise.all(
        Array.from({ length: 20 }, () => crm().upsertLead(someLead(2))),
      );
      expect(new Set(refs.map((ref) => ref.crmId)).size).toBe(1);
    });

    test("a change is a new version of the same record", async () => {
      const first = await crm().upsertLead(someLead(3));
      const second = await crm().upsertLead(someLead(3, { status: "sal", ownerId: "rp_bob" }));
      expect(second.crmId).toBe(first.crmId);
      expect(second.version).toBeGreaterThan(first.version);
      expect(await crm().readLead(first.crmId)).toMatchObject({ status: "sal", ownerId: "rp_bob" });
    });

    test("what a person changed in the CRM is not overwritten with what Baton knew before", async () => {
      const { crmId } = await crm().upsertLead(someLead(4));
      await user().changePhone(crmId, "2");
      await crm().upsertLead(someLead(4, { status: "sal" }));
      expect((await crm().readLead(crmId)).facts["lead.phone"]?.value).toBe("2");
      const later = new Date(Date.now() + 86_400_000).toISOString();
      await crm().upsertLead(someLead(4, { facts: { "lead.phone": { value: "3", at: later } } }));
      expect((await crm().readLead(crmId)).facts["lead.phone"]?.value).toBe("3");
    });

    test("a lead is found by its address, whatever its capitals, and by our id; a stranger is not", async () => {
      const { crmId } = await crm().upsertLead(someLead(5));
      expect((await crm().findLead({ email: " P5@Engines.test" }))?.crmId).toBe(crmId);
      expect((await crm().findLead({ leadId: "ld_5" }))?.crmId).toBe(crmId);
      expect(await crm().findLead({ email: "nobody@engines.test" })).toBeNull();
    });

    test("accounts, tasks, notes and opportunities with the same key are one", async () => {
      const { crmId } = await crm().upsertLead(someLead(6));
      const account = { accountId: "ac_6", facts: { "account.name": { value: "Engines", at } } };
      const kept = await crm().upsertAccount(account);
      expect(await crm().upsertAccount(account)).toEqual(kept);
      const handoff = {
        status: "mql",
        statusSince: since,
        cycle: 1,
        round: 1,
        ownerId: "rp_ann",
        queue: null,
        leadType: "account-flag",
        dueAt: since,
        slaState: "running",
        reason: null,
        agreement: "ag_1",
      } as const;
      const flagged = await crm().upsertAccount({ ...account, handoff });
      expect(flagged.version).toBeGreaterThan(kept.version);
      expect(await crm().upsertAccount({ ...account, handoff })).toEqual(flagged);
      // Whoever says nothing of the handoff leaves it.
      expect(await crm().upsertAccount(account)).toEqual(flagged);
      const accepted = { ...handoff, status: "sal" };
      expect(
        (await crm().upsertAccount({ ...account, handoff: accepted })).version,
      ).toBeGreaterThan(flagged.version);
      const task = {
        key: "ld_6/call",
        leadCrmId: crmId,
        ownerId: "rp_ann",
        subject: "Call",
        dueAt: since,
      };
      const made = await crm().upsertTask(task);
      expect(await crm().upsertTask(task)).toEqual(made);
      expect((await crm().upsertTask({ ...task, ownerId: "rp_bob" })).version).toBeGreaterThan(
        made.version,
      );
      const note = { key: "ld_6/note", leadCrmId: crmId, body: "Handed to sales", at: since };
      expect(await crm().addNote(note)).toEqual(
        await crm().addNote({ ...note, body: "something else" }),
      );
      const opportunity = {
        key: "op_6",
        leadCrmId: crmId,
        stage: "open",
        amountMinor: 100,
        currency: "EUR",
      } as const;
      expect((await crm().upsertOpportunity(opportunity)).crmId).toBe(
        (await crm().upsertOpportunity({ ...opportunity, stage: "won" })).crmId,
      );
    });

    test("a task that is not there counts as closed", async () => {
      await expect(crm().closeTask("nothing/like/this")).resolves.toBeUndefined();
    });

    test("a deleted record is told as gone and not made again", async () => {
      const { crmId } = await crm().upsertLead(someLead(7));
      await user().remove(crmId);
      await expect(crm().upsertLead(someLead(7))).rejects.toThrow(CrmGone);
      await expect(crm().readLead(crmId)).rejects.toThrow(CrmGone);
      expect(await crm().findLead({ leadId: "ld_7" })).toBeNull();
    });

    test("a merged record names its survivor, which can be followed", async () => {
      const loser = await crm().upsertLead(someLead(8));
      const survivor = await crm().upsertLead(someLead(9));
      await user().merge(loser.crmId, survivor.crmId);
      const told: unknown = await crm()
        .upsertLead(someLead(8))
        .catch((error: unknown) => error);
      expect(told).toBeInstanceOf(CrmMerged);
      expect((told as CrmMerged).into).toBe(survivor.crmId);
    });

    test("content that is never accepted is refused by its field", async () => {
      const told: unknown = await crm()
        .upsertLead(someLead(10, { facts: { "lead.title": { value: "x".repeat(5_000), at } } }))
        .catch((error: unknown) => error);
      expect(told).toBeInstanceOf(CrmRefused);
      expect((told as CrmRefused).field).toBe("lead.title");
      expect((told as CrmRefused).message).not.toContain("xxx");
    });

    test(
      "what people did comes once each, in order, from where reading ended; what Baton wrote " +
        "does not",
      async () => {
        const start = await drain(null);
        const { crmId } = await crm().upsertLead(someLead(11));
        expect((await crm().changesSince(start.cursor, 100)).changes).toEqual([]);
        await user().changePhone(crmId, "5");
        await user().setStatus(crmId, "sal");
        await crm().upsertLead(someLead(11, { status: "sal", band: "B" }));
        const { changes, cursor } = await drain(start.cursor);
        expect(
          changes.map((change) => [change.crmId, change.leadId, change.sequence, change.what.kind]),
        ).toEqual([
          [crmId, "ld_11", 1, "facts"],
          [crmId, "ld_11", 2, "status"],
        ]);
        expect((await crm().changesSince(cursor, 100)).changes).toEqual([]);
      },
    );
  });

  describe(`${name} and companies`, () => {
    const handoff = {
      status: "mql",
      statusSince: since,
      cycle: 2,
      round: 3,
      ownerId: "rp_ann",
      queue: null,
      leadType: "account-flag",
      dueAt: since,
      slaState: "running",
      reason: null,
      agreement: "ag_1",
    } as const;

    test(
      "what people did to one that is handed off comes once each, in order, with what its record " +
        "showed; what Baton wrote does not",
      async () => {
        const start = await drain(null);
        const account = { accountId: "ac_13", facts: {}, handoff };
        const { crmId } = await crm().upsertAccount(account);
        expect((await crm().changesSince(start.cursor, 100)).changes).toEqual([]);
        await user().logCallToAccount(crmId);
        await user().acceptAccount(crmId);
        await user().giveAccount(crmId, "rp_bob");
        await crm().upsertAccount({ ...account, handoff: { ...handoff, status: "sal" } });
        const { changes, cursor } = await drain(start.cursor);
        expect(changes).toMatchObject([
          { sequence: 1, what: { kind: "outreach", channel: "call" } },
          { sequence: 2, what: { kind: "status", status: "sal" } },
          { sequence: 3, what: { kind: "owner", owner: "rp_bob" } },
        ]);
        for (const change of changes)
          expect(change).toMatchObject({
            record: "account",
            crmId,
            accountId: "ac_13",
            leadId: null,
            seen: { cycle: 2, round: 3 },
          });
        expect((await crm().changesSince(cursor, 100)).changes).toEqual([]);
        const [first] = changes;
        if (!first) throw new Error("the change was not pulled");
        expect(crm().translate(under().webhook(first, since).payload)).toEqual([first]);
      },
    );

    test("what was not done in Baton is put right there", async () => {
      const account = { accountId: "ac_14", facts: {}, handoff };
      const { crmId, version } = await crm().upsertAccount(account);
      await user().giveAccount(crmId, "rp_bob");
      expect((await crm().upsertAccount(account)).version).toBeGreaterThan(version + 1);
    });
  });

  describe(`${name} tells what happened`, () => {
    test("an opportunity is told of at each deal stage it comes to, and when it is won", async () => {
      const start = await drain(null);
      const { crmId } = await crm().upsertLead(someLead(13));
      const id = await user().openOpportunity(crmId, "Discovery");
      await user().moveOpportunity(id, "Proposal");
      await user().winOpportunity(id);
      const { changes } = await drain(start.cursor);
      const seen = changes.flatMap(({ at, what }) =>
        what.kind === "opportunity" ? [{ at, ...what.opportunity }] : [],
      );
      expect(seen.map((one) => [one.crmId, one.stage])).toEqual([
        [id, "open"],
        [id, "open"],
        [id, "won"],
      ]);
      expect(seen.slice(0, 2).map(({ dealStage }) => dealStage)).toEqual(["Discovery", "Proposal"]);
      expect(seen.every(({ at, createdAt }) => at >= createdAt)).toBe(true);
      for (const change of changes)
        expect(crm().translate(under().webhook(change, since).payload)).toEqual([change]);
    });

    async function told() {
      const start = await drain(null);
      const { crmId } = await crm().upsertLead(someLead(12));
      await user().setStatus(crmId, "sal");
      const [change] = (await drain(start.cursor)).changes;
      if (!change) throw new Error("the change was not pulled");
      return { change, ...under().webhook(change, since) };
    }

    test("a webhook tells what a pull brings, under the same id, with what the record showed", async () => {
      const { change, payload } = await told();
      expect(crm().translate(payload)).toEqual([change]);
      expect(change).toMatchObject({
        leadId: "ld_12",
        seen: { stage: "mql", cycle: 1, round: 1 },
        what: { kind: "status", status: "sal" },
      });
    });

    test("it counts when it was signed with a secret of ours, these bytes, just now", async () => {
      const { request, secret } = await told();
      const { otherSecret } = under();
      expect(crm().verify(request, [otherSecret, secret], since)).toMatchObject({ ok: true });
      const changed = { ...request, body: new TextEncoder().encode("{}") };
      const unsigned = { ...request, header: () => undefined };
      for (const [given, secrets, now] of [
        [request, [otherSecret], since],
        [changed, [secret], since],
        [unsigned, [secret], since],
        [request, [secret], since + 3_600_000],
      ] as const)
        expect(crm().verify(given, secrets, now).ok).toBe(false);
    });

    test("what cannot be read is refused by its field, and not quoted", () => {
      for (const payload of [null, {}, [], "accept", { id: "e1", crmId: 7 }])
        expect(() => crm().translate(payload)).toThrow(ChangeError);
      expect(() => crm().translate({ id: "e1", crmId: "ada@engines.test".repeat(20) })).toThrow(
        /^the event's field \S+ is not as expected$/,
      );
    });
  });

  async function drain(from: string | null) {
    const found = await crm().changesSince(from, 2);
    const changes = [...found.changes];
    let at = found;
    while (at.more) {
      at = await crm().changesSince(at.cursor, 2);
      changes.push(...at.changes);
    }
    return { changes, cursor: at.cursor };
  }
}
