import { numberWords, timesWords } from "../../handoff/reviews/words.ts";
import type { ResolutionView, ReviewView } from "../../store/reviews/view.ts";
import { rulesIn, rulesOfProposal, withRuleWords } from "../../words/rules.ts";
import { consoleLink, consolePages } from "../console-link.ts";
import type { Rendered } from "../mail/render.ts";
import type { Draft } from "../message.ts";
import { written } from "../pictures/shapes.ts";
import { when } from "../when.ts";
import { spoken } from "../words.ts";
import { drawnOf, spanWords, titleOf, whoSignsVersions } from "./packet-words.ts";

/** A picture that stands within a mail. */
export interface PacketPicture {
  /** By which the mail names it. */
  readonly cid: string;
  readonly title: string;
  readonly svg: string;
}

/** Who reads the mail. */
export interface PacketReader {
  readonly name: string | null;
  /** The name of the person it was written to, who is not there to read it. */
  readonly meantFor: string | null;
  readonly zone: string;
  /** As links to the console begin; null where its address is not known. */
  readonly console: string | null;
}

/** The pictures of a packet, each by its section. */
export function packetPictures(review: ReviewView): readonly PacketPicture[] {
  const sections = review.figures?.packet.sections ?? [];
  return sections.flatMap((one, n) => {
    const svg = drawnOf(one);
    return svg === null ? [] : [{ cid: cidOf(n), title: one.title, svg }];
  });
}

const cidOf = (n: number) => `picture-${n + 1}@baton`;

/**
 * The mail with which a review opens: what the reader is asked and by when in the reader's zone,
 * what was open from last time, proposals, and of each section its paragraph and its picture, where
 * `pictures` holds its name. Tables stand on the page. A mail is passed on and kept, so nothing
 * about single people stands in it, whoever reads it.
 */
export function packetMail(
  review: ReviewView,
  reader: PacketReader,
  pictures: ReadonlySet<string> = new Set(),
): Rendered {
  const said = wordsOf(review, reader);
  return { subject: said.subject, text: text(said), html: html(said, pictures) };
}

interface Part {
  readonly title: string;
  readonly lines: readonly string[];
  /** The picture behind it. */
  readonly cid?: string;
}

interface Said {
  readonly subject: string;
  readonly opening: string;
  readonly asked: readonly string[];
  readonly link: NonNullable<Draft["link"]>;
  readonly parts: readonly Part[];
}

function wordsOf(review: ReviewView, reader: PacketReader): Said {
  const { name, meantFor, zone } = reader;
  const { figures, carried, dueAt, signaturesNeeded, id, pool, kind } = review;
  const title = titleOf(review);
  const due = when(dueAt, zone);
  const signing = figures === null ? "" : whoSignsVersions(figures.packet);
  const version = signing === "" ? "" : `, under an agreement${signing}`;
  const about =
    figures === null ? "" : ` It is about ${spanWords(figures, review.zone)}${version}.`;
  const greeting = name === null ? "" : `${name}, `;
  const sections = figures?.packet.sections ?? [];
  const proposals = figures?.packet.proposals ?? [];
  const readable = <T extends { readonly readers: string }>(list: readonly T[]) =>
    list.filter(({ readers }) => readers === "both teams");
  const isLeftOut =
    readable(sections).length + readable(proposals).length < sections.length + proposals.length;
  return {
    subject: `${title}: ${signaturesNeeded === 0 ? "due" : "sign by"} ${due}`,
    opening: `${greeting}the ${title} is open.${about}`,
    asked: [
      "Read it, and write down in the meeting what is decided, by whom and until when.",
      signaturesNeeded === 0
        ? `It is due ${due}.`
        : `Whoever leads marketing or sales signs by ${due}.`,
      ...(pool !== null && pool.undecided > 0
        ? [
            `${numberWords(pool.undecided)} leads of the re-nurture pool wait for a decision ` +
              `of ${pool.reviewer}.`,
          ]
        : []),
      ...(isLeftOut
        ? ["Figures about single people stand on its page, for those who may see them."]
        : []),
      ...(meantFor === null ? [] : [`Meant for ${meantFor}.`]),
    ],
    link: consoleLink(reader, "Open all of it, with tables", consolePages.review(id), {
      menu: `Reviews, the ${title}`,
      command: `npx baton review show ${id}`,
    }),
    parts: [
      {
        title: "Open from last time",
        lines:
          carried.length === 0
            ? [`Nothing was open from earlier ${kind} reviews.`]
            : carried.map(resolutionLine),
      },
      ...(figures === null ? [] : [proposalPart(readable(proposals))]),
      ...sections.flatMap((one, n) =>
        one.readers === "both teams"
          ? [
              {
                title: `${one.title}, ${spanWords(one, review.zone)}`,
                lines: [withRuleWords(one.paragraph, rulesIn(one.rows))],
                cid: cidOf(n),
              },
            ]
          : [],
      ),
    ],
  };
}

function resolutionLine(one: ResolutionView): string {
  const { text: what, owner, ownerName, dueOn, isOverdue, carried } = one;
  const often = carried === 0 ? "" : `, carried on ${timesWords(carried)}`;
  return `${what}: ${ownerName ?? spoken(owner)}, due ${dueOn}${isOverdue ? ", overdue" : ""}${often}`;
}

function proposalPart(
  proposals: readonly {
    readonly title: string;
    readonly because: string;
    readonly wouldHaveChanged: string;
    readonly kind: string;
    readonly about: string;
    readonly rules: readonly string[];
  }[],
): Part {
  const none = "None: nothing in the figures stands out enough to propose a change.";
  return {
    title: "Proposals",
    lines:
      proposals.length === 0
        ? [none]
        : proposals.map((one) =>
            withRuleWords(
              `${one.title}. ${one.because} ${one.wouldHaveChanged}`,
              rulesOfProposal(one),
            ),
          ),
  };
}

/** One line: what is in it must not start a line of its own. */
function oneLine(words: string): string {
  return words.replace(/[\u0000-\u001f\u007f\u2028\u2029]+/g, " ").trim();
}

function text({ opening, asked, link, parts }: Said): string {
  const list = (lines: readonly string[]) => lines.map((one) => `- ${oneLine(one)}`).join("\n");
  return [
    oneLine(opening),
    `What is asked:\n${list(asked)}`,
    "says" in link ? oneLine(link.says) : `${link.words}: ${link.to}`,
    ...parts.map(({ title, lines }) => `${oneLine(title).toUpperCase()}\n${list(lines)}`),
    "Baton, handing leads from marketing to sales",
  ].join("\n\n");
}

function html(
  { subject, opening, asked, link, parts }: Said,
  pictures: ReadonlySet<string>,
): string {
  const list = (lines: readonly string[]) =>
    `<ul style="margin:4px 0 12px;padding-left:20px">${lines.map((one) => `<li style="margin-bottom:6px">${nbsp(one)}</li>`).join("")}</ul>`;
  const part = ({ title, lines, cid }: Part) =>
    [
      `<h2 style="font-size:17px;line-height:1.3;margin:24px 0 6px">${written(title)}</h2>`,
      lines.length === 1 ? `<p style="margin:0 0 10px">${nbsp(lines[0] ?? "")}</p>` : list(lines),
      cid !== undefined && pictures.has(cid)
        ? `<img src="cid:${cid}" alt="${written(`Picture: ${title}`)}" width="680" ` +
          `style="display:block;width:100%;max-width:680px;height:auto;background:#ffffff">`
        : "",
    ].join("");
  return [
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" ` +
      `content="width=device-width, initial-scale=1"><title>${written(subject)}</title></head>`,
    `<body style="font-family:sans-serif;font-size:15px;line-height:1.5;max-width:680px">`,
    `<p>${written(opening)}</p><p style="margin-bottom:0">What is asked:</p>${list(asked)}`,
    "says" in link
      ? `<p>${written(link.says)}</p>`
      : `<p><a href="${written(link.to)}">${written(link.words)}</a></p>`,
    ...parts.map(part),
    `<p style="color:#777">Baton, handing leads from marketing to sales</p></body></html>`,
  ].join("\n");
}

/** No number stands without its per cent. */
const nbsp = (words: string) => written(words).replaceAll(" %", "&nbsp;%");
