import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { packetMail, packetPictures } from "../../../messages/reviews/mail.ts";
import { packetPage, pageStyles } from "../../../messages/reviews/page.ts";
import { pngOf } from "../../../messages/reviews/png.ts";
import { packetEntries, type PacketKind } from "../../../store/reviews/packets.ts";
import { forReader } from "../../../store/reviews/view.ts";
import { madeReview, openedAt, resolution } from "../../support/made-review.ts";
import { hostileNames } from "../../support/report-rows.ts";

const kinds = Object.keys(packetEntries) as PacketKind[];
const reader = {
  name: "Rita",
  meantFor: null,
  zone: "Europe/Berlin",
  console: "http://baton.test",
};
const inOrder = (text: string, parts: readonly string[]) => {
  const places = parts.map((part) => text.indexOf(part));
  expect(places, parts.join(" | ")).not.toContain(-1);
  expect(places).toEqual([...places].sort((a, b) => a - b));
};

describe.each(kinds)("the page of a %s packet", (kind) => {
  const page = packetPage(madeReview({ kind }));

  test("has what was open first, then proposals, figures, decisions and two signature lines", () => {
    inOrder(page, [
      ">Open from last time<",
      "Ask for the role on the form",
      ">Proposals<",
      "Stop the summer giveaway",
      ">Figures<",
      ...packetEntries[kind].map(({ title }) => `<h3>${title.replaceAll("&", "&amp;")}<`),
      ">Decisions<",
      ">for marketing<",
      ">for sales<",
    ]);
  });

  test("loads and runs nothing, and is styled by the two texts that its policy allows", () => {
    expect(page).not.toMatch(/<script|<link|<img|<iframe|<form| style=| on[a-z]+=|url\(|@import/);
    const styles = [...page.matchAll(/<style>([\s\S]*?)<\/style>/g)].map(([, text]) => text ?? "");
    const hash = (text: string) => createHash("sha256").update(text).digest("base64");
    expect(styles.map(hash)).toEqual(pageStyles.map(hash));
  });

  test("says with its mail where one party alone signs the agreement, or nobody, and else nothing", () => {
    const said = (signedBy: string[]) => {
      const review = madeReview({ kind });
      const figures = review.figures!;
      const agreement = { ...figures.packet.agreement, signedBy };
      const so = { ...review, figures: { ...figures, packet: { ...figures.packet, agreement } } };
      return [packetPage(so), packetMail(so, reader).text];
    };
    for (const text of said(["marketing"])) expect(text).toContain("which marketing alone signs");
    for (const text of said([])) expect(text).toContain("which nobody signs");
    for (const text of said(["marketing", "sales"])) expect(text).not.toMatch(/which .* signs[.,]/);
  });

  test("shows rates with counts and interval, and greys few cases", () => {
    expect(page).toMatch(/<td>\d+ %<small>[\d,]+ of [\d,]+, \d+ to \d+ %<\/small>/);
    const few = packetPage(madeReview({ kind, cases: 12 }));
    expect(few).toMatch(/<td class="few">\d+ of 12<small>/);
    expect(few).not.toMatch(/<td>\d+ %<small>\d+ of 12,/);
  });
});

describe.each(hostileNames.map((name) => [name.slice(0, 24), name]))("%j", (_short, words) => {
  const review = madeReview({ kind: "quarterly", words });

  test("is text in the page and in the mail", () => {
    const page = packetPage(review);
    const mail = packetMail(review, { ...reader, name: words });
    for (const html of [page, mail.html]) {
      expect(html).not.toMatch(/<script|<!--|<!DOCTYPE x|]]>|<b\b|&#0;/);
      expect(html).not.toMatch(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u202a-\u202e]/);
      expect(html.match(/<html/g)).toHaveLength(1);
      expect(html.trimEnd().endsWith("</html>")).toBe(true);
    }
    expect(mail.subject).not.toMatch(/[\r\n]/);
    for (const line of mail.text.split("\n")) expect(line).not.toMatch(/^(break|\s*tab)/);
  });
});

describe("whoever may not read about single people", () => {
  const review = madeReview({ kind: "quarterly" });

  test("has a page without the reps and without what is proposed about one", () => {
    const page = packetPage(forReader(review, false));
    expect(page).not.toMatch(/<h3>Reps<|rp_slow/);
    expect(packetPage(forReader(review, true))).toMatch(/<h3>Reps<[\s\S]*/);
    expect(packetPage(review)).toContain("rp_slow");
  });

  test("has a mail without them, whoever reads it, which says where they stand", () => {
    const { html, text } = packetMail(review, reader);
    expect(html + text).not.toMatch(/Reps,|rp_slow/);
    expect(text).toContain(
      "Figures about single people stand on its page, for those who may see them.",
    );
  });
});

describe("the mail", () => {
  const review = madeReview();

  test("says what is asked and by when, in the zone of its reader", () => {
    const { subject, text, html } = packetMail(review, reader);
    expect(subject).toBe(
      "monthly review 2026-12: sign by Tuesday 8 December 2026, 15:00 (Europe/Berlin)",
    );
    expect(text).toContain("by Tuesday 8 December 2026, 15:00 (Europe/Berlin).");
    inOrder(text, [
      "What is asked",
      "OPEN FROM LAST TIME",
      "PROPOSALS",
      "MEETINGS BY INTENT SIGNAL",
    ]);
    inOrder(html, [
      "What is asked",
      "Open from last time",
      "Proposals",
      "Meetings by intent signal",
    ]);
    // Links lead to the console, where its reader signs in, and nowhere else.
    const page = "http://baton.test/console/reviews/rv_1";
    expect(text).toContain(`Open all of it, with tables: ${page}`);
    expect(html.match(/href="[^"]*"/g)).toEqual([`href="${page}"`]);
    expect(text + html).not.toMatch(/GET \/|token/);
  });

  test("says where it stands when nobody has said at which address the console is", () => {
    const { text, html } = packetMail(review, { ...reader, console: null });
    expect(text + html).not.toMatch(/https?:|href=/);
    for (const said of [text, html]) {
      expect(said).toMatch(
        /sign in to Baton('|&#39;)s console and open Reviews, the monthly review/,
      );
      expect(said).toContain("npx baton review show rv_1");
    }
  });

  test("has the pictures that come with it, each by its name, and no others", () => {
    const pictures = packetPictures(review);
    const [first, ...others] = pictures.map(({ cid }) => cid);
    const { html } = packetMail(review, reader, new Set([first ?? ""]));
    expect(html).toContain(`src="cid:${first}"`);
    for (const cid of others) expect(html).not.toContain(`"cid:${cid}"`);
    expect(packetMail(review, reader).html).not.toContain("<img");
  });

  test("has nothing open and nothing proposed: it says so", () => {
    const { figures } = review;
    const empty = {
      ...review,
      carried: [],
      figures: figures && { ...figures, packet: { ...figures.packet, proposals: [] } },
    };
    const { text } = packetMail(empty, reader);
    expect(text).toContain("Nothing was open from earlier monthly reviews.");
    expect(text).toContain("None: nothing in the figures stands out enough to propose a change.");
  });
});

test("a closed review shows what was resolved, and who signed when", () => {
  const page = packetPage({
    ...madeReview(),
    state: "closed",
    closedAt: openedAt,
    resolutions: [resolution("Give Canada a rep", { state: "done", note: "hired" })],
    signatures: [{ party: "sales", by: "rp_1", name: "Sam", at: openedAt }],
  });
  expect(page).toContain("Give Canada a rep");
  expect(page).toContain(", done: hired");
  expect(page).toContain("for sales: Sam, Tuesday 1 December 2026, 09:00 (America/New_York)");
  expect(page).not.toContain('<th scope="col">owner</th>');
});

test("a review of before has no figures, and is shown all the same", () => {
  const review = { ...madeReview(), figures: null };
  expect(packetPage(review)).toContain("Open from last time");
  expect(packetMail(review, reader).text).toContain("OPEN FROM LAST TIME");
  expect(packetPictures(review)).toEqual([]);
});

test("a report that is not there any more leaves its words", () => {
  const review = madeReview();
  const { figures } = review;
  if (figures === null) throw new Error("it has figures");
  const [first, ...rest] = figures.packet.sections;
  if (first === undefined) throw new Error("it has sections");
  const sections = [{ ...first, report: "gone", paragraph: "It said this." }, ...rest];
  const page = packetPage({
    ...review,
    figures: { ...figures, packet: { ...figures.packet, sections } },
  });
  expect(page).toContain("It said this.");
});

test("a picture becomes a PNG with its letters", async () => {
  const [picture] = packetPictures(madeReview());
  const png = Buffer.from((await pngOf(picture?.svg ?? "")) ?? []);
  expect(png.subarray(1, 4).toString()).toBe("PNG");
  expect(png.readUInt32BE(16)).toBe(1_020);
  // Without a font the words would be missing, and the file small.
  const mute = (picture?.svg ?? "").replace(/<text[\s\S]*?<\/text>/g, "");
  expect(png.length).toBeGreaterThan(1.5 * ((await pngOf(mute))?.length ?? 0));
});
