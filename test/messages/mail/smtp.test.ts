import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  MailDown,
  MailRefused,
  messageIdOf,
  oneAddress,
  type Mail,
} from "../../../messages/mail/mail.ts";
import { createSmtpMail } from "../../../messages/mail/smtp.ts";
import { smtpSink, type SmtpSink } from "../../support/smtp-sink.ts";

let sink: SmtpSink;
beforeAll(async () => {
  sink = await smtpSink();
});
afterAll(() => sink.close());
beforeEach(() => {
  sink.received.length = 0;
  sink.answers.clear();
});

const port = () => createSmtpMail({ url: sink.url, from: "baton@baton.test", timeoutMs: 1_000 });
const mail: Mail = {
  messageId: messageIdOf("lead/ld_1/1/offer/1", "rp_ann"),
  to: "ann@sales.test",
  subject: "New lead: Ada",
  text: "Call her.",
  html: "<p>Call her.</p>",
  headers: { "Auto-Submitted": "auto-generated" },
  about: { leadId: "ld_1", repId: "rp_ann" },
};

describe("over a real socket", () => {
  test(
    "a message arrives once, at one recipient, as text and HTML, under its Message-ID; a " +
      "repeat has the same",
    async () => {
      await port().send(mail);
      await port().send(mail);
      expect(sink.received.map(({ from, to }) => ({ from, to }))).toEqual([
        { from: "baton@baton.test", to: ["ann@sales.test"] },
        { from: "baton@baton.test", to: ["ann@sales.test"] },
      ]);
      const [first, second] = sink.received.map(
        ({ data }) => /^Message-ID: (.*)$/im.exec(data)?.[1],
      );
      expect(first).toBe(mail.messageId);
      expect(second).toBe(first);
      expect(sink.received[0]?.data).toMatch(
        /multipart\/alternative[\s\S]*text\/plain[\s\S]*Call her\.[\s\S]*text\/html[\s\S]*<p>Call her\.<\/p>/,
      );
      expect(sink.received[0]?.data).toMatch(/^Auto-Submitted: auto-generated$/im);
    },
  );

  test("pictures stand in the message, each by the name that the HTML calls it", async () => {
    const png = new Uint8Array([0x89, 0x50, 0x4e, 0x47]);
    const pictures = [{ cid: "picture-1@baton", title: "Bands", png }];
    await port().send({ ...mail, html: '<img src="cid:picture-1@baton">', pictures });
    const data = sink.received[0]?.data ?? "";
    expect(data).toMatch(/Content-Id: <picture-1@baton>/i);
    expect(data).toMatch(/Content-Type: image\/png[\s\S]*Content-Disposition: inline/i);
    expect(data).toContain(Buffer.from(png).toString("base64"));
  });

  test("a subject with a line break in it stays one header", async () => {
    await port().send({ ...mail, subject: "Ada\r\nBcc: eve@evil.test" });
    expect(sink.received[0]?.to).toEqual(["ann@sales.test"]);
    expect(sink.received[0]?.data).not.toMatch(/^Bcc:/im);
  });

  test.each([
    "ann@sales.test, eve@evil.test",
    "ann@sales.test\r\nBcc: eve@evil.test",
    "Ann <ann@sales.test>",
    "",
    "ann",
  ])("%j is no recipient, and nothing is sent", async (to) => {
    await expect(port().send({ ...mail, to })).rejects.toThrow(MailRefused);
    expect(sink.received).toEqual([]);
  });

  test.each([
    ["RCPT", "550 no such user", MailRefused],
    ["RCPT", "451 later", MailDown],
    ["MESSAGE", "552 too large", MailRefused],
    ["MESSAGE", "452 full", MailDown],
    ["MAIL", "421 going down", MailDown],
    ["EHLO", "", MailDown],
    ["CONNECT", "", MailDown],
  ] as const)("%s answered with %j", async (command, answer, error) => {
    sink.answers.set(command, answer);
    const told: unknown = await port()
      .send(mail)
      .catch((thrown: unknown) => thrown);
    expect(told).toBeInstanceOf(error);
    expect((told as Error).message).not.toContain("ann@");
    expect(sink.received).toEqual([]);
  });

  test("a silent server is waited for no longer than the caller says", async () => {
    sink.answers.set("CONNECT", "");
    const began = performance.now();
    await expect(port().send(mail, AbortSignal.timeout(50))).rejects.toThrow(MailDown);
    expect(performance.now() - began).toBeLessThan(900);
  });

  test("whoever has no time left sends nothing", async () => {
    await expect(port().send(mail, AbortSignal.abort())).rejects.toThrow(MailDown);
    await port().send({ ...mail, messageId: "<next@baton>" });
    expect(sink.received).toHaveLength(1);
  });

  test("a server that is not there can be tried again", async () => {
    await expect(
      createSmtpMail({ url: "smtp://127.0.0.1:1", from: "baton@baton.test" }).send(mail),
    ).rejects.toThrow(MailDown);
  });
});

test.each([
  ["http://mail.test", "baton@baton.test", "SMTP_URL"],
  ["smtp://mail.test", "Baton <baton@baton.test>", "MAIL_FROM"],
])("%s and %s are refused when they are configured", (url, from, names) => {
  expect(() => createSmtpMail({ url, from })).toThrow(names);
});

test.each([
  ["ann@sales.test", true],
  ["ann+leads@sub.sales.test", true],
  ["a@localhost", true],
  ["ann@sales.test ", false],
  ["ann@@sales.test", false],
  ["a@-x.test", false],
  ["a..b@sales.test", false],
  ['"a b"@sales.test', false],
  ["a@sales.test\n", false],
  ["a;b@sales.test", false],
  [`${"a".repeat(65)}@sales.test`, false],
  [`a@${"b".repeat(260)}`, false],
])("%j as one plain address: %s", (text, isOne) => {
  expect(oneAddress(text) === text).toBe(isOne);
});

test("distinct effects and readers have distinct message ids, in one line of plain characters", () => {
  const keys = [
    "lead/ld_1/1/offer/1",
    "lead/ld_1/1/offer-1",
    "lead/ld_1/1/offer/2",
    "lead/ld 1/1/offer/1",
    "x".repeat(900),
  ];
  const ids = keys.flatMap((key) => [messageIdOf(key, "rp_ann"), messageIdOf(key, "rp_bob")]);
  expect(new Set(ids).size).toBe(ids.length);
  for (const id of ids) expect(id).toMatch(/^<[A-Za-z0-9.-]{1,100}@baton>$/);
});
