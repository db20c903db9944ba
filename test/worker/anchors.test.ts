import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { verifyAudit } from "../../cli/commands/verify.ts";
import { createKeptMail } from "../../messages/mail/kept.ts";
import { MailDown } from "../../messages/mail/mail.ts";
import { keepMail } from "../../store/effects/mail.ts";
import { readAnchors } from "../../store/postgres/anchor-file.ts";
import { audit } from "../../store/postgres/audit.ts";
import { inTransaction } from "../../store/postgres/db.ts";
import { startAnchors, type AnchorDeps } from "../../worker/anchors.ts";
import { freshDatabase, type FreshDatabase } from "../support/world.ts";

let db: FreshDatabase;
let folder: string;
let file: string;
let now: number;
let said: string[];
beforeEach(async () => {
  db = await freshDatabase();
  folder = mkdtempSync(join(tmpdir(), "baton-anchors-"));
  file = join(folder, "audit-anchors.jsonl");
  now = Date.parse("2026-11-23T15:00:00Z");
  said = [];
});
afterEach(async () => {
  await db.drop();
  rmSync(folder, { recursive: true, force: true });
});

const write = (subject: string) =>
  inTransaction(db.pool, (tx) => audit(tx, { actor: "rp_one", what: "test.done", subject }, now));
const note = (first: unknown, words?: string) => void said.push(words ?? String(first));
function anchors(more: Partial<AnchorDeps> = {}) {
  return startAnchors({
    pool: db.pool,
    mail: createKeptMail((message) => keepMail(db.pool, message, now)),
    clock: () => now,
    log: { warn: note, error: note },
    file,
    operator: "ops@example.com",
    everyMs: 3_600_000,
    ...more,
  });
}
const mails = async () =>
  (await db.pool.query("select recipient, subject, body_text from kept_mail order by sent_at"))
    .rows;

test("each new head of the trail is noted once in a file for its owner's eyes, and found again", async () => {
  const kept = anchors();
  await kept.now();
  expect(await readAnchors(file)).toEqual([]);
  await write("ld_1");
  await write("ld_2");
  await kept.now();
  await kept.now();
  await write("ld_3");
  await kept.now();
  const noted = await readAnchors(file);
  expect(noted).toHaveLength(2);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(await verifyAudit(db.pool, noted)).toEqual({
    rows: 3,
    brokenAt: null,
    anchors: 2,
    lost: [],
  });
  await kept.stop();
});

test("a trail that was cut is told of once, and the file goes on saying what was", async () => {
  const kept = anchors();
  await write("ld_1");
  await kept.now();
  await db.pool.query("alter table audit disable trigger audit_is_insert_only");
  await db.pool.query("delete from audit");
  await kept.now();
  await write("ld_2");
  await kept.now();
  expect(said).toEqual(["the audit trail is not the one that was anchored"]);
  const noted = await readAnchors(file);
  expect((await verifyAudit(db.pool, noted)).lost).toEqual(noted.map(({ id }) => id));
  expect(noted).toHaveLength(1);
  await kept.stop();
});

test("once a day the head is mailed to the operator, by whichever worker comes first", async () => {
  const [one, two] = [anchors(), anchors({ file: undefined })];
  await write("ld_1");
  await Promise.all([one.now(), two.now()]);
  expect(await mails()).toMatchObject([
    { recipient: "ops@example.com", subject: expect.stringMatching(/2026-11-23: row \d+$/) },
  ]);
  const [mail] = await mails();
  const [, given] = /--anchor (\d+:[0-9a-f]{64})/.exec(String(mail.body_text)) ?? [];
  const [anchor] = await readAnchors(file);
  expect(given).toBe(`${anchor?.id}:${anchor?.hash}`);
  now += 86_400_000;
  await two.now();
  expect(await mails()).toHaveLength(2);
  await Promise.all([one.stop(), two.stop()]);
});

test("a mail that could not be sent is tried again, and the file is kept all the same", async () => {
  const away = { name: "smtp", send: () => Promise.reject(new MailDown("no answer")) };
  await write("ld_1");
  const failing = anchors({ mail: away });
  await failing.now();
  expect(said).toEqual(["the audit trail could not be anchored; it is tried again"]);
  expect(await readAnchors(file)).toHaveLength(1);
  const kept = anchors();
  await kept.now();
  expect(await mails()).toHaveLength(1);
  await Promise.all([failing.stop(), kept.stop()]);
});

test("a line that is no anchor is named", async () => {
  await write("ld_1");
  const kept = anchors({ operator: undefined });
  await kept.now();
  appendFileSync(file, "hello\n");
  await expect(readAnchors(file)).rejects.toThrow("line 2 of the anchors: expected JSON");
  await kept.now();
  expect(readFileSync(file, "utf8").split("\n")).toHaveLength(3);
  await kept.stop();
});

test("a worker that notes the head nowhere says so when it begins", async () => {
  await anchors({ file: undefined, operator: undefined }).now();
  expect(said).toEqual([expect.stringMatching(/set AUDIT_ANCHORS or OPERATOR_MAIL/)]);
  said = [];
  await anchors({ operator: undefined }).now();
  await anchors({ file: undefined }).now();
  expect(said).toEqual([]);
});
